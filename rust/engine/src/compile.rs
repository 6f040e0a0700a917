//! From a template to a plan for given input shapes and values.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tandem_core::{Control, DType, Limits, ModelInfo};
use tract_core::ops::konst::Const;
use tract_onnx::tract_hir::internal::*;

use crate::cache::Kept;
use crate::convert::{datum_type, to_tract};
use crate::engine::EngineOptions;
use crate::fault::{Fault, chain, contain};
use crate::fuse::{Shelf, fuse};
use crate::guard::{self, Watch};
use crate::lower::Template;
use crate::multiply_adds::multiply_adds;
use crate::plans::PlanKey;
use crate::saved;

/// Compiled for one set of input shapes and values.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The optimised graph.
    pub(crate) model: Arc<TypedModel>,
    /// Multiplications and additions of a run, where any are known.
    pub(crate) multiply_adds: Option<u64>,
    /// For each input of the graph, the index of the model's input.
    pub(crate) inputs: Vec<usize>,
    /// Computes all outputs.
    pub(crate) all: Arc<TypedSimplePlan>,
    /// Compute some of the outputs, by their indices.
    pub(crate) chosen: Mutex<BTreeMap<Vec<usize>, Arc<TypedSimplePlan>>>,
}

/// What plans of a model are made of, and how.
pub(crate) struct Recipe<'a> {
    pub(crate) template: &'a Template,
    pub(crate) info: &'a ModelInfo,
    pub(crate) limits: &'a Limits,
    pub(crate) options: &'a EngineOptions,
    /// What plans share; `None` where there is only one.
    pub(crate) shelf: Option<&'a Shelf>,
}

/// Makes the plan, and gives what is to be kept of it to `keep`. Long: seconds for a large model. Checks `control` between nodes
/// and phases.
pub(crate) fn compile(
    recipe: &Recipe<'_>,
    key: &PlanKey,
    control: &Control,
    keep: Option<&dyn Fn(Kept)>,
) -> Result<Plan, Fault> {
    let Recipe { template, info, limits, .. } = *recipe;
    let watch = Arc::new(Watch { control: control.clone(), tensor_bytes: limits.tensor_bytes });
    contain(|| {
        let (model, inputs) = specialise(template, info, key).map_err(|error| Fault::from_tract(&error))?;
        let (model, multiply_adds) =
            analyse(model, recipe, &watch).map_err(|error| refusal(&error, template))?;
        if let Some(keep) = keep
            && let Some(graph) = saved::save(&model)
        {
            let mut info = info.clone();
            info.name.clone_from(&template.name);
            keep(Kept { info, multiply_adds, inputs: inputs.clone(), graph });
        }
        let model = lower(model, &watch).map_err(|error| refusal(&error, template))?;
        Plan::new(model, multiply_adds, inputs, info, &watch)
    })
}

/// The plan of what was kept of one.
pub(crate) fn restore(
    mut kept: Kept,
    info: &ModelInfo,
    limits: &Limits,
    shelf: Option<&Shelf>,
    control: &Control,
) -> Result<Plan, Fault> {
    if let Some(shelf) = shelf {
        for packed in &mut kept.graph.packed {
            *packed = shelf.shared(packed);
        }
    }
    let watch = Watch { control: control.clone(), tensor_bytes: limits.tensor_bytes };
    contain(|| {
        let model = saved::restore(&kept.graph).and_then(|model| lower(model, &watch));
        let model = model.map_err(|error| Fault::from_tract(&error))?;
        Plan::new(model, kept.multiply_adds, kept.inputs, info, &watch)
    })
}

impl Plan {
    fn new(
        model: TypedModel,
        multiply_adds: Option<u64>,
        inputs: Vec<usize>,
        info: &ModelInfo,
        watch: &Watch,
    ) -> Result<Self, Fault> {
        check_outputs(&model, info)?;
        watch.check()?;
        let model = Arc::new(model);
        let all = SimplePlan::new(model.clone()).map_err(|error| Fault::from_tract(&error))?;
        Ok(Self { model, multiply_adds, inputs, all, chosen: Mutex::default() })
    }
}

/// The template with the shapes of its inputs fixed, and those whose values count made constants.
fn specialise(
    template: &Template,
    info: &ModelInfo,
    key: &PlanKey,
) -> TractResult<(InferenceModel, Vec<usize>)> {
    let mut model = template.model.clone();
    let mut kept = Vec::new();
    let mut inputs = Vec::new();
    for outlet in model.input_outlets()?.to_vec() {
        let name = &model.node(outlet.node).name;
        let index = info.inputs.iter().position(|input| input.name == *name);
        let index = index.with_context(|| format!("{name} is no input of the model"))?;
        let input = &key.inputs[index];
        if let Some(value) = &input.value {
            let tensor = to_tract(value)?.into_arc_tensor();
            model.node_mut(outlet.node).op = Box::new(Const::new(tensor.clone())?);
            model.set_outlet_fact(outlet, TypedFact::try_from(tensor)?.into())?;
        } else {
            let fact = InferenceFact::dt_shape(datum_type(info.inputs[index].dtype)?, &input.shape);
            model.set_outlet_fact(outlet, fact)?;
            kept.push(outlet);
            inputs.push(index);
        }
    }
    model.set_input_outlets(&kept)?;
    Ok((model, inputs))
}

/// The graph with types, shapes and our operators, and its multiplications and additions.
fn analyse(
    mut model: InferenceModel,
    recipe: &Recipe<'_>,
    watch: &Arc<Watch>,
) -> TractResult<(TypedModel, Option<u64>)> {
    let Recipe { template, options, shelf, .. } = *recipe;
    guard::wrap(&mut model, &template.operators, watch)?;
    let mut typed = model.into_typed()?;
    check_sizes(&typed, watch)?;
    let multiply_adds = multiply_adds(&typed);
    if options.fused {
        // Biases are casts of constants until these are folded.
        typed.prop_consts()?;
        watch.check()?;
        typed = fuse(&typed, &template.integers, shelf, || watch.check())?;
        watch.check()?;
    }
    let decluttered = typed.into_decluttered()?;
    watch.check()?;
    Ok((decluttered, multiply_adds))
}

/// The graph with the operators that tract runs.
fn lower(mut model: TypedModel, watch: &Watch) -> TractResult<TypedModel> {
    model.optimize()?;
    check_sizes(&model, watch)?;
    Ok(model)
}

/// A failure of tract's own passes, which tell their node in quotes.
fn refusal(error: &TractError, template: &Template) -> Fault {
    if let Some(fault) = error.downcast_ref::<Fault>() {
        return fault.clone();
    }
    let detail = chain(error);
    let quoted = detail.split('"').skip(1).step_by(2);
    // Nodes that tract makes are named after the ONNX node, with a point and more behind it.
    let owner = quoted.filter_map(|name| {
        let owners = std::iter::successors(Some(name), |name| name.rsplit_once('.').map(|(start, _)| start));
        owners.into_iter().find(|name| template.operators.contains_key(*name)).map(str::to_owned)
    });
    match owner.last() {
        Some(node) => {
            let operator =
                template.operators.get(&node).map_or_else(String::new, |operator| operator.name.clone());
            Fault::Unsupported { operator, node, detail }
        }
        None => Fault::Internal(detail),
    }
}

fn check_sizes(model: &TypedModel, watch: &Watch) -> Result<(), Fault> {
    watch.check()?;
    for fact in model.nodes().iter().flat_map(|node| &node.outputs).map(|outlet| &outlet.fact) {
        watch.check_size(fact.datum_type, &fact.shape)?;
    }
    Ok(())
}

/// Every output must have the element type that the model declares.
fn check_outputs(model: &TypedModel, info: &ModelInfo) -> Result<(), Fault> {
    let outlets = model.output_outlets().map_err(|error| Fault::from_tract(&error))?;
    for (outlet, output) in outlets.iter().zip(&info.outputs) {
        let fact = model.outlet_fact(*outlet).map_err(|error| Fault::from_tract(&error))?;
        let got = fact.datum_type;
        let fits = datum_type(output.dtype).is_ok_and(|expected| got.unquantized() == expected)
            || (got == TDim::datum_type() && output.dtype == DType::I64);
        if !fits {
            let node = model.node(outlet.node);
            return Err(Fault::Contradiction {
                operator: node.op.name().into_owned(),
                node: node.name.clone(),
                detail: format!(
                    "output {:?} is declared as {} and comes as {got:?}",
                    output.name, output.dtype
                ),
            });
        }
    }
    Ok(())
}
