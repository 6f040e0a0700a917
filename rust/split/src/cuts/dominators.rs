//! The values that alone separate what is behind them from the inputs.
//!
//! A value is such a one where it dominates all that is computed from it, seen from the inputs: where its
//! dominance frontier is empty. The dominator tree of a graph in topological order takes one pass (Cooper, Harvey
//! and Kennedy, "A simple, fast dominance algorithm", 2001), and so does the question whose frontier is empty:
//! for each node, all tree vertices between it and each of its inputs' producers have the node in their frontier.

use crate::graph::{Graph, Origin};

/// The vertex in front of all inputs.
const ROOT: usize = 0;

/// The dominator tree. Vertices stand after those that dominate them.
struct Tree {
    parent: Vec<usize>,
    depth: Vec<usize>,
    /// For each power of two, the ancestor that many steps up.
    ancestors: Vec<Vec<usize>>,
}

impl Tree {
    fn new() -> Self {
        Self { parent: vec![ROOT], depth: vec![0], ancestors: vec![vec![ROOT]] }
    }

    fn add(&mut self, parent: usize) -> usize {
        let vertex = self.parent.len();
        let depth = self.depth[parent] + 1;
        self.parent.push(parent);
        self.depth.push(depth);
        let mut jump = parent;
        for power in 0.. {
            if self.ancestors.len() == power {
                self.ancestors.push(vec![ROOT; vertex]);
            }
            self.ancestors[power].resize(vertex, ROOT);
            self.ancestors[power].push(jump);
            if jump == ROOT {
                break;
            }
            jump = self.ancestor(power, jump);
        }
        vertex
    }

    fn ancestor(&self, power: usize, vertex: usize) -> usize {
        self.ancestors.get(power).and_then(|row| row.get(vertex)).copied().unwrap_or(ROOT)
    }

    /// The lowest vertex above both.
    fn meet(&self, mut a: usize, mut b: usize) -> usize {
        if self.depth[a] < self.depth[b] {
            std::mem::swap(&mut a, &mut b);
        }
        for power in (0..self.ancestors.len()).rev() {
            if self.depth[a] - self.depth[b] >= 1 << power {
                a = self.ancestor(power, a);
            }
        }
        if a == b {
            return a;
        }
        for power in (0..self.ancestors.len()).rev() {
            let (up_a, up_b) = (self.ancestor(power, a), self.ancestor(power, b));
            if up_a != up_b {
                (a, b) = (up_a, up_b);
            }
        }
        self.parent[a]
    }
}

/// The values that alone separate what is behind them from the inputs, in topological order.
pub(super) fn single_values(graph: &Graph<'_>) -> Vec<usize> {
    let mut tree = Tree::new();
    let mut vertex_of = vec![ROOT; graph.values.len()];
    for &input in &graph.inputs {
        vertex_of[input] = tree.add(ROOT);
    }
    // What starts and ends on the ways from inputs up to where they meet.
    let mut ways: Vec<(usize, usize)> = Vec::new();
    for node in graph.nodes.iter().filter(|node| !node.constant) {
        let inputs = node.inputs.iter().filter(|&&input| !graph.values[input].constant);
        let inputs: Vec<usize> = inputs.map(|&input| vertex_of[input]).collect();
        let meeting = inputs.iter().copied().reduce(|a, b| tree.meet(a, b)).unwrap_or(ROOT);
        ways.extend(inputs.iter().map(|&input| (input, meeting)));
        let vertex = tree.add(meeting);
        for &output in &node.outputs {
            vertex_of[output] = tree.add(vertex);
        }
    }
    let mut open = vec![0_i64; tree.parent.len()];
    for (from, to) in ways {
        open[from] += 1;
        open[to] -= 1;
    }
    for vertex in (1..open.len()).rev() {
        open[tree.parent[vertex]] += open[vertex];
    }
    let is_single = |&value: &usize| {
        let it = &graph.values[value];
        !it.constant
            && it.origin != Origin::Constant
            && !it.consumers.is_empty()
            && open[vertex_of[value]] == 0
    };
    (0..graph.values.len()).filter(is_single).collect()
}

/// The nodes that are not computed from `value`.
pub(super) fn head_of(graph: &Graph<'_>, value: usize) -> Vec<bool> {
    let behind = graph.dependants(&[value]);
    let is_behind = |node: &crate::Node<'_>| node.inputs.iter().any(|&input| behind[input]);
    graph.nodes.iter().map(|node| !is_behind(node)).collect()
}
