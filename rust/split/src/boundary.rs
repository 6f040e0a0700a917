//! Where a graph is cut: what crosses, and what the head answers by itself.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tandem_core::{DType, Dimension, NamedTensors, TensorInfo};

use crate::SplitError;

/// A tensor that goes from head to tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossingTensor {
    /// Name of the value in the graph; an input of the model crosses under its own name.
    pub name: String,
    /// Its element type in the graph.
    pub dtype: DType,
    /// Its shape; symbols are those of the model's inputs.
    pub shape: Vec<Dimension>,
    /// The model's inputs that it is computed from, in the model's order. Where one of them is private, so is it.
    pub depends_on: Vec<String>,
}

impl CrossingTensor {
    /// Name, element type and shape.
    pub fn info(&self) -> TensorInfo {
        TensorInfo { name: self.name.clone(), dtype: self.dtype, shape: Some(self.shape.clone()) }
    }
}

/// A cut: what crosses, and which outputs the head answers.
///
/// That decides all: the tail is what its outputs need behind the crossing tensors, the head what those and its own
/// outputs need. Constants stand on both sides where both need them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Boundary {
    /// What crosses, in the graph's order. An input of the model that the tail takes is among them.
    pub crossing: Vec<CrossingTensor>,
    /// The outputs of the model that the head computes, in the model's order. They do not cross.
    pub head_outputs: Vec<String>,
}

impl Boundary {
    /// Checks that no name stands twice.
    pub(crate) fn check_names(&self) -> Result<(), SplitError> {
        for names in [self.crossing_names().collect(), self.head_outputs.iter().map(String::as_str).collect()]
        {
            let names: Vec<&str> = names;
            let mut seen = HashSet::new();
            if let Some(name) = names.into_iter().find(|name| !seen.insert(*name)) {
                return Err(SplitError::Duplicate(name.to_owned()));
            }
        }
        Ok(())
    }

    /// The names of the crossing tensors.
    pub fn crossing_names(&self) -> impl Iterator<Item = &str> {
        self.crossing.iter().map(|tensor| tensor.name.as_str())
    }

    /// The crossing tensors of a run: results of the head, and inputs of the model that cross as they are.
    pub fn crossing_tensors(
        &self,
        inputs: &NamedTensors,
        head: &NamedTensors,
    ) -> Result<NamedTensors, SplitError> {
        let mut crossing = NamedTensors::default();
        for name in self.crossing_names() {
            let tensor = head.get(name).or_else(|| inputs.get(name));
            crossing.push(name, tensor.ok_or_else(|| SplitError::Missing(name.to_owned()))?.clone())?;
        }
        Ok(crossing)
    }

    /// The outputs of the model, in the order of `wanted`, out of what both sides answered.
    ///
    /// `inputs` are the model's: an output that is an input is given back.
    pub fn outputs(
        &self,
        wanted: &[String],
        inputs: &NamedTensors,
        head: &NamedTensors,
        tail: &NamedTensors,
    ) -> Result<NamedTensors, SplitError> {
        let mut outputs = NamedTensors::default();
        for name in wanted {
            let tensor = tail.get(name).or_else(|| head.get(name)).or_else(|| inputs.get(name));
            outputs.push(name, tensor.ok_or_else(|| SplitError::Missing(name.clone()))?.clone())?;
        }
        Ok(outputs)
    }
}
