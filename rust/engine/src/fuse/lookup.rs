//! Rows of a constant table, which stays where the file was read to.

use tandem_kernels::{KernelError, Lookup, Packed, Restorer, Save, Saver};
use tract_core::internal::*;
use tract_core::ops::array::Gather;

use super::Rewriter;
use super::pattern::floats;
use super::storage::Storage;
use crate::lent::elements;
use crate::weight::{Elements, Weight};

/// Replaces `node`, where it takes rows of a table by numbers that a run gives.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some((kernel, shape)) = recognise(rewriter.source, node) else {
        return Ok(false);
    };
    let numbers = rewriter.plain(node.inputs[1])?;
    let op = Rows { kernel: Arc::new(kernel), shape, storage: rewriter.storage.clone() };
    let outlet = rewriter.target.wire_node(&node.name, op, &[numbers])?[0];
    rewriter.plain.insert(node.id.into(), outlet);
    Ok(true)
}

fn recognise(model: &TypedModel, node: &TypedNode) -> Option<(Lookup, Vec<usize>)> {
    let op = node.op_as::<Gather>()?;
    let [table, numbers] = *node.inputs.as_slice() else { return None };
    let numbers = model.outlet_fact(numbers).ok()?;
    // Rows of constant numbers are a constant.
    if op.axis != 0
        || op.output_type.is_some()
        || numbers.datum_type != i64::datum_type()
        || numbers.konst.is_some()
    {
        return None;
    }
    let weight = model.node(table.node).op_as::<Weight>()?;
    let Elements::Floats(bytes) = weight.elements()? else { return None };
    let kernel = Lookup::new(weight.shape().try_into().ok()?, Packed::shared(bytes)?).ok()?;
    Some((kernel, floats(model, node.id.into())?.to_vec()))
}

/// Rows as an operator. Its input are their numbers.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    kernel: Arc<Lookup>,
    /// Of the result.
    shape: Vec<usize>,
    storage: Arc<Storage>,
}

impl Rows {
    pub(super) fn save(&self, to: &mut Saver) {
        self.kernel.save(to);
        to.list(&self.shape);
    }

    pub(super) fn restore(from: &mut Restorer<'_>, storage: Arc<Storage>) -> Result<Self, KernelError> {
        let kernel = Arc::new(Lookup::restore(from)?);
        Ok(Self { kernel, shape: from.list()?, storage })
    }
}

impl PartialEq for Rows {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Rows {}

impl Op for Rows {
    fn name(&self) -> StaticName {
        "Tandem.Gather".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Rows {
    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let mut out = self.storage.take(f32::datum_type(), &self.shape)?;
        self.kernel.run(elements(&inputs[0])?, out.try_as_plain_ram_mut()?.as_slice_mut::<f32>()?)?;
        Ok(tvec!(self.storage.lend(out)))
    }

    op_out_of_plan!();
}

impl TypedOp for Rows {
    fn output_facts(&self, _inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(f32::fact(&self.shape)))
    }

    as_op!();
}
