//! The compute of a graph, as far as tract's operators tell it.

use tract_core::internal::*;
use tract_core::ops::Cost;

/// The multiplications and additions of one run of `model`, whose shapes are known; `None` where that is none.
///
/// Convolutions, products and what is multiplied element by element; bodies of loops count as nothing, so that it is the least
/// that the model takes.
pub(crate) fn multiply_adds(model: &TypedModel) -> Option<u64> {
    let of = |node: &TypedNode| -> u64 {
        let Ok(inputs) = model.node_input_facts(node.id) else { return 0 };
        let Ok(costs) = node.op.cost(&inputs) else { return 0 };
        let counted = costs.iter().filter(|(cost, _)| matches!(cost, Cost::FMA(_)));
        let counts = counted.filter_map(|(_, count)| u64::try_from(count.to_i64().ok()?).ok());
        counts.fold(0, u64::saturating_add)
    };
    let sum = model.nodes().iter().map(of).fold(0, u64::saturating_add);
    (sum > 0).then_some(sum)
}
