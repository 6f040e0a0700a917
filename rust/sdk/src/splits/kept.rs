//! Which tensors inside the graph each cut keeps to this device.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tandem_onnx::ModelProto;
use tandem_split::{Graph, kept};

use super::Cut;

/// The tensors of a model, and those of them that each of its cuts keeps to this device.
pub(super) struct Kept {
    names: HashSet<String>,
    /// By the cut's id.
    cuts: HashMap<String, Vec<String>>,
}

impl Kept {
    pub(super) fn of(model: &ModelProto, cuts: &[Arc<Cut>]) -> Result<Self, String> {
        let graph = Graph::new(model).map_err(|error| error.to_string())?;
        let names = graph.values.iter().filter(|value| !value.constant).map(|value| value.name.to_owned());
        let own = |cut: &Arc<Cut>| {
            let kept = kept(&graph, &cut.boundary).unwrap_or_default();
            (cut.id.clone(), kept.into_iter().map(str::to_owned).collect())
        };
        Ok(Self { names: names.collect(), cuts: cuts.iter().map(own).collect() })
    }

    /// Whether the model has a tensor of that name that a run computes.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// What the cut of that id keeps.
    pub(super) fn by(&self, cut: &str) -> &[String] {
        self.cuts.get(cut).map_or(&[], Vec::as_slice)
    }
}
