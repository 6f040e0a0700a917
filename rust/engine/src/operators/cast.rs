//! `Cast` to i64: tract's own goes through symbolic dimensions, which loses values beyond 32 bits and is slow.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::ops::cast::cast as cast_op;

pub(super) fn cast(
    context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    if node.get_attr::<DatumType>("to")? == i64::datum_type() {
        return Ok((expand(ToI64), vec![]));
    }
    let register = tract_onnx::onnx().op_register;
    let builder = register.0.get(&node.op_type).context("tract has no Cast")?;
    builder(context, node)
}

#[derive(Clone, Debug)]
struct ToI64;

/// What was a dimension stays one, because its value may not be known yet.
fn result_type(from: DatumType) -> DatumType {
    if from == TDim::datum_type() { from } else { i64::datum_type() }
}

impl Expansion for ToI64 {
    fn name(&self) -> StaticName {
        "Cast".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)?;
        solver.given(&inputs[0].datum_type, move |solver, from| {
            solver.equals(&outputs[0].datum_type, result_type(from))
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let from = model.outlet_fact(inputs[0])?.datum_type;
        model.wire_node(prefix, cast_op(result_type(from)), inputs)
    }
}
