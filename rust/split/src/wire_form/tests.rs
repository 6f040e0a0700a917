use std::sync::Arc;

use half::f16;
use proptest::prelude::*;
use tandem_core::{Control, Engine as _, LoadOptions, ModelSource, NamedTensors, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{GraphBuilder, ModelBuilder, ModelProto};

use super::*;

fn tensor_of(name: &str, dtype: DType, shape: &[usize]) -> CrossingTensor {
    let shape = shape.iter().map(|&size| Dimension::Fixed(size)).collect();
    CrossingTensor { name: name.to_owned(), dtype, shape, depends_on: vec![name.to_owned()] }
}

/// A tail that gives back what crosses.
fn tail(tensor: &CrossingTensor) -> ModelProto {
    let mut graph = GraphBuilder::new("tail");
    let data_type = crate::dtype::onnx_type(tensor.dtype);
    let dims: Vec<_> = tensor
        .shape
        .iter()
        .map(|size| match size {
            Dimension::Fixed(size) => tandem_onnx::Dim::from(*size),
            _ => tandem_onnx::Dim::Unknown,
        })
        .collect();
    graph.input(&tensor.name, data_type, &dims).output("y", data_type, &dims);
    graph.node("Identity", [tensor.name.as_str()], ["y"]);
    ModelBuilder::new(graph).build().unwrap()
}

/// Encodes, and decodes on the real engine.
fn round_trip(tensor: &Tensor, form: &WireForm) -> Tensor {
    let crossing = tensor_of("h", tensor.dtype(), tensor.shape());
    let boundary = Boundary { crossing: vec![crossing], head_outputs: Vec::new() };
    let forms = [form.clone()];
    let deployed = deploy(&tail(&boundary.crossing[0]), &boundary, &forms).unwrap();
    let source = ModelSource::Bytes(Arc::from(&*deployed.encode_bytes()));
    let model = OnnxEngine::new().load(&source, &LoadOptions::default()).unwrap();
    assert_eq!(model.info().inputs, wire_tensors(&boundary, &forms).unwrap());
    let sent = encode(&NamedTensors::new([("h", tensor.clone())]).unwrap(), &forms).unwrap();
    model.run(&sent, &[], &Control::default()).unwrap().get("y").unwrap().clone()
}

fn floats(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_vec(shape, values.to_vec()).unwrap()
}

#[test]
fn every_form_comes_back_on_the_engine() {
    let values = [-1.5_f32, 0.0, 0.25, 3.0];
    for (form, tolerance) in [
        (WireForm::Native, 0.0),
        (WireForm::F16, 1e-3),
        (WireForm::U8PerRequest, 4.5 / 255.0 / 2.0),
        (WireForm::U8(Affine::from_range(-2.0, 4.0)), 6.0 / 255.0 / 2.0),
    ] {
        let back = round_trip(&floats(&[2, 2], &values), &form).to_vec::<f32>().unwrap();
        for (back, value) in back.iter().zip(values) {
            assert!((back - value).abs() <= tolerance + 1e-6, "{form:?}: {back} for {value}");
        }
    }
}

#[test]
fn scalars_travel_as_a_row_of_one() {
    for form in [WireForm::Native, WireForm::F16, WireForm::U8PerRequest] {
        let back = round_trip(&floats(&[], &[0.5]), &form);
        assert_eq!((back.shape(), back.to_vec::<f32>().unwrap()), (&[][..], vec![0.5]), "{form:?}");
    }
}

#[test]
fn other_element_types_come_back_in_their_own() {
    let halves = Tensor::from_vec([2], vec![f16::from_f32(0.0), f16::from_f32(1.0)]).unwrap();
    assert_eq!(round_trip(&halves, &WireForm::U8PerRequest), halves);
    let doubles = Tensor::from_vec([2], vec![0.5_f64, -2.0]).unwrap();
    assert_eq!(round_trip(&doubles, &WireForm::F16), doubles);
    let whole = Tensor::from_vec([2], vec![7_i64, -7]).unwrap();
    assert_eq!(round_trip(&whole, &WireForm::Native), whole);
}

#[test]
fn pixels_come_back_through_the_normalisation_of_their_channel() {
    let (scale, mean) = ([0.5_f32, 0.25], [100.0_f32, 120.5]);
    let form = WireForm::U8(Affine::per_channel(1, scale.to_vec(), mean.to_vec()));
    let pixels = [0_u8, 255, 17, 200, 1, 128, 255, 0];
    let normalised: Vec<f32> = pixels
        .iter()
        .enumerate()
        .map(|(index, &pixel)| (f32::from(pixel) - mean[index / 2 % 2]) * scale[index / 2 % 2])
        .collect();
    let picture = floats(&[2, 2, 2], &normalised);
    let named = NamedTensors::new([("h", picture.clone())]).unwrap();
    let sent = encode(&named, std::slice::from_ref(&form)).unwrap();
    assert_eq!(sent.get("h.u8").unwrap().to_vec::<u8>().unwrap(), pixels);
    assert_eq!(round_trip(&picture, &form), picture);
    let raw = NamedTensors::new([("h", Tensor::from_vec([2, 2, 2], pixels.to_vec()).unwrap())]).unwrap();
    assert_eq!(encode(&raw, std::slice::from_ref(&form)).unwrap(), sent);
}

#[test]
fn what_a_form_cannot_carry_is_refused_with_the_element() {
    let refused = |values: &[f32], form: WireForm| {
        let named = NamedTensors::new([("h", floats(&[values.len()], values))]).unwrap();
        encode(&named, &[form]).unwrap_err().to_string()
    };
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for form in [WireForm::U8PerRequest, WireForm::U8(Affine::from_range(0.0, 1.0))] {
            let name = form.name();
            let expected = format!("element 1 of \"h\" is {value}, which the {name} form cannot carry");
            assert_eq!(refused(&[0.0, value], form), expected);
        }
    }
    let beyond = refused(&[1.0, -70_000.0], WireForm::F16);
    assert_eq!(beyond, "element 1 of \"h\" is -70000, beyond what the f16 form can carry");
    let whole = NamedTensors::new([("h", Tensor::from_vec([1], vec![1_i32]).unwrap())]).unwrap();
    let error = encode(&whole, &[WireForm::F16]).unwrap_err().to_string();
    assert_eq!(error, "\"h\" of i32 [1] cannot travel as f16");
    assert!(matches!(encode(&whole, &[]), Err(EncodeError::Count { tensors: 1, forms: 0 })));
}

#[test]
fn infinities_travel_in_half_precision() {
    let back = round_trip(&floats(&[2], &[f32::NEG_INFINITY, 1.0]), &WireForm::F16);
    assert_eq!(back.to_vec::<f32>().unwrap(), [f32::NEG_INFINITY, 1.0]);
}

#[test]
fn ranges_of_every_kind_keep_their_numbers() {
    for values in [
        vec![0.0_f32; 3],
        vec![7.5; 3],
        vec![-3.0; 3],
        vec![1e6, 1e6 + 100.0],
        vec![f32::MIN, f32::MAX, 0.0],
        vec![1e-40, 2e-40],
    ] {
        let step = f64::from(values.iter().copied().fold(f32::MIN, f32::max))
            - f64::from(values.iter().copied().fold(f32::MAX, f32::min));
        let largest = values.iter().map(|value| f64::from(value.abs())).fold(0.0, f64::max);
        let back = round_trip(&floats(&[values.len()], &values), &WireForm::U8PerRequest);
        for (back, value) in back.to_vec::<f32>().unwrap().into_iter().zip(values) {
            let error = (f64::from(back) - f64::from(value)).abs();
            assert!(error <= step / 510.0 * 1.001 + largest * 2e-7 + 1e-37, "{back} for {value}");
        }
    }
}

#[test]
fn empty_tensors_travel() {
    let back = round_trip(&floats(&[0, 3], &[]), &WireForm::U8PerRequest);
    assert_eq!(back.shape(), [0, 3]);
}

#[test]
fn names_that_are_taken_and_old_operator_sets_are_refused() {
    let crossing = tensor_of("h", DType::F32, &[1]);
    let boundary = Boundary { crossing: vec![crossing], head_outputs: Vec::new() };
    let mut tail = tail(&boundary.crossing[0]);
    tail.opset_import[0].version = 6;
    let error = deploy(&tail, &boundary, &[WireForm::U8PerRequest]).unwrap_err().to_string();
    assert_eq!(error, "the u8_per_request form needs operator set 7, the model has 6");
    tail.graph.as_mut().unwrap().node[0].output[0] = "h.f16".to_owned();
    let error = deploy(&tail, &boundary, &[WireForm::F16]).unwrap_err().to_string();
    assert_eq!(error, "the graph has a value \"h.f16\" already, a name that the wire form needs");
    assert!(matches!(deploy(&tail, &boundary, &[]), Err(SplitError::FormCount { expected: 1, got: 0 })));
    let wrong = WireForm::U8(Affine { scale: vec![0.0], zero_point: vec![0.0], axis: None });
    assert!(matches!(deploy(&tail, &boundary, &[wrong]), Err(SplitError::FormDoesNotFit { .. })));
}

proptest! {
    #[test]
    fn bytes_are_off_by_half_a_step_at_most(values in prop::collection::vec(-1e5_f32..1e5, 1..200)) {
        let affine = encode::measure(&values);
        let (scale, zero_point) = (affine.scale[0], affine.zero_point[0]);
        for (byte, value) in affine.quantize(&values, &[values.len()]).into_iter().zip(values) {
            let back = (f32::from(byte) - zero_point) * scale;
            prop_assert!((back - value).abs() <= scale * 0.5 + value.abs() * 1e-6 + scale * 0.02);
        }
    }

    #[test]
    fn encoding_any_floats_never_panics(bits in prop::collection::vec(any::<u32>(), 0..50)) {
        let values: Vec<f32> = bits.into_iter().map(f32::from_bits).collect();
        let named = NamedTensors::new([("h", floats(&[values.len()], &values))]).unwrap();
        for form in [WireForm::Native, WireForm::F16, WireForm::U8PerRequest] {
            let _ = encode(&named, &[form]);
        }
    }
}
