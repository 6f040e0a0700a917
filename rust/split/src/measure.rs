//! What a split run costs and loses, measured on the engine.

use std::sync::Arc;
use std::time::Instant;

use half::f16;
use tandem_core::{Control, DType, Engine, LoadOptions, LocalModel, ModelSource, NamedTensors, Tensor};
use tandem_onnx::ModelProto;

use crate::boundary::Boundary;
use crate::cuts::Cuts;
use crate::extract::Halves;
use crate::manifest::{Accuracy, FormError};
use crate::split::four_digits;
use crate::wire_form::WireForm;
use crate::{SplitError, encode, head_shares};

/// Inputs whose class is known.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The model's inputs.
    pub inputs: NamedTensors,
    /// The number of the class.
    pub class: usize,
}

/// A model and its head, loaded.
pub(crate) struct Bench<'a> {
    pub(crate) engine: &'a dyn Engine,
    pub(crate) whole: Arc<dyn LocalModel>,
}

/// Head and boundary of one cut, loaded.
pub(crate) struct Head<'a> {
    bench: &'a Bench<'a>,
    boundary: &'a Boundary,
    model: Option<Arc<dyn LocalModel>>,
}

/// Loads a model that is in memory.
pub(crate) fn load(engine: &dyn Engine, model: &ModelProto) -> Result<Arc<dyn LocalModel>, SplitError> {
    let source = ModelSource::Bytes(Arc::from(&*model.encode_bytes()));
    Ok(engine.load(&source, &LoadOptions::default())?)
}

/// Runs a model on those of `tensors` that it takes.
fn run(model: &dyn LocalModel, tensors: &NamedTensors) -> Result<NamedTensors, SplitError> {
    let mut taken = NamedTensors::default();
    for input in &model.info().inputs {
        let tensor = tensors.get(&input.name).ok_or_else(|| SplitError::Missing(input.name.clone()))?;
        taken.push(input.name.as_str(), tensor.clone())?;
    }
    Ok(model.run(&taken, &[], &Control::default())?)
}

impl<'a> Bench<'a> {
    pub(crate) fn new(engine: &'a dyn Engine, model: &ModelProto) -> Result<Self, SplitError> {
        Ok(Self { engine, whole: load(engine, model)? })
    }

    pub(crate) fn head(&'a self, halves: &Halves, boundary: &'a Boundary) -> Result<Head<'a>, SplitError> {
        let model = halves.head.as_ref().map(|head| load(self.engine, head)).transpose()?;
        Ok(Head { bench: self, boundary, model })
    }

    /// How much of the quickest of three profiled runs of the whole model the head of each cut took, where that can be told.
    pub(crate) fn head_shares(
        &self,
        model: &ModelProto,
        cuts: &Cuts,
        inputs: &NamedTensors,
    ) -> Result<Vec<Option<f64>>, SplitError> {
        self.whole.warm_up(inputs, &Control::default())?;
        let profiles = (0..3).map(|_| self.whole.profile(inputs, &Control::default()));
        let profiles = profiles.collect::<Result<Vec<_>, _>>()?;
        let boundaries: Vec<&Boundary> = cuts.cuts.iter().map(|cut| &cut.boundary).collect();
        let quickest = profiles.iter().min_by_key(|profile| profile.total);
        Ok(quickest.map_or_else(Vec::new, |profile| head_shares(model, profile, &boundaries)))
    }

    /// The median time of the whole model, in seconds, over `runs` after one that warms up.
    pub(crate) fn whole_time(&self, inputs: &NamedTensors, runs: u32) -> Result<f64, SplitError> {
        median(runs, || run(self.whole.as_ref(), inputs))
    }
}

impl Head<'_> {
    fn outputs(&self, inputs: &NamedTensors) -> Result<NamedTensors, SplitError> {
        self.model.as_ref().map_or_else(|| Ok(NamedTensors::default()), |model| run(model.as_ref(), inputs))
    }

    /// Whether there is no head: the tail is the whole model.
    pub(crate) fn is_whole(&self) -> bool {
        self.model.is_none() && self.boundary.head_outputs.is_empty()
    }

    /// The crossing tensors of one sample.
    pub(crate) fn crossing(&self, inputs: &NamedTensors) -> Result<NamedTensors, SplitError> {
        self.boundary.crossing_tensors(inputs, &self.outputs(inputs)?)
    }

    /// The median times of head and tail, in seconds, the crossing tensors as they are.
    pub(crate) fn times(
        &self,
        tail: &ModelProto,
        inputs: &NamedTensors,
        runs: u32,
    ) -> Result<(f64, f64), SplitError> {
        let tail = load(self.bench.engine, tail)?;
        let crossing = self.crossing(inputs)?;
        let head = match &self.model {
            Some(model) => median(runs, || run(model.as_ref(), inputs))?,
            None => 0.0,
        };
        Ok((head, median(runs, || run(tail.as_ref(), &crossing))?))
    }

    /// The outputs of a split run whose crossing tensors travel in `forms` to the `deployed` tail.
    fn split(
        &self,
        deployed: &dyn LocalModel,
        forms: &[WireForm],
        inputs: &NamedTensors,
    ) -> Result<NamedTensors, SplitError> {
        let head = self.outputs(inputs)?;
        let sent = encode(&self.boundary.crossing_tensors(inputs, &head)?, forms)?;
        let tail = run(deployed, &sent)?;
        let names = self.bench.whole.info().outputs.iter().map(|output| output.name.clone());
        self.boundary.outputs(&names.collect::<Vec<_>>(), inputs, &head, &tail)
    }

    /// How far split outputs are from the whole model's over `samples`, and how many classes are right over
    /// `labelled`.
    pub(crate) fn error(
        &self,
        deployed: &ModelProto,
        forms: &[WireForm],
        samples: &[NamedTensors],
        labelled: &[Labelled],
    ) -> Result<FormError, SplitError> {
        let deployed = load(self.bench.engine, deployed)?;
        let mut difference = Difference::default();
        for sample in samples {
            let whole = run(self.bench.whole.as_ref(), sample)?;
            difference.add(&whole, &self.split(deployed.as_ref(), forms, sample)?);
        }
        let (mut whole_right, mut split_right) = (0_u64, 0_u64);
        for Labelled { inputs, class } in labelled {
            let whole = run(self.bench.whole.as_ref(), inputs)?;
            let split = self.split(deployed.as_ref(), forms, inputs)?;
            whole_right += u64::from(best_class(&whole) == Some(*class));
            split_right += u64::from(best_class(&split) == Some(*class));
        }
        let count = labelled.len() as u64;
        #[expect(clippy::cast_precision_loss, reason = "counts of samples")]
        let share = |right: u64| four_digits(right as f64 / count as f64);
        let accuracy = || Accuracy { samples: count, whole: share(whole_right), split: share(split_right) };
        Ok(FormError {
            samples: samples.len() as u64,
            max_abs: stated(difference.max_abs),
            relative_rms: stated(difference.relative_rms()),
            accuracy: (count > 0).then(accuracy),
        })
    }
}

/// The class with the highest score: of the first output of floating-point numbers whose last dimension holds all
/// of them, of equal scores the first. `None` where there is none such, or where a NaN leaves no order.
pub fn best_class(outputs: &NamedTensors) -> Option<usize> {
    outputs.iter().find_map(|(_, tensor)| {
        let classes = tensor.shape().last().copied().filter(|&size| size >= 2)?;
        let scores = floats(tensor).filter(|scores| scores.len() == classes)?;
        if scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let better = |best: usize, class: usize| if scores[class] > scores[best] { class } else { best };
        (0..scores.len()).reduce(better)
    })
}

/// An error with four digits, and not less than it is.
fn stated(error: f64) -> f64 {
    four_digits(error * 1.0005)
}

#[derive(Default)]
struct Difference {
    max_abs: f64,
    squares: f64,
    whole_squares: f64,
}

impl Difference {
    fn add(&mut self, whole: &NamedTensors, split: &NamedTensors) {
        for ((_, whole), (_, split)) in whole.iter().zip(split.iter()) {
            let (Some(whole), Some(split)) = (floats(whole), floats(split)) else { continue };
            for (whole, split) in whole.into_iter().zip(split) {
                let same = whole.to_bits() == split.to_bits() || (whole.is_nan() && split.is_nan());
                // A NaN on one side alone is as far off as can be.
                let difference = if same { 0.0 } else { (whole - split).abs() };
                let difference = if difference.is_nan() { f64::INFINITY } else { difference };
                self.max_abs = self.max_abs.max(difference);
                self.squares += difference * difference;
                if whole.is_finite() {
                    self.whole_squares += whole * whole;
                }
            }
        }
    }

    fn relative_rms(&self) -> f64 {
        if self.squares == 0.0 { 0.0 } else { (self.squares / self.whole_squares).sqrt() }
    }
}

fn floats(tensor: &Tensor) -> Option<Vec<f64>> {
    match tensor.dtype() {
        DType::F16 => Some(tensor.values::<f16>().ok()?.iter().map(|value| value.to_f64()).collect()),
        DType::F32 => Some(tensor.values::<f32>().ok()?.iter().map(|&value| f64::from(value)).collect()),
        DType::F64 => tensor.to_vec().ok(),
        _ => None,
    }
}

fn median<T>(runs: u32, mut once: impl FnMut() -> Result<T, SplitError>) -> Result<f64, SplitError> {
    once()?;
    let mut times = Vec::new();
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        once()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Whether an error is one of the values that cross, so that another form may do.
pub(crate) fn is_of_the_form(error: &SplitError) -> bool {
    matches!(
        error,
        SplitError::Encode(_)
            | SplitError::NotFinite(_)
            | SplitError::OldOperatorSet { .. }
            | SplitError::NameTaken(_)
    )
}
