//! Cuts behind each node in topological order, where any number of tensors may cross.

use crate::cuts::{CutOptions, Place};
use crate::survey::Survey;

/// The state behind one node.
#[derive(Clone, Copy, Debug, Default)]
struct Step {
    /// Compute up to here.
    multiply_adds: u64,
    /// Bytes that cross.
    bytes: u64,
    /// Tensors that cross.
    crossing: usize,
    /// Crossing tensors that cannot.
    forbidden: usize,
}

/// All cuts along the topological order, by their numbers.
pub(super) struct Sweep<'a> {
    survey: &'a Survey<'a>,
    /// The nodes that are not constant.
    order: Vec<usize>,
    steps: Vec<Step>,
}

impl<'a> Sweep<'a> {
    /// One pass over the graph.
    pub(super) fn new(survey: &'a Survey<'a>, pinned: &[bool]) -> Self {
        let graph = &survey.graph;
        let order: Vec<usize> = (0..graph.nodes.len()).filter(|&node| !graph.nodes[node].constant).collect();
        let mut waiting: Vec<usize> = graph
            .values
            .iter()
            .map(|value| value.consumers.iter().filter(|&&node| !graph.nodes[node].constant).count())
            .collect();
        let mut state = Step::default();
        let change = |state: &mut Step, value: usize, opens: bool| {
            let bytes = survey.bytes(value);
            let forbidden = usize::from(survey.facts[value].is_none() || pinned[value]);
            if opens {
                state.bytes = state.bytes.saturating_add(bytes);
                state.crossing += 1;
                state.forbidden += forbidden;
            } else {
                state.bytes = state.bytes.saturating_sub(bytes);
                state.crossing -= 1;
                state.forbidden -= forbidden;
            }
        };
        for &input in graph.inputs.iter().filter(|&&input| waiting[input] > 0) {
            change(&mut state, input, true);
        }
        let mut steps = Vec::with_capacity(order.len());
        for &node in &order {
            for &input in graph.nodes[node].inputs.iter().filter(|&&input| !graph.values[input].constant) {
                waiting[input] -= 1;
                if waiting[input] == 0 {
                    change(&mut state, input, false);
                }
            }
            for &output in graph.nodes[node].outputs.iter().filter(|&&output| waiting[output] > 0) {
                change(&mut state, output, true);
            }
            state.multiply_adds = state.multiply_adds.saturating_add(survey.multiply_adds[node]);
            steps.push(state);
        }
        Self { survey, order, steps }
    }

    /// Compute and bytes along the graph.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |(&node, step): (&usize, &Step)| {
            let node = &self.survey.graph.nodes[node];
            Place {
                node: node.label().to_owned(),
                operator: node.proto.op_type.clone(),
                multiply_adds: step.multiply_adds,
                bytes: step.bytes,
            }
        };
        self.order.iter().zip(&self.steps).map(place).collect()
    }

    /// The heads of the useful cuts: those with the fewest bytes for their compute, seen from either end; and of
    /// those at several tensors, the one with the fewest bytes between any two at one tensor.
    pub(super) fn heads(&self, options: &CutOptions) -> Vec<Vec<bool>> {
        let allowed = |&place: &usize| {
            let step = &self.steps[place];
            step.forbidden == 0 && (1..=options.max_crossing).contains(&step.crossing)
        };
        let places: Vec<usize> = (0..self.steps.len()).filter(allowed).collect();
        let mut useful = vec![options.every; self.steps.len()];
        for forward in [true, false] {
            let mut fewest = u64::MAX;
            let ordered: Box<dyn Iterator<Item = &usize>> =
                if forward { Box::new(places.iter()) } else { Box::new(places.iter().rev()) };
            for &place in ordered {
                if self.steps[place].bytes < fewest {
                    fewest = self.steps[place].bytes;
                    useful[place] = true;
                }
            }
        }
        for region in places.split(|&place| self.steps[place].crossing == 1) {
            if let Some(&best) = region.iter().min_by_key(|&&place| self.steps[place].bytes) {
                useful[best] = true;
            }
        }
        let heads = places.into_iter().filter(|&place| useful[place]).take(2 * options.max_cuts);
        heads.map(|place| self.head(place)).collect()
    }

    /// The nodes up to `place`, and the constant ones.
    fn head(&self, place: usize) -> Vec<bool> {
        let last = self.order[place];
        (0..self.survey.graph.nodes.len()).map(|node| node <= last).collect()
    }
}
