//! Changes to the ONNX graph that let tract answer rightly.

mod constant_of_shape;
mod pad;
mod recurrent;

use std::collections::HashSet;

use tandem_onnx::{GraphProto, NodeProto, TensorProto};

use crate::graph::{bodies_mut, collect_definitions, label};

/// Rewrites the nodes of `graph` and of its bodies.
pub(crate) fn apply(graph: &mut GraphProto, opset: u64) {
    let mut names = Names { taken: HashSet::new() };
    collect_definitions(graph, &mut names.taken);
    rewrite(graph, opset, &mut names);
}

fn rewrite(graph: &mut GraphProto, opset: u64, names: &mut Names) {
    let nodes = std::mem::take(&mut graph.node);
    for mut node in nodes {
        bodies_mut(&mut node).for_each(|body| rewrite(body, opset, names));
        let mut patch =
            Patch { names, label: label(&node).to_owned(), nodes: Vec::new(), constants: Vec::new() };
        match node.op_type.as_str() {
            "GRU" | "LSTM" | "RNN" if opset >= 10 => recurrent::turn_around(node, &mut patch),
            "ConstantOfShape" => constant_of_shape::state_value(node, &mut patch),
            "Pad" if opset >= 13 => pad::make_value_scalar(node, &mut patch),
            _ => patch.nodes.push(node),
        }
        graph.node.append(&mut patch.nodes);
        graph.initializer.append(&mut patch.constants);
    }
}

struct Names {
    taken: HashSet<String>,
}

/// The nodes and constants that take the place of one node.
struct Patch<'a> {
    names: &'a mut Names,
    label: String,
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Patch<'_> {
    /// A name that no value has.
    fn name(&mut self, part: &str) -> String {
        let mut name = format!("{}/{part}", self.label);
        while !self.names.taken.insert(name.clone()) {
            name.push('\'');
        }
        name
    }

    /// Adds a list of integers, and gives its name.
    fn integers(&mut self, part: &str, values: &[i64]) -> String {
        let name = self.name(part);
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constants.push(TensorProto {
            name: name.clone(),
            data_type: tandem_onnx::DataType::Int64.number(),
            dims: vec![i64::try_from(values.len()).unwrap_or(i64::MAX)],
            raw_data: raw.into(),
            ..TensorProto::default()
        });
        name
    }

    /// Adds a node; its name is its output's.
    fn node(&mut self, op_type: &str, input: Vec<String>, output: String) {
        let node = NodeProto {
            op_type: op_type.to_owned(),
            name: output.clone(),
            input,
            output: vec![output],
            ..NodeProto::default()
        };
        self.nodes.push(node);
    }
}
