//! `Celu`, `Mish` and `Softplus`: tract's own forget to multiply by `alpha`, overflow for large values, or lose every
//! digit of small ones.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::native::{Function, native};

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

pub(super) fn celu(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let alpha = node.get_attr_opt::<f32>("alpha")?.unwrap_or(1.0);
    Ok((native(Elementwise::Celu { alpha: alpha.into() }), vec![]))
}

#[allow(clippy::unnecessary_wraps, reason = "the signature that tract wants")]
pub(super) fn mish(_context: &ParsingContext<'_>, _node: &NodeProto) -> Built {
    Ok((native(Elementwise::Mish), vec![]))
}

#[allow(clippy::unnecessary_wraps, reason = "the signature that tract wants")]
pub(super) fn softplus(_context: &ParsingContext<'_>, _node: &NodeProto) -> Built {
    Ok((native(Elementwise::Softplus), vec![]))
}

#[derive(Clone, Copy, Debug)]
enum Elementwise {
    Celu { alpha: f64 },
    Mish,
    Softplus,
}

impl Elementwise {
    fn of(self, x: f64) -> f64 {
        // ln(1 + e^x), for which e^x may overflow and 1 + e^x may round to 1.
        let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
        match self {
            Self::Celu { .. } if x > 0.0 => x,
            Self::Celu { alpha } => alpha * (x / alpha).exp_m1(),
            Self::Mish => x * softplus(x).tanh(),
            Self::Softplus => softplus(x),
        }
    }
}

impl Function for Elementwise {
    const NAME: &'static str = "Elementwise";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        ensure!(inputs[0].datum_type.is_float(), "elements of {:?}, expected floats", inputs[0].datum_type);
        Ok(tvec!(inputs[0].without_value()))
    }

    #[allow(clippy::cast_possible_truncation, reason = "the result is rounded to the type of the tensor")]
    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let input = inputs[0];
        Ok(tvec!(match input.datum_type() {
            DatumType::F16 => {
                input.to_plain_array_view::<f16>()?.mapv(|x| f16::from_f64(self.of(x.to_f64()))).into_tensor()
            }
            DatumType::F32 => {
                input.to_plain_array_view::<f32>()?.mapv(|x| self.of(x.into()) as f32).into_tensor()
            }
            _ => input.to_plain_array_view::<f64>()?.mapv(|x| self.of(x)).into_tensor(),
        }))
    }
}
