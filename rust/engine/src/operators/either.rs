//! An operator of tract's where an operand is a constant of the plan, and our own where it is not.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;
use tract_onnx::tract_hir::tract_core::internal::HashMap as Mapping;

/// tract's operator for `node` while the inputs at `operands` are constants, `own` otherwise.
pub(super) fn stock_or(
    own: Box<dyn InferenceOp>,
    operands: &'static [usize],
    context: &ParsingContext<'_>,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let register = tract_onnx::onnx().op_register;
    let builder = register.0.get(&node.op_type).with_context(|| format!("tract has no {}", node.op_type))?;
    let (stock, _) = builder(context, node)?;
    Ok((Box::new(Either { stock, own, operands }), vec![]))
}

#[derive(Clone, Debug)]
struct Either {
    stock: Box<dyn InferenceOp>,
    own: Box<dyn InferenceOp>,
    operands: &'static [usize],
}

impl PartialEq for Either {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl Eq for Either {}

impl Op for Either {
    fn name(&self) -> StaticName {
        self.stock.name()
    }

    not_a_typed_op!();
}

impl EvalOp for Either {
    fn eval(&self, context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        self.stock.eval(context, inputs)
    }

    fn eval_out_of_plan(&self, inputs: TVec<TValue>) -> TractResult<Option<TVec<TValue>>> {
        self.stock.eval_out_of_plan(inputs)
    }
}

impl InferenceOp for Either {
    fn infer_facts(
        &mut self,
        inputs: TVec<&InferenceFact>,
        outputs: TVec<&InferenceFact>,
        observed: TVec<&InferenceFact>,
    ) -> TractResult<(TVec<InferenceFact>, TVec<InferenceFact>, TVec<InferenceFact>)> {
        self.stock.infer_facts(inputs, outputs, observed)
    }

    fn to_typed(
        &self,
        source: &InferenceModel,
        node: &InferenceNode,
        target: &mut TypedModel,
        mapping: &Mapping<OutletId, OutletId>,
    ) -> TractResult<TVec<OutletId>> {
        let mut constant = true;
        for input in self.operands.iter().filter_map(|&operand| node.inputs.get(operand)) {
            constant &= target.outlet_fact(mapping[input])?.konst.is_some();
        }
        let chosen = if constant { &self.stock } else { &self.own };
        chosen.to_typed(source, node, target, mapping)
    }

    fn nboutputs(&self) -> TractResult<usize> {
        self.stock.nboutputs()
    }

    as_op!();
}
