//! Weights that no tensor of tract's is made of.

use tandem_core::{Control, Engine, LoadOptions, ModelSource, NamedTensors, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, GraphBuilder, ModelProto, dims};

use crate::compare::{difference, load, model};

fn numbers(count: usize, seed: u32) -> impl Iterator<Item = [u8; 4]> {
    (0..u32::try_from(count).unwrap())
        .map(move |i| i.wrapping_add(seed).wrapping_mul(2_654_435_761).to_be_bytes())
}

fn values(count: usize, seed: u32) -> Vec<f32> {
    numbers(count, seed)
        .map(|[high, low, ..]| f32::from(u16::from_be_bytes([high, low])) / 65_536.0 - 0.5)
        .collect()
}

fn integers(count: usize, seed: u32) -> Vec<i8> {
    numbers(count, seed).map(|[high, ..]| high.cast_signed()).collect()
}

fn image(channels: usize) -> NamedTensors {
    let x = Tensor::from_vec([1, channels, 6, 5], values(channels * 30, 9)).unwrap();
    NamedTensors::new([("x", x)]).unwrap()
}

/// Integers with one scale for each row of `shape`, behind `DequantizeLinear`.
fn quantized(graph: &mut GraphBuilder, name: &str, shape: &[usize], zero: i8) {
    let (stored, scale, zeros) = (format!("{name}.i8"), format!("{name}.scale"), format!("{name}.zero"));
    graph.initializer(&stored, shape, &integers(shape.iter().product(), 5));
    let scales: Vec<f32> =
        (0..u16::try_from(shape[0]).unwrap()).map(|row| 0.01 + f32::from(row) / 5000.0).collect();
    graph.initializer(&scale, &[shape[0]], &scales).initializer(&zeros, &[shape[0]], &vec![zero; shape[0]]);
    graph.node("DequantizeLinear", [stored.as_str(), &scale, &zeros], [name]).attr("axis", 0_i64);
}

fn assert_same(model: &ModelProto, inputs: &NamedTensors) {
    assert_eq!(difference(model, inputs), None);
}

#[test]
fn a_file_is_answered_as_its_bytes_are() {
    let network = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 64, 6, 5]).output("y", DataType::Float32, dims![1, 300]);
        // Read on its own while the file is decoded, and not.
        graph.initializer("w", &[64, 64, 3, 3], &values(64 * 64 * 9, 1)).initializer(
            "b",
            &[64],
            &values(64, 2),
        );
        graph.initializer("m", &[64, 300], &values(64 * 300, 3));
        graph.node("Conv", ["x", "w", "b"], ["c"]).attr("pads", [1_i64; 4]);
        graph.node("GlobalAveragePool", ["c"], ["p"]);
        graph.node("Flatten", ["p"], ["f"]);
        graph.node("MatMul", ["f", "m"], ["y"]);
    });
    assert_same(&network, &image(64));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.onnx");
    std::fs::write(&path, network.encode_bytes()).unwrap();
    let from_file = OnnxEngine::new().load(&ModelSource::from(&path), &LoadOptions::default()).unwrap();
    let from_memory = load(&network, true);
    assert_eq!(from_file.info().digest, from_memory.info().digest);
    let run = |model: &dyn tandem_core::LocalModel| model.run(&image(64), &[], &Control::default()).unwrap();
    assert_eq!(run(&*from_file), run(&*from_memory));
}

#[test]
fn integers_that_floats_are_multiplied_by_are_expanded() {
    for zero in [0, 3] {
        let network = model(|graph| {
            graph.input("x", DataType::Float32, dims![1, 32, 6, 5]).output(
                "y",
                DataType::Float32,
                dims![1, 40],
            );
            quantized(graph, "w", &[48, 32, 3, 3], zero);
            quantized(graph, "g", &[40, 48], zero);
            graph.node("Conv", ["x", "w"], ["c"]);
            graph.node("GlobalAveragePool", ["c"], ["p"]);
            graph.node("Flatten", ["p"], ["f"]);
            graph.node("Gemm", ["f", "g"], ["y"]).attr("transB", 1_i64);
        });
        assert_same(&network, &image(32));
    }
}

#[test]
fn a_weight_that_others_read_too_is_theirs_as_well() {
    // By another operator, as a product's other factor, by a body, and as an output.
    let network = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 16, 6, 5]).input("rows", DataType::Float32, dims![2, 3]);
        quantized(graph, "w", &[16, 16, 1, 1], 0);
        graph.initializer("m", &[3, 3], &values(9, 4));
        graph.node("Conv", ["x", "w"], ["c"]);
        graph.node("Relu", ["w"], ["r"]);
        graph.node("MatMul", ["rows", "m"], ["p"]);
        graph.node("MatMul", ["m", "m"], ["square"]);
        graph.node("Gemm", ["rows", "m"], ["q"]);
        graph.output("c", DataType::Float32, dims![1, 16, 6, 5]).output(
            "r",
            DataType::Float32,
            dims![16, 16, 1, 1],
        );
        graph.output("p", DataType::Float32, dims![2, 3]).output("q", DataType::Float32, dims![2, 3]);
        graph.output("square", DataType::Float32, dims![3, 3]).output("m", DataType::Float32, dims![3, 3]);
    });
    let x = Tensor::from_vec([1, 16, 6, 5], values(480, 9)).unwrap();
    let rows = Tensor::from_vec([2, 3], values(6, 7)).unwrap();
    assert_same(&network, &NamedTensors::new([("x", x), ("rows", rows)]).unwrap());
}

#[test]
fn products_that_our_kernels_do_not_compute_have_their_weights() {
    // A convolution along one axis, a matrix of three axes, a vector, and a product with fewer axes than its weight.
    let network = model(|graph| {
        graph.input("line", DataType::Float32, dims![1, 4, 9]).output("l", DataType::Float32, dims![1, 6, 7]);
        graph.input("rows", DataType::Float32, dims![2, 3, 4]).output("r", DataType::Float32, dims![2, 3, 5]);
        graph.input("row", DataType::Float32, dims![4]).output("o", DataType::Float32, dims![5]);
        graph.output("v", DataType::Float32, dims![2, 3]);
        graph.initializer("k", &[6, 4, 3], &values(72, 1)).initializer("t", &[2, 4, 5], &values(40, 2));
        graph.initializer("n", &[4, 5], &values(20, 3)).initializer("u", &[4], &values(4, 4));
        graph.node("Conv", ["line", "k"], ["l"]);
        graph.node("MatMul", ["rows", "t"], ["r"]);
        graph.node("MatMul", ["row", "n"], ["o"]);
        graph.node("MatMul", ["rows", "u"], ["v"]);
    });
    let line = Tensor::from_vec([1, 4, 9], values(36, 5)).unwrap();
    let rows = Tensor::from_vec([2, 3, 4], values(24, 6)).unwrap();
    let row = Tensor::from_vec([4], values(4, 7)).unwrap();
    assert_same(&network, &NamedTensors::new([("line", line), ("rows", rows), ("row", row)]).unwrap());
}

#[test]
fn a_model_of_open_shapes_keeps_its_weights_for_the_next_plan() {
    let network = model(|graph| {
        graph.input("x", DataType::Float32, dims!["n", 32]).output("y", DataType::Float32, dims!["n", 24]);
        graph.initializer("m", &[32, 48], &values(32 * 48, 1));
        quantized(graph, "g", &[24, 48], 0);
        graph.node("MatMul", ["x", "m"], ["h"]);
        graph.node("Gemm", ["h", "g"], ["y"]).attr("transB", 1_i64);
    });
    let (fused, plain) = (load(&network, true), load(&network, false));
    for rows in [1, 3, 7, 1] {
        let x = Tensor::from_vec([rows, 32], values(rows * 32, 8)).unwrap();
        let inputs = NamedTensors::new([("x", x)]).unwrap();
        let run = |model: &dyn tandem_core::LocalModel| {
            let outputs = model.run(&inputs, &[], &Control::default()).unwrap();
            outputs.get("y").unwrap().to_vec::<f32>().unwrap()
        };
        let pairs = run(&*fused).into_iter().zip(run(&*plain)).collect::<Vec<_>>();
        assert_eq!(pairs.len(), rows * 24);
        assert!(pairs.iter().all(|(a, b)| (a - b).abs() < 1e-3), "{rows} rows: {pairs:?}");
    }
}
