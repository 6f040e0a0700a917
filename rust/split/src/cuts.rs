//! The cuts of a model: what crosses, and the compute on both sides.

mod dominators;
mod flow;
mod min_cut;
mod sweep;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashSet};

use sha2::{Digest as _, Sha256};
use tandem_core::{Engine, NamedTensors};
use tandem_onnx::ModelProto;

use crate::boundary::{Boundary, CrossingTensor};
use crate::graph::{Graph, Origin};
use crate::manifest::{MultiplyAdds, to_hex};
use crate::survey::{Fact, MOST_VALUES, Survey};
use crate::{SplitError, external};

/// What cuts to look for.
#[derive(Clone, Debug)]
pub struct CutOptions {
    /// Cuts to keep, those with the fewest bytes for their compute first. At least 1.
    pub max_cuts: usize,
    /// Tensors that may cross at once.
    pub max_crossing: usize,
    /// Whether to keep every cut along the graph, those among them that others beat in bytes and compute.
    pub every: bool,
    /// Tensors, inputs or others, that must not leave the device: they are computed in the head, and nothing that is
    /// computed from them crosses.
    pub keep_on_device: Vec<String>,
}

impl Default for CutOptions {
    /// The best 256 cuts of up to 16 tensors; every input may leave the device.
    fn default() -> Self {
        Self { max_cuts: 256, max_crossing: 16, every: false, keep_on_device: Vec::new() }
    }
}

/// How a cut was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CutKind {
    /// In front of the first node: the inputs cross, and there is no head.
    Inputs,
    /// One tensor crosses.
    Single,
    /// Several tensors cross: the fewest bytes inside a residual or branch region, or for their compute.
    Several,
    /// The least time for some bandwidth and server speed, by minimum cut.
    MinCut,
}

/// A cut of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Cut {
    /// Hash of model and boundary, as 16 hexadecimal digits.
    pub id: String,
    /// How it was found.
    pub kind: CutKind,
    /// What crosses, and what the head answers.
    pub boundary: Boundary,
    /// Estimated compute on both sides.
    pub multiply_adds: MultiplyAdds,
    /// Bytes of the crossing tensors as they are, in the first sample.
    pub bytes: u64,
    /// Bytes of the tail's outputs, in the first sample.
    pub reply_bytes: u64,
}

/// A place along the graph: behind the node of that name, in topological order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the node.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Compute up to here, in multiply-adds.
    pub multiply_adds: u64,
    /// Bytes that would cross here.
    pub bytes: u64,
}

/// The cuts of a model, by compute of the head.
#[derive(Debug)]
pub struct Cuts {
    /// The cuts, at most [`CutOptions::max_cuts`].
    pub cuts: Vec<Cut>,
    /// The size of each symbol in the first sample, for which compute and bytes hold.
    pub sizes: BTreeMap<String, usize>,
    /// Compute and bytes along the graph.
    pub places: Vec<Place>,
    /// The values that cannot cross, and why.
    pub refused: Vec<SplitError>,
}

impl Cuts {
    /// Finds the cuts of `model`, whose file has the SHA-256 `digest`.
    ///
    /// Shapes are learned by running the model on `engine`: on the first two of `samples` (made-up inputs where
    /// there is none) and with each symbolic dimension at another size. Looked for are all cuts at one tensor;
    /// the best cuts at several tensors between those and over the whole graph; and the minimum cuts over a grid
    /// of bandwidths and server speeds.
    ///
    /// The work is bounded: a graph of more than 4,096 values is cut at single tensors only, and minimum
    /// cuts are looked for in graphs of up to 2,048 nodes.
    pub fn find(
        model: &ModelProto,
        digest: &str,
        engine: &dyn Engine,
        samples: &[NamedTensors],
        options: &CutOptions,
    ) -> Result<Self, SplitError> {
        let graph = Graph::new(model)?;
        external::refuse(graph.proto)?;
        let pinned = pinned(&graph, &options.keep_on_device)?;
        let singles: Vec<usize> =
            dominators::single_values(&graph).into_iter().filter(|&value| !pinned[value]).collect();
        let all = Survey::candidates(&graph);
        let small = all.len() <= MOST_VALUES;
        let singles = if small { singles } else { thinned(singles, options.max_cuts.min(MOST_VALUES)) };
        let asked = if small { all } else { with_outputs(&graph, &singles) };
        let survey = Survey::take(graph, engine, samples, &asked)?;

        let mut finder = Finder { survey: &survey, pinned: &pinned, digest, options, seen: HashSet::new() };
        let mut cuts = Vec::new();
        let nothing = vec![false; survey.graph.nodes.len()];
        cuts.extend(finder.cut(CutKind::Inputs, &nothing));
        for value in singles {
            cuts.extend(finder.cut(CutKind::Single, &dominators::head_of(&survey.graph, value)));
        }
        let mut places = Vec::new();
        if small {
            let sweep = sweep::Sweep::new(&survey, &pinned);
            for head in sweep.heads(options) {
                cuts.extend(finder.cut(CutKind::Several, &head));
            }
            for head in min_cut::heads(&survey, &pinned) {
                cuts.extend(finder.cut(CutKind::MinCut, &head));
            }
            places = sweep.places();
        }
        keep_best(&mut cuts, options.max_cuts.max(1));
        cuts.sort_by(|a, b| {
            let key = |cut: &Cut| (cut.multiply_adds.head, cut.bytes);
            key(a).cmp(&key(b)).then_with(|| a.id.cmp(&b.id))
        });
        Ok(Self { cuts, sizes: survey.sizes.clone(), places, refused: survey.refused })
    }
}

/// The id of a cut of the model whose file has the SHA-256 `digest`.
pub(crate) fn cut_id(digest: &str, boundary: &Boundary) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        // Lengths keep two lists of names apart that read alike.
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    };
    add(digest);
    boundary.crossing_names().for_each(&mut add);
    add("");
    boundary.head_outputs.iter().for_each(|name| add(name));
    to_hex(&hash.finalize()[..8])
}

/// The values that are computed from what must stay on the device.
fn pinned(graph: &Graph<'_>, names: &[String]) -> Result<Vec<bool>, SplitError> {
    let tensor = |name: &String| {
        let value = graph.value(name).filter(|&value| !graph.values[value].constant);
        value.ok_or_else(|| SplitError::UnknownTensor(name.clone()))
    };
    Ok(graph.dependants(&names.iter().map(tensor).collect::<Result<Vec<_>, _>>()?))
}

/// About `count` of `values`, evenly spread.
fn thinned(values: Vec<usize>, count: usize) -> Vec<usize> {
    let step = values.len().div_ceil(count.max(1)).max(1);
    values.into_iter().step_by(step).collect()
}

/// `values` and the outputs of the graph, each once.
fn with_outputs(graph: &Graph<'_>, values: &[usize]) -> Vec<usize> {
    let computed = |output: &usize| {
        matches!(graph.values[*output].origin, Origin::Node(_)) && !graph.values[*output].constant
    };
    let outputs = graph.outputs.iter().copied().filter(computed);
    let mut all: Vec<usize> = values.iter().copied().chain(outputs).collect();
    all.sort_unstable();
    all.dedup();
    all.retain(|&value| matches!(graph.values[value].origin, Origin::Node(_)));
    all
}

/// Drops the cuts with the most bytes among their neighbours until `most` are left; the one at the inputs stays.
fn keep_best(cuts: &mut Vec<Cut>, most: usize) {
    if cuts.len() <= most {
        return;
    }
    let total = cuts.iter().map(|cut| cut.multiply_adds.head).max().unwrap_or(0);
    let bins = most as u64;
    let bin =
        |cut: &Cut| u128::from(cut.multiply_adds.head) * u128::from(bins) / u128::from(total.max(1) + 1);
    // The best of each bin, then the best of what is left.
    cuts.sort_by_key(|cut| (cut.kind != CutKind::Inputs, cut.bytes, cut.multiply_adds.head));
    let mut filled = HashSet::new();
    let (mut kept, rest): (Vec<Cut>, Vec<Cut>) =
        std::mem::take(cuts).into_iter().partition(|cut| filled.insert(bin(cut)));
    kept.extend(rest);
    kept.truncate(most);
    *cuts = kept;
}

struct Finder<'a> {
    survey: &'a Survey<'a>,
    pinned: &'a [bool],
    digest: &'a str,
    options: &'a CutOptions,
    seen: HashSet<String>,
}

impl Finder<'_> {
    /// The cut behind the nodes of `head`, which holds with each node those whose results it takes. None where it
    /// is known already, where a side has nothing to compute, or where something would cross that cannot.
    fn cut(&mut self, kind: CutKind, head: &[bool]) -> Option<Cut> {
        let graph = &self.survey.graph;
        let in_head = |value: usize| match graph.values[value].origin {
            Origin::Node(node) => head[node],
            Origin::Input => true,
            Origin::Constant => false,
        };
        let in_tail = |node: &usize| !head[*node] && !graph.nodes[*node].constant;
        let crosses = |value: &usize| {
            in_head(*value)
                && !graph.values[*value].constant
                && graph.values[*value].consumers.iter().any(in_tail)
        };
        let crossing: Vec<usize> = (0..graph.values.len()).filter(crosses).collect();
        let stays_behind = |(value, &pinned): (usize, &bool)| pinned && !in_head(value);
        let at_inputs = kind == CutKind::Inputs;
        let head_outputs: Vec<usize> = if at_inputs {
            Vec::new()
        } else {
            let stays = |output: &usize| graph.values[*output].constant || in_head(*output);
            graph.outputs.iter().copied().filter(stays).collect()
        };
        if crossing.is_empty()
            || crossing.len() > self.options.max_crossing
            || head_outputs.len() == graph.outputs.len()
            || (!at_inputs && !self.has_head(head))
            || crossing.iter().any(|&value| self.pinned[value])
            || self.pinned.iter().enumerate().any(stays_behind)
        {
            return None;
        }
        let tensor = |&value: &usize| self.tensor(value);
        let boundary = Boundary {
            crossing: crossing.iter().map(tensor).collect::<Option<_>>()?,
            head_outputs: head_outputs.iter().map(|&output| graph.values[output].name.to_owned()).collect(),
        };
        let id = cut_id(self.digest, &boundary);
        if !self.seen.insert(id.clone()) {
            return None;
        }
        let mut multiply_adds = MultiplyAdds::default();
        for (node, &cost) in self.survey.multiply_adds.iter().enumerate() {
            if !graph.nodes[node].constant {
                let side = if head[node] { &mut multiply_adds.head } else { &mut multiply_adds.tail };
                *side = side.saturating_add(cost);
            }
        }
        let replies = graph.outputs.iter().filter(|output| !head_outputs.contains(output));
        Some(Cut {
            id,
            kind: if kind == CutKind::Several && crossing.len() == 1 { CutKind::Single } else { kind },
            bytes: crossing.iter().map(|&value| self.survey.bytes(value)).sum(),
            reply_bytes: replies.map(|&value| self.survey.bytes(value)).sum(),
            boundary,
            multiply_adds,
        })
    }

    fn has_head(&self, head: &[bool]) -> bool {
        self.survey.graph.nodes.iter().zip(head).any(|(node, &head)| head && !node.constant)
    }

    fn tensor(&self, value: usize) -> Option<CrossingTensor> {
        let graph = &self.survey.graph;
        let Fact { dtype, shape, .. } = self.survey.facts[value].clone()?;
        let depends_on = graph.depends_on(value).into_iter().map(str::to_owned).collect();
        Some(CrossingTensor { name: graph.values[value].name.to_owned(), dtype, shape, depends_on })
    }
}
