//! `ReduceMax` and `ReduceMin` of floats and bools, for which tract starts from the largest finite number, so that a
//! maximum over -inf alone is wrong, and takes no bool; and `ReduceLogSumExp`, in which tract's exponentials overflow.

use tract_core::ndarray::{ArrayD, Axis};
use tract_core::ops::{math, nn};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::native::{Function, Native};
use super::wires::Wires;

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Extreme {
    Max,
    Min,
}

pub(super) fn reduce_max(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    reduce(context, node, Reduction::Extreme(Extreme::Max))
}

pub(super) fn reduce_min(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    reduce(context, node, Reduction::Extreme(Extreme::Min))
}

pub(super) fn reduce_log_sum_exp(context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    reduce(context, node, Reduction::LogSumExp)
}

#[derive(Clone, Copy, Debug)]
enum Reduction {
    Extreme(Extreme),
    LogSumExp,
}

fn reduce(context: &ParsingContext<'_>, node: &NodeProto, reduction: Reduction) -> Built {
    let by_input = context.onnx_operator_set_version >= 18;
    let attribute = if by_input { None } else { node.get_attr_opt_vec::<i64>("axes")? };
    Ok((
        expand(Reduce {
            reduction,
            axes: attribute,
            by_input: by_input && node.input.get(1).is_some_and(|name| !name.is_empty()),
            keep: node.get_attr_opt("keepdims")?.unwrap_or(1_i64) == 1,
            noop: by_input && node.get_attr_opt("noop_with_empty_axes")?.unwrap_or(0_i64) == 1,
        }),
        vec![],
    ))
}

/// The reduction over known axes, which stay with size 1.
pub(super) fn extreme_over(extreme: Extreme, axes: Vec<usize>) -> impl TypedOp {
    Native(Over { extreme, axes })
}

#[derive(Clone, Debug)]
struct Reduce {
    reduction: Reduction,
    axes: Option<Vec<i64>>,
    by_input: bool,
    keep: bool,
    noop: bool,
}

impl Expansion for Reduce {
    fn name(&self) -> StaticName {
        match self.reduction {
            Reduction::Extreme(extreme) => format!("Reduce{extreme:?}").into(),
            Reduction::LogSumExp => "ReduceLogSumExp".into(),
        }
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1 + usize::from(self.by_input))?;
        solver.equals(&inputs[0].datum_type, &outputs[0].datum_type)?;
        let shapes = move |solver: &mut Solver<'r>, shape: &[TDim], axes: Option<Vec<i64>>| {
            let axes = self.resolve(axes, shape.len())?;
            let dims: TVec<TDim> = shape
                .iter()
                .enumerate()
                .filter_map(|(index, dim)| match (axes.contains(&index), self.keep) {
                    (false, _) => Some(dim.clone()),
                    (true, true) => Some(1.to_dim()),
                    (true, false) => None,
                })
                .collect();
            solver.equals(&outputs[0].shape, dims)
        };
        if self.by_input {
            solver.given_2(&inputs[0].shape, &inputs[1].value, move |solver, shape, axes| {
                let axes = axes.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec();
                shapes(solver, &shape, Some(axes))
            })
        } else {
            solver.given(&inputs[0].shape, move |solver, shape| shapes(solver, &shape, self.axes.clone()))
        }
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let mut axes = self.axes.clone();
        if self.by_input {
            let known = model.outlet_fact(inputs[1])?.konst.clone().context("the axes are not known")?;
            axes = Some(known.cast_to::<i64>()?.try_as_plain_ram()?.as_slice::<i64>()?.to_vec());
        }
        let fact = model.outlet_fact(inputs[0])?.clone();
        let axes = self.resolve(axes, fact.rank())?;
        let mut wires = Wires::new(prefix, model);
        let mut outputs = tvec!(match self.reduction {
            Reduction::Extreme(extreme) => reduce_extreme(&mut wires, extreme, &axes, inputs[0])?,
            Reduction::LogSumExp => log_sum_exp(&mut wires, &axes, inputs[0])?,
        });
        if !self.keep {
            for axis in axes.into_iter().rev() {
                outputs = model.wire_node(format!("{prefix}.drop-{axis}"), AxisOp::Rm(axis), &outputs)?;
            }
        }
        Ok(outputs)
    }
}

impl Reduce {
    /// The axes from nought up, in order, without repeats.
    fn resolve(&self, axes: Option<Vec<i64>>, rank: usize) -> TractResult<Vec<usize>> {
        let axes = match axes {
            Some(axes) if !axes.is_empty() => axes,
            _ if self.noop => vec![],
            _ => (0..super::signed(rank)).collect(),
        };
        let mut resolved =
            axes.into_iter().map(|axis| super::axis(axis, rank)).collect::<TractResult<Vec<_>>>()?;
        resolved.sort_unstable();
        resolved.dedup();
        Ok(resolved)
    }
}

fn reduce_extreme(
    wires: &mut Wires<'_>,
    extreme: Extreme,
    axes: &[usize],
    value: OutletId,
) -> TractResult<OutletId> {
    let datum_type = wires.datum_type(value)?;
    if datum_type.is_float() || datum_type == bool::datum_type() {
        return wires.op(extreme_over(extreme, axes.to_vec()), &[value]);
    }
    let reducer = if extreme == Extreme::Max { nn::Reducer::Max } else { nn::Reducer::Min };
    wires.op(nn::Reduce::new(axes.iter().copied().collect(), reducer), &[value])
}

/// The largest value is taken out of the sum, unless it is infinite.
fn log_sum_exp(wires: &mut Wires<'_>, axes: &[usize], value: OutletId) -> TractResult<OutletId> {
    let largest = wires.op(extreme_over(Extreme::Max, axes.to_vec()), &[value])?;
    let bound = |wires: &mut Wires<'_>, bound: f32| {
        wires.scalar(
            if wires.datum_type(value)? == f16::datum_type() { bound.signum() * 6e4 } else { bound },
            value,
        )
    };
    let (low, high) = (bound(wires, f32::MIN)?, bound(wires, f32::MAX)?);
    let largest = wires.binary(math::max(), largest, low)?;
    let largest = wires.binary(math::min(), largest, high)?;
    let rest = wires.binary(math::sub(), value, largest)?;
    let powers = wires.op(math::exp(), &[rest])?;
    let sum = wires.op(nn::Reduce::new(axes.iter().copied().collect(), nn::Reducer::Sum), &[powers])?;
    let logarithm = wires.op(math::ln(), &[sum])?;
    wires.binary(math::add(), logarithm, largest)
}

#[derive(Clone, Debug)]
struct Over {
    extreme: Extreme,
    axes: Vec<usize>,
}

impl Over {
    fn fold<T: Datum + Copy>(
        &self,
        input: &Tensor,
        start: T,
        better: fn(T, T) -> bool,
    ) -> TractResult<Tensor> {
        let mut array: ArrayD<T> = input.to_plain_array_view::<T>()?.to_owned();
        for &axis in &self.axes {
            // What is not worse replaces what is there, so that a NaN stays.
            let folded = array.fold_axis(
                Axis(axis),
                start,
                |&best, &value| {
                    if better(best, value) { best } else { value }
                },
            );
            array = folded.insert_axis(Axis(axis));
        }
        Ok(array.into_tensor())
    }

    fn floats<T: Datum + Copy + PartialOrd>(
        &self,
        input: &Tensor,
        infinity: T,
        minus: T,
    ) -> TractResult<Tensor> {
        fn is_nan<T: PartialOrd>(value: &T) -> bool {
            value.partial_cmp(value).is_none()
        }
        match self.extreme {
            Extreme::Max => self.fold(input, minus, |best, value| is_nan(&best) || best > value),
            Extreme::Min => self.fold(input, infinity, |best, value| is_nan(&best) || best < value),
        }
    }
}

impl Function for Over {
    const NAME: &'static str = "ReduceExtreme";

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let mut shape = inputs[0].shape.to_tvec();
        for &axis in &self.axes {
            shape[axis] = 1.to_dim();
        }
        Ok(tvec!(inputs[0].datum_type.fact(shape)))
    }

    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let input = inputs[0];
        Ok(tvec!(match input.datum_type() {
            DatumType::F16 => self.floats(input, f16::INFINITY, f16::NEG_INFINITY)?,
            DatumType::F32 => self.floats(input, f32::INFINITY, f32::NEG_INFINITY)?,
            DatumType::F64 => self.floats(input, f64::INFINITY, f64::NEG_INFINITY)?,
            DatumType::Bool if self.extreme == Extreme::Max => self.fold(input, false, |best, _| best)?,
            DatumType::Bool => self.fold(input, true, |best, _| !best)?,
            other => bail!("elements of {other:?}"),
        }))
    }
}
