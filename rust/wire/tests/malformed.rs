//! What cannot be believed is refused by name, and nothing that comes over the wire does more harm than that.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use bytes::Bytes;
use proptest::prelude::*;
use support::{any_tensors, has_json_form};
use tandem_core::{DType, Dimension, TensorInfo};
use tandem_wire::{DecodeError, Form, InferRequest, InferResponse, MAX_TENSORS};

fn refusal(body: &str, header_length: Option<usize>) -> String {
    InferRequest::decode(&Bytes::from(body.to_owned()), header_length).unwrap_err().to_string()
}

/// One input of that datatype, shape and data, as JSON.
fn input(datatype: &str, shape: &str, data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"x","datatype":"{datatype}","shape":{shape},"data":{data}}}]}}"#)
}

/// One binary input, and what follows the JSON.
fn binary_input(datatype: &str, shape: &str, size: &str, tail: &[u8]) -> Result<InferRequest, DecodeError> {
    let json = format!(
        r#"{{"inputs":[{{"name":"x","datatype":"{datatype}","shape":{shape},"parameters":{{"binary_data_size":{size}}}}}]}}"#
    );
    let mut body = json.clone().into_bytes();
    body.extend_from_slice(tail);
    InferRequest::decode(&body.into(), Some(json.len()))
}

#[test]
fn data_may_be_flat_or_nested_as_the_shape_says() {
    for data in ["[1,2,3,4,5,6]", "[[1,2,3],[4,5,6]]", " [ [1 , 2,3\n], [4,5,\t6] ] "] {
        let body = Bytes::from(input("INT32", "[2,3]", data));
        let request = InferRequest::decode(&body, None).unwrap();
        assert_eq!(request.inputs.get("x").unwrap().to_vec::<i32>().unwrap(), [1, 2, 3, 4, 5, 6]);
    }
    for data in [
        "[[1,2],[3,4],[5,6]]",
        "[[1,2,3],4,5,6]",
        "[1,[2,3],4,5,6]",
        "[[[1,2,3],[4,5,6]]]",
        "5",
        "{}",
        "\"x\"",
    ] {
        let error = refusal(&input("INT32", "[2,3]", data), None);
        assert_eq!(
            error, "tensor \"x\": data is neither a flat array nor nested as shape [2, 3] says",
            "{data}"
        );
    }
}

#[test]
fn bools_may_be_words_or_bits() {
    let request = InferRequest::decode(&input("BOOL", "[4]", "[true,0,1,false]").into(), None).unwrap();
    assert_eq!(request.inputs.get("x").unwrap().to_bools().unwrap(), [true, false, true, false]);
}

#[test]
fn strings_keep_their_escapes_and_delimiters() {
    let data = r#"["a,b]","q\"\\",  "\u00fc",""]"#;
    let request = InferRequest::decode(&input("BYTES", "[4]", data).into(), None).unwrap();
    assert_eq!(request.inputs.get("x").unwrap().strings().unwrap(), ["a,b]", "q\"\\", "ü", ""]);
}

#[test]
fn a_value_its_type_cannot_hold_is_refused_where_it_stands() {
    for (datatype, data) in [
        ("UINT8", "[1,300]"),
        ("UINT8", "[1,-1]"),
        ("INT8", "[1,128]"),
        ("INT64", "[1,9223372036854775808]"),
        ("INT32", "[1,1.0]"),
        ("INT32", "[1,\"2\"]"),
        ("INT32", "[1,null]"),
        ("INT32", "[1,{}]"),
        ("FP32", "[1,1e39]"),
        ("FP64", "[1,1e999]"),
        ("FP32", "[1,true]"),
        ("BOOL", "[true,2]"),
    ] {
        let error = refusal(&input(datatype, "[2]", data), None);
        assert!(
            error.starts_with("tensor \"x\": element 1 is not a value of "),
            "{datatype} {data}: {error}"
        );
    }
}

#[test]
fn nan_and_infinities_in_json_are_called_what_they_are() {
    for word in ["NaN", "Infinity", "-Infinity"] {
        let error = refusal(&input("FP32", "[2]", &format!("[1,{word}]")), None);
        assert!(error.starts_with("the JSON holds NaN or an infinity at byte "), "{word}: {error}");
    }
}

#[test]
fn types_and_shapes_that_make_no_sense_are_refused() {
    for (body, expected) in [
        (input("BF16", "[1]", "[1]"), "tensor \"x\": datatype \"BF16\" is not known"),
        (input("FP16", "[1]", "[1]"), "tensor \"x\": f16 has no form in JSON"),
        (input("FP32", "[-1]", "[1]"), "tensor \"x\": dimension 0 is -1"),
        (input("FP32", "[3]", "[1]"), "tensor \"x\": shape [3] has 3 elements, got 1"),
        (
            input("FP32", "[4611686018427387904,8]", "[1]"),
            "tensor \"x\": shape [4611686018427387904, 8] is too large for this device",
        ),
        (
            input("FP32", &format!("{:?}", [1; 65]), "[1]"),
            "tensor \"x\": 65 dimensions, at most 64 may be",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1]}]}"#.to_owned(),
            "tensor \"x\": neither data nor binary_data_size is there",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[1],"parameters":{"binary_data_size":4}}]}"#
                .to_owned(),
            "tensor \"x\": both data and binary_data_size are there",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"binary_data_size":4}}]}"#
                .to_owned(),
            "tensor \"x\": binary_data_size is there, and the message has no header length",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"parameters":{"shared_memory_region":"r"}}]}"#
                .to_owned(),
            "tensor \"x\": shared memory is not supported",
        ),
        (
            r#"{"inputs":[{"name":"x","datatype":"INT8","shape":[0],"data":[]},{"name":"x","datatype":"INT8","shape":[0],"data":[]}]}"#
                .to_owned(),
            "the name \"x\" comes twice",
        ),
        (r#"{"inputs":[],"outputs":[{"name":"y"},{"name":"y"}]}"#.to_owned(), "the name \"y\" comes twice"),
        (
            r#"{"inputs":[],"outputs":[{"name":"y","parameters":{"classification":3}}]}"#.to_owned(),
            "parameter \"classification\" of output \"y\" is not supported",
        ),
        ("{}".to_owned(), "the JSON is malformed: missing field `inputs` at line 1 column 2"),
        (String::new(), "the JSON is malformed: EOF while parsing a value at line 1 column 0"),
    ] {
        assert_eq!(refusal(&body, None), expected);
    }
}

#[test]
fn lengths_must_come_out_even() {
    let tail = [0; 8];
    assert!(binary_input("FP32", "[2]", "8", &tail).is_ok());
    for (shape, size, tail, expected) in [
        ("[2]", "8", &tail[..7], "tensor \"x\": 8 bytes are announced, 7 are left in the body"),
        ("[2]", "7", &tail[..], "tensor \"x\": a tensor of f32 [2] takes 8 bytes, got 7"),
        ("[1]", "4", &tail[..], "4 bytes follow the last tensor"),
        (
            "[2]",
            "18446744073709551615",
            &tail[..],
            "tensor \"x\": 18446744073709551615 bytes are announced, 8 are left in the body",
        ),
    ] {
        assert_eq!(binary_input("FP32", shape, size, tail).unwrap_err().to_string(), expected);
    }
    assert_eq!(refusal("{}", Some(3)), "the JSON is said to take 3 bytes, the body has 2");
    for size in ["-1", "1.5", "\"8\""] {
        let error = binary_input("FP32", "[2]", size, &tail).unwrap_err();
        assert!(matches!(error, DecodeError::Json { .. }), "{size}: {error}");
    }
}

#[test]
fn strings_in_binary_form_must_be_framed_and_utf8() {
    for (tail, expected) in [
        (&b"\x01\0\0\0a\x01\0\0\0\xff"[..], "tensor \"x\": string 1 is not UTF-8"),
        (b"\x01\0\0\0a\x09\0\0\0b", "tensor \"x\": string 1 does not end within the tensor"),
        (b"\x01\0\0\0a\0\0", "tensor \"x\": string 1 does not end within the tensor"),
        (b"\x01\0\0\0a", "tensor \"x\": shape [2] has 2 elements, got 1"),
        (b"\xff\xff\xff\xff", "tensor \"x\": string 0 does not end within the tensor"),
    ] {
        let error = binary_input("BYTES", "[2]", &tail.len().to_string(), tail).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_message_of_too_many_tensors_is_refused() {
    let tensors: Vec<_> = (0..=MAX_TENSORS)
        .map(|i| format!(r#"{{"name":"{i}","datatype":"INT8","shape":[0],"data":[]}}"#))
        .collect();
    let error = refusal(&format!(r#"{{"inputs":[{}]}}"#, tensors.join(",")), None);
    assert!(error.contains("more than 4096 tensors"), "{error}");
}

#[test]
fn an_error_stays_short_whatever_came() {
    let error = refusal(&input(&"A".repeat(100_000), "[1]", "[1]"), None);
    assert!(error.len() < 300, "{}", error.len());
    let error = refusal(&format!(r#"{{"inputs":"{}"}}"#, "A".repeat(100_000)), None);
    assert!(error.len() < 300, "{}", error.len());
}

#[test]
fn a_bare_body_is_the_only_input() {
    let open = |name: &str| Dimension::Symbol(name.to_owned());
    let info = |dtype, shape| TensorInfo { name: "x".into(), dtype, shape: Some(shape) };
    let raw = |body: &[u8], info: &TensorInfo| InferRequest::decode_raw(&Bytes::copy_from_slice(body), info);

    let request = raw(&[0; 24], &info(DType::F32, vec![open("n"), Dimension::Fixed(3)])).unwrap();
    assert_eq!(request.inputs.get("x").unwrap().shape(), [2, 3]);
    assert_eq!(request.form_of("y"), Form::Binary);
    let request = raw(&[0; 24], &info(DType::F32, vec![open("n"), open("m")])).unwrap();
    assert_eq!(request.inputs.get("x").unwrap().shape(), [1, 6]);
    let request = raw("ü".as_bytes(), &info(DType::String, vec![open("n")])).unwrap();
    assert_eq!(request.inputs.get("x").unwrap().strings().unwrap(), ["ü"]);

    for (body, info) in [
        (&[0; 23][..], info(DType::F32, vec![open("n"), Dimension::Fixed(3)])),
        (&[0; 4], info(DType::F32, vec![Dimension::Fixed(0), open("n")])),
        (&[0; 4], info(DType::F32, vec![Dimension::Fixed(1), open("n"), open("m")])),
        (&[0; 4], info(DType::F32, vec![Dimension::Fixed(usize::MAX), open("n"), Dimension::Fixed(9)])),
        (&[0xff], info(DType::String, vec![Dimension::Fixed(1)])),
        (&[0; 4], TensorInfo { shape: None, ..info(DType::F32, vec![]) }),
    ] {
        raw(body, &info).unwrap_err();
    }
}

/// A message that was accepted encodes again, and to the same tensors.
fn assert_consistent(body: &Bytes, header_length: Option<usize>) {
    if let Ok(response) = InferResponse::decode(body, header_length) {
        let json = response.outputs.iter().all(|(_, tensor)| has_json_form(tensor));
        for form in [Form::Binary, Form::Json] {
            if form == Form::Json && !json {
                continue;
            }
            let payload = response.encode(|_| form).unwrap();
            let again = InferResponse::decode(&payload.to_bytes(), payload.header_length).unwrap();
            assert_eq!(again, response);
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..400), header in 0_usize..420) {
        let body = Bytes::from(body);
        for header_length in [None, Some(header)] {
            let _ = InferRequest::decode(&body, header_length);
            assert_consistent(&body, header_length);
        }
    }

    #[test]
    fn a_mutated_message_is_refused_or_still_makes_sense(
        tensors in any_tensors(),
        binary: bool,
        header_change in -3_isize..4,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..6),
    ) {
        let form = |name: &str| {
            let json = !binary && has_json_form(tensors.get(name).unwrap());
            if json { Form::Json } else { Form::Binary }
        };
        let message = InferResponse { outputs: tensors.clone(), ..InferResponse::default() };
        let payload = message.encode(form).unwrap();
        let mut body = payload.to_bytes().to_vec();
        for (index, byte, kind) in changes {
            let at = index.index(body.len().max(1)).min(body.len().saturating_sub(1));
            match kind {
                0 if !body.is_empty() => body[at] = byte,
                // A digit for a digit keeps the JSON whole and its numbers wrong.
                1 if !body.is_empty() => body[at] = b'0' + byte % 10,
                2 => body.truncate(at),
                _ => body.insert(at, byte),
            }
        }
        let header_length = payload.header_length.map(|length| length.saturating_add_signed(header_change));
        let body = Bytes::from(body);
        let _ = InferRequest::decode(&body, header_length);
        assert_consistent(&body, header_length);
    }
}
