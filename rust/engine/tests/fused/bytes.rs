//! Operators between `DequantizeLinear` and `QuantizeLinear`: on bytes, and within a step of what tract computes on floats.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tandem_core::{Control, Tensor};
use tandem_onnx::{DataType, Dim, GraphBuilder, ModelProto, NodeBuilder, dims};
use tandem_testkit::models::random_inputs;

use crate::compare::{cases, load, model, operators};

/// A graph with tensors of bytes in it, made as quantising tools make them.
struct Quantized<'a> {
    graph: &'a mut GraphBuilder,
    count: usize,
    seed: u32,
}

impl Quantized<'_> {
    fn new(graph: &mut GraphBuilder, seed: u32) -> Quantized<'_> {
        Quantized { graph, count: 0, seed: seed.wrapping_mul(2_654_435_761) | 1 }
    }

    fn name(&mut self, what: &str) -> String {
        self.count += 1;
        format!("{what}{}", self.count)
    }

    fn random(&mut self) -> u16 {
        self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.seed >> 16) as u16
    }

    /// `x` through bytes: their name, and that of the floats behind them.
    fn through(&mut self, x: &str, scale: f32, zero: u8) -> (String, String) {
        let [s, z, bytes, floats] = ["s", "z", "q", "d"].map(|what| self.name(what));
        self.graph.initializer(&s, &[], &[scale]).initializer(&z, &[], &[zero]);
        self.graph.node("QuantizeLinear", [x, &s, &z], [&bytes]);
        self.graph.node("DequantizeLinear", [&bytes, &s, &z], [&floats]);
        (bytes, floats)
    }

    /// Random weights of that shape, with a scale for each index of `axis`.
    fn weights(&mut self, shape: &[usize], axis: usize) -> (String, Vec<f32>) {
        let values: Vec<i8> =
            (0..shape.iter().product()).map(|_| (self.random() % 255) as u8).map(u8::cast_signed).collect();
        let fan_in = u16::try_from(shape.iter().product::<usize>() / shape[axis]).unwrap();
        let root = f32::from(fan_in).sqrt();
        let scales: Vec<f32> =
            (0..shape[axis]).map(|_| (1.0 + f32::from(self.random() % 100) / 100.0) / 120.0 / root).collect();
        (self.constant(shape, &values, &scales, axis), scales)
    }

    /// A bias of int32 with the scale of input × weight.
    fn bias(&mut self, input_scale: f32, scales: &[f32]) -> String {
        let scales: Vec<f32> = scales.iter().map(|scale| scale * input_scale).collect();
        let values: Vec<i32> = (0..scales.len()).map(|_| i32::from(self.random() % 4000) - 2000).collect();
        self.constant(&[scales.len()], &values, &scales, 0)
    }

    fn constant<T: tandem_onnx::Element + Default>(
        &mut self,
        shape: &[usize],
        values: &[T],
        scales: &[f32],
        axis: usize,
    ) -> String {
        let [w, s, z, floats] = ["w", "s", "z", "f"].map(|what| self.name(what));
        let zeros: Vec<T> = scales.iter().map(|_| T::default()).collect();
        self.graph.initializer(&w, shape, values);
        self.graph.initializer(&s, &[scales.len()], scales).initializer(&z, &[scales.len()], &zeros);
        self.graph
            .node("DequantizeLinear", [&w, &s, &z], [&floats])
            .attr("axis", i64::try_from(axis).unwrap());
        floats
    }

    fn node<const N: usize>(&mut self, operator: &str, inputs: [&str; N]) -> (String, NodeBuilder<'_>) {
        let out = self.name("y");
        let node = self.graph.node(operator, inputs, [&out]);
        (out, node)
    }

    fn conv(
        &mut self,
        x: &str,
        scale: f32,
        [inputs, outputs]: [usize; 2],
        kernel: usize,
        stride: usize,
    ) -> String {
        let depthwise = inputs == 0;
        let (weights, scales) =
            self.weights(&[outputs, if depthwise { 1 } else { inputs }, kernel, kernel], 0);
        let bias = self.bias(scale, &scales);
        let group = if depthwise { outputs } else { 1 };
        let long = |value: usize| i64::try_from(value).unwrap();
        let (out, node) = self.node("Conv", [x, &weights, &bias]);
        node.attr("kernel_shape", [long(kernel); 2])
            .attr("strides", [long(stride); 2])
            .attr("pads", [long(kernel / 2); 4])
            .attr("group", long(group));
        out
    }
}

/// How far the results of the two paths are apart, in steps of the last bytes, which is the model's output.
fn steps(model: &ModelProto, seed: u64) -> u8 {
    let inputs = random_inputs(model, &[], seed).unwrap();
    let run = |fused| load(model, fused).run(&inputs, &[], &Control::default()).unwrap();
    let (expected, got) = (run(false), run(true));
    let bytes = |tensor: &Tensor| tensor.bytes().unwrap().to_vec();
    let mut largest = 0;
    for ((name, expected), (_, got)) in expected.iter().zip(got.iter()) {
        assert_eq!((expected.dtype(), expected.shape()), (got.dtype(), got.shape()), "{name}");
        let apart = bytes(expected).into_iter().zip(bytes(got)).map(|(a, b)| a.abs_diff(b));
        largest = largest.max(apart.max().unwrap_or(0));
    }
    largest
}

fn count(model: &ModelProto) -> BTreeMap<String, usize> {
    operators(model, &random_inputs(model, &[], 1).unwrap())
}

fn expected(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
}

const OPEN: [Dim; 4] = [Dim::Unknown, Dim::Unknown, Dim::Unknown, Dim::Unknown];

/// An image, all the layers that a network of bytes has, and a classifier.
fn network() -> ModelProto {
    model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 3, 20, 20]);
        let mut net = Quantized::new(graph, 7);
        let (_, mut last) = net.through("x", 0.008, 128);
        last = net.conv(&last, 0.008, [3, 16], 3, 2);
        last = net.node("Relu", [&last]).0;
        last = net.through(&last, 0.01, 0).1;
        let (pooled, node) = net.node("MaxPool", [&last]);
        node.attr("kernel_shape", [3_i64; 2]).attr("strides", [1_i64; 2]).attr("pads", [1_i64; 4]);
        last = net.through(&pooled, 0.01, 0).1;
        last = net.conv(&last, 0.01, [16, 24], 1, 1);
        last = net.through(&last, 0.02, 120).1;
        let residual = last.clone();
        last = net.conv(&last, 0.02, [0, 24], 3, 1);
        last = net.through(&last, 0.015, 0).1;
        last = net.conv(&last, 0.015, [24, 24], 3, 1);
        last = net.through(&last, 0.02, 128).1;
        last = net.node("Add", [&last, &residual]).0;
        last = net.through(&last, 0.03, 110).1;
        last = net.node("GlobalAveragePool", [&last]).0;
        last = net.through(&last, 0.01, 128).1;
        last = net.node("Flatten", [&last]).0;
        last = net.through(&last, 0.01, 128).1;
        let (matrix, scales) = net.weights(&[10, 24], 0);
        let bias = net.bias(0.01, &scales);
        let (classes, node) = net.node("Gemm", [&last, &matrix, &bias]);
        node.attr("transB", 1_i64);
        let (bytes, floats) = net.through(&classes, 0.005, 128);
        net.graph.output(&bytes, DataType::Uint8, dims![1, 10]);
        net.graph.output(&floats, DataType::Float32, dims![1, 10]);
    })
}

#[test]
fn a_network_of_bytes_is_ours_from_the_image_to_the_classes() {
    let network = network();
    let all = expected(&[
        ("Quantize", 1),
        ("ByteConv", 3),
        ("ByteDepthwiseConv", 1),
        ("ByteMaxPool", 1),
        ("ByteAdd", 1),
        ("ByteGlobalAveragePool", 1),
        ("ToPlanes", 1),
        ("ByteMatMul", 1),
    ]);
    assert_eq!(count(&network), all);
}

/// Where a rounding goes the other way, later layers carry it on.
#[test]
fn a_network_of_bytes_stays_close_to_floats() {
    let network = network();
    let inputs = random_inputs(&network, &[], 3).unwrap();
    let run = |fused| {
        let out = load(&network, fused).run(&inputs, &[], &Control::default()).unwrap();
        let (_, bytes) = out.iter().next().unwrap();
        bytes.bytes().unwrap().to_vec()
    };
    let apart = run(true).into_iter().zip(run(false)).map(|(a, b)| a.abs_diff(b)).max();
    assert!(apart <= Some(2), "{apart:?}");
}

#[test]
fn what_is_not_quantised_throughout_stays_in_floats() {
    // A bias in floats.
    let float_bias = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 8, 4, 4]);
        let mut net = Quantized::new(graph, 1);
        let (_, x) = net.through("x", 0.01, 128);
        let (weights, _) = net.weights(&[16, 8, 1, 1], 0);
        net.graph.initializer("b", &[16], &[0.37_f32; 16]);
        let (y, _) = net.node("Conv", [&x, &weights, "b"]);
        let (bytes, _) = net.through(&y, 0.02, 128);
        net.graph.output(&bytes, DataType::Uint8, OPEN);
    });
    assert!(!count(&float_bias).contains_key("ByteConv"));
    assert!(steps(&float_bias, 1) <= 1);
    // A result that is wanted in floats as well.
    let wanted = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 8, 4, 4]);
        let mut net = Quantized::new(graph, 1);
        let (_, x) = net.through("x", 0.01, 128);
        let y = net.conv(&x, 0.01, [8, 16], 1, 1);
        let (bytes, _) = net.through(&y, 0.02, 128);
        net.graph.output(&bytes, DataType::Uint8, OPEN);
        net.graph.output(&y, DataType::Float32, OPEN);
    });
    assert!(!count(&wanted).contains_key("ByteConv"));
    // A pool between bytes of two scales.
    let rescaled = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 8, 4, 4]);
        let mut net = Quantized::new(graph, 1);
        let (_, x) = net.through("x", 0.01, 128);
        let (y, node) = net.node("MaxPool", [&x]);
        node.attr("kernel_shape", [2_i64; 2]);
        let (bytes, _) = net.through(&y, 0.02, 128);
        net.graph.output(&bytes, DataType::Uint8, OPEN);
    });
    assert_eq!(count(&rescaled).get("ByteMaxPool"), None);
    assert_eq!(steps(&rescaled, 1), 0);
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn one_layer_is_within_a_step(
        kind in 0_u8..6,
        [inputs, outputs] in [1_usize..40, 5_usize..40],
        [height, width] in [1_usize..12, 1_usize..12],
        (kernel, stride) in (prop::sample::select(vec![1_usize, 3, 5]), 1_usize..3),
        (zeros, limits) in ([any::<u8>(), any::<u8>()], prop::option::of([-1.0_f32..0.5, 0.5_f32..1.5])),
        seed in 0_u32..1000,
    ) {
        let (scale, inputs) = (0.008, if matches!(kind, 1 | 2) { outputs } else { inputs });
        let network = model(|graph| {
            let rows = matches!(kind, 3 | 4);
            if rows {
                graph.input("x", DataType::Float32, dims![height, inputs]);
            } else {
                graph.input("x", DataType::Float32, dims![2, inputs, height, width]);
            }
            let mut net = Quantized::new(graph, seed);
            let (_, x) = net.through("x", scale, zeros[0]);
            let mut y = match kind {
                0 => net.conv(&x, scale, [inputs, outputs], kernel, stride),
                1 => net.conv(&x, scale, [0, outputs], kernel, stride),
                2 => {
                    let (half, _) = net.node("Neg", ["x"]);
                    let (_, half) = net.through(&half, 0.006, zeros[1]);
                    net.node("Add", [&x, &half]).0
                }
                3 => {
                    let (matrix, _) = net.weights(&[inputs, outputs], 1);
                    net.node("MatMul", [&x, &matrix]).0
                }
                4 => {
                    let (matrix, scales) = net.weights(&[outputs, inputs], 0);
                    let bias = net.bias(scale, &scales);
                    let (y, node) = net.node("Gemm", [&x, &matrix, &bias]);
                    node.attr("transB", 1_i64);
                    y
                }
                _ => net.node("GlobalAveragePool", [&x]).0,
            };
            if let Some([low, high]) = limits.filter(|_| kind != 5) {
                net.graph.initializer("low", &[], &[low]).initializer("high", &[], &[high]);
                y = net.node("Clip", [&y, "low", "high"]).0;
            }
            let (bytes, _) = net.through(&y, 0.011, zeros[1]);
            if rows {
                net.graph.output(&bytes, DataType::Uint8, dims![height, outputs]);
            } else {
                net.graph.output(&bytes, DataType::Uint8, OPEN);
            }
        });
        prop_assert!(steps(&network, u64::from(seed)) <= 1);
        let ours = count(&network);
        let name = ["ByteConv", "ByteDepthwiseConv", "ByteAdd", "ByteMatMul", "ByteMatMul", "ByteGlobalAveragePool"];
        prop_assert_eq!(ours.get(name[usize::from(kind)]), Some(&1), "{:?}", ours);
    }
}
