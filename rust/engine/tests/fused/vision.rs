//! What keeps images in blocks from one convolution to the next: gates, curves in several nodes, sums, joins, resizing.

use std::collections::BTreeMap;

use tandem_kernels::InstructionSet;
use tandem_onnx::{DataType, Dim, GraphBuilder, ModelProto, dims};
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::vision::{
    Upsampling, VisionConfig, efficientnet_b0, efficientnet_lite0, mobilenet_v3, ssd, unet,
};

use crate::compare::{difference, model, operators};

/// Numbers that keep sums of some of them small.
fn weights(count: usize) -> Vec<f32> {
    (0..count).map(|i| f32::from(u8::try_from(i % 13).unwrap()) * 0.04 - 0.24).collect()
}

/// An image of 32 channels and a depthwise convolution of it into `c`, then `rest`, which gives `y`.
fn after_conv(rest: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    model(|graph| {
        graph.input("x", DataType::Float32, dims![2, 32, 6, 5]);
        graph.initializer("w", &[32, 1, 3, 3], &weights(288));
        let conv = graph.node("Conv", ["x", "w"], ["c"]).attr("kernel_shape", [3_i64, 3]);
        conv.attr("pads", [1_i64; 4]).attr("group", 32_i64);
        rest(graph);
        graph.output("y", DataType::Float32, [Dim::Unknown, Dim::Unknown, Dim::Unknown, Dim::Unknown]);
    })
}

/// Holds the model to tract's answer, and to these operators of ours beside the depthwise convolution and the conversions around
/// it.
fn check(model: &ModelProto, expected: &[(&str, usize)]) {
    let inputs = random_inputs(model, &[], 1).unwrap();
    let around = [("DepthwiseConv", 1), ("ToBlocked", 1), ("ToPlanar", 1)];
    let expected: BTreeMap<String, usize> =
        around.iter().chain(expected).map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(operators(model, &inputs), expected);
    assert_eq!(difference(model, &inputs), None);
}

/// Constants of one number.
fn numbers(graph: &mut GraphBuilder, values: &[(&str, f32)]) {
    for (name, value) in values {
        graph.initializer(name, &[], &[*value]);
    }
}

fn squeeze_excite(graph: &mut GraphBuilder, input: &str, last: &str) {
    graph.initializer("w1", &[8, 32, 1, 1], &weights(256)).initializer("b1", &[8], &weights(8));
    graph.initializer("w2", &[32, 8, 1, 1], &weights(256)).initializer("b2", &[32], &weights(32));
    graph.node("GlobalAveragePool", [input], ["mean"]);
    graph.node("Conv", ["mean", "w1", "b1"], ["s"]);
    graph.node("Relu", ["s"], ["r"]);
    graph.node("Conv", ["r", "w2", "b2"], ["e"]);
    graph.node(last, ["e"], ["gate"]);
}

#[test]
fn a_convolution_in_groups_is_ours_and_takes_along_what_a_dense_one_does() {
    // Groups of whole blocks, of parts of a block, and of fewer channels out than in.
    for (groups, outputs) in [(2, 32), (4, 64), (8, 16)] {
        let grouped = after_conv(|graph| {
            let own = 32 / groups;
            graph.initializer("wg", &[outputs, own, 3, 3], &weights(outputs * own * 9));
            graph.initializer("bg", &[outputs], &weights(outputs));
            let conv = graph.node("Conv", ["c", "wg", "bg"], ["g"]).attr("kernel_shape", [3_i64, 3]);
            conv.attr("pads", [1_i64; 4]).attr("group", i64::try_from(groups).unwrap());
            graph.node("HardSwish", ["g"], ["y"]);
        });
        check(&grouped, &[("Conv", 1)]);
    }
}

#[test]
fn a_squeeze_and_excitation_stays_in_blocks() {
    for last in ["Sigmoid", "HardSigmoid"] {
        for swapped in [false, true] {
            let gated = after_conv(|graph| {
                squeeze_excite(graph, "c", last);
                graph.node("Mul", if swapped { ["gate", "c"] } else { ["c", "gate"] }, ["y"]);
            });
            check(&gated, &[("GlobalAveragePool", 1), ("Conv", 2), ("Gate", 1)]);
            let curved = after_conv(|graph| {
                squeeze_excite(graph, "c", last);
                graph.node("Mul", ["c", "gate"], ["m"]);
                graph.node("HardSwish", ["m"], ["y"]);
            });
            check(&curved, &[("GlobalAveragePool", 1), ("Conv", 2), ("Gate", 1)]);
        }
    }
}

#[test]
fn means_by_reduction_are_means() {
    let gated = after_conv(|graph| {
        graph.initializer("wg", &[32, 32, 1, 1], &weights(1024));
        graph.node("ReduceMean", ["c"], ["mean"]).attr("axes", [2_i64, 3]).attr("keepdims", 1_i64);
        graph.node("Conv", ["mean", "wg"], ["gate"]);
        graph.node("Mul", ["c", "gate"], ["y"]);
    });
    check(&gated, &[("GlobalAveragePool", 1), ("Conv", 1), ("Gate", 1)]);
}

#[test]
fn a_gate_of_another_shape_is_not_one() {
    let rows = after_conv(|graph| {
        graph.initializer("wg", &[1, 32, 1, 1], &weights(32));
        graph.node("Conv", ["c", "wg"], ["map"]);
        graph.node("Mul", ["c", "map"], ["y"]);
    });
    let inputs = random_inputs(&rows, &[], 1).unwrap();
    assert!(!operators(&rows, &inputs).contains_key("Gate"));
    assert_eq!(difference(&rows, &inputs), None);
}

#[test]
fn hard_swish_goes_along_in_every_form() {
    let forms: [fn(&mut GraphBuilder); 6] = [
        |graph| _ = graph.node("HardSwish", ["c"], ["y"]),
        |graph| {
            graph.node("HardSigmoid", ["c"], ["h"]).attr("alpha", 1.0_f32 / 6.0);
            graph.node("Mul", ["c", "h"], ["y"]);
        },
        |graph| {
            numbers(graph, &[("three", 3.0), ("nought", 0.0), ("six", 6.0)]);
            graph.node("Add", ["c", "three"], ["a"]);
            graph.node("Clip", ["a", "nought", "six"], ["r"]);
            graph.node("Mul", ["c", "r"], ["m"]);
            graph.node("Div", ["m", "six"], ["y"]);
        },
        |graph| {
            numbers(graph, &[("three", 3.0), ("nought", 0.0), ("six", 6.0)]);
            graph.node("Add", ["three", "c"], ["a"]);
            graph.node("Clip", ["a", "nought", "six"], ["r"]);
            graph.node("Div", ["r", "six"], ["d"]);
            graph.node("Mul", ["d", "c"], ["y"]);
        },
        |graph| {
            numbers(graph, &[("three", 3.0), ("nought", 0.0), ("six", 6.0), ("sixth", 1.0 / 6.0)]);
            graph.node("Add", ["c", "three"], ["a"]);
            graph.node("Clip", ["a", "nought", "six"], ["r"]);
            graph.node("Mul", ["r", "c"], ["m"]);
            graph.node("Mul", ["sixth", "m"], ["y"]);
        },
        |graph| {
            numbers(graph, &[("sixth", 1.0 / 6.0), ("half", 0.5), ("nought", 0.0), ("one", 1.0)]);
            graph.node("Mul", ["c", "sixth"], ["m"]);
            graph.node("Add", ["m", "half"], ["a"]);
            graph.node("Clip", ["a", "nought", "one"], ["r"]);
            graph.node("Mul", ["r", "c"], ["y"]);
        },
    ];
    for form in forms {
        check(&after_conv(form), &[]);
    }
}

#[test]
fn what_is_almost_hard_swish_is_not() {
    for (add, high, divisor) in [(2.5, 6.0, 6.0), (3.0, 5.0, 6.0), (3.0, 6.0, 5.0), (3.0, 6.0, -6.0)] {
        let form = after_conv(|graph| {
            numbers(graph, &[("add", add), ("nought", 0.0), ("high", high), ("divisor", divisor)]);
            graph.node("Add", ["c", "add"], ["a"]);
            graph.node("Clip", ["a", "nought", "high"], ["r"]);
            graph.node("Mul", ["c", "r"], ["m"]);
            graph.node("Div", ["m", "divisor"], ["y"]);
        });
        let inputs = random_inputs(&form, &[], 1).unwrap();
        assert_eq!(difference(&form, &inputs), None, "{add} {high} {divisor}");
    }
    // The curve is wanted for something else too.
    let shared = after_conv(|graph| {
        graph.node("HardSigmoid", ["c"], ["h"]).attr("alpha", 1.0_f32 / 6.0);
        graph.node("Mul", ["c", "h"], ["m"]);
        graph.node("Add", ["m", "h"], ["y"]);
    });
    assert_eq!(difference(&shared, &random_inputs(&shared, &[], 1).unwrap()), None);
    let other = after_conv(|graph| {
        graph.node("Sigmoid", ["c"], ["s"]);
        graph.node("HardSigmoid", ["s"], ["h"]);
        graph.node("Mul", ["c", "h"], ["y"]);
    });
    assert_eq!(difference(&other, &random_inputs(&other, &[], 1).unwrap()), None);
}

/// A second result `d`, of as many channels, that no operator takes along.
fn second(graph: &mut GraphBuilder) {
    graph.initializer("w2", &[32, 32, 1, 1], &weights(1024));
    graph.node("Conv", ["c", "w2"], ["d0"]);
    graph.node("Sigmoid", ["d0"], ["d"]);
}

#[test]
fn sums_and_products_of_images_stay_in_blocks() {
    for (operator, name) in [("Add", "Add"), ("Mul", "Mul")] {
        let images = after_conv(|graph| {
            second(graph);
            graph.node(operator, ["d", "c"], ["s"]);
            graph.node("Relu", ["s"], ["y"]);
        });
        check(&images, &[("Conv", 1), (name, 1)]);
    }
    let twice = after_conv(|graph| {
        graph.node("Sigmoid", ["c"], ["s"]);
        graph.node("Mul", ["s", "s"], ["y"]);
    });
    check(&twice, &[("Mul", 1)]);
    let difference_of_two = after_conv(|graph| {
        second(graph);
        graph.node("Sub", ["d", "c"], ["y"]);
    });
    assert_eq!(difference(&difference_of_two, &random_inputs(&difference_of_two, &[], 1).unwrap()), None);
}

#[test]
fn an_activation_that_is_not_alone_stays_in_blocks() {
    for operator in ["Relu", "Sigmoid", "HardSwish"] {
        let apart = after_conv(|graph| {
            graph.node(operator, ["c"], ["a"]);
            graph.node("Add", ["a", "c"], ["y"]);
        });
        check(&apart, &[("Activation", 1), ("Add", 1)]);
    }
    // The product belongs to the curve although something else reads the image.
    let silu = after_conv(|graph| {
        second(graph);
        graph.node("Add", ["d", "c"], ["s"]);
        graph.node("Sigmoid", ["s"], ["g"]);
        graph.node("Mul", ["s", "g"], ["y"]);
    });
    check(&silu, &[("Conv", 1), ("Add", 1)]);
}

#[test]
fn images_that_fill_their_blocks_are_joined_in_blocks() {
    let joined = after_conv(|graph| {
        graph.initializer("w3", &[5, 32, 1, 1], &weights(160));
        graph.node("Conv", ["c", "w3"], ["few"]);
        graph.node("Concat", ["c", "c", "few"], ["y"]).attr("axis", 1_i64);
    });
    check(&joined, &[("Conv", 1), ("Concat", 1)]);
    let crooked = after_conv(|graph| {
        graph.initializer("w3", &[5, 32, 1, 1], &weights(160));
        graph.node("Conv", ["c", "w3"], ["few"]);
        graph.node("Concat", ["few", "c"], ["y"]).attr("axis", 1_i64);
    });
    let rows = after_conv(|graph| _ = graph.node("Concat", ["c", "c"], ["y"]).attr("axis", 2_i64));
    for other in [crooked, rows] {
        let inputs = random_inputs(&other, &[], 1).unwrap();
        assert!(!operators(&other, &inputs).contains_key("Concat"));
        assert_eq!(difference(&other, &inputs), None);
    }
}

#[test]
fn channels_are_put_last_from_blocks() {
    let last = after_conv(|graph| {
        graph.initializer("shape", &[3], &[0_i64, -1, 4]);
        graph.node("Transpose", ["c"], ["t"]).attr("perm", vec![0_i64, 2, 3, 1]);
        graph.node("Reshape", ["t", "shape"], ["r"]);
        graph.node("Unsqueeze", ["r", "axis"], ["y"]);
        graph.initializer("axis", &[1], &[0_i64]);
    });
    let inputs = random_inputs(&last, &[], 1).unwrap();
    let expected = [("DepthwiseConv", 1), ("ToBlocked", 1), ("ToChannelsLast", 1)];
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(operators(&last, &inputs), expected);
    assert_eq!(difference(&last, &inputs), None);
    for perm in [[0_i64, 3, 1, 2], [0, 1, 3, 2], [0, 3, 2, 1]] {
        let other = after_conv(|graph| _ = graph.node("Transpose", ["c"], ["y"]).attr("perm", perm));
        assert_eq!(difference(&other, &random_inputs(&other, &[], 1).unwrap()), None);
    }
}

/// Resizes `c` by these scales.
fn resized(scales: [f32; 4], attributes: &[(&str, &str)]) -> ModelProto {
    after_conv(|graph| {
        graph.initializer("scales", &[4], &scales);
        let mut node = graph.node("Resize", ["c", "", "scales"], ["y"]);
        for (name, value) in attributes {
            node = node.attr(name, *value);
        }
    })
}

#[test]
fn rows_and_columns_are_resized_in_blocks() {
    let transforms = ["asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"];
    for transform in transforms.map(|transform| ("coordinate_transformation_mode", transform)) {
        for scales in [[2.0, 2.0], [1.0, 2.0], [3.0, 1.5], [0.5, 0.4]] {
            let scales = [1.0, 1.0, scales[0], scales[1]];
            check(&resized(scales, &[("mode", "linear"), transform]), &[("Resize", 1)]);
            for nearest in ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"] {
                let nearest = ("nearest_mode", nearest);
                check(&resized(scales, &[("mode", "nearest"), transform, nearest]), &[("Resize", 1)]);
            }
        }
    }
    let sized = after_conv(|graph| {
        graph.initializer("sizes", &[4], &[2_i64, 32, 9, 11]);
        graph.node("Resize", ["c", "", "", "sizes"], ["y"]).attr("mode", "linear");
    });
    check(&sized, &[("Resize", 1)]);
}

#[test]
fn other_resizing_is_tracts() {
    let cases = [
        resized([1.0, 2.0, 1.0, 1.0], &[("mode", "nearest")]),
        resized([1.0, 1.0, 2.0, 2.0], &[("mode", "cubic")]),
    ];
    for case in cases {
        let inputs = random_inputs(&case, &[], 1).unwrap();
        assert!(!operators(&case, &inputs).contains_key("Resize"));
        assert_eq!(difference(&case, &inputs), None);
    }
}

/// `c` through a transposed convolution of that kernel, with these attributes beside it, and a `Relu`.
fn transposed(kernel: [usize; 2], groups: usize, attributes: &[(&str, [i64; 2])]) -> ModelProto {
    after_conv(|graph| {
        let dims = [32, 24 / groups, kernel[0], kernel[1]];
        graph.initializer("wt", &dims, &weights(dims.iter().product())).initializer(
            "bt",
            &[24],
            &weights(24),
        );
        let mut node = graph.node("ConvTranspose", ["c", "wt", "bt"], ["t"]);
        node = node.attr("group", i64::try_from(groups).unwrap());
        for (name, value) in attributes {
            node = node.attr(name, *value);
        }
        graph.node("Relu", ["t"], ["y"]);
    })
}

#[test]
fn transposed_convolutions_without_overlap_are_ours() {
    for [rows, columns] in [[2_usize, 2], [1, 3], [3, 1]] {
        let strides = [rows, columns].map(|size| i64::try_from(size).unwrap());
        check(&transposed([rows, columns], 1, &[("strides", strides)]), &[("ConvTranspose", 1)]);
    }
}

#[test]
fn other_transposed_convolutions_are_tracts() {
    let cases = [
        transposed([3, 3], 1, &[("strides", [2, 2])]),
        transposed([2, 2], 1, &[("strides", [3, 3])]),
        transposed([2, 2], 1, &[("strides", [2, 2]), ("output_padding", [1, 1])]),
        transposed([2, 2], 1, &[("strides", [2, 2]), ("dilations", [2, 2])]),
        transposed([2, 2], 2, &[("strides", [2, 2])]),
    ];
    for case in cases {
        let inputs = random_inputs(&case, &[], 1).unwrap();
        assert!(!operators(&case, &inputs).contains_key("ConvTranspose"));
        assert_eq!(difference(&case, &inputs), None);
    }
}

/// With channels as published and few pixels.
fn config(resolution: usize) -> VisionConfig {
    VisionConfig { resolution, ..VisionConfig::default() }
}

/// The operators that ran and are not ours.
fn others(model: &ModelProto) -> Vec<String> {
    let inputs = random_inputs(model, &[], 1).unwrap();
    assert_eq!(difference(model, &inputs), None);
    let profile =
        crate::compare::load(model, true).profile(&inputs, &tandem_core::Control::default()).unwrap();
    let names = profile.nodes.into_iter().map(|node| node.operator);
    // Another shape of the same numbers costs nothing.
    names
        .filter(|name| !name.starts_with("Tandem.") && !["Source", "IntoShape"].contains(&name.as_str()))
        .collect()
}

#[test]
fn whole_networks_are_ours() {
    if InstructionSet::best().lanes() < 8 {
        return;
    }
    for model in [efficientnet_lite0(&config(64)), efficientnet_b0(&config(64))] {
        assert_eq!(others(&model.unwrap()), [""; 0]);
    }
    // The curve between the two dense layers.
    assert_eq!(others(&mobilenet_v3(&config(64)).unwrap()), ["HardSwish"]);
    for upsampling in [Upsampling::Transposed, Upsampling::Nearest, Upsampling::Linear] {
        assert_eq!(others(&unet(&config(32), upsampling).unwrap()), [""; 0]);
    }
    // What gathers the heads: their rows and those of all of them.
    let left = others(&ssd(&VisionConfig { classes: 2, ..config(96) }).unwrap());
    let gathers = |name: &String| ["Reshape", "Concat", "Softmax"].iter().any(|known| name.contains(known));
    assert!(left.iter().all(gathers), "{left:?}");
}
