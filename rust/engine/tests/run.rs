//! Running: every type, names, shapes, values and what is refused.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use std::any::Any;
use std::sync::Arc;

use common::{floats, integers, load, model, named, run, try_load};
use tandem_core::{
    Control, DType, Engine, ErrorCode, InputError, Limits, LoadOptions, NamedTensors, RunError, Tensor,
    TensorStorage,
};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, dims};
use tandem_testkit::models::arithmetic::{add, classifier, mixed};
use tandem_testkit::models::dtypes::identity;
use tandem_testkit::models::{Suite, catalog, random_inputs};

#[test]
fn every_type_goes_in_and_comes_out_unchanged() {
    for dtype in DType::ALL {
        let proto = identity(dtype, &dims!["rows", 3]).unwrap();
        let model = load(&proto);
        for rows in [0_usize, 1, 3, 4] {
            let fixed = identity(dtype, &dims![rows, 3]).unwrap();
            let inputs = random_inputs(&fixed, &[], 1).unwrap();
            let outputs = run(model.as_ref(), &inputs).unwrap();
            assert_eq!(outputs.get("y"), inputs.get("x"), "{dtype} of {rows} rows");
        }
    }
}

#[test]
fn every_generated_model_runs_and_repeats_itself() {
    for entry in catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test) {
        let proto = entry.model().unwrap();
        let model = load(&proto);
        let inputs = entry.inputs(&proto, 5).unwrap();
        let first = run(model.as_ref(), &inputs).unwrap_or_else(|error| panic!("{}: {error}", entry.name()));
        assert_eq!(first.len(), model.info().outputs.len(), "{}", entry.name());
        for (output, info) in first.iter().zip(&model.info().outputs) {
            assert_eq!((output.0, output.1.dtype()), (info.name.as_str(), info.dtype), "{}", entry.name());
        }
        assert_eq!(run(model.as_ref(), &inputs).unwrap(), first, "{}", entry.name());
    }
}

#[test]
fn inputs_come_in_any_order_and_outputs_as_they_are_wanted() {
    let model = load(&add().unwrap());
    let (a, b) = (floats(&[1, 3], &[1.0, 2.0, 3.0]), floats(&[1, 3], &[10.0, 20.0, 30.0]));
    let inputs = named([("b", b), ("a", a)]);
    let wanted = ["product".to_owned(), "difference".to_owned()];
    let outputs = model.run(&inputs, &wanted, &Control::default()).unwrap();
    assert_eq!(outputs.names().collect::<Vec<_>>(), wanted);
    assert_eq!(outputs.get("difference").unwrap().to_vec::<f32>().unwrap(), [-9.0, -18.0, -27.0]);
    assert_eq!(outputs.get("product").unwrap().to_vec::<f32>().unwrap(), [10.0, 40.0, 90.0]);
    let all = run(model.as_ref(), &inputs).unwrap();
    assert_eq!(all.names().collect::<Vec<_>>(), ["sum", "difference", "product"]);
    assert_eq!(all.get("product"), outputs.get("product"));
}

#[test]
fn only_what_is_wanted_is_computed() {
    // Were `bad` computed, the run would fail: its indices are out of range.
    let proto = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![2]).input("at", DataType::Int64, dims![1]);
        builder.output("good", DataType::Float32, dims![2]).output("bad", DataType::Float32, dims![1]);
        builder.node("Neg", ["x"], ["good"]);
        builder.node("Gather", ["x", "at"], ["bad"]);
    });
    let model = load(&proto);
    let inputs = named([("x", floats(&[2], &[1.0, 2.0])), ("at", integers(&[7]))]);
    let good = model.run(&inputs, &["good".to_owned()], &Control::default()).unwrap();
    assert_eq!(good.get("good").unwrap().to_vec::<f32>().unwrap(), [-1.0, -2.0]);
    let bad = model.run(&inputs, &["bad".to_owned()], &Control::default()).unwrap_err();
    assert_eq!(bad.code(), ErrorCode::InvalidInput, "{bad}");
    assert!(bad.to_string().contains("bad"), "{bad}");
    // And the model lives on.
    assert!(model.run(&inputs, &["good".to_owned()], &Control::default()).is_ok());
}

#[test]
fn inputs_that_do_not_fit_are_refused_by_name() {
    let model = load(&add().unwrap());
    let row = || floats(&[1, 3], &[1.0, 2.0, 3.0]);
    let refused = |inputs: NamedTensors| match run(model.as_ref(), &inputs) {
        Err(RunError::Input(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(named([("a", row())])), InputError::Missing { name: "b".to_owned() });
    assert!(matches!(refused(named([("a", row()), ("b", row()), ("c", row())])), InputError::Unknown { .. }));
    assert!(matches!(refused(named([("a", row()), ("b", integers(&[1]))])), InputError::DType { .. }));
    assert!(matches!(
        refused(named([("a", row()), ("b", floats(&[3], &[0.0; 3]))])),
        InputError::Shape { .. }
    ));
    assert!(matches!(
        refused(named([("a", row()), ("b", floats(&[2, 3], &[0.0; 6]))])),
        InputError::Symbol { first: 1, second: 2, .. }
    ));
    let wanted = model.run(&named([("a", row()), ("b", row())]), &["z".to_owned()], &Control::default());
    assert!(matches!(wanted, Err(RunError::Input(InputError::UnknownOutput { .. }))));
}

#[test]
fn shapes_that_contradict_each_other_inside_are_refused_with_the_node() {
    let proto = model(17, |builder| {
        builder.input("a", DataType::Float32, dims!["n"]).input("b", DataType::Float32, dims!["m"]);
        builder.output("y", DataType::Float32, dims!["n"]);
        builder.node("Add", ["a", "b"], ["y"]).name("sum");
    });
    let model = load(&proto);
    let fits = named([("a", floats(&[2], &[1.0, 2.0])), ("b", floats(&[1], &[1.0]))]);
    assert!(run(model.as_ref(), &fits).is_ok());
    let clash = named([("a", floats(&[2], &[1.0, 2.0])), ("b", floats(&[3], &[1.0; 3]))]);
    let refused = run(model.as_ref(), &clash).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::InvalidInput, "{refused}");
    assert!(refused.to_string().contains("node \"sum\""), "{refused}");
    assert!(run(model.as_ref(), &fits).is_ok());
}

#[test]
fn several_types_in_one_model() {
    let model = load(&mixed().unwrap());
    let inputs = named([
        ("mask", Tensor::from_bools([1, 4], &[true, false, true, false]).unwrap()),
        ("count", integers(&[1, 2, 3, 4])),
        ("x", floats(&[1, 4], &[0.5, 0.5, 0.25, 0.25])),
    ]);
    let outputs = run(model.as_ref(), &inputs).unwrap();
    assert_eq!(outputs.get("chosen").unwrap().to_vec::<f32>().unwrap(), [0.5, 2.0, 0.25, 4.0]);
    assert_eq!(outputs.get("total").unwrap().to_vec::<i64>().unwrap(), [10]);
    assert_eq!(outputs.get("none").unwrap().to_bools().unwrap(), [false, true, false, true]);
}

#[test]
fn values_that_decide_shapes_may_come_at_run_time() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Float32, dims!["n", "m"]).input("rows", DataType::Int64, dims![1]);
        builder.output("y", DataType::Float32, dims!["a", "b"]);
        builder.initializer("rest", &[1], &[-1_i64]);
        builder.node("Concat", ["rows", "rest"], ["shape"]).attr("axis", 0_i64);
        builder.node("Reshape", ["x", "shape"], ["y"]);
    });
    let model = load(&proto);
    let x = floats(&[2, 6], &[0.0; 12]);
    for rows in [1_i64, 2, 3, 4, 6, 12, 3] {
        let outputs = run(model.as_ref(), &named([("x", x.clone()), ("rows", integers(&[rows]))])).unwrap();
        let rows = usize::try_from(rows).unwrap();
        assert_eq!(outputs.get("y").unwrap().shape(), [rows, 12 / rows]);
    }
    let odd = run(model.as_ref(), &named([("x", x), ("rows", integers(&[5]))])).unwrap_err();
    assert_eq!(odd.code(), ErrorCode::InvalidInput, "{odd}");
}

#[test]
fn a_large_input_that_decides_shapes_is_refused_by_name() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![1]).input("shape", DataType::Int64, dims!["n"]);
        builder.output("y", DataType::Float32, [tandem_onnx::Dim::Unknown; 1]);
        builder.node("Expand", ["x", "shape"], ["y"]);
    });
    let inputs = named([("x", floats(&[1], &[1.0])), ("shape", integers(&vec![1; 5000]))]);
    match run(load(&proto).as_ref(), &inputs) {
        Err(RunError::Input(InputError::Value { name, .. })) => assert_eq!(name, "shape"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_is_held_to_the_limit_on_tensors() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![1]).input("shape", DataType::Int64, dims![2]);
        builder.output("y", DataType::Float32, dims!["a", "b"]);
        builder.node("Expand", ["x", "shape"], ["y"]);
    });
    let limits = Limits { tensor_bytes: 1 << 20, ..Limits::default() };
    let model = try_load(&proto, &LoadOptions { limits, ..LoadOptions::default() }).unwrap();
    let inputs = |size| named([("x", floats(&[1], &[1.0])), ("shape", integers(&[size, size]))]);
    assert!(run(model.as_ref(), &inputs(512)).is_ok());
    for size in [513, 1 << 20, i64::from(i32::MAX)] {
        let refused = run(model.as_ref(), &inputs(size)).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::ResourceLimit, "{refused}");
    }
}

#[test]
fn outputs_go_in_again_without_a_copy() {
    let model = load(&identity(DType::F32, &dims!["n"]).unwrap());
    let bytes: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|value| value.to_ne_bytes()).collect();
    let tensor = OnnxEngine::new().tensor(DType::F32, &[2], &bytes).unwrap();
    let address = tensor.bytes().unwrap().as_ptr();
    let once = run(model.as_ref(), &named([("x", tensor)])).unwrap().get("y").unwrap().clone();
    let twice = run(model.as_ref(), &named([("x", once.clone())])).unwrap().get("y").unwrap().clone();
    assert_eq!(once.bytes().unwrap().as_ptr(), address);
    assert_eq!(twice.bytes().unwrap().as_ptr(), address);
}

#[test]
fn a_run_does_not_change_its_inputs() {
    let model = load(&classifier(3).unwrap());
    let bytes: Vec<u8> = (0..16_u8).flat_map(|value| f32::from(value).to_ne_bytes()).collect();
    let tensor = OnnxEngine::new().tensor(DType::F32, &[2, 8], &bytes).unwrap();
    run(model.as_ref(), &named([("x", tensor.clone())])).unwrap();
    assert_eq!(tensor.bytes().unwrap(), bytes);
}

#[test]
fn an_engine_tensor_is_checked_as_any_other() {
    let engine = OnnxEngine::new();
    for dtype in DType::ALL {
        let Some(size) = dtype.size() else {
            assert_eq!(engine.tensor(dtype, &[0], &[]).unwrap_err().code(), ErrorCode::InvalidInput);
            continue;
        };
        assert_eq!(engine.tensor(dtype, &[2, 0], &[]).unwrap().element_count(), 0);
        let bytes = vec![1; 3 * size + 1];
        let tensor = engine.tensor(dtype, &[3], &bytes[1..]).unwrap();
        assert_eq!(tensor, Tensor::from_bytes(dtype, [3], &bytes[1..]).unwrap());
        assert!(engine.tensor(dtype, &[3], &bytes).is_err());
        assert!(engine.tensor(dtype, &[usize::MAX, 2], &bytes).is_err());
    }
    assert!(engine.tensor(DType::Bool, &[1], &[2]).is_err());
}

#[test]
fn a_tensor_under_another_type_or_shape_is_not_mistaken() {
    let model = load(&identity(DType::I32, &dims!["n"]).unwrap());
    let bytes: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0].iter().flat_map(|value| value.to_ne_bytes()).collect();
    let floats = OnnxEngine::new().tensor(DType::F32, &[2, 2], &bytes).unwrap();
    let storage = floats.storage().unwrap().clone();
    let integers = Tensor::from_storage(DType::I32, [4], storage).unwrap();
    let output = run(model.as_ref(), &named([("x", integers.clone())])).unwrap();
    assert_eq!(output.get("y"), Some(&integers));
}

/// Elements that lie where no array of them may.
struct Odd(Vec<u8>);

impl TensorStorage for Odd {
    fn bytes(&self) -> &[u8] {
        // One of four places that follow each other is aligned, and the next is not.
        let aligned = self.0.as_ptr().align_offset(4);
        &self.0[aligned + 1..][..self.0.len() - 4]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[test]
fn inputs_are_read_where_they_are() {
    // By an operator of ours, by one of tract's, by one that works in place before one of ours, and as an output.
    let network = model(17, |graph| {
        graph.input("x", DataType::Float32, dims![1, 16, 4, 4]);
        graph.initializer("w", &[16, 16, 1, 1], &[0.25_f32; 256]);
        graph.node("Conv", ["x", "w"], ["c"]);
        graph.node("Transpose", ["x"], ["t"]).attr("perm", [3_i64, 2, 1, 0]);
        graph.node("Identity", ["x"], ["same"]);
        graph.input("z", DataType::Float32, dims![1, 16, 4, 4]);
        graph.node("Neg", ["z"], ["n"]);
        graph.node("Conv", ["n", "w"], ["d"]);
        graph.output("d", DataType::Float32, dims![1, 16, 4, 4]);
        graph.output("c", DataType::Float32, dims![1, 16, 4, 4]);
        graph.output("t", DataType::Float32, dims![4, 4, 16, 1]);
        graph.output("same", DataType::Float32, dims![1, 16, 4, 4]);
    });
    let values: Vec<f32> = (0..256_u16).map(f32::from).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    let mut room = vec![0; bytes.len() + 4];
    let at = room.as_ptr().align_offset(4) + 1;
    room[at..][..bytes.len()].copy_from_slice(&bytes);
    let odd = Tensor::from_storage(DType::F32, [1, 16, 4, 4], Arc::new(Odd(room))).unwrap();
    let plain = Tensor::from_vec([1, 16, 4, 4], values).unwrap();
    let network = load(&network);
    let outputs = run(network.as_ref(), &named([("x", plain.clone()), ("z", plain.clone())])).unwrap();
    assert_eq!(outputs.get("same"), Some(&plain));
    let first = |name: &str| outputs.get(name).unwrap().to_vec::<f32>().unwrap()[..2].to_vec();
    let sum = 0.25 * 16.0 * 120.0;
    assert_eq!(first("c"), [sum, sum + 4.0]);
    assert_eq!(first("d"), [-sum, -sum - 4.0]);
    assert_eq!(first("t"), [0.0, 16.0]);
    assert_eq!(run(network.as_ref(), &named([("x", odd.clone()), ("z", odd)])).unwrap(), outputs);
    // What aliases an input goes in again.
    let again = outputs.get("same").unwrap().clone();
    drop(plain);
    assert_eq!(run(network.as_ref(), &named([("x", again.clone()), ("z", again)])).unwrap(), outputs);
}
