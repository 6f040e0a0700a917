//! From a model to what is deployed: chosen cuts, tails in their wire forms, manifest.

mod forms;

use std::collections::BTreeMap;

use bytes::Bytes;
use tandem_core::{Dimension, Engine, ModelInfo, NamedTensors, TensorInfo};
use tandem_onnx::ModelProto;

use crate::boundary::Boundary;
use crate::choose::choose;
use crate::cuts::{Cut, CutKind, CutOptions, Cuts};
use crate::extract::extract;
use crate::manifest::{CutEntry, FormEntry, Manifest, ModelEntry, TimeShares};
use crate::measure::{Bench, Head, Labelled};
use crate::original::{Original, sha256};
use crate::wire_form::{Affine, WireForm, deploy, wire_tensors};
use crate::{SplitError, placeholder_inputs};

pub use forms::{FormKind, UnknownForm};

/// Characters of a model's name, so that a tail's fits a folder.
const MAX_NAME: usize = 128;

/// What is deployed.
#[derive(Clone, Debug)]
pub struct SplitOptions {
    /// Which cuts to look for.
    pub cuts: CutOptions,
    /// Cuts that get a tail.
    pub max_tails: usize,
    /// The cuts that get a tail, by their ids, in place of those that are worth most.
    pub chosen: Vec<String>,
    /// The wire forms in which each cut is offered. `f32` is always among them.
    pub forms: Vec<FormKind>,
    /// Inputs that are pictures whose pixels may travel as bytes: name, and what turned pixels into elements.
    pub pictures: BTreeMap<String, Affine>,
    /// Runs of which the median time is taken; with 0 nothing is timed.
    pub timing_runs: u32,
    /// Whether the cuts worth most are found by what their heads take in a profiled run of the whole model here, not by
    /// multiply-adds.
    pub by_time: bool,
    /// Whether the name under which the whole model is served carries the hash of its file, as those of tails do.
    pub hashed_name: bool,
}

impl Default for SplitOptions {
    /// The three cuts worth most by multiply-adds, in the usual forms, timed over five runs; the model under its own name.
    fn default() -> Self {
        Self {
            cuts: CutOptions::default(),
            max_tails: 3,
            chosen: Vec::new(),
            forms: FormKind::USUAL.to_vec(),
            pictures: BTreeMap::new(),
            timing_runs: 5,
            by_time: false,
            hashed_name: false,
        }
    }
}

/// A model of the repository.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployedModel {
    /// Its name.
    pub name: String,
    /// The ONNX file.
    pub file: Bytes,
    /// What it takes, with its shapes.
    pub inputs: Vec<TensorInfo>,
    /// What it gives, with its shapes.
    pub outputs: Vec<TensorInfo>,
}

/// What is deployed: the models of a repository and their manifest.
#[derive(Debug)]
pub struct Split {
    /// The model's name, without a hash.
    pub name: String,
    /// What the device reads.
    pub manifest: Manifest,
    /// The whole model, then the tails.
    pub models: Vec<DeployedModel>,
    /// All cuts that were found.
    pub cuts: Cuts,
    /// Wire forms that are not offered, and why.
    pub notes: Vec<String>,
}

/// Splits `original`: finds its cuts, chooses those worth a tail, and measures each form of each.
///
/// `samples` calibrate the forms and show their errors; where there are none, made-up inputs serve to learn the
/// shapes, bytes are measured per request, and no error is stated. `labelled` adds the share of right classes.
/// The first cut of the manifest is the one at the inputs, whose tail is the whole model.
pub fn split(
    original: &Original,
    engine: &dyn Engine,
    samples: &[NamedTensors],
    labelled: &[Labelled],
    options: &SplitOptions,
) -> Result<Split, SplitError> {
    if !crate::manifest::is_model_name(&original.name) || original.name.len() > MAX_NAME {
        return Err(SplitError::ModelName(original.name.clone()));
    }
    let bench = Bench::new(engine, &original.model)?;
    let info = bench.whole.info().clone();
    let made_up = if samples.is_empty() { vec![placeholder_inputs(&info)?] } else { Vec::new() };
    let tried = if samples.is_empty() { &made_up } else { samples };
    let cuts = Cuts::find(&original.model, &original.digest, engine, tried, &options.cuts)?;
    let whole_seconds = match options.timing_runs {
        0 => None,
        runs => Some(bench.whole_time(&tried[0], runs)?),
    };
    let heads =
        if options.by_time { bench.head_shares(&original.model, &cuts, &tried[0])? } else { Vec::new() };
    let chosen = chosen(&cuts, options, whole_seconds, &heads)?;

    let mut splitter = Splitter {
        original,
        bench: &bench,
        tried,
        calibrated: !samples.is_empty(),
        labelled,
        options,
        whole_seconds,
        served: served_name(original, options),
        outputs: whole_outputs(&bench, &info, &tried[0])?,
        models: Vec::new(),
        notes: Vec::new(),
    };
    splitter.models.push(splitter.whole_model(&info, &tried[0]));
    if chosen.iter().all(|&place| cuts.cuts[place].kind == CutKind::Inputs) && options.max_tails > 0 {
        splitter
            .notes
            .push("no cut saves time or bytes; one that is named gets a tail all the same".to_owned());
    }
    let mut entries = Vec::new();
    for &place in &chosen {
        entries.push(splitter.entry(&cuts.cuts[place])?);
    }
    let manifest = Manifest {
        version: Manifest::VERSION,
        model: ModelEntry { name: splitter.served.clone(), sha256: original.digest.clone() },
        sizes: cuts.sizes.clone(),
        cuts: entries,
    };
    Ok(Split { name: original.name.clone(), manifest, models: splitter.models, notes: splitter.notes, cuts })
}

/// The name under which the whole model is served.
fn served_name(original: &Original, options: &SplitOptions) -> String {
    let name = &original.name;
    if options.hashed_name { format!("{name}-{}", &sha256(&original.file)[..8]) } else { name.clone() }
}

/// The places of the cuts that are deployed, by compute of the head; the one at the inputs among them.
fn chosen(
    cuts: &Cuts,
    options: &SplitOptions,
    whole: Option<f64>,
    heads: &[Option<f64>],
) -> Result<Vec<usize>, SplitError> {
    let mut chosen = if options.chosen.is_empty() {
        choose(&cuts.cuts, options.max_tails, whole, forms::shrink(&options.forms), heads)
    } else {
        let place = |id: &String| {
            let place = cuts.cuts.iter().position(|cut| cut.id == *id);
            place.ok_or_else(|| SplitError::UnknownCut(id.clone()))
        };
        options.chosen.iter().map(place).collect::<Result<_, _>>()?
    };
    chosen.extend(cuts.cuts.iter().position(|cut| cut.kind == CutKind::Inputs));
    chosen.sort_unstable();
    chosen.dedup();
    Ok(chosen)
}

/// The whole model's outputs; those of undeclared shape with the rank that a run showed.
fn whole_outputs(
    bench: &Bench<'_>,
    info: &ModelInfo,
    sample: &NamedTensors,
) -> Result<Vec<TensorInfo>, SplitError> {
    if info.outputs.iter().all(|output| output.shape.is_some()) {
        return Ok(info.outputs.clone());
    }
    let run = bench.whole.run(sample, &[], &tandem_core::Control::default())?;
    Ok(info.outputs.iter().map(|output| with_rank(output, &run)).collect())
}

fn with_rank(info: &TensorInfo, seen: &NamedTensors) -> TensorInfo {
    let rank = || seen.get(&info.name).map_or(0, |tensor| tensor.shape().len());
    let shape = info.shape.clone().unwrap_or_else(|| vec![Dimension::Unknown; rank()]);
    TensorInfo { shape: Some(shape), ..info.clone() }
}

/// The number with four digits: what was measured has no more, and JSON carries it exactly.
pub(crate) fn four_digits(number: f64) -> f64 {
    format!("{number:.3e}").parse().unwrap_or(number)
}

struct Splitter<'a> {
    original: &'a Original,
    bench: &'a Bench<'a>,
    /// The samples, or made-up inputs.
    tried: &'a [NamedTensors],
    /// Whether they are samples.
    calibrated: bool,
    labelled: &'a [Labelled],
    options: &'a SplitOptions,
    whole_seconds: Option<f64>,
    /// The name under which the whole model is served.
    served: String,
    /// The whole model's.
    outputs: Vec<TensorInfo>,
    models: Vec<DeployedModel>,
    notes: Vec<String>,
}

impl Splitter<'_> {
    fn whole_model(&self, info: &ModelInfo, sample: &NamedTensors) -> DeployedModel {
        DeployedModel {
            name: self.served.clone(),
            file: self.original.file.clone(),
            inputs: info.inputs.iter().map(|input| with_rank(input, sample)).collect(),
            outputs: self.outputs.clone(),
        }
    }

    /// One cut: its tails in every form that carries it.
    fn entry(&mut self, cut: &Cut) -> Result<CutEntry, SplitError> {
        let halves = extract(&self.original.model, &cut.boundary)?;
        let head = self.bench.head(&halves, &cut.boundary)?;
        let time = match self.whole_seconds {
            Some(whole) if whole > 0.0 => {
                let (head, tail) = if head.is_whole() {
                    (0.0, whole)
                } else {
                    head.times(&halves.tail, &self.tried[0], self.options.timing_runs)?
                };
                let [head, tail, full_ms] = [head / whole, tail / whole, whole * 1e3].map(four_digits);
                Some(TimeShares { head, tail, full_ms })
            }
            _ => None,
        };
        let crossing: Vec<NamedTensors> =
            self.tried.iter().map(|sample| head.crossing(sample)).collect::<Result<_, _>>()?;
        let mut entry = CutEntry {
            id: cut.id.clone(),
            boundary: cut.boundary.clone(),
            multiply_adds: cut.multiply_adds,
            time,
            reply_bytes: cut.reply_bytes,
            forms: Vec::new(),
        };
        for (name, tensors) in self.forms(cut, &crossing) {
            match self.form(&entry.boundary, &halves.tail, &head, &crossing, name, tensors) {
                Ok(form) => entry.forms.push(form),
                Err(error) if name != FormKind::F32.name() && crate::measure::is_of_the_form(&error) => {
                    self.notes.push(format!("cut {}: no {name} form: {error}", cut.id));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entry)
    }

    /// The forms of a cut by their names; those that would change nothing are left out.
    fn forms(&mut self, cut: &Cut, crossing: &[NamedTensors]) -> Vec<(&'static str, Vec<WireForm>)> {
        let native = vec![WireForm::Native; cut.boundary.crossing.len()];
        let mut forms = vec![(FormKind::F32.name(), native)];
        if cut.kind == CutKind::Inputs {
            let pictures = forms::of_pictures(&cut.boundary, &self.options.pictures);
            forms.extend(pictures.map(|tensors| ("u8", tensors)));
            return forms;
        }
        for kind in self.options.forms.iter().filter(|kind| **kind != FormKind::F32) {
            let (tensors, refused) = kind.forms(&cut.boundary, crossing, self.calibrated);
            self.notes.extend(refused.into_iter().map(|why| format!("cut {}: {why}", cut.id)));
            let known = forms.iter().any(|(name, known)| *name == kind.name() || *known == tensors);
            if !known {
                forms.push((kind.name(), tensors));
            }
        }
        forms
    }

    fn form(
        &mut self,
        boundary: &Boundary,
        tail: &ModelProto,
        head: &Head<'_>,
        crossing: &[NamedTensors],
        name: &str,
        tensors: Vec<WireForm>,
    ) -> Result<FormEntry, SplitError> {
        let deployed = deploy(tail, boundary, &tensors)?;
        let request_bytes = crate::encode(&crossing[0], &tensors)?.byte_len() as u64;
        let samples = if self.calibrated { self.tried } else { &[] };
        let measured = self.calibrated || !self.labelled.is_empty();
        let error = measured.then(|| head.error(&deployed, &tensors, samples, self.labelled)).transpose()?;
        if error.as_ref().is_some_and(|error| !(error.max_abs + error.relative_rms).is_finite()) {
            return Err(SplitError::NotFinite(name.to_owned()));
        }
        let file = deployed.encode_bytes();
        let sha256 = sha256(&file);
        let inputs = wire_tensors(boundary, &tensors)?;
        let is_whole = head.is_whole()
            && tensors.iter().all(|form| *form == WireForm::Native)
            && inputs.iter().all(|input| self.models[0].inputs.contains(input));
        if is_whole {
            let (model, sha256) = (self.served.clone(), crate::original::sha256(&self.original.file));
            return Ok(FormEntry { name: name.to_owned(), model, sha256, tensors, request_bytes, error });
        }
        let model = format!("{}-tail-{}", self.original.name, &sha256[..8]);
        if self.models.iter().all(|known| known.name != model) {
            let stays = |output: &&TensorInfo| !boundary.head_outputs.contains(&output.name);
            let outputs = self.outputs.iter().filter(stays).cloned().collect();
            self.models.push(DeployedModel { name: model.clone(), file, inputs, outputs });
        }
        Ok(FormEntry { name: name.to_owned(), model, sha256, tensors, request_bytes, error })
    }
}
