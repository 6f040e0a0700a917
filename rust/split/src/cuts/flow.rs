//! Maximum flow and minimum cut by Dinic's algorithm ("Algorithm for solution of a problem of maximum flow in
//! networks with power estimation", 1970).

use std::collections::VecDeque;

/// A capacity that no sum of others reaches.
pub(super) const ENDLESS: u64 = u64::MAX / 4;

#[derive(Clone, Copy)]
struct Edge {
    to: usize,
    left: u64,
}

/// A network of vertices and directed edges with capacities.
pub(super) struct Network {
    /// Each followed by its reverse.
    edges: Vec<Edge>,
    leaving: Vec<Vec<usize>>,
}

impl Network {
    pub(super) fn new(vertices: usize) -> Self {
        Self { edges: Vec::new(), leaving: vec![Vec::new(); vertices] }
    }

    pub(super) fn edge(&mut self, from: usize, to: usize, capacity: u64) {
        for (from, to, left) in [(from, to, capacity), (to, from, 0)] {
            self.leaving[from].push(self.edges.len());
            self.edges.push(Edge { to, left });
        }
    }

    /// The vertices on the side of `source` in a minimum cut between `source` and `sink`; `None` where more than
    /// `budget` edges would have to be looked at.
    pub(super) fn source_side(mut self, source: usize, sink: usize, mut budget: u64) -> Option<Vec<bool>> {
        loop {
            budget = budget.checked_sub(self.edges.len() as u64)?;
            let levels = self.levels(source);
            if levels[sink] == usize::MAX {
                return Some(levels.into_iter().map(|level| level != usize::MAX).collect());
            }
            let mut next = vec![0; self.leaving.len()];
            while self.augment(source, sink, &levels, &mut next, &mut budget)? {}
        }
    }

    /// The number of edges with capacity left on the shortest way from `source` to each vertex.
    fn levels(&self, source: usize) -> Vec<usize> {
        let mut levels = vec![usize::MAX; self.leaving.len()];
        levels[source] = 0;
        let mut queue = VecDeque::from([source]);
        while let Some(vertex) = queue.pop_front() {
            for edge in self.leaving[vertex].iter().map(|&edge| self.edges[edge]) {
                if edge.left > 0 && levels[edge.to] == usize::MAX {
                    levels[edge.to] = levels[vertex] + 1;
                    queue.push_back(edge.to);
                }
            }
        }
        levels
    }

    /// Sends what fits along one more way through rising levels; whether there was one. Walks without recursion: ways
    /// are as long as the graph is deep.
    fn augment(
        &mut self,
        source: usize,
        sink: usize,
        levels: &[usize],
        next: &mut [usize],
        budget: &mut u64,
    ) -> Option<bool> {
        let mut way: Vec<usize> = Vec::new();
        let mut vertex = source;
        while vertex != sink {
            *budget = budget.checked_sub(1)?;
            match self.leaving[vertex].get(next[vertex]) {
                Some(&edge) => {
                    let Edge { to, left } = self.edges[edge];
                    if left > 0 && levels[to] == levels[vertex] + 1 {
                        way.push(edge);
                        vertex = to;
                    } else {
                        next[vertex] += 1;
                    }
                }
                None => match way.pop() {
                    None => return Some(false),
                    Some(edge) => {
                        vertex = self.edges[edge ^ 1].to;
                        next[vertex] += 1;
                    }
                },
            }
        }
        let sent = way.iter().map(|&edge| self.edges[edge].left).min().unwrap_or(0);
        for edge in way {
            self.edges[edge].left -= sent;
            self.edges[edge ^ 1].left += sent;
        }
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cheapest_edges_are_cut() {
        // 0 -> {1, 2} -> 3, with a bridge from 1 to 2.
        let mut network = Network::new(4);
        for (from, to, capacity) in [(0, 1, 10), (0, 2, 1), (1, 2, 3), (1, 3, 2), (2, 3, 10)] {
            network.edge(from, to, capacity);
        }
        assert_eq!(network.source_side(0, 3, 1000), Some(vec![true, true, false, false]));
    }

    #[test]
    fn a_spent_budget_ends_the_search() {
        let mut network = Network::new(2);
        network.edge(0, 1, 5);
        assert_eq!(network.source_side(0, 1, 1), None);
    }
}
