//! Compute of a node in multiply-adds, estimated from shapes.
//!
//! | operators | multiply-adds |
//! |---|---|
//! | `Conv`, `ConvInteger`, `QLinearConv` | elements of the result × elements of one filter |
//! | `ConvTranspose` | elements of the input × elements of one filter |
//! | `MatMul`, `Gemm`, `MatMulInteger`, `QLinearMatMul` | elements of the result × length of the inner dimension |
//! | `Einsum` | the product of all distinct labels' sizes |
//! | `LSTM`, `GRU`, `RNN` | steps × batch × elements of both weights |
//! | pooling | elements of the result × elements of the window |
//! | reductions, norms, softmax, attention's rest | elements of the first input |
//! | views: `Reshape`, `Identity`, `Squeeze`, `Shape` and their like | 0 |
//! | everything else | elements of the result |
//!
//! Bodies of branches and loops count as everything else: how often a loop goes round is not known.

use std::collections::BTreeMap;

use crate::graph::{Graph, Node};
use crate::survey::Fact;

/// The sizes of every value that is known, in their order.
pub(crate) struct Sizes<'a> {
    graph: &'a Graph<'a>,
    facts: &'a [Option<Fact>],
    constants: BTreeMap<&'a str, Vec<u64>>,
}

impl<'a> Sizes<'a> {
    /// From what a run showed, and the shapes of the stored constants.
    pub(crate) fn new(graph: &'a Graph<'a>, facts: &'a [Option<Fact>]) -> Self {
        let sizes = |dims: &[i64]| dims.iter().map(|&size| u64::try_from(size).unwrap_or(0)).collect();
        let constants = graph.proto.initializer.iter().map(|it| (it.name.as_str(), sizes(&it.dims)));
        Self { graph, facts, constants: constants.collect() }
    }

    /// The sizes of a value; constants that are only stored in another form (`Cast`, `DequantizeLinear`) among them.
    fn of(&self, name: &str) -> Option<Vec<u64>> {
        let mut name = name;
        loop {
            let value = self.graph.value(name)?;
            if let Some(fact) = &self.facts[value] {
                return Some(fact.sizes.iter().map(|&size| size as u64).collect());
            }
            if let Some(sizes) = self.constants.get(name) {
                return Some(sizes.clone());
            }
            let crate::Origin::Node(node) = self.graph.values[value].origin else { return None };
            let node = self.graph.nodes[node].proto;
            if !matches!(node.op_type.as_str(), "Cast" | "DequantizeLinear" | "Identity") {
                return None;
            }
            name = node.input.first()?;
        }
    }

    fn input(&self, node: &Node<'_>, place: usize) -> Option<Vec<u64>> {
        self.of(node.proto.input.get(place).filter(|name| !name.is_empty())?)
    }

    fn output(&self, node: &Node<'_>) -> Option<Vec<u64>> {
        self.of(node.proto.output.first()?)
    }

    /// The multiply-adds of `node`; 0 where a shape that they follow from is not known.
    pub(crate) fn multiply_adds(&self, node: &Node<'_>) -> u64 {
        self.estimate(node).unwrap_or(0)
    }

    fn estimate(&self, node: &Node<'_>) -> Option<u64> {
        let elements = |sizes: Vec<u64>| product(&sizes);
        Some(match node.proto.op_type.as_str() {
            "Conv" | "ConvInteger" => elements(self.output(node)?).saturating_mul(self.filter(node, 1)?),
            "QLinearConv" => elements(self.output(node)?).saturating_mul(self.filter(node, 3)?),
            "ConvTranspose" => elements(self.input(node, 0)?).saturating_mul(self.filter(node, 1)?),
            "MatMul" | "MatMulInteger" | "QLinearMatMul" => {
                elements(self.output(node)?).saturating_mul(*self.input(node, 0)?.last()?)
            }
            "Gemm" => {
                let transposed = node.proto.attribute("transA").is_some_and(|attribute| attribute.i != 0);
                let left = self.input(node, 0)?;
                let inner = if transposed { left.first()? } else { left.last()? };
                elements(self.output(node)?).saturating_mul(*inner)
            }
            "Einsum" => self.einsum(node)?,
            "LSTM" | "GRU" | "RNN" => {
                let weights = elements(self.input(node, 1)?).saturating_add(elements(self.input(node, 2)?));
                let steps: u64 = self.input(node, 0)?.iter().take(2).product();
                steps.saturating_mul(weights)
            }
            "AveragePool" | "MaxPool" | "LpPool" => {
                let window = node.proto.attribute("kernel_shape")?.ints.iter();
                let window = window.map(|&size| u64::try_from(size).unwrap_or(0)).product();
                elements(self.output(node)?).saturating_mul(window)
            }
            "Identity" | "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Shape" | "Size" | "Dropout" => 0,
            operator if reads_all(operator) => elements(self.input(node, 0)?),
            _ => elements(self.output(node)?),
        })
    }

    /// Elements of one filter: all dimensions of the weights but the first.
    fn filter(&self, node: &Node<'_>, place: usize) -> Option<u64> {
        Some(product(self.input(node, place)?.get(1..)?))
    }

    fn einsum(&self, node: &Node<'_>) -> Option<u64> {
        let equation = node.proto.attribute("equation")?.text()?.replace(' ', "");
        let terms = equation.split("->").next()?.split(',');
        let mut labels: BTreeMap<char, u64> = BTreeMap::new();
        for (place, term) in terms.enumerate() {
            labels.extend(term.chars().zip(self.input(node, place)?));
        }
        Some(labels.values().fold(1, |product, &size| product.saturating_mul(size)))
    }
}

/// Operators whose result may be smaller than what they read.
fn reads_all(operator: &str) -> bool {
    operator.starts_with("Reduce")
        || operator.starts_with("Global")
        || operator.ends_with("Normalization")
        || matches!(operator, "ArgMax" | "ArgMin" | "Softmax" | "LogSoftmax" | "TopK" | "LRN")
}

fn product(sizes: &[u64]) -> u64 {
    sizes.iter().fold(1, |product: u64, &size| product.saturating_mul(size))
}
