//! Attention, layer normalisation and softmax, as exporters write them.

use proptest::prelude::*;
use tandem_onnx::{DataType, Dim, GraphBuilder, ModelProto, dims};
use tandem_testkit::models::random_inputs;

use crate::compare::{cases, difference, model, operators};

fn long(size: usize) -> i64 {
    i64::try_from(size).unwrap()
}

/// Sizes of an attention: sequences, heads, queries, keys, elements of a head.
type Sizes = [usize; 5];

#[derive(Clone, Copy, Debug)]
struct Form {
    /// 0: none, 1: factor, 2: divisor.
    scale: u8,
    /// 0: none, 1: for each key, 2: for each query and key, 3: as an input of the other side, in full.
    mask: u8,
    /// Whether heads are cut from rows, which is how most networks have them.
    cut: bool,
    joined: bool,
}

/// `name` of `[batch, rows, heads × size]`, cut into heads in the given order of axes; or as it is.
fn heads(graph: &mut GraphBuilder, name: &str, rows: usize, sizes: Sizes, turned: bool, cut: bool) -> String {
    let [batch, heads, _, _, size] = sizes;
    let order = if turned { [0_i64, 2, 3, 1] } else { [0_i64, 2, 1, 3] };
    if !cut {
        let last = if turned { [size, rows] } else { [rows, size] };
        graph.input(name, DataType::Float32, dims![batch, heads, last[0], last[1]]);
        return name.to_owned();
    }
    let (apart, out, shape) = (format!("{name}.apart"), format!("{name}.heads"), format!("{name}.shape"));
    graph.input(name, DataType::Float32, dims![batch, rows, heads * size]);
    graph.initializer(&shape, &[4], &[long(batch), long(rows), long(heads), long(size)]);
    graph.node("Reshape", [name, &shape], [&apart]);
    graph.node("Transpose", [&apart], [&out]).attr("perm", order);
    out
}

fn attention(sizes: Sizes, form: Form) -> ModelProto {
    let [batch, count, queries, keys, size] = sizes;
    model(|graph| {
        let query = heads(graph, "q", queries, sizes, false, form.cut);
        let key = heads(graph, "k", keys, sizes, true, form.cut);
        let value = heads(graph, "v", keys, sizes, false, form.cut);
        let mut last = "scores";
        graph.node("MatMul", [&query, &key], [last]);
        if form.scale > 0 {
            graph.initializer("scale", &[], &[0.7_f32]);
            graph.node(if form.scale == 1 { "Mul" } else { "Div" }, [last, "scale"], ["scaled"]);
            last = "scaled";
        }
        let mask = match form.mask {
            0 => None,
            1 => Some(dims![batch, 1, 1, keys]),
            2 => Some(dims![1, 1, queries, keys]),
            _ => Some(dims![batch, count, queries, keys]),
        };
        if let Some(mask) = mask {
            graph.input("mask", DataType::Float32, mask);
            graph.node("Add", if form.mask == 3 { ["mask", last] } else { [last, "mask"] }, ["masked"]);
            last = "masked";
        }
        graph.node("Softmax", [last], ["weights"]).attr("axis", -1_i64);
        let open = [Dim::Unknown, Dim::Unknown, Dim::Unknown];
        if form.joined {
            graph.node("MatMul", ["weights", &value], ["context"]);
            graph.node("Transpose", ["context"], ["turned"]).attr("perm", [0_i64, 2, 1, 3]);
            graph.initializer("rows", &[3], &[long(batch), long(queries), long(count * size)]);
            graph.node("Reshape", ["turned", "rows"], ["y"]);
            graph.output("y", DataType::Float32, open);
        } else {
            graph.node("MatMul", ["weights", &value], ["y"]);
            graph.output("y", DataType::Float32, open.into_iter().chain([Dim::Unknown]));
        }
    })
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn attentions_are_one_operator(
        sizes in [1_usize..3, 1_usize..4, 2_usize..20, 2_usize..20, 2_usize..40],
        (scale, mask, cut, joined) in (0_u8..3, 0_u8..4, any::<bool>(), any::<bool>()),
        seed in 0_u64..100,
    ) {
        let model = attention(sizes, Form { scale, mask, cut, joined });
        let inputs = random_inputs(&model, &[], seed).unwrap();
        prop_assert_eq!(difference(&model, &inputs), None);
        // Keys that come turned have no elements side by side.
        let ours = operators(&model, &inputs);
        prop_assert_eq!(ours.get("Attention"), cut.then_some(&1), "{:?}", ours);
    }

    #[test]
    fn normalisations_are_one_operator(
        shape in [1_usize..4, 1_usize..6, 2_usize..70],
        (written_out, root, bias) in (any::<bool>(), any::<bool>(), any::<bool>()),
        seed in 0_u64..100,
    ) {
        let columns = shape[2];
        let numbers: Vec<f32> = (0_u8..70).take(columns).map(|i| 1.0 + f32::from(i % 7) / 10.0).collect();
        let model = model(|graph| {
            graph.input("x", DataType::Float32, dims![shape[0], shape[1], columns]);
            graph.initializer("scale", &[columns], &numbers).initializer("bias", &[columns], &numbers);
            if written_out {
                graph.initializer("two", &[], &[2.0_f32]).initializer("epsilon", &[], &[1e-5_f32]);
                graph.node("ReduceMean", ["x"], ["mean"]).attr("axes", [-1_i64]);
                graph.node("Sub", ["x", "mean"], ["distance"]);
                if root {
                    graph.node("Pow", ["distance", "two"], ["squares"]);
                } else {
                    graph.node("Mul", ["distance", "distance"], ["squares"]);
                }
                graph.node("ReduceMean", ["squares"], ["variance"]).attr("axes", [-1_i64]);
                graph.node("Add", ["variance", "epsilon"], ["sum"]);
                graph.node("Sqrt", ["sum"], ["root"]);
                graph.node("Div", ["distance", "root"], ["normal"]);
                graph.node("Mul", ["normal", "scale"], [if bias { "scaled" } else { "y" }]);
                if bias {
                    graph.node("Add", ["scaled", "bias"], ["y"]);
                }
            } else {
                let inputs = if bias { vec!["x", "scale", "bias"] } else { vec!["x", "scale"] };
                graph.node("LayerNormalization", inputs, ["y"]).attr("axis", -1_i64);
            }
            graph.output("y", DataType::Float32, dims![shape[0], shape[1], columns]);
        });
        let inputs = random_inputs(&model, &[], seed).unwrap();
        prop_assert_eq!(difference(&model, &inputs), None);
        let ours = operators(&model, &inputs);
        prop_assert_eq!(ours.get("LayerNormalization"), Some(&1), "{:?}", ours);
    }

    #[test]
    fn softmax_over_the_last_axis_is_ours(
        shape in [1_usize..4, 1_usize..6, 1_usize..40], axis in 0_i64..3, seed in 0_u64..100,
    ) {
        let model = model(|graph| {
            graph.input("x", DataType::Float32, dims![shape[0], shape[1], shape[2]]);
            graph.node("Softmax", ["x"], ["y"]).attr("axis", axis);
            graph.output("y", DataType::Float32, dims![shape[0], shape[1], shape[2]]);
        });
        let inputs = random_inputs(&model, &[], seed).unwrap();
        prop_assert_eq!(difference(&model, &inputs), None);
        let ours = operators(&model, &inputs);
        prop_assert_eq!(ours.get("Softmax"), (axis == 2).then_some(&1));
    }
}

#[test]
fn weights_that_are_wanted_themselves_are_kept() {
    let model = model(|graph| {
        graph.input("q", DataType::Float32, dims![1, 4, 8]).input("k", DataType::Float32, dims![1, 8, 5]);
        graph.input("v", DataType::Float32, dims![1, 5, 3]);
        graph.node("MatMul", ["q", "k"], ["scores"]);
        graph.node("Softmax", ["scores"], ["weights"]).attr("axis", -1_i64);
        graph.node("MatMul", ["weights", "v"], ["y"]);
        graph.output("y", DataType::Float32, dims![1, 4, 3]);
        graph.output("weights", DataType::Float32, dims![1, 4, 5]);
    });
    let inputs = random_inputs(&model, &[], 1).unwrap();
    assert_eq!(operators(&model, &inputs).get("Attention"), None);
    assert_eq!(difference(&model, &inputs), None);
}
