//! `GRU`, `LSTM` and `RNN` of direction `reverse`, which tract runs forward: the sequence is turned around before
//! and after.

use bytes::Bytes;
use tandem_onnx::NodeProto;

use super::Patch;

pub(super) fn turn_around(mut node: NodeProto, patch: &mut Patch<'_>) {
    let reverse = |name: &str, value: &[u8]| name == "direction" && value == b"reverse";
    let direction = node.attribute.iter_mut().find(|attribute| reverse(&attribute.name, &attribute.s));
    let (Some(direction), false) = (direction, node.input.is_empty()) else {
        patch.nodes.push(node);
        return;
    };
    direction.s = Bytes::from_static(b"forward");
    let batch_first = node.attribute("layout").is_some_and(|layout| layout.i == 1);
    let axis = i64::from(batch_first);
    let sequence = patch.name("turned");
    turn(patch, node.input[0].clone(), sequence.clone(), axis);
    node.input[0] = sequence;
    let results = node.output.first().cloned().filter(|name| !name.is_empty());
    let Some(results) = results else {
        patch.nodes.push(node);
        return;
    };
    let turned = patch.name("results");
    node.output[0].clone_from(&turned);
    patch.nodes.push(node);
    turn(patch, turned, results, axis);
}

/// Turns a value around along one axis.
fn turn(patch: &mut Patch<'_>, from: String, to: String, axis: i64) {
    let starts = patch.integers("starts", &[-1]);
    let ends = patch.integers("ends", &[i64::MIN]);
    let along = patch.integers("axes", &[axis]);
    let steps = patch.integers("steps", &[-1]);
    patch.node("Slice", vec![from, starts, ends, along, steps], to);
}
