//! Which operators, and which forms of them, give right answers.
//!
//! tract looks operators up by name alone and reads past attributes that it does not know. What it would
//! answer wrongly is refused here, with the reason.

use tandem_core::LoadError;
use tandem_onnx::{DataType, GraphProto, NodeProto};

use crate::graph::{all_nodes, label, operator};

/// Refuses, by name, every node that the engine does not know or would get wrong.
pub(crate) fn check(graph: &GraphProto, opset: u64) -> Result<(), LoadError> {
    let mut register = tract_onnx::onnx().op_register;
    crate::operators::register(&mut register);
    for node in all_nodes(graph) {
        if !register.0.contains_key(&node.op_type) || !is_of_its_domain(node) {
            return Err(refuse(node, "the engine does not have it".to_owned()));
        }
        if let Some(reason) = wrong_form(node, opset) {
            return Err(refuse(node, reason));
        }
    }
    Ok(())
}

fn refuse(node: &NodeProto, detail: String) -> LoadError {
    LoadError::UnsupportedOperator { operator: operator(node), node: label(node).to_owned(), detail }
}

/// Operators outside ONNX's own domain.
const MACHINE_LEARNING: [&str; 6] = [
    "ArrayFeatureExtractor",
    "CategoryMapper",
    "LinearClassifier",
    "LinearRegressor",
    "Normalizer",
    "TreeEnsembleClassifier",
];
const MICROSOFT: [&str; 10] = [
    "BiasGelu",
    "FastGelu",
    "GatherBlockQuantized",
    "GroupQueryAttention",
    "MatMulNBits",
    "MultiHeadAttention",
    "QuickGelu",
    "RotaryEmbedding",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

fn is_of_its_domain(node: &NodeProto) -> bool {
    let name = node.op_type.as_str();
    match node.domain.as_str() {
        "" | "ai.onnx" => {
            !MACHINE_LEARNING.contains(&name) && (!MICROSOFT.contains(&name) || name == "RotaryEmbedding")
        }
        "ai.onnx.ml" => MACHINE_LEARNING.contains(&name),
        "com.microsoft" => MICROSOFT.contains(&name),
        _ => false,
    }
}

/// Why this form of the operator would be answered wrongly, if it would.
fn wrong_form(node: &NodeProto, opset: u64) -> Option<String> {
    if let Some(axis) = impossible_axis(node) {
        return Some(format!("axis {axis}, and no tensor has more than {MOST_AXES}"));
    }
    if opset < 7
        && let Some(form) = form_before_seven(node)
    {
        return Some(form);
    }
    match node.op_type.as_str() {
        "GRU" => recurrence(node, opset, &["Sigmoid", "Tanh"]),
        "LSTM" => recurrence(node, opset, &["Sigmoid", "Tanh", "Tanh"]),
        "RNN" => recurrence(node, opset, &["Tanh"]),
        "BatchNormalization" if integer(node, "training_mode") == Some(1) => {
            Some("training mode normalises by the batch".to_owned())
        }
        "BatchNormalization" if integer(node, "spatial") == Some(0) => {
            Some("statistics for every element, not for every channel".to_owned())
        }
        "QuantizeLinear" => quantize_linear(node),
        "DequantizeLinear" => integer(node, "output_dtype")
            .filter(|&output| output != 0 && output != i64::from(DataType::Float32.number()))
            .map(|output| format!("an output of element type {output}, which is not that of the scale")),
        "Transpose" => transpose(node),
        "Scan" if opset < 9 => Some("scans of operator set 8 run over a batch".to_owned()),
        _ => None,
    }
}

fn integer(node: &NodeProto, name: &str) -> Option<i64> {
    node.attribute(name).map(|attribute| attribute.i)
}

/// Until operator set 7, broadcasting was asked for by attributes, and training was the default.
fn form_before_seven(node: &NodeProto) -> Option<String> {
    if integer(node, "broadcast").is_some_and(|broadcast| broadcast != 0) {
        return Some("broadcasting as it was before operator set 7".to_owned());
    }
    let trains = matches!(node.op_type.as_str(), "BatchNormalization" | "Dropout")
        && integer(node, "is_test") != Some(1);
    trains.then(|| "training mode, the default before operator set 7".to_owned())
}

fn recurrence(node: &NodeProto, opset: u64, activations: &[&str]) -> Option<String> {
    if let Some(clip) = node.attribute("clip") {
        return Some(format!("cells clipped at {}", clip.f));
    }
    if integer(node, "input_forget").is_some_and(|coupled| coupled != 0) {
        return Some("coupled input and forget gates".to_owned());
    }
    if let Some(given) = node.attribute("activations") {
        let usual = |(index, name): (usize, &bytes::Bytes)| {
            name.eq_ignore_ascii_case(activations[index % activations.len()].as_bytes())
        };
        if !given.strings.iter().enumerate().all(usual) {
            let names: Vec<_> = given.strings.iter().map(|name| String::from_utf8_lossy(name)).collect();
            return Some(format!("activations {}, expected {}", names.join(", "), activations.join(", ")));
        }
    }
    let reverse = node.attribute("direction").is_some_and(|direction| direction.s == b"reverse"[..]);
    (reverse && opset < 10).then(|| "direction reverse before operator set 10".to_owned())
}

/// More axes than any tensor has.
const MOST_AXES: i64 = 64;

/// An axis that no tensor has. tract counts from a negative one up to the axes there are.
fn impossible_axis(node: &NodeProto) -> Option<i64> {
    let named = node.attribute.iter().filter(|attribute| matches!(attribute.name.as_str(), "axis" | "axes"));
    let mut axes =
        named.flat_map(|attribute| std::iter::once(attribute.i).chain(attribute.ints.iter().copied()));
    axes.find(|axis| !(-MOST_AXES..MOST_AXES).contains(axis))
}

/// tract takes the order on trust, and never ends where an axis comes twice.
fn transpose(node: &NodeProto) -> Option<String> {
    let order = &node.attribute("perm")?.ints;
    let mut axes: Vec<_> = order.clone();
    axes.sort_unstable();
    let permutes = axes.iter().zip(0..).all(|(&axis, expected)| axis == expected);
    (!permutes).then(|| format!("perm is {order:?}, which is not an order of axes"))
}

/// Without a zero point, the type of the result is u8, whatever `output_dtype` says.
fn quantize_linear(node: &NodeProto) -> Option<String> {
    let has_zero_point = node.input.get(2).is_some_and(|name| !name.is_empty());
    integer(node, "output_dtype")
        .filter(|&output| !has_zero_point && output != 0 && output != i64::from(DataType::Uint8.number()))
        .map(|output| format!("an output of element type {output} without a zero point of that type"))
}

#[cfg(test)]
mod tests;
