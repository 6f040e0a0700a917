//! Operators written as plain functions over tensors, for what has no equal in tract.

use tract_onnx::tract_hir::internal::*;

/// An operator that is a function of its inputs alone.
pub(crate) trait Function: Clone + std::fmt::Debug + Send + Sync + 'static {
    /// ONNX's name of it.
    const NAME: &'static str;

    /// How many results there are.
    fn outputs(&self) -> usize {
        1
    }

    /// Types and shapes of the results for inputs of these types and shapes; an error where the operator does not
    /// take them.
    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>>;

    /// The results.
    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>>;
}

/// A function as an operator of tract's.
pub(super) fn native<F: Function>(function: F) -> Box<dyn InferenceOp> {
    expand(Native(function))
}

#[derive(Clone, Debug)]
pub(crate) struct Native<F>(pub(super) F);

impl<F> Native<F> {
    pub(crate) fn new(function: F) -> Self {
        Self(function)
    }

    pub(crate) fn function(&self) -> &F {
        &self.0
    }
}

impl<F: Function> Expansion for Native<F> {
    fn name(&self) -> StaticName {
        F::NAME.into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(self.0.outputs())
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        solver.given_all(inputs.iter().map(|input| &input.datum_type), move |solver, types| {
            solver.given_all(inputs.iter().map(|input| &input.shape), move |solver, shapes| {
                let facts: Vec<TypedFact> =
                    types.iter().zip(&shapes).map(|(datum_type, shape)| datum_type.fact(shape)).collect();
                let results = self.0.facts(&facts.iter().collect::<Vec<_>>())?;
                for (output, result) in outputs.iter().zip(results) {
                    solver.equals(&output.datum_type, result.datum_type)?;
                    solver.equals(&output.rank, super::signed(result.rank()))?;
                    if result.shape.is_concrete() {
                        solver.equals(&output.shape, result.shape.to_tvec())?;
                    }
                }
                Ok(())
            })
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl<F: Function> PartialEq for Native<F> {
    fn eq(&self, _other: &Self) -> bool {
        false
    }
}

impl<F: Function> Eq for Native<F> {}

impl<F: Function> Op for Native<F> {
    fn name(&self) -> StaticName {
        F::NAME.into()
    }

    op_as_typed_op!();
}

impl<F: Function> EvalOp for Native<F> {
    fn eval(&self, _context: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let inputs: Vec<&Tensor> = inputs.iter().map(|input| &**input).collect();
        Ok(self.0.call(&inputs)?.into_iter().map(TValue::from).collect())
    }

    op_out_of_plan!();
}

impl<F: Function> TypedOp for Native<F> {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.0.facts(inputs)
    }

    as_op!();
}
