//! `Swish` and `SwiGLU`: tract's own does not know the attribute `alpha`.

use tract_core::ops::math;
use tract_core::ops::nn::{sigmoid, silu::silu};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::wires::Wires;

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

pub(super) fn swish(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    Ok((expand(Swish { alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0), gated: false }), vec![]))
}

pub(super) fn swiglu(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    Ok((expand(Swish { alpha: node.get_attr_opt("alpha")?.unwrap_or(1.0), gated: true }), vec![]))
}

/// `x × sigmoid(alpha × x)`, times the second input where it is gated.
#[derive(Clone, Debug)]
struct Swish {
    alpha: f32,
    gated: bool,
}

impl Expansion for Swish {
    fn name(&self) -> StaticName {
        if self.gated { "SwiGLU".into() } else { "Swish".into() }
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1 + usize::from(self.gated))?;
        for input in inputs {
            solver.equals(&input.datum_type, &outputs[0].datum_type)?;
            solver.equals(&input.shape, &outputs[0].shape)?;
        }
        Ok(())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut wires = Wires::new(prefix, model);
        let input = inputs[0];
        #[allow(clippy::float_cmp, reason = "1 is the default, exactly")]
        let mut result = if self.alpha == 1.0 {
            wires.op(silu(), &[input])?
        } else {
            let alpha = wires.scalar(self.alpha, input)?;
            let scaled = wires.binary(math::mul(), input, alpha)?;
            let gate = wires.op(sigmoid(), &[scaled])?;
            wires.binary(math::mul(), input, gate)?
        };
        if self.gated {
            result = wires.binary(math::mul(), result, inputs[1])?;
        }
        Ok(tvec!(result))
    }
}
