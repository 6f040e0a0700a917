//! The graph of a model as values, producers and consumers.

mod order;
#[cfg(test)]
mod tests;
mod uses;

pub(crate) use uses::bodies;

use std::collections::HashMap;

use tandem_onnx::{GraphProto, ModelProto, NodeProto, TypeProto, ValueInfoProto};

use crate::SplitError;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An input that the caller gives.
    Input,
    /// A stored constant, the default of an optional input among them.
    Constant,
    /// The result of the node at this place of [`Graph::nodes`].
    Node(usize),
}

/// A value of the graph.
#[derive(Clone, Debug)]
pub struct Value<'m> {
    /// Its name.
    pub name: &'m str,
    /// Where it comes from.
    pub origin: Origin,
    /// The nodes that take it, in ascending order, each once.
    pub consumers: Vec<usize>,
    /// Whether it is the same in every run: stored, or computed from stored values alone.
    pub constant: bool,
    /// Whether it is an output of the model.
    pub output: bool,
}

/// A node that an output of the model needs.
#[derive(Clone, Debug)]
pub struct Node<'m> {
    /// The message.
    pub proto: &'m NodeProto,
    /// The values that it takes, those that its bodies reach for among them, each once.
    pub inputs: Vec<usize>,
    /// The values that it gives.
    pub outputs: Vec<usize>,
    /// Whether all that it takes is constant. Such a node stands on both sides of a cut where both need it.
    pub constant: bool,
}

impl Node<'_> {
    /// The name by which people know the node: its own, or its first result's.
    pub fn label(&self) -> &str {
        uses::label(self.proto)
    }
}

/// The main graph of a model as a directed acyclic graph of values and nodes.
///
/// Nodes that no output needs are left out, and the rest is in topological order; nodes that are in order already
/// stay where they are. Values inside the bodies of branches and loops are no values of this graph; a node with
/// bodies takes what they take.
#[derive(Clone, Debug)]
pub struct Graph<'m> {
    /// The model.
    pub model: &'m ModelProto,
    /// Its main graph.
    pub proto: &'m GraphProto,
    /// The nodes.
    pub nodes: Vec<Node<'m>>,
    /// The values.
    pub values: Vec<Value<'m>>,
    /// The inputs that a caller must give, in the model's order.
    pub inputs: Vec<usize>,
    /// The outputs, in the model's order.
    pub outputs: Vec<usize>,
    by_name: HashMap<&'m str, usize>,
}

impl<'m> Graph<'m> {
    /// Reads the main graph of `model`. Refuses names that nothing gives or that two give, and cycles.
    pub fn new(model: &'m ModelProto) -> Result<Self, SplitError> {
        let proto = model.graph.as_ref().ok_or(SplitError::NoGraph)?;
        let order = order::live_nodes(proto)?;
        let mut graph = Self {
            model,
            proto,
            nodes: Vec::with_capacity(order.len()),
            values: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            by_name: HashMap::new(),
        };
        for tensor in &proto.initializer {
            graph.define(&tensor.name, Origin::Constant)?;
        }
        for tensor in proto.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref()) {
            graph.define(&tensor.name, Origin::Constant)?;
        }
        for input in proto.required_inputs() {
            let value = graph.define(&input.name, Origin::Input)?;
            graph.inputs.push(value);
        }
        for node in order {
            graph.add(node)?;
        }
        for output in &proto.output {
            let value = graph.value(&output.name).ok_or_else(|| SplitError::Undefined {
                user: output.name.clone(),
                value: output.name.clone(),
            })?;
            if !graph.values[value].output {
                graph.values[value].output = true;
                graph.outputs.push(value);
            }
        }
        Ok(graph)
    }

    fn define(&mut self, name: &'m str, origin: Origin) -> Result<usize, SplitError> {
        let index = self.values.len();
        if self.by_name.insert(name, index).is_some() {
            return Err(SplitError::DefinedTwice(name.to_owned()));
        }
        let constant = origin == Origin::Constant;
        self.values.push(Value { name, origin, consumers: Vec::new(), constant, output: false });
        Ok(index)
    }

    fn add(&mut self, proto: &'m NodeProto) -> Result<(), SplitError> {
        let index = self.nodes.len();
        let mut inputs = Vec::new();
        for name in uses::uses(proto) {
            let value = self.value(name).ok_or_else(|| SplitError::Undefined {
                user: uses::label(proto).to_owned(),
                value: name.to_owned(),
            })?;
            if self.values[value].consumers.last() != Some(&index) {
                self.values[value].consumers.push(index);
                inputs.push(value);
            }
        }
        let constant = inputs.iter().all(|&input| self.values[input].constant) && !uses::is_random(proto);
        let mut outputs = Vec::new();
        for name in proto.output.iter().filter(|name| !name.is_empty()) {
            let value = self.define(name, Origin::Node(index))?;
            self.values[value].constant = constant;
            outputs.push(value);
        }
        self.nodes.push(Node { proto, inputs, outputs, constant });
        Ok(())
    }

    /// The place of a value in [`Graph::values`].
    pub fn value(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The model's inputs that a value is computed from, in the model's order.
    ///
    /// The inputs of a node with bodies are all that the bodies reach for.
    pub fn depends_on(&self, value: usize) -> Vec<&'m str> {
        let mut seen = vec![false; self.values.len()];
        let mut open = vec![value];
        while let Some(value) = open.pop() {
            if !std::mem::replace(&mut seen[value], true)
                && let Origin::Node(node) = self.values[value].origin
            {
                open.extend(self.nodes[node].inputs.iter().filter(|&&input| !self.values[input].constant));
            }
        }
        self.inputs.iter().filter(|&&input| seen[input]).map(|&input| self.values[input].name).collect()
    }

    /// Every value that is computed from one of `inputs`, these inputs among them.
    pub fn dependants(&self, inputs: &[usize]) -> Vec<bool> {
        let mut reached = vec![false; self.values.len()];
        for &input in inputs {
            reached[input] = true;
        }
        for node in &self.nodes {
            if node.inputs.iter().any(|&input| reached[input]) {
                node.outputs.iter().for_each(|&output| reached[output] = true);
            }
        }
        reached
    }

    /// What the model itself says of a value's type.
    pub fn declared_type(&self, name: &str) -> Option<&'m TypeProto> {
        let graph = self.proto;
        let declared: &'m ValueInfoProto = graph
            .input
            .iter()
            .chain(&graph.output)
            .chain(&graph.value_info)
            .find(|declared| declared.name == name)?;
        declared.r#type.as_ref()
    }
}
