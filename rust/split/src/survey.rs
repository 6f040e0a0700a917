//! What a model's values are: element types, and shapes learned by running the model on the engine.

mod probe;
mod samples;

use std::collections::BTreeMap;

use tandem_core::{Dimension, Engine, NamedTensors};

use crate::graph::{Graph, Origin};
use crate::{SplitError, cost, types};

pub use samples::placeholder_inputs;

/// Values of a graph that are looked at. A larger graph is cut at single tensors only, and the most values that
/// are looked at are this many of these.
pub(crate) const MOST_VALUES: usize = 4096;

/// What is known of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// The element type.
    pub(crate) dtype: tandem_core::DType,
    /// The shape, with the symbols of the model's inputs.
    pub(crate) shape: Vec<Dimension>,
    /// The sizes in the first sample.
    pub(crate) sizes: Vec<usize>,
}

impl Fact {
    /// Bytes in the first sample; a string counts 16.
    pub(crate) fn bytes(&self) -> u64 {
        let elements = self.sizes.iter().fold(1_u64, |product, &size| product.saturating_mul(size as u64));
        elements.saturating_mul(self.dtype.size().unwrap_or(16) as u64)
    }
}

/// A graph and what is known of its values.
pub(crate) struct Survey<'m> {
    pub(crate) graph: Graph<'m>,
    /// By value; `None` for constants, and for what may not cross.
    pub(crate) facts: Vec<Option<Fact>>,
    /// Compute of each node.
    pub(crate) multiply_adds: Vec<u64>,
    /// The size of each symbol in the first sample.
    pub(crate) sizes: BTreeMap<String, usize>,
    /// Values that cannot cross, and why.
    pub(crate) refused: Vec<SplitError>,
}

impl<'m> Survey<'m> {
    /// Runs the model of `graph` on `engine`: on `samples`, and with each symbol of its inputs at another size.
    ///
    /// `candidates` are the values that may cross. A value is refused, by name, where its type is not known or where
    /// a dimension is neither fixed nor one of the symbols.
    pub(crate) fn take(
        graph: Graph<'m>,
        engine: &dyn Engine,
        samples: &[NamedTensors],
        candidates: &[usize],
    ) -> Result<Self, SplitError> {
        let types = types::infer(&graph);
        let mut refused = Vec::new();
        let mut asked = Vec::new();
        for &value in candidates {
            let name = graph.values[value].name;
            match types[value] {
                Some(dtype) => asked.push((value, name, dtype)),
                None => refused.push(SplitError::UnknownType(name.to_owned())),
            }
        }
        let outcome = probe::run(graph.model, engine, samples, &asked)?;
        let mut facts = vec![None; graph.values.len()];
        for ((value, ..), fact) in asked.iter().zip(outcome.facts) {
            match fact {
                Ok(fact) => facts[*value] = Some(fact),
                Err(error) => refused.push(error),
            }
        }
        for (&input, fact) in graph.inputs.iter().zip(outcome.inputs) {
            facts[input] = Some(fact);
        }
        let sizes = cost::Sizes::new(&graph, &facts);
        let multiply_adds = graph.nodes.iter().map(|node| sizes.multiply_adds(node)).collect();
        Ok(Self { multiply_adds, graph, facts, sizes: outcome.sizes, refused })
    }

    /// The values that may cross, as far as their place in the graph says.
    pub(crate) fn candidates(graph: &Graph<'_>) -> Vec<usize> {
        let crosses = |value: &crate::Value<'_>| {
            matches!(value.origin, Origin::Node(_))
                && !value.constant
                && (value.output || !value.consumers.is_empty())
        };
        (0..graph.values.len()).filter(|&value| crosses(&graph.values[value])).collect()
    }

    /// Bytes of a value in the first sample; 0 where it is not known.
    pub(crate) fn bytes(&self, value: usize) -> u64 {
        self.facts[value].as_ref().map_or(0, Fact::bytes)
    }
}
