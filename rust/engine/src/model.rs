//! A loaded model.

use std::sync::Arc;
use std::time::Instant;

use tandem_core::{
    Control, Dimension, InputError, Limits, LoadError, LoadOptions, LocalModel, ModelInfo, NamedTensors,
    Profile, RunError, TensorInfo,
};
use tandem_kernels::Threads;

use crate::cache::{Cache, Kept};
use crate::compile::{Plan, Recipe, compile, restore};
use crate::engine::EngineOptions;
use crate::fault::Fault;
use crate::fuse::Shelf;
use crate::lower::Template;
use crate::plans::{InputKey, PlanKey, Plans};
use crate::profile::Recorder;
use crate::run::{Observer, run};
use crate::values::LARGEST_VALUE;

/// A model that tract runs, one plan for each set of input shapes.
#[derive(Debug)]
pub(crate) struct OnnxModel {
    info: ModelInfo,
    limits: Limits,
    options: EngineOptions,
    /// What runs share.
    threads: Arc<Threads>,
    /// What plans are made of; gone where the model's only plan is made, because it holds all weights once more.
    template: Option<Template>,
    /// Whether the value of each input is part of a plan's key.
    shape_like: Vec<bool>,
    plans: Plans<Plan>,
    /// Weights that plans share.
    shelf: Shelf,
    /// Where plans are kept beyond the process.
    cache: Option<Cache>,
}

impl OnnxModel {
    pub(crate) fn new(
        info: ModelInfo,
        load: &LoadOptions,
        options: &EngineOptions,
        threads: &Arc<Threads>,
        template: Template,
        shape_like: Vec<bool>,
        cache: Option<Cache>,
    ) -> Self {
        Self {
            info,
            limits: load.limits,
            options: options.clone(),
            threads: threads.clone(),
            template: Some(template),
            shape_like,
            plans: Plans::new(load.plans),
            shelf: Shelf::default(),
            cache,
        }
    }

    /// A model of fixed shapes and its only plan, from what was kept of them; `None` where they do not go together.
    pub(crate) fn restored(
        kept: Kept,
        name: String,
        load: &LoadOptions,
        options: &EngineOptions,
        threads: &Arc<Threads>,
        control: &Control,
    ) -> Option<Self> {
        let mut info = kept.info.clone();
        info.name = name;
        let key = fixed_shapes(&info)?;
        let plan = restore(kept, &info, &load.limits, None, control).ok()?;
        let plans = Plans::new(load.plans);
        plans.add(key, plan);
        let (limits, shape_like) = (load.limits, vec![false; info.inputs.len()]);
        let (options, threads, shelf) = (options.clone(), threads.clone(), Shelf::default());
        Some(Self { info, limits, options, threads, template: None, shape_like, plans, shelf, cache: None })
    }

    /// Makes the only plan of a model whose shapes are all fixed, so that its errors are errors of the load.
    pub(crate) fn prepare(&mut self, control: &Control) -> Result<(), LoadError> {
        if self.shape_like.contains(&true) {
            return Ok(());
        }
        let Some(key) = fixed_shapes(&self.info) else {
            return Ok(());
        };
        self.plan(key, control)?;
        self.template = None;
        Ok(())
    }

    /// Sets what the model is known by. Before, it must not be looked for in a cache.
    pub(crate) fn set_digest(&mut self, digest: String) {
        self.info.digest = digest;
    }

    fn plan(&self, key: PlanKey, control: &Control) -> Result<Arc<Plan>, Fault> {
        self.plans.get(key, control, |key| {
            let missing = || Fault::Internal("a model of fixed shapes has lost its plan".to_owned());
            let template = self.template.as_ref().ok_or_else(missing)?;
            // Values that decide shapes are no part of what is kept.
            let cache = self.cache.as_ref().filter(|_| !self.shape_like.contains(&true));
            let shapes: Vec<&[usize]> = key.inputs.iter().map(|input| input.shape.as_slice()).collect();
            let only = fixed_shapes(&self.info).as_ref() == Some(key);
            let (shapes, others) = if only { (None, None) } else { (Some(&shapes[..]), Some(&self.shelf)) };
            self.shelf.tidy();
            if let Some(cache) = cache.filter(|_| !only) {
                let may_go_on = || Ok(control.check(Instant::now())?);
                let kept = cache.find(&self.info.digest, shapes, &may_go_on)?;
                let plan =
                    kept.and_then(|kept| restore(kept, &self.info, &self.limits, others, control).ok());
                if let Some(plan) = plan {
                    return Ok(plan);
                }
            }
            let keep = |kept: Kept| {
                if let Some(cache) = cache {
                    cache.keep(shapes, &kept);
                }
            };
            let keep: Option<&dyn Fn(Kept)> = if cache.is_some() { Some(&keep) } else { None };
            let (info, limits, options) = (&self.info, &self.limits, &self.options);
            let recipe = Recipe { template, info, limits, options, shelf: others };
            // Weights are packed on the threads that are to use them.
            self.threads.run(|| compile(&recipe, key, control, keep))
        })
    }

    fn plan_for(&self, inputs: &NamedTensors, control: &Control) -> Result<Arc<Plan>, RunError> {
        self.info.check_inputs(inputs)?;
        let mut keys = Vec::with_capacity(self.info.inputs.len());
        for (info, &shape_like) in self.info.inputs.iter().zip(&self.shape_like) {
            let name = &info.name;
            let tensor = inputs.get(name).ok_or_else(|| InputError::Missing { name: name.clone() })?;
            if shape_like && tensor.element_count() > LARGEST_VALUE {
                let got = tensor.element_count();
                let detail =
                    format!("it decides shapes and has {got} elements, the limit is {LARGEST_VALUE}");
                return Err(InputError::Value { name: name.clone(), detail }.into());
            }
            let value = shape_like.then(|| tensor.clone());
            keys.push(InputKey { shape: tensor.shape().to_vec(), value });
        }
        Ok(self.plan(PlanKey { inputs: keys }, control)?)
    }

    /// Runs all of the model; `observer` sees every node.
    pub(crate) fn run_observed(
        &self,
        inputs: &NamedTensors,
        control: &Control,
        observer: &mut Observer<'_>,
    ) -> Result<NamedTensors, RunError> {
        let wanted = self.wanted(&[])?;
        self.run_wanted(inputs, &wanted, control, observer)
    }

    fn run_wanted(
        &self,
        inputs: &NamedTensors,
        wanted: &[usize],
        control: &Control,
        observer: &mut Observer<'_>,
    ) -> Result<NamedTensors, RunError> {
        let plan = self.plan_for(inputs, control)?;
        let limit = self.limits.tensor_bytes;
        Ok(self.threads.run(|| run(&plan, &self.info, inputs, wanted, limit, control, observer))?)
    }

    fn wanted(&self, wanted: &[String]) -> Result<Vec<usize>, InputError> {
        let names = self.info.wanted_outputs(wanted)?;
        let index = |name: &String| self.info.outputs.iter().position(|output| output.name == *name);
        Ok(names.iter().filter_map(index).collect())
    }
}

/// The key of the only plan of a model whose inputs all have fixed shapes.
fn fixed_shapes(info: &ModelInfo) -> Option<PlanKey> {
    let fixed = |input: &TensorInfo| {
        let sizes = input.shape.as_ref()?.iter().map(|dimension| match dimension {
            Dimension::Fixed(size) => Some(*size),
            _ => None,
        });
        Some(InputKey { shape: sizes.collect::<Option<Vec<usize>>>()?, value: None })
    };
    Some(PlanKey { inputs: info.inputs.iter().map(fixed).collect::<Option<_>>()? })
}

impl LocalModel for OnnxModel {
    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn run(
        &self,
        inputs: &NamedTensors,
        wanted: &[String],
        control: &Control,
    ) -> Result<NamedTensors, RunError> {
        let wanted = self.wanted(wanted)?;
        self.run_wanted(inputs, &wanted, control, &mut |_, _, _| {})
    }

    fn profile(&self, inputs: &NamedTensors, control: &Control) -> Result<Profile, RunError> {
        let plan = self.plan_for(inputs, control)?;
        let mut recorder = Recorder::new(&plan.model, &plan.all);
        self.run_observed(inputs, control, &mut |node, outputs, start| {
            recorder.node_ended(node, outputs, start);
        })?;
        Ok(recorder.finish())
    }

    fn multiply_adds(&self, shapes: &[Vec<usize>]) -> Option<u64> {
        let fits = |key: &PlanKey| key.inputs.iter().map(|input| &input.shape).eq(shapes);
        self.plans.peek(fits, |plan| plan.multiply_adds)
    }

    fn warm_up(&self, inputs: &NamedTensors, control: &Control) -> Result<(), RunError> {
        self.plan_for(inputs, control)?;
        Ok(())
    }
}
