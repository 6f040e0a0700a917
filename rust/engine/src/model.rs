//! A loaded model.

use std::sync::Arc;

use tandem_core::{
    Control, Dimension, InputError, Limits, LoadError, LoadOptions, LocalModel, ModelInfo, NamedTensors,
    Profile, RunError, TensorInfo,
};
use tandem_kernels::Threads;

use crate::compile::{Plan, compile};
use crate::engine::EngineOptions;
use crate::fault::Fault;
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
}

impl OnnxModel {
    pub(crate) fn new(
        info: ModelInfo,
        load: &LoadOptions,
        options: EngineOptions,
        threads: Arc<Threads>,
        template: Template,
        shape_like: Vec<bool>,
    ) -> Self {
        let (limits, template, plans) = (load.limits, Some(template), Plans::new(load.plans));
        Self { info, limits, options, threads, template, shape_like, plans }
    }

    /// Makes the only plan of a model whose shapes are all fixed, so that its errors are errors of the load.
    pub(crate) fn prepare(&mut self, control: &Control) -> Result<(), LoadError> {
        let fixed = |input: &TensorInfo| {
            let sizes = input.shape.iter().flatten().map(|dimension| match dimension {
                Dimension::Fixed(size) => Some(*size),
                _ => None,
            });
            input.shape.as_ref()?;
            sizes.collect::<Option<Vec<usize>>>()
        };
        if self.shape_like.contains(&true) {
            return Ok(());
        }
        let shapes: Option<Vec<_>> = self.info.inputs.iter().map(fixed).collect();
        let Some(shapes) = shapes else {
            return Ok(());
        };
        let inputs = shapes.into_iter().map(|shape| InputKey { shape, value: None }).collect();
        self.plan(PlanKey { inputs }, control)?;
        self.template = None;
        Ok(())
    }

    fn plan(&self, key: PlanKey, control: &Control) -> Result<Arc<Plan>, Fault> {
        self.plans.get(key, control, |key| {
            let missing = || Fault::Internal("a model of fixed shapes has lost its plan".to_owned());
            let template = self.template.as_ref().ok_or_else(missing)?;
            compile(template, &self.info, key, &self.limits, self.options, control)
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
