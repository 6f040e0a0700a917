//! What is encoded decodes to the same, for every type, in both forms.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use proptest::prelude::*;
use support::{any_tensors, has_json_form, tensor};
use tandem_core::{DType, NamedTensors, Tensor};
use tandem_wire::{EncodeError, Form, InferRequest, InferResponse, RequestedOutput};

fn request(inputs: NamedTensors) -> InferRequest {
    InferRequest { id: Some("id".into()), inputs, ..InferRequest::default() }
}

proptest! {
    #[test]
    fn every_type_round_trips_bit_for_bit_in_binary_form(tensors in any_tensors()) {
        let sent = request(tensors);
        let payload = sent.encode(Form::Binary).unwrap();
        prop_assert_eq!(payload.header_length.is_some(), !sent.inputs.is_empty());
        let received = InferRequest::decode(&payload.to_bytes(), payload.header_length).unwrap();
        prop_assert_eq!(received, sent);
    }

    #[test]
    fn every_type_that_json_can_hold_round_trips_bit_for_bit_as_json(
        tensor in prop::sample::select(&DType::ALL[..]).prop_flat_map(tensor)
    ) {
        let sent = request(NamedTensors::new([("x", tensor.clone())]).unwrap());
        match sent.encode(Form::Json) {
            Ok(payload) => {
                prop_assert!(has_json_form(&tensor));
                prop_assert_eq!(payload.header_length, None);
                prop_assert_eq!(InferRequest::decode(&payload.to_bytes(), None).unwrap(), sent);
            }
            Err(EncodeError::NoJsonForm { dtype, .. }) => prop_assert_eq!(dtype, DType::F16),
            Err(error) => {
                prop_assert!(matches!(error, EncodeError::NotFinite { .. }), "{}", error);
                prop_assert!(!has_json_form(&tensor));
            }
        }
    }

    #[test]
    fn forms_mix_within_an_answer(tensors in any_tensors(), in_json: [bool; 5]) {
        let sent = InferResponse { model_name: Some("m".into()), outputs: tensors, ..InferResponse::default() };
        let form = |name: &str| {
            let index: usize = name[1..].parse().unwrap();
            let json = in_json[index] && has_json_form(sent.outputs.get(name).unwrap());
            if json { Form::Json } else { Form::Binary }
        };
        let payload = sent.encode(form).unwrap();
        prop_assert_eq!(InferResponse::decode(&payload.to_bytes(), payload.header_length).unwrap(), sent);
    }
}

#[test]
fn what_is_sent_is_the_tensors_own_memory_and_what_comes_is_the_bodys() {
    let tensor = Tensor::from_vec([2000], vec![1.0_f32; 2000]).unwrap();
    let sent = request(NamedTensors::new([("x", tensor.clone())]).unwrap());
    let payload = sent.encode(Form::Binary).unwrap();
    assert_eq!(payload.chunks[1].as_ptr(), tensor.bytes().unwrap().as_ptr());

    let body = payload.to_bytes();
    let received = InferRequest::decode(&body, payload.header_length).unwrap();
    let offset = payload.header_length.unwrap();
    assert_eq!(received.inputs.get("x").unwrap().bytes().unwrap().as_ptr(), body[offset..].as_ptr());
    // And what came in goes out again as it lies.
    let again = received.encode(Form::Binary).unwrap();
    assert_eq!(again.chunks[1].as_ptr(), body[offset..].as_ptr());
}

#[test]
fn small_tensors_go_in_one_piece_with_what_stands_before_them() {
    let tensor = |elements: usize| Tensor::from_vec([elements], vec![1.5_f32; elements]).unwrap();
    let pieces = |sizes: [usize; 3]| {
        let tensors = sizes.into_iter().zip(["a", "b", "c"]).map(|(size, name)| (name, tensor(size)));
        let sent = request(NamedTensors::new(tensors).unwrap());
        let payload = sent.encode(Form::Binary).unwrap();
        assert_eq!(InferRequest::decode(&payload.to_bytes(), payload.header_length).unwrap(), sent);
        payload.chunks.len()
    };
    assert_eq!(pieces([1, 0, 1024]), 1);
    assert_eq!(pieces([1, 1025, 1]), 4, "the JSON, a small one, a large one, a small one");
    assert_eq!(pieces([2000, 2000, 0]), 3);
}

#[test]
fn the_form_of_each_output_survives() {
    let wanted = |name: &str, form| RequestedOutput { name: name.into(), form };
    for default_form in [Form::Binary, Form::Json] {
        let outputs = vec![wanted("a", Form::Binary), wanted("b", Form::Json)];
        let sent = InferRequest { outputs, default_form, ..request(NamedTensors::default()) };
        let payload = sent.encode(Form::Binary).unwrap();
        let received = InferRequest::decode(&payload.to_bytes(), payload.header_length).unwrap();
        assert_eq!(received, sent);
        assert_eq!(received.form_of("a"), Form::Binary);
        assert_eq!(received.form_of("b"), Form::Json);
        assert_eq!(received.form_of("c"), default_form);
    }
}

#[test]
fn json_is_what_the_protocol_shows() {
    let tensor = Tensor::from_vec([2, 2], vec![1_u8, 2, 3, 4]).unwrap();
    let payload = request(NamedTensors::new([("x", tensor)]).unwrap()).encode(Form::Json).unwrap();
    assert_eq!(payload.content_type(), "application/json");
    assert_eq!(
        str::from_utf8(&payload.to_bytes()).unwrap(),
        r#"{"id":"id","inputs":[{"name":"x","shape":[2,2],"datatype":"UINT8","data":[1,2,3,4]}]}"#
    );
}

#[test]
fn a_nan_is_refused_by_the_name_of_its_tensor() {
    let tensor = Tensor::from_vec([2], vec![0.0, f64::NAN]).unwrap();
    let error = request(NamedTensors::new([("x", tensor)]).unwrap()).encode(Form::Json).unwrap_err();
    assert_eq!(error.to_string(), "element 1 of tensor \"x\" is not finite and has no form in JSON");
}
