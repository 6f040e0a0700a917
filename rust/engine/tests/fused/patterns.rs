//! What is taken along and what is not, one case each.

use std::collections::BTreeMap;

use tandem_core::{NamedTensors, Tensor};
use tandem_onnx::{DataType, GraphBuilder, ModelProto, dims};
use tandem_testkit::models::random_inputs;

use crate::compare::{difference, load, model, operators};

/// An image of 16 channels, a convolution of it into `c`, and what `rest` makes of that.
fn after_conv(rest: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    model(|graph| {
        let weights: Vec<f32> = (0_u8..144).map(|i| f32::from(i % 11) * 0.1 - 0.5).collect();
        graph.input("x", DataType::Float32, dims![1, 16, 9, 7]);
        graph.initializer("w", &[16, 1, 3, 3], &weights);
        graph
            .node("Conv", ["x", "w"], ["c"])
            .attr("kernel_shape", [3_i64, 3])
            .attr("pads", [1_i64; 4])
            .attr("group", 16_i64);
        rest(graph);
    })
}

fn check(model: &ModelProto, expected: &[(&str, usize)]) {
    let inputs = random_inputs(model, &[], 1).unwrap();
    let expected: BTreeMap<String, usize> =
        expected.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
    assert_eq!(operators(model, &inputs), expected);
    assert_eq!(difference(model, &inputs), None);
}

/// The operators around one depthwise convolution that took everything along.
const ALL: &[(&str, usize)] = &[("DepthwiseConv", 1), ("ToBlocked", 1), ("ToPlanar", 1)];

fn output(graph: &mut GraphBuilder) {
    graph.output("y", DataType::Float32, dims![1, 16, 9, 7]);
}

#[test]
fn activations_go_along() {
    for operator in ["Relu", "Sigmoid", "HardSwish"] {
        check(
            &after_conv(|graph| {
                graph.node(operator, ["c"], ["y"]);
                output(graph);
            }),
            ALL,
        );
    }
    for (low, high) in [("0", "6"), ("-0.25", "0.5"), ("", "1"), ("-1", ""), ("1", "0")] {
        let clip = after_conv(|graph| {
            let mut inputs = vec!["c"];
            for limit in [low, high] {
                if !limit.is_empty() {
                    graph.initializer(limit, &[], &[limit.parse::<f32>().unwrap()]);
                }
                inputs.push(limit);
            }
            graph.node("Clip", inputs, ["y"]);
            output(graph);
        });
        // Limits that cross are tract's.
        let inputs = random_inputs(&clip, &[], 1).unwrap();
        assert_eq!(difference(&clip, &inputs), None, "{low} to {high}");
        assert_eq!(operators(&clip, &inputs).get("DepthwiseConv"), Some(&1), "{low} to {high}");
    }
}

#[test]
fn silu_in_two_nodes_goes_along() {
    check(
        &after_conv(|graph| {
            graph.node("Sigmoid", ["c"], ["s"]);
            graph.node("Mul", ["s", "c"], ["y"]);
            output(graph);
        }),
        ALL,
    );
}

#[test]
fn a_sigmoid_that_gates_something_else_does_not() {
    let gated = after_conv(|graph| {
        graph.node("Sigmoid", ["c"], ["s"]);
        graph.node("Mul", ["s", "x"], ["y"]);
        output(graph);
    });
    check(&gated, &[ALL, &[("Mul", 1)]].concat());
    let two = after_conv(|graph| {
        graph.node("Sigmoid", ["c"], ["s"]);
        graph.node("Mul", ["s", "c"], ["m"]);
        graph.node("Add", ["m", "s"], ["y"]);
        output(graph);
    });
    check(&two, &[ALL, &[("Activation", 1), ("Mul", 1), ("Add", 1)]].concat());
}

#[test]
fn a_result_that_is_wanted_itself_is_kept() {
    let kept = after_conv(|graph| {
        graph.node("Relu", ["c"], ["y"]);
        output(graph);
        graph.output("c", DataType::Float32, dims![1, 16, 9, 7]);
    });
    check(&kept, &[("Activation", 1), ("DepthwiseConv", 1), ("ToBlocked", 1), ("ToPlanar", 2)]);
}

#[test]
fn factors_and_terms_of_each_channel_are_folded_in() {
    let values: Vec<f32> = (0_u8..16).map(|i| f32::from(i) * 0.2 - 1.0).collect();
    check(
        &after_conv(|graph| {
            graph.initializer("a", &[16, 1, 1], &values).initializer("b", &[1, 16, 1, 1], &values);
            graph.initializer("two", &[], &[2.0_f32]);
            graph.node("Mul", ["a", "c"], ["m"]);
            graph.node("Add", ["m", "b"], ["n"]);
            graph.node("Mul", ["n", "two"], ["o"]);
            graph.node("Relu", ["o"], ["y"]);
            output(graph);
        }),
        ALL,
    );
}

#[test]
fn factors_of_rows_or_of_a_larger_shape_are_not() {
    let rows: Vec<f32> = (0_u8..7).map(|i| f32::from(i) * 0.2 - 1.0).collect();
    check(
        &after_conv(|graph| {
            graph.initializer("a", &[7], &rows);
            graph.node("Mul", ["a", "c"], ["y"]);
            output(graph);
        }),
        ALL,
    );
    check(
        &after_conv(|graph| {
            graph.initializer("a", &[2, 1, 1, 1], &[1.0_f32, 2.0]);
            graph.node("Mul", ["a", "c"], ["y"]);
            graph.output("y", DataType::Float32, dims![2, 16, 9, 7]);
        }),
        ALL,
    );
}

/// Two convolutions of one image, added.
fn sum(activate_first: bool, activate_sum: bool) -> ModelProto {
    let weights: Vec<f32> = (0_u16..256).map(|i| f32::from(i % 13) * 0.1 - 0.6).collect();
    after_conv(|graph| {
        graph.initializer("w2", &[16, 16, 1, 1], &weights);
        graph.node("Conv", ["x", "w2"], ["d"]).attr("kernel_shape", [1_i64, 1]);
        let mut left = "d";
        if activate_first {
            graph.node("Relu", ["d"], ["r"]);
            left = "r";
        }
        graph.node("Add", [left, "c"], [if activate_sum { "s" } else { "y" }]);
        if activate_sum {
            graph.node("Relu", ["s"], ["y"]);
        }
        output(graph);
    })
}

#[test]
fn a_sum_of_two_convolutions_is_one_of_them() {
    let all: &[(&str, usize)] = &[("Conv", 1), ("DepthwiseConv", 1), ("ToBlocked", 1), ("ToPlanar", 1)];
    for activate_sum in [false, true] {
        check(&sum(false, activate_sum), all);
        let model = sum(true, activate_sum);
        assert_eq!(difference(&model, &random_inputs(&model, &[], 1).unwrap()), None);
    }
}

#[test]
fn a_result_added_to_itself_is_not_its_own_residual() {
    let twice = after_conv(|graph| {
        graph.node("Add", ["c", "c"], ["y"]);
        output(graph);
    });
    check(&twice, &[ALL, &[("Add", 1)]].concat());
}

#[test]
fn many_groups_of_odd_channels_and_odd_images_stay_with_tract() {
    let weights = vec![0.25_f32; 27 * 3];
    let grouped = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 27, 5, 5]).output(
            "y",
            DataType::Float32,
            dims![1, 27, 5, 5],
        );
        graph.initializer("w", &[27, 3, 1, 1], &weights);
        graph.node("Conv", ["x", "w"], ["y"]).attr("group", 9_i64);
    });
    check(&grouped, &[]);
    let line = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 16, 5]).output("y", DataType::Float32, dims![1, 4, 5]);
        graph.initializer("w", &[4, 16, 1], &weights[..64]);
        graph.node("Conv", ["x", "w"], ["y"]);
    });
    check(&line, &[]);
    let given = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 16, 5, 5]).input(
            "w",
            DataType::Float32,
            dims![16, 16, 1, 1],
        );
        graph.output("y", DataType::Float32, dims![1, 16, 5, 5]);
        graph.node("Conv", ["x", "w"], ["y"]);
    });
    check(&given, &[]);
    // An infinite weight meets the padding: nought times infinity is NaN in tract.
    let infinite = model(|graph| {
        graph.input("x", DataType::Float32, dims![1, 3, 5, 5]).output(
            "y",
            DataType::Float32,
            dims![1, 16, 5, 5],
        );
        graph.initializer("w", &[16, 3, 3, 3], &[f32::INFINITY; 16 * 27]);
        graph.node("Conv", ["x", "w"], ["y"]).attr("pads", [1_i64; 4]);
    });
    check(&infinite, &[]);
}

#[test]
fn results_stay_what_they_were_while_a_caller_holds_them() {
    let proto = after_conv(|graph| {
        graph.node("Relu", ["c"], ["y"]);
        output(graph);
    });
    let model = load(&proto, true);
    let control = tandem_core::Control::default();
    let image = |value: f32| {
        let tensor = Tensor::from_vec([1, 16, 9, 7], vec![value; 16 * 63]).unwrap();
        NamedTensors::new([("x", tensor)]).unwrap()
    };
    let first = model.run(&image(1.0), &[], &control).unwrap();
    let copy = first.get("y").unwrap().to_vec::<f32>().unwrap();
    let second = model.run(&image(-2.0), &[], &control).unwrap();
    assert_eq!(first.get("y").unwrap().to_vec::<f32>().unwrap(), copy);
    assert_ne!(second.get("y").unwrap().to_vec::<f32>().unwrap(), copy);
}

#[test]
fn threads_that_share_a_model_do_not_share_results() {
    let proto = sum(false, true);
    let model = load(&proto, true);
    let inputs: Vec<NamedTensors> = (1..5).map(|seed| random_inputs(&proto, &[], seed).unwrap()).collect();
    let run = |inputs: &NamedTensors| {
        let outputs = model.run(inputs, &[], &tandem_core::Control::default()).unwrap();
        outputs.get("y").unwrap().to_vec::<f32>().unwrap()
    };
    let expected: Vec<Vec<f32>> = inputs.iter().map(run).collect();
    std::thread::scope(|scope| {
        for (inputs, expected) in inputs.iter().zip(&expected) {
            scope.spawn(move || (0..50).for_each(|_| assert_eq!(run(inputs), *expected)));
        }
    });
}

#[test]
fn a_feed_forward_layer_is_one_operator() {
    let weights = |count: u16| (0..count).map(|i| f32::from(i % 17) * 0.02 - 0.15).collect::<Vec<f32>>();
    let layer = model(|graph| {
        graph.input("x", DataType::Float32, dims![2, 5, 16]).output("y", DataType::Float32, dims![2, 5, 16]);
        graph.initializer("w1", &[16, 40], &weights(640)).initializer("b1", &[40], &weights(40));
        graph.initializer("w2", &[40, 16], &weights(640)).initializer("b2", &[16], &weights(16));
        graph.initializer("sqrt2", &[], &[std::f32::consts::SQRT_2]);
        graph.initializer("one", &[], &[1.0_f32]).initializer("half", &[], &[0.5_f32]);
        graph.node("MatMul", ["x", "w1"], ["p"]);
        graph.node("Add", ["b1", "p"], ["h"]);
        graph.node("Div", ["h", "sqrt2"], ["s"]);
        graph.node("Erf", ["s"], ["e"]);
        graph.node("Add", ["e", "one"], ["g"]);
        graph.node("Mul", ["h", "g"], ["m"]);
        graph.node("Mul", ["m", "half"], ["a"]);
        graph.node("MatMul", ["a", "w2"], ["q"]);
        graph.node("Add", ["q", "b2"], ["r"]);
        graph.node("Add", ["r", "x"], ["y"]);
    });
    let inputs = random_inputs(&layer, &[], 1).unwrap();
    let profile = load(&layer, true).profile(&inputs, &tandem_core::Control::default()).unwrap();
    let operators: Vec<&str> = profile.nodes.iter().map(|node| node.operator.as_str()).collect();
    assert_eq!(operators, ["Source", "Tandem.FeedForward"]);
    assert_eq!(difference(&layer, &inputs), None);
}
