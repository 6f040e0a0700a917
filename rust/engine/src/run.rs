//! Running a plan node by node.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tandem_core::{Control, ModelInfo, NamedTensors};
use tract_core::internal::*;
use tract_core::plan;

use crate::compile::Plan;
use crate::convert::{from_tract, shared, to_tract};
use crate::fault::{Fault, chain, contain};
use crate::lent::Lent;

/// What sees every node after it ran: the node and its outputs, and when it started.
pub(crate) type Observer<'a> = dyn FnMut(&TypedNode, &[TValue], Instant) + 'a;

/// Runs `plan` and gives the outputs of those indices.
pub(crate) fn run(
    plan: &Plan,
    info: &ModelInfo,
    inputs: &NamedTensors,
    wanted: &[usize],
    tensor_bytes: u64,
    control: &Control,
    observer: &mut Observer<'_>,
) -> Result<NamedTensors, Fault> {
    contain(|| {
        let values = input_values(plan, info, inputs)?;
        let chosen = plan.choose(wanted)?;
        let outputs = step(&chosen, values, tensor_bytes, control, observer)?;
        let mut named = NamedTensors::default();
        for (&index, value) in wanted.iter().zip(outputs) {
            let output = &info.outputs[index];
            let tensor = from_tract(value, output.dtype).map_err(|error| Fault::from_tract(&error))?;
            named.push(output.name.clone(), tensor).map_err(|error| Fault::Internal(error.to_string()))?;
        }
        Ok(named)
    })
}

fn input_values(plan: &Plan, info: &ModelInfo, inputs: &NamedTensors) -> Result<TVec<TValue>, Fault> {
    let value = |&index: &usize| {
        let name = &info.inputs[index].name;
        let tensor = inputs.get(name).ok_or_else(|| Fault::Internal(format!("input {name:?} is missing")))?;
        if let Some(value) = shared(tensor).or_else(|| Lent::value(tensor)) {
            return Ok(value);
        }
        to_tract(tensor).map_err(|error| Fault::from_tract(&error))
    };
    plan.inputs.iter().map(value).collect()
}

fn step(
    plan: &Arc<TypedSimplePlan>,
    inputs: TVec<TValue>,
    tensor_bytes: u64,
    control: &Control,
    observer: &mut Observer<'_>,
) -> Result<TVec<TValue>, Fault> {
    let mut state = plan.spawn().map_err(|error| Fault::from_tract(&error))?;
    let outputs = state.run_plan_with_eval(inputs, |context, op_state, node: &TypedNode, inputs| {
        let start = Instant::now();
        control.check(start).map_err(Fault::from)?;
        let outputs = eval(context, op_state, node, inputs)?;
        for (output, outlet) in outputs.iter().zip(&node.outputs) {
            check_output(node, output, &outlet.fact, context, tensor_bytes)?;
        }
        observer(node, &outputs, start);
        Ok::<_, Fault>(outputs)
    });
    outputs.map_err(|error| Fault::from_tract(&error))
}

/// A node's result must be what the plan promised: what comes after relies on it without looking.
fn check_output(
    node: &TypedNode,
    output: &Tensor,
    fact: &TypedFact,
    context: &EvalContext<'_>,
    tensor_bytes: u64,
) -> Result<(), Fault> {
    let got = value_bytes(output);
    if got > tensor_bytes {
        return Err(Fault::Limit { what: "tensor bytes", got, limit: tensor_bytes });
    }
    // The usual case, at the cost of two comparisons.
    if fact.datum_type == output.datum_type() && fact.shape.as_concrete() == Some(output.shape()) {
        return Ok(());
    }
    match fact.matches(output, Some(context.symbols)) {
        Ok(true) => Ok(()),
        _ => Err(Fault::Node {
            operator: node.op.name().into_owned(),
            node: node.name.clone(),
            detail: format!("its result is {output:?}, expected {fact:?}"),
        }),
    }
}

/// Runs one node. tract panics in some where a value is out of range, such as an index of `Gather`.
fn eval(
    context: &EvalContext<'_>,
    state: Option<&mut (dyn OpState + 'static)>,
    node: &TypedNode,
    inputs: TVec<TValue>,
) -> Result<TVec<TValue>, Fault> {
    let evaluated =
        contain(|| plan::eval(context, state, node, inputs).map_err(|error| node_fault(node, &error)));
    evaluated.map_err(|fault| match fault {
        Fault::Internal(detail) => {
            Fault::Node { operator: node.op.name().into_owned(), node: node.name.clone(), detail }
        }
        other => other,
    })
}

/// Bytes that a value takes, packed forms of tract's own included.
pub(crate) fn value_bytes(value: &Tensor) -> u64 {
    let packed = value.exotic_fact().ok().flatten().and_then(|fact| fact.mem_size().to_i64().ok());
    let plain = value.volume().saturating_mul(value.datum_type().size_of()) as u64;
    packed.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(plain)
}

fn node_fault(node: &TypedNode, error: &TractError) -> Fault {
    error.downcast_ref::<Fault>().cloned().unwrap_or_else(|| Fault::Node {
        operator: node.op.name().into_owned(),
        node: node.name.clone(),
        detail: chain(error),
    })
}

impl Plan {
    /// A plan of tract's for these outputs alone, over the same optimised graph.
    fn choose(&self, wanted: &[usize]) -> Result<Arc<TypedSimplePlan>, Fault> {
        if wanted.iter().copied().eq(0..self.model.outputs.len()) {
            return Ok(self.all.clone());
        }
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = chosen.get(wanted) {
            return Ok(plan.clone());
        }
        let outlets: Vec<OutletId> = wanted.iter().map(|&index| self.model.outputs[index]).collect();
        let mut model = (*self.model).clone();
        let plan = model.select_output_outlets(&outlets).and_then(|()| SimplePlan::new(model));
        let plan = plan.map_err(|error| Fault::from_tract(&error))?;
        // A caller wants the same few outputs again and again; nobody else needs more room.
        if chosen.len() >= 8 {
            chosen.clear();
        }
        chosen.insert(wanted.to_vec(), plan.clone());
        Ok(plan)
    }
}

#[cfg(test)]
mod tests;
