//! `NegativeLogLikelihoodLoss` and `SoftmaxCrossEntropyLoss`, which tract has not.

use tract_core::ndarray::{ArrayD, ArrayViewD, Axis, Dimension, Zip};
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

use super::native::{Function, native};

type Built = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

pub(super) fn negative_log_likelihood(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    Ok((native(Loss { softmax: false, log_probabilities: false, ..Loss::of(node)? }), vec![]))
}

pub(super) fn softmax_cross_entropy(_context: &ParsingContext<'_>, node: &NodeProto) -> Built {
    let log_probabilities = node.output.get(1).is_some_and(|name| !name.is_empty());
    Ok((native(Loss { softmax: true, log_probabilities, ..Loss::of(node)? }), vec![]))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Reduction {
    None,
    Sum,
    Mean,
}

/// Inputs: scores `[n, classes, ...]`, labels `[n, ...]`, and perhaps a weight for each class.
#[derive(Clone, Debug)]
struct Loss {
    reduction: Reduction,
    /// The label that does not count.
    ignored: Option<i64>,
    /// Whether the scores are yet to become logarithms of probabilities.
    softmax: bool,
    /// Whether these are wanted too.
    log_probabilities: bool,
}

impl Loss {
    fn of(node: &NodeProto) -> TractResult<Self> {
        let reduction = match node.get_attr_opt::<&str>("reduction")? {
            None | Some("mean") => Reduction::Mean,
            Some("sum") => Reduction::Sum,
            Some("none") => Reduction::None,
            Some(other) => bail!("reduction is {other:?}, expected none, sum or mean"),
        };
        let ignored = node.get_attr_opt("ignore_index")?;
        Ok(Self { reduction, ignored, softmax: false, log_probabilities: false })
    }

    /// The loss of every label and the weight with which it counts.
    fn losses(
        &self,
        log_probabilities: &ArrayViewD<'_, f64>,
        labels: &ArrayViewD<'_, i64>,
        weights: Option<&[f64]>,
    ) -> TractResult<(ArrayD<f64>, f64)> {
        let classes = log_probabilities.shape()[1];
        let mut total = 0.0;
        let mut losses = ArrayD::zeros(labels.shape());
        for (place, &label) in labels.indexed_iter() {
            if self.ignored == Some(label) {
                continue;
            }
            let class = usize::try_from(label).ok().filter(|&class| class < classes);
            let class = class.with_context(|| format!("label {label} of {classes} classes"))?;
            let weight = weights.map_or(1.0, |weights| weights[class]);
            let mut index = place.slice().to_vec();
            index.insert(1, class);
            losses[&place] = -log_probabilities[&index[..]] * weight;
            total += weight;
        }
        Ok((losses, total))
    }
}

fn log_softmax(scores: &ArrayViewD<'_, f64>) -> ArrayD<f64> {
    let mut result = scores.to_owned();
    for mut lane in result.lanes_mut(Axis(1)) {
        let largest = lane.fold(f64::NEG_INFINITY, |largest, &score| largest.max(score));
        let sum: f64 = lane.iter().map(|score| (score - largest).exp()).sum();
        Zip::from(&mut lane).for_each(|score| *score -= largest + sum.ln());
    }
    result
}

impl Function for Loss {
    const NAME: &'static str = "Loss";

    fn outputs(&self) -> usize {
        1 + usize::from(self.log_probabilities)
    }

    fn facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let (scores, labels) = (inputs[0], inputs[1]);
        ensure!(scores.datum_type.is_float(), "scores of {:?}, expected floats", scores.datum_type);
        ensure!(scores.rank() >= 2, "scores of {} axes, expected two or more", scores.rank());
        let mut expected = scores.shape.to_tvec();
        let classes = expected.remove(1);
        ensure!(expected == labels.shape.to_tvec(), "labels {labels:?} of scores {scores:?}");
        if let Some(weights) = inputs.get(2) {
            ensure!(weights.shape.to_tvec()[..] == [classes], "weights {weights:?} of scores {scores:?}");
        }
        let shape = if self.reduction == Reduction::None { expected } else { tvec!() };
        let mut facts = tvec!(scores.datum_type.fact(shape));
        facts.extend(self.log_probabilities.then(|| scores.without_value()));
        Ok(facts)
    }

    fn call(&self, inputs: &[&Tensor]) -> TractResult<TVec<Tensor>> {
        let datum_type = inputs[0].datum_type();
        let scores = inputs[0].cast_to::<f64>()?;
        let labels = inputs[1].cast_to::<i64>()?;
        let weights = inputs.get(2).map(|weights| weights.cast_to::<f64>()).transpose()?;
        let weights = match &weights {
            Some(weights) => Some(weights.try_as_plain_ram()?.as_slice::<f64>()?),
            None => None,
        };
        let scores = scores.to_plain_array_view::<f64>()?;
        let logarithms = if self.softmax { log_softmax(&scores) } else { scores.to_owned() };
        let (losses, total) =
            self.losses(&logarithms.view(), &labels.to_plain_array_view::<i64>()?, weights)?;
        let loss = match self.reduction {
            Reduction::None => losses.into_tensor(),
            Reduction::Sum => tensor0(losses.sum()),
            Reduction::Mean => tensor0(losses.sum() / total),
        };
        let mut outputs = tvec!(loss.cast_to_dt(datum_type)?.into_owned());
        if self.log_probabilities {
            outputs.push(logarithms.into_tensor().cast_to_dt(datum_type)?.into_owned());
        }
        Ok(outputs)
    }
}
