//! Answers that tract alone gets wrong, and constants that are expanded.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "a test fails by panicking, helpers included"
)]

mod common;

use common::{floats, load, load_error, model, named, run};
use tandem_core::{Control, Tensor};
use tandem_onnx::{DataType, ModelProto, TensorProto, dims};

/// The answer of one operator on one input of f32.
fn unary(operator: &str, attributes: &[(&str, f32)], values: &[f32]) -> Vec<f32> {
    let proto = model(24, |builder| {
        builder.input("x", DataType::Float32, dims!["n"]).output(
            "y",
            DataType::Float32,
            [tandem_onnx::Dim::Unknown],
        );
        let mut node = builder.node(operator, ["x"], ["y"]);
        for &(name, value) in attributes {
            node = node.attr(name, value);
        }
    });
    let outputs = run(load(&proto).as_ref(), &named([("x", floats(&[values.len()], values))])).unwrap();
    outputs.get("y").unwrap().to_vec::<f32>().unwrap()
}

fn close(got: &[f32], expected: &[f32]) {
    let near =
        |(got, expected): (&f32, &f32)| got == expected || (got - expected).abs() <= 1e-5 * expected.abs();
    assert!(
        got.len() == expected.len() && got.iter().zip(expected).all(near),
        "{got:?}, expected {expected:?}"
    );
}

#[test]
fn celu_multiplies_by_alpha() {
    close(&unary("Celu", &[("alpha", 2.0)], &[-3.0, 0.0, 1.5]), &[-1.553_739_7, 0.0, 1.5]);
}

#[test]
fn a_cast_to_i64_keeps_every_value() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Uint32, dims!["n"]).output("y", DataType::Int64, dims!["n"]);
        builder.node("Cast", ["x"], ["y"]).attr("to", i64::from(DataType::Int64.number()));
    });
    let x = Tensor::from_vec([3], vec![0_u32, 1 << 31, u32::MAX]).unwrap();
    let outputs = run(load(&proto).as_ref(), &named([("x", x)])).unwrap();
    assert_eq!(outputs.get("y").unwrap().to_vec::<i64>().unwrap(), [0, 1 << 31, i64::from(u32::MAX)]);
}

#[test]
fn swish_knows_alpha() {
    close(&unary("Swish", &[("alpha", 0.5)], &[1.0, -2.0]), &[0.622_459_35, -0.537_882_84]);
}

#[test]
fn softplus_and_mish_do_not_overflow() {
    close(&unary("Softplus", &[], &[100.0, -100.0, 0.0]), &[100.0, 3.72e-44, std::f32::consts::LN_2]);
    close(&unary("Mish", &[], &[100.0, 0.0]), &[100.0, 0.0]);
}

#[test]
fn a_maximum_over_infinities_is_infinite() {
    close(&unary("ReduceMax", &[], &[f32::NEG_INFINITY; 2]), &[f32::NEG_INFINITY]);
    close(&unary("ReduceMin", &[], &[f32::INFINITY; 2]), &[f32::INFINITY]);
    assert!(unary("ReduceMax", &[], &[1.0, f32::NAN])[0].is_nan());
}

#[test]
fn a_logarithm_of_large_sums_does_not_overflow() {
    close(&unary("ReduceLogSumExp", &[], &[200.0, 200.0]), &[200.693_15]);
    close(&unary("ReduceLogSumExp", &[], &[-200.0, -200.0]), &[-199.306_85]);
    close(&unary("ReduceLogSumExp", &[], &[f32::NEG_INFINITY; 2]), &[f32::NEG_INFINITY]);
}

/// `y = w` behind one node that expands it.
fn expanded(
    operator: &str,
    tensors: Vec<TensorProto>,
    build: impl FnOnce(tandem_onnx::NodeBuilder<'_>),
) -> Vec<f32> {
    let proto: ModelProto = model(21, |builder| {
        builder.input("x", DataType::Float32, dims!["n", "m"]).output(
            "y",
            DataType::Float32,
            dims!["n", "m"],
        );
        let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
        for tensor in tensors {
            builder.tensor(tensor);
        }
        build(builder.node(operator, names, ["w32"]));
        builder.node("Add", ["x", "w32"], ["y"]);
    });
    let model = load(&proto);
    let inputs = named([("x", floats(&[2, 4], &[0.0; 8]))]);
    let profile = model.profile(&inputs, &Control::default()).unwrap();
    let left: Vec<_> = profile.nodes.iter().filter(|node| node.operator != "Source").collect();
    assert_eq!(left.len(), 1, "only the addition is left to run: {left:?}");
    run(model.as_ref(), &inputs).unwrap().get("y").unwrap().to_vec().unwrap()
}

fn bytes(values: &[i8]) -> TensorProto {
    TensorProto::from_slice("w", &[2, 4], values).unwrap()
}

const INTEGERS: [i8; 8] = [-128, -3, -2, -1, 0, 1, 2, 127];

#[test]
fn constants_of_int8_are_expanded_when_the_model_is_loaded() {
    let whole = vec![
        bytes(&INTEGERS),
        TensorProto::from_slice("scale", &[], &[0.5_f32]).unwrap(),
        TensorProto::from_slice("zero", &[], &[1_i8]).unwrap(),
    ];
    let expected: Vec<f32> = INTEGERS.iter().map(|&value| (f32::from(value) - 1.0) * 0.5).collect();
    assert_eq!(expanded("DequantizeLinear", whole, |_| {}), expected);

    let by_row = vec![bytes(&INTEGERS), TensorProto::from_slice("scale", &[2], &[0.5_f32, 2.0]).unwrap()];
    let expected: Vec<f32> =
        INTEGERS.iter().enumerate().map(|(index, &value)| f32::from(value) * [0.5, 2.0][index / 4]).collect();
    assert_eq!(
        expanded("DequantizeLinear", by_row, |node| {
            node.attr("axis", 0_i64);
        }),
        expected
    );

    let in_blocks =
        vec![bytes(&INTEGERS), TensorProto::from_slice("scale", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0]).unwrap()];
    let expected: Vec<f32> = INTEGERS
        .iter()
        .zip([1.0_f32, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0])
        .map(|(&value, scale)| f32::from(value) * scale)
        .collect();
    assert_eq!(
        expanded("DequantizeLinear", in_blocks, |node| {
            node.attr("axis", 1_i64).attr("block_size", 2_i64);
        }),
        expected
    );
}

#[test]
fn constants_of_four_bits_are_expanded() {
    let raw = bytes::Bytes::from_static(&[0x10, 0x32, 0x98, 0xfe]);
    let packed = TensorProto::from_raw("w", DataType::Int4, &[2, 4], raw).unwrap();
    let scale = TensorProto::from_slice("scale", &[], &[1.0_f32]).unwrap();
    let expected = [0.0, 1.0, 2.0, 3.0, -8.0, -7.0, -2.0, -1.0];
    assert_eq!(expanded("DequantizeLinear", vec![packed, scale], |_| {}), expected);
}

#[test]
fn constants_of_half_precision_are_expanded() {
    let halves = [0x3c00_u16, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555, 0x0400, 0xfbff];
    let raw: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let tensor = TensorProto::from_raw("w", DataType::Float16, &[2, 4], raw.into()).unwrap();
    let to = i64::from(DataType::Float32.number());
    let got = expanded("Cast", vec![tensor], |node| {
        node.attr("to", to);
    });
    let expected: Vec<f32> = halves.iter().map(|&half| half::f16::from_bits(half).to_f32()).collect();
    assert_eq!(got, expected);
}

#[test]
fn a_reversed_recurrence_runs_from_the_end() {
    let recurrence = |direction: &str| {
        let proto = model(17, |builder| {
            builder.input("x", DataType::Float32, dims!["t", 1, 1]).output(
                "y",
                DataType::Float32,
                dims!["t", 1, 1, 1],
            );
            builder.initializer("w", &[1, 1, 1], &[0.7_f32]).initializer("r", &[1, 1, 1], &[0.4_f32]);
            builder
                .node("RNN", ["x", "w", "r"], ["y"])
                .attr("hidden_size", 1_i64)
                .attr("direction", direction);
        });
        load(&proto)
    };
    let input = |values: &[f32]| named([("x", floats(&[values.len(), 1, 1], values))]);
    let answer = |model: &dyn tandem_core::LocalModel, values: &[f32]| {
        run(model, &input(values)).unwrap().get("y").unwrap().to_vec::<f32>().unwrap()
    };
    let (forward, reverse) = (recurrence("forward"), recurrence("reverse"));
    let mut turned = answer(forward.as_ref(), &[3.0, 2.0, 1.0]);
    turned.reverse();
    close(&answer(reverse.as_ref(), &[1.0, 2.0, 3.0]), &turned);
}

#[test]
fn more_outputs_than_the_engine_gives_are_refused() {
    let proto = model(15, |builder| {
        builder.input("x", DataType::Float32, dims![1, 2, 2]);
        for name in ["scale", "bias", "mean", "variance"] {
            builder.initializer(name, &[2], &[1.0_f32, 1.0]);
        }
        let outputs = ["y", "running_mean", "running_variance"];
        builder
            .node("BatchNormalization", ["x", "scale", "bias", "mean", "variance"], outputs)
            .attr("training_mode", 1_i64);
        builder.output("y", DataType::Float32, dims![1, 2, 2]);
        builder.output("running_mean", DataType::Float32, dims![2]);
    });
    let error = load_error(&proto).to_string();
    assert!(error.starts_with("operator BatchNormalization"), "{error}");
}

#[test]
fn shifts_by_any_amount_are_defined() {
    let proto = model(28, |builder| {
        for name in ["x", "by"] {
            builder.input(name, DataType::Int32, dims!["n"]);
        }
        builder.output("y", DataType::Int32, dims!["n"]);
        builder.node("BitShift", ["x", "by"], ["y"]).attr("direction", "RIGHT");
    });
    let tensor = |values: &[i32]| Tensor::from_vec([values.len()], values.to_vec()).unwrap();
    let inputs = named([("x", tensor(&[-8, -8, 4, 4, 4])), ("by", tensor(&[1, -1, 1, 32, -64]))]);
    let outputs = run(load(&proto).as_ref(), &inputs).unwrap();
    assert_eq!(outputs.get("y").unwrap().to_vec::<i32>().unwrap(), [-4, -1, 2, 0, 0]);
}
