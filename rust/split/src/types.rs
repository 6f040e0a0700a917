//! Element types of the values inside a graph.
//!
//! Files seldom state them. They follow from the operators: most give the type of their first input. What is
//! guessed wrongly is noticed when the value is asked of the engine.

use std::collections::HashMap;

use tandem_core::DType;
use tandem_onnx::{DataType, GraphProto, NodeProto, TypeValue, ValueInfoProto};

use crate::dtype::core_dtype;
use crate::graph::{Graph, bodies};

/// Domains whose operators follow the rules below.
const KNOWN_DOMAINS: [&str; 3] = ["", "ai.onnx", "com.microsoft"];

/// The element type of every value, in their order; `None` where it is not known or the value is no tensor.
pub(crate) fn infer(graph: &Graph<'_>) -> Vec<Option<DType>> {
    let mut types = vec![None; graph.values.len()];
    let proto = graph.proto;
    let mut set = |name: &str, dtype: Option<DType>| {
        if let (Some(value), Some(dtype)) = (graph.value(name), dtype) {
            types[value] = Some(dtype);
        }
    };
    for tensor in &proto.initializer {
        set(&tensor.name, tensor.element_type().ok().and_then(core_dtype));
    }
    for tensor in proto.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref()) {
        set(&tensor.name, tensor.element_type().ok().and_then(core_dtype));
    }
    for declared in proto.value_info.iter().chain(&proto.input).chain(&proto.output) {
        set(&declared.name, declared_type(declared));
    }
    for node in &graph.nodes {
        let inputs = node.proto.input.iter().map(|name| graph.value(name).and_then(|value| types[value]));
        let inputs: Vec<_> = inputs.collect();
        for (place, name) in node.proto.output.iter().enumerate() {
            if let Some(value) = graph.value(name)
                && types[value].is_none()
            {
                types[value] = result_type(node.proto, &inputs, place);
            }
        }
    }
    types
}

fn declared_type(declared: &ValueInfoProto) -> Option<DType> {
    match declared.r#type.as_ref()?.value.as_ref()? {
        TypeValue::Tensor(tensor) => core_dtype(DataType::try_from(tensor.elem_type).ok()?),
        _ => None,
    }
}

/// The type of the result at `place`, from those of the inputs.
fn result_type(node: &NodeProto, inputs: &[Option<DType>], place: usize) -> Option<DType> {
    let input = |place: usize| inputs.get(place).copied().flatten();
    if !KNOWN_DOMAINS.contains(&node.domain.as_str()) {
        return None;
    }
    match (node.op_type.as_str(), place) {
        (
            "And" | "Equal" | "Greater" | "GreaterOrEqual" | "IsInf" | "IsNaN" | "Less" | "LessOrEqual"
            | "Not" | "Or" | "RegexFullMatch" | "Xor",
            _,
        )
        | ("Dropout", 1) => Some(DType::Bool),
        ("ArgMax" | "ArgMin" | "NonMaxSuppression" | "NonZero" | "Shape" | "Size", _)
        | ("MaxPool" | "TopK" | "Unique", 1..) => Some(DType::I64),
        ("ConvInteger" | "MatMulInteger", _) => Some(DType::I32),
        ("Cast", _) => attribute_type(node, "to"),
        ("CastLike" | "DequantizeLinear" | "Where", _) => input(1),
        ("OneHot", _) => input(2),
        ("QuantizeLinear", _) => {
            input(2).or_else(|| attribute_type(node, "output_dtype")).or(Some(DType::U8))
        }
        ("DynamicQuantizeLinear", 1) => Some(DType::F32),
        ("DynamicQuantizeLinear" | "ImageDecoder", _) => Some(DType::U8),
        ("QLinearConv" | "QLinearMatMul", _) => input(7),
        ("ConstantOfShape", _) => match node.attribute("value").and_then(|value| value.t.as_deref()) {
            Some(tensor) => tensor.element_type().ok().and_then(core_dtype),
            None => Some(DType::F32),
        },
        ("Constant", _) => constant_type(node),
        ("Bernoulli" | "EyeLike" | "RandomNormalLike" | "RandomUniformLike", _) => {
            attribute_type(node, "dtype").or(input(0))
        }
        ("RandomNormal" | "RandomUniform", _) => attribute_type(node, "dtype").or(Some(DType::F32)),
        ("Multinomial", _) => attribute_type(node, "dtype").or(Some(DType::I32)),
        ("BlackmanWindow" | "HammingWindow" | "HannWindow" | "MelWeightMatrix", _) => {
            attribute_type(node, "output_datatype").or(Some(DType::F32))
        }
        // The first output of a loop's body says whether it goes on.
        ("Loop", _) => body_type(node, place + 1),
        ("If" | "Scan", _) => body_type(node, place),
        (name, _) if name.starts_with("Sequence") || name.starts_with("Optional") => None,
        ("SplitToSequence" | "ConcatFromSequence" | "StringSplit", _) => None,
        _ => input(0),
    }
}

fn attribute_type(node: &NodeProto, name: &str) -> Option<DType> {
    let number = i32::try_from(node.attribute(name)?.i).ok()?;
    core_dtype(DataType::try_from(number).ok()?)
}

fn body_type(node: &NodeProto, place: usize) -> Option<DType> {
    bodies(node).find_map(|body: &GraphProto| declared_type(body.output.get(place)?))
}

fn constant_type(node: &NodeProto) -> Option<DType> {
    let by_name: HashMap<&str, DType> = [
        ("value_float", DType::F32),
        ("value_floats", DType::F32),
        ("value_int", DType::I64),
        ("value_ints", DType::I64),
        ("value_string", DType::String),
        ("value_strings", DType::String),
    ]
    .into();
    node.attribute.iter().find_map(|attribute| match attribute.t.as_deref() {
        Some(tensor) => tensor.element_type().ok().and_then(core_dtype),
        None => by_name.get(attribute.name.as_str()).copied(),
    })
}
