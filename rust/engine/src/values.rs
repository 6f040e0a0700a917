//! Which inputs of a graph decide shapes by their values.
//!
//! tract wants axes, sizes, repeats and the like as constants. An input that feeds such an operand, directly or
//! through arithmetic, becomes a constant of the plan, and its value a part of the plan's key.

use std::collections::{BTreeSet, HashMap};

use tandem_core::ModelInfo;
use tandem_onnx::{GraphProto, NodeProto};

use crate::graph::bodies;

/// The most elements that an input may have whose value decides shapes.
pub(crate) const LARGEST_VALUE: usize = 4096;

/// Whether the value of each input of `info` is part of a plan's key.
pub(crate) fn shape_like(graph: &GraphProto, info: &ModelInfo) -> Vec<bool> {
    let needed = needed_values(graph);
    info.inputs.iter().map(|input| needed.contains(input.name.as_str())).collect()
}

/// The names outside of what `graph` computes whose values must be known.
fn needed_values(graph: &GraphProto) -> BTreeSet<&str> {
    let producers: HashMap<&str, &NodeProto> = graph
        .node
        .iter()
        .flat_map(|node| node.output.iter().map(move |name| (name.as_str(), node)))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    let mut open: Vec<&str> = graph.node.iter().flat_map(constant_operands).collect();
    open.extend(graph.node.iter().flat_map(bodies).flat_map(|body| needed_values(body)));
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if name.is_empty() || !seen.insert(name) {
            continue;
        }
        if let Some(node) = producers.get(name)
            && !matches!(node.op_type.as_str(), "Shape" | "Size")
        {
            open.extend(node.input.iter().map(String::as_str));
        }
    }
    seen.retain(|name| !producers.contains_key(name));
    seen
}

/// The operands of a node that tract wants as constants.
fn constant_operands(node: &NodeProto) -> impl Iterator<Item = &str> {
    let indices: &[usize] = match node.op_type.as_str() {
        "Reshape" | "Expand" | "Tile" | "Squeeze" | "Unsqueeze" | "Split" | "TopK" | "CumSum" | "Trilu"
        | "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean"
        | "ReduceMin" | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" | "CenterCropPad" | "AffineGrid" => {
            &[1]
        }
        "Slice" => &[1, 2, 3, 4],
        "ConstantOfShape" | "If" | "BlackmanWindow" | "HammingWindow" | "HannWindow" => &[0],
        "Range" => &[0, 1, 2],
        "Pad" | "Resize" => &[1, 2, 3],
        "Dropout" | "DFT" | "Col2Im" | "OneHot" => &[1, 2],
        "STFT" => &[1, 3],
        "NonMaxSuppression" => &[2, 3, 4],
        "MelWeightMatrix" => &[0, 1, 2, 3, 4],
        _ => &[],
    };
    indices.iter().filter_map(|&index| node.input.get(index)).map(String::as_str)
}
