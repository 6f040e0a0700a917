//! A wrapper around every operator of a tract graph while a plan is being made.
//!
//! tract analyses and translates a graph in calls that cannot be stopped, computes constants of any size on
//! the way, and tells in words where it failed. The wrapper stops it between nodes, holds tensors to their
//! limit before they are made, and names the node.

use std::sync::Arc;
use std::time::Instant;

use tandem_core::Control;
use tract_core::optim::CONST_FOLD_MEM_BUDGET;
use tract_core::tract_data::TooEarly;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::internal::HashMap as Mapping;

use crate::fault::{Fault, chain};
use crate::lower::Operator;
use crate::widen;

/// What all the wrappers of one graph share.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) control: Control,
    pub(crate) tensor_bytes: u64,
}

impl Watch {
    pub(crate) fn check(&self) -> Result<(), Fault> {
        Ok(self.control.check(Instant::now())?)
    }

    /// Holds a tensor of which type and shape are known to the limit.
    pub(crate) fn check_size(&self, datum_type: DatumType, shape: &[TDim]) -> Result<u64, Fault> {
        let bytes = byte_count(datum_type, shape);
        match bytes {
            Some(got) if got > self.tensor_bytes => {
                Err(Fault::Limit { what: "tensor bytes", got, limit: self.tensor_bytes })
            }
            _ => Ok(bytes.unwrap_or(0)),
        }
    }
}

/// Bytes of a tensor, as far as its sizes are numbers.
fn byte_count(datum_type: DatumType, shape: &[TDim]) -> Option<u64> {
    shape.iter().try_fold(datum_type.size_of() as u64, |bytes, dim| {
        let size = u64::try_from(dim.to_i64().ok()?).ok()?;
        Some(bytes.saturating_mul(size))
    })
}

/// Wraps every operator of `model`; `operators` tells what each node is in ONNX.
pub(crate) fn wrap(
    model: &mut InferenceModel,
    operators: &Mapping<String, Operator>,
    watch: &Arc<Watch>,
) -> TractResult<()> {
    for id in 0..model.nodes().len() {
        let dummy = model.create_dummy();
        let node = model.node_mut(id);
        let Some(operator) = operators.get(&node.name) else {
            continue;
        };
        let (given, asked) = (node.op.nboutputs()?, node.outputs.len());
        if given != asked {
            let detail = format!("the engine gives {given} of the {asked} outputs that are asked for");
            let (operator, node) = (operator.name.clone(), node.name.clone());
            return Err(Fault::Unsupported { operator, node, detail }.into());
        }
        let inner = std::mem::replace(&mut node.op, dummy);
        let Operator { name, axis } = operator.clone();
        let watch = watch.clone();
        node.op = Box::new(Guarded { inner, node: node.name.clone(), operator: name, axis, watch });
    }
    Ok(())
}

#[derive(Clone, Debug)]
struct Guarded {
    inner: Box<dyn InferenceOp>,
    node: String,
    operator: String,
    axis: Option<i64>,
    watch: Arc<Watch>,
}

impl Guarded {
    /// What went wrong, with the node it went wrong in.
    fn contradiction(&self, error: &TractError) -> Fault {
        error.downcast_ref::<Fault>().cloned().unwrap_or_else(|| Fault::Contradiction {
            operator: self.operator.clone(),
            node: self.node.clone(),
            detail: chain(error),
        })
    }

    fn unsupported(&self, error: &TractError) -> Fault {
        error.downcast_ref::<Fault>().cloned().unwrap_or_else(|| Fault::Unsupported {
            operator: self.operator.clone(),
            node: self.node.clone(),
            detail: chain(error),
        })
    }

    /// tract counts from a negative axis up to the axes there are, and never ends where it is not one of them.
    fn check_axis(&self, inputs: &[&InferenceFact]) -> Result<(), Fault> {
        let rank = inputs.first().and_then(|input| input.shape.rank().concretize());
        match (self.axis, rank) {
            (Some(axis), Some(rank)) if !(-rank..=rank).contains(&axis) => Err(Fault::Contradiction {
                operator: self.operator.clone(),
                node: self.node.clone(),
                detail: format!("axis {axis} of a tensor of {rank} axes"),
            }),
            _ => Ok(()),
        }
    }

    /// Bytes of all outputs, as far as they are known.
    fn check_outputs(&self, outputs: &[InferenceFact]) -> Result<u64, Fault> {
        let mut total = 0_u64;
        for output in outputs {
            if let (Some(datum_type), Some(shape)) =
                (output.datum_type.concretize(), output.shape.concretize())
            {
                total = total.saturating_add(self.watch.check_size(datum_type, &shape)?);
            }
        }
        Ok(total)
    }

    /// The outputs, where all inputs are known and everything is small.
    fn fold(&self, inputs: &[InferenceFact]) -> TractResult<Option<TVec<InferenceFact>>> {
        let small =
            |tensor: &Arc<Tensor>| tensor.is_plain_ram() && tensor_bytes(tensor) <= CONST_FOLD_MEM_BUDGET;
        let values: Option<TVec<TValue>> = inputs
            .iter()
            .map(|input| input.value.concretize().filter(small).map(IntoTValue::into_tvalue))
            .collect();
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            return Ok(None);
        };
        match self.inner.eval_out_of_plan(values) {
            Ok(Some(outputs))
                if outputs.iter().map(|output| tensor_bytes(output)).sum::<u64>()
                    <= CONST_FOLD_MEM_BUDGET =>
            {
                outputs
                    .into_iter()
                    .map(|output| output.into_arc_tensor().try_into())
                    .collect::<TractResult<_>>()
                    .map(Some)
            }
            Ok(_) => Ok(None),
            Err(error) if error.root_cause().is::<TooEarly>() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn tensor_bytes(tensor: &Tensor) -> u64 {
    (tensor.volume() * tensor.datum_type().size_of()) as u64
}

impl PartialEq for Guarded {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Guarded {}

impl Op for Guarded {
    fn name(&self) -> StaticName {
        self.inner.name()
    }

    fn validation(&self) -> Validation {
        self.inner.validation()
    }

    fn info(&self) -> TractResult<Vec<String>> {
        self.inner.info()
    }

    not_a_typed_op!();
}

impl EvalOp for Guarded {
    fn eval(&self, ctx: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.inner.eval(ctx, inputs)
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        self.inner.eval_out_of_plan(inputs)
    }

    fn state(&self, ctx: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        self.inner.state(ctx)
    }
}

impl InferenceOp for Guarded {
    fn infer(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        self.watch.check()?;
        self.check_axis(&inputs)?;
        let inferred = self.inner.infer_facts(inputs, outputs, observed);
        let (inputs, outputs, observed) = inferred.map_err(|error| self.contradiction(&error))?;
        let bytes = self.check_outputs(&outputs)?;
        if bytes > CONST_FOLD_MEM_BUDGET {
            return Ok((inputs, outputs, observed));
        }
        match self.fold(&inputs).map_err(|error| self.contradiction(&error))? {
            Some(folded) => Ok((inputs, folded, observed)),
            None => Ok((inputs, outputs, observed)),
        }
    }

    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        self.inner.infer_facts(inputs, outputs, observed)
    }

    fn observe_outlets(&self, model: &InferenceModel, node: &InferenceNode) -> TractResult<Vec<OutletId>> {
        self.inner.observe_outlets(model, node)
    }

    fn incorporate(
        &self,
        model: &InferenceModel,
        node: &InferenceNode,
    ) -> TractResult<Option<InferenceModelPatch>> {
        self.inner.incorporate(model, node)
    }

    fn nboutputs(&self) -> TractResult<usize> {
        self.inner.nboutputs()
    }

    fn as_op(&self) -> &dyn Op {
        self.inner.as_op()
    }

    fn as_op_mut(&mut self) -> &mut dyn Op {
        self.inner.as_op_mut()
    }

    fn to_typed(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &Mapping<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        self.watch.check()?;
        let narrow = node.inputs.first().map(|input| target.outlet_fact(mapping[input])).transpose()?;
        let narrow = narrow.map(|fact| fact.datum_type);
        let wide = narrow.and_then(|narrow| widen::working_type(&self.operator, narrow));
        let outlets = match narrow.zip(wide) {
            Some(types) => widen::to_typed(self.inner.as_ref(), types, source, node, target, mapping),
            None => self.inner.to_typed(source, node, target, mapping),
        };
        let outlets = outlets.map_err(|error| self.unsupported(&error))?;
        for outlet in &outlets {
            let fact = target.outlet_fact(*outlet)?;
            self.watch.check_size(fact.datum_type, &fact.shape)?;
        }
        Ok(outlets)
    }
}
