//! Head and tail of a cut as models of their own.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use tandem_core::{DType, Dimension, TensorInfo};
use tandem_onnx::{DataType, Dim, GraphProto, ModelProto, TypeValue, ValueInfoProto};

use crate::boundary::Boundary;
use crate::graph::{Graph, Origin};
use crate::{SplitError, external};

/// From this version of the file format on, an initializer needs no input of its name.
const FREE_INITIALIZERS: i64 = 4;

/// The two sides of a cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Halves {
    /// What runs on the device: the model's inputs to the crossing tensors that are no inputs, and the head's
    /// outputs. `None` where there is nothing to compute, because only inputs cross.
    pub head: Option<ModelProto>,
    /// What runs behind it: crossing tensors to the other outputs.
    pub tail: ModelProto,
}

/// Takes `model` apart at `boundary`.
///
/// Both halves are plain ONNX models with the names, operator sets and notes of the whole, and only the constants
/// that each needs. A node that both sides need and that depends on no crossing tensor stands on both. Refused by
/// name: a cut that does not separate, that leaves the tail nothing to compute, that states other dependencies
/// than the graph has, and constants in other files.
///
/// ```
/// use tandem_core::{DType, Dimension};
/// use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
/// use tandem_split::{Boundary, CrossingTensor, extract};
///
/// let mut graph = GraphBuilder::new("two");
/// graph.input("x", DataType::Float32, dims!["n"]).output("y", DataType::Float32, dims!["n"]);
/// graph.node("Exp", ["x"], ["h"]);
/// graph.node("Neg", ["h"], ["y"]);
/// let model = ModelBuilder::new(graph).build()?;
///
/// let crossing = CrossingTensor {
///     name: "h".into(),
///     dtype: DType::F32,
///     shape: vec![Dimension::Symbol("n".into())],
///     depends_on: vec!["x".into()],
/// };
/// let halves = extract(&model, &Boundary { crossing: vec![crossing], head_outputs: vec![] })?;
/// assert_eq!(halves.tail.graph.unwrap().input[0].name, "h");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn extract(model: &ModelProto, boundary: &Boundary) -> Result<Halves, SplitError> {
    extract_from(&Graph::new(model)?, boundary)
}

/// [`extract`] for a model whose graph is known already.
pub fn extract_from(graph: &Graph<'_>, boundary: &Boundary) -> Result<Halves, SplitError> {
    external::refuse(graph.proto)?;
    boundary.check_names()?;
    let crossing = crossing_values(graph, boundary)?;
    let in_head = head_outputs(graph, boundary)?;
    let tail_outputs: Vec<usize> =
        graph.outputs.iter().copied().filter(|output| !in_head.contains(output)).collect();
    if tail_outputs.is_empty() {
        return Err(SplitError::NothingLeft { side: "tail" });
    }
    let is_input = |value: &usize| graph.values[*value].origin == Origin::Input;

    let tail_nodes = needed(graph, &tail_outputs, &crossing.iter().copied().collect());
    check_separates(graph, &tail_nodes, &tail_outputs, &crossing)?;
    let tail_inputs: Vec<_> = boundary.crossing.iter().map(|tensor| value_info(&tensor.info())).collect();
    let tail = side(graph, "tail", &tail_nodes, &tail_inputs, &outputs(graph, &tail_outputs));

    let mut results: Vec<usize> = crossing.iter().copied().filter(|value| !is_input(value)).collect();
    results.extend(in_head.iter().filter(|output| !is_input(output) && !crossing.contains(output)));
    if results.is_empty() {
        return Ok(Halves { head: None, tail });
    }
    let head_nodes = needed(graph, &results, &HashSet::new());
    let mut used = vec![false; graph.values.len()];
    for &node in &head_nodes {
        graph.nodes[node].inputs.iter().for_each(|&input| used[input] = true);
    }
    let declared = |name: &str| graph.proto.input.iter().find(|input| input.name == name).cloned();
    let head_inputs = graph.inputs.iter().filter(|&&input| used[input]);
    let head_inputs: Vec<_> = head_inputs.filter_map(|&input| declared(graph.values[input].name)).collect();
    let head_outputs = results.iter().filter_map(|&value| {
        let name = graph.values[value].name;
        let known = boundary.crossing.iter().find(|tensor| tensor.name == name);
        let declared = graph.proto.output.iter().find(|output| output.name == name);
        declared.cloned().or_else(|| known.map(|tensor| value_info(&tensor.info())))
    });
    let head_outputs: Vec<_> = head_outputs.collect();
    let head = side(graph, "head", &head_nodes, &head_inputs, &head_outputs);
    Ok(Halves { head: Some(head), tail })
}

/// The crossing tensors as values, once what the boundary says of them is known to be so.
fn crossing_values(graph: &Graph<'_>, boundary: &Boundary) -> Result<Vec<usize>, SplitError> {
    let value = |tensor: &crate::CrossingTensor| {
        let name = &tensor.name;
        let value = graph.value(name).ok_or_else(|| SplitError::UnknownTensor(name.clone()))?;
        if graph.values[value].constant {
            return Err(SplitError::Constant(name.clone()));
        }
        if let Some(got) = declared_dtype(graph, name)
            && got != tensor.dtype
        {
            return Err(SplitError::WrongType { tensor: name.clone(), got, stated: tensor.dtype });
        }
        let got: Vec<String> = graph.depends_on(value).into_iter().map(str::to_owned).collect();
        if got != tensor.depends_on {
            let stated = tensor.depends_on.clone();
            return Err(SplitError::WrongDependencies { tensor: name.clone(), got, stated });
        }
        Ok(value)
    };
    boundary.crossing.iter().map(value).collect()
}

/// The outputs that the head answers; those that are inputs of the model are given back by the device anyway.
fn head_outputs(graph: &Graph<'_>, boundary: &Boundary) -> Result<HashSet<usize>, SplitError> {
    let output = |name: &String| {
        let value = graph.value(name).filter(|&value| graph.values[value].output);
        value.ok_or_else(|| SplitError::UnknownOutput(name.clone()))
    };
    boundary.head_outputs.iter().map(output).collect()
}

/// The values that the head of `boundary` computes, by their places; `None` where the graph has no such value.
pub(crate) fn computed(graph: &Graph<'_>, boundary: &Boundary) -> Option<Vec<usize>> {
    let names = boundary.crossing_names().chain(boundary.head_outputs.iter().map(String::as_str));
    names.map(|name| graph.value(name)).collect()
}

/// The nodes that `results` need, in order; nothing in front of `given` is needed.
pub(crate) fn needed(graph: &Graph<'_>, results: &[usize], given: &HashSet<usize>) -> Vec<usize> {
    let mut seen = vec![false; graph.nodes.len()];
    let mut open: Vec<usize> = results.to_vec();
    while let Some(value) = open.pop() {
        if !given.contains(&value)
            && let Origin::Node(node) = graph.values[value].origin
            && !std::mem::replace(&mut seen[node], true)
        {
            open.extend(&graph.nodes[node].inputs);
        }
    }
    (0..seen.len()).filter(|&node| seen[node]).collect()
}

/// Fails where the tail would take an input of the model that does not cross, or take nothing that crosses.
fn check_separates(
    graph: &Graph<'_>,
    nodes: &[usize],
    outputs: &[usize],
    crossing: &[usize],
) -> Result<(), SplitError> {
    let outside = |value: usize| graph.values[value].origin == Origin::Input && !crossing.contains(&value);
    let refuse = |input: usize, output: &str| {
        let input = graph.values[input].name.to_owned();
        Err(SplitError::NotSeparating { input, output: output.to_owned() })
    };
    for &node in nodes {
        let node = &graph.nodes[node];
        if let Some(&input) = node.inputs.iter().find(|&&input| outside(input)) {
            return refuse(input, node.label());
        }
        if let Some(&output) = node.outputs.iter().find(|output| crossing.contains(output)) {
            let (tensor, node) = (graph.values[output].name.to_owned(), node.label().to_owned());
            return Err(SplitError::HalfANode { tensor, node });
        }
    }
    for &output in outputs {
        if outside(output) {
            return refuse(output, graph.values[output].name);
        }
        if crossing.contains(&output) && graph.values[output].origin != Origin::Input {
            return Err(SplitError::OutputCrosses(graph.values[output].name.to_owned()));
        }
    }
    if nodes.is_empty() { Err(SplitError::NothingLeft { side: "tail" }) } else { Ok(()) }
}

/// The declarations of the model's outputs among `values`.
fn outputs(graph: &Graph<'_>, values: &[usize]) -> Vec<ValueInfoProto> {
    let declared = values.iter().filter_map(|&value| {
        graph.proto.output.iter().find(|output| output.name == graph.values[value].name)
    });
    declared.cloned().collect()
}

/// The model made of `nodes`.
fn side(
    graph: &Graph<'_>,
    name: &str,
    nodes: &[usize],
    inputs: &[ValueInfoProto],
    outputs: &[ValueInfoProto],
) -> ModelProto {
    let mut known: HashSet<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let mut wanted: HashSet<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    for node in nodes.iter().map(|&node| &graph.nodes[node]) {
        wanted.extend(node.inputs.iter().map(|&input| graph.values[input].name));
        known.extend(node.outputs.iter().map(|&output| graph.values[output].name));
    }
    let whole = graph.proto;
    let constants: Vec<_> = whole
        .initializer
        .iter()
        .filter(|tensor| wanted.contains(tensor.name.as_str()) && !known.contains(tensor.name.as_str()))
        .cloned()
        .collect();
    let sparse = whole
        .sparse_initializer
        .iter()
        .filter(|tensor| tensor.values.as_ref().is_some_and(|values| wanted.contains(values.name.as_str())));
    let here = |name: &str| known.contains(name) || constants.iter().any(|tensor| tensor.name == name);
    let stated: HashSet<&str> = inputs.iter().chain(outputs).map(|value| value.name.as_str()).collect();
    let inner = whole
        .value_info
        .iter()
        .filter(|value| known.contains(value.name.as_str()) && !stated.contains(value.name.as_str()));
    let annotations = whole.quantization_annotation.iter().filter(|annotation| {
        here(&annotation.tensor_name)
            && annotation.quant_parameter_tensor_names.iter().all(|entry| here(&entry.value))
    });
    let part = GraphProto {
        name: format!("{}-{name}", whole.name),
        doc_string: whole.doc_string.clone(),
        node: nodes.iter().map(|&node| graph.nodes[node].proto.clone()).collect(),
        value_info: inner.cloned().collect(),
        quantization_annotation: annotations.cloned().collect(),
        sparse_initializer: sparse.cloned().collect(),
        metadata_props: whole.metadata_props.clone(),
        initializer: constants.clone(),
        input: inputs.to_vec(),
        output: outputs.to_vec(),
    };
    let model = graph.model;
    ModelProto {
        ir_version: model.ir_version.max(FREE_INITIALIZERS),
        opset_import: model.opset_import.clone(),
        producer_name: model.producer_name.clone(),
        producer_version: model.producer_version.clone(),
        domain: model.domain.clone(),
        model_version: model.model_version,
        doc_string: model.doc_string.clone(),
        graph: Some(part),
        metadata_props: model.metadata_props.clone(),
        training_info: Vec::new(),
        functions: model.functions.clone(),
        configuration: model.configuration.clone(),
    }
}

/// The element type that the model declares for a value, where it does.
fn declared_dtype(graph: &Graph<'_>, name: &str) -> Option<DType> {
    match graph.declared_type(name)?.value.as_ref()? {
        TypeValue::Tensor(tensor) => crate::dtype::core_dtype(DataType::try_from(tensor.elem_type).ok()?),
        _ => None,
    }
}

/// The declaration of a tensor as ONNX writes it.
pub(crate) fn value_info(info: &TensorInfo) -> ValueInfoProto {
    let dims = info.shape.iter().flatten().map(|dimension| match dimension {
        Dimension::Fixed(size) => Dim::from(*size),
        Dimension::Symbol(name) => Dim::from(name.as_str()),
        Dimension::Unknown => Dim::Unknown,
    });
    ValueInfoProto::tensor(info.name.as_str(), crate::dtype::onnx_type(info.dtype), dims)
}
