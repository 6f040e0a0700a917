//! Runs of a model with values from its inside as further outputs.

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_core::{
    Control, DType, Dimension, Engine, LoadOptions, LocalModel, ModelInfo, ModelSource, NamedTensors,
};
use tandem_onnx::{ModelProto, TensorTypeProto, TypeProto, TypeValue, ValueInfoProto};

use super::Fact;
use super::samples::stretch;
use crate::SplitError;
use crate::dtype::onnx_type;

/// Values that one run gives, so that not all of a large model's are alive at once.
const VALUES_A_RUN: usize = 256;
/// Models that may be loaded to find which values the engine refuses to give.
const MOST_LOADS: usize = 64;

/// What the runs showed.
pub(super) struct Outcome {
    /// For each value that was asked for.
    pub(super) facts: Vec<Result<Fact, SplitError>>,
    /// For each input of the model.
    pub(super) inputs: Vec<Fact>,
    /// The size of each symbol in the first sample.
    pub(super) sizes: BTreeMap<String, usize>,
}

/// A dimension of the inputs that may have any size: its name, and its places.
struct Symbol {
    name: String,
    /// Number of the input, and axis.
    places: Vec<(usize, usize)>,
    size: usize,
}

/// Inputs, and the symbol that has another size than in the first sample.
struct Variant {
    inputs: NamedTensors,
    changed: Option<(usize, usize)>,
}

/// Runs `model` for the shapes of `asked` values: their places, names and element types.
pub(super) fn run(
    model: &ModelProto,
    engine: &dyn Engine,
    samples: &[NamedTensors],
    asked: &[(usize, &str, DType)],
) -> Result<Outcome, SplitError> {
    let whole = load(model, engine)?;
    let info = whole.info().clone();
    let made_up;
    let samples = if samples.is_empty() {
        made_up = [super::placeholder_inputs(&info)?];
        &made_up[..]
    } else {
        samples
    };
    samples.iter().try_for_each(|sample| info.check_inputs(sample))?;
    let symbols = symbols(&info, &samples[0]);
    let variants = variants(whole.as_ref(), &symbols, samples)?;
    drop(whole);

    let mut loads = MOST_LOADS;
    let mut facts = Vec::with_capacity(asked.len());
    for chunk in asked.chunks(VALUES_A_RUN) {
        for (seen, &(_, name, dtype)) in
            shapes(model, engine, &variants, chunk, &mut loads)?.into_iter().zip(chunk)
        {
            facts.push(seen.and_then(|shapes| learn(name, dtype, &shapes, &variants, &symbols)));
        }
    }
    let inputs = info.inputs.iter().enumerate().map(|(place, input)| {
        let sizes = samples[0].get(&input.name).map(|tensor| tensor.shape().to_vec()).unwrap_or_default();
        let named = |axis: usize| symbols.iter().find(|symbol| symbol.places.contains(&(place, axis)));
        let dimension = |(axis, &size): (usize, &usize)| {
            named(axis).map_or(Dimension::Fixed(size), |symbol| Dimension::Symbol(symbol.name.clone()))
        };
        Fact { dtype: input.dtype, shape: sizes.iter().enumerate().map(dimension).collect(), sizes }
    });
    let sizes = symbols.iter().map(|symbol| (symbol.name.clone(), symbol.size)).collect();
    Ok(Outcome { facts, inputs: inputs.collect(), sizes })
}

fn load(model: &ModelProto, engine: &dyn Engine) -> Result<Arc<dyn LocalModel>, SplitError> {
    let source = ModelSource::Bytes(Arc::from(&*model.encode_bytes()));
    Ok(engine.load(&source, &LoadOptions::default())?)
}

/// The open dimensions of the inputs; one without a name is called `INPUT.AXIS`.
fn symbols(info: &ModelInfo, sample: &NamedTensors) -> Vec<Symbol> {
    let mut symbols: Vec<Symbol> = Vec::new();
    for (place, input) in info.inputs.iter().enumerate() {
        let sizes = sample.get(&input.name).map(tandem_core::Tensor::shape).unwrap_or_default();
        for (axis, &size) in sizes.iter().enumerate() {
            let declared = input.shape.as_ref().and_then(|shape| shape.get(axis));
            let name = match declared {
                Some(Dimension::Fixed(_)) => continue,
                Some(Dimension::Symbol(name)) => name.clone(),
                Some(Dimension::Unknown) | None => format!("{}.{axis}", input.name),
            };
            match symbols.iter_mut().find(|symbol| symbol.name == name) {
                Some(symbol) => symbol.places.push((place, axis)),
                None => symbols.push(Symbol { name, places: vec![(place, axis)], size }),
            }
        }
    }
    symbols
}

/// The samples, and the first of them with each symbol at another size, the first at which the model runs.
///
/// A dimension without a name at whose other sizes the model does not run is as good as fixed; so is a symbol.
fn variants(
    model: &dyn LocalModel,
    symbols: &[Symbol],
    samples: &[NamedTensors],
) -> Result<Vec<Variant>, SplitError> {
    let names: Vec<&str> = model.info().inputs.iter().map(|input| input.name.as_str()).collect();
    let shape = |sample: &NamedTensors, name: &str| sample.get(name).map(|tensor| tensor.shape().to_vec());
    let same_sizes =
        |sample: &&NamedTensors| names.iter().all(|name| shape(sample, name) == shape(&samples[0], name));
    // A second sample shows sizes that follow from values.
    let given = samples.iter().filter(same_sizes).take(2);
    let mut variants: Vec<Variant> =
        given.map(|inputs| Variant { inputs: inputs.clone(), changed: None }).collect();
    for variant in &variants {
        model.run(&variant.inputs, &[], &Control::default())?;
    }
    for (number, symbol) in symbols.iter().enumerate() {
        let others = [symbol.size + 1, symbol.size * 2, symbol.size.saturating_sub(1)];
        for other in others.into_iter().filter(|&other| other > 0 && other != symbol.size) {
            let inputs = resized(&samples[0], symbol, other, &names)?;
            if model.run(&inputs, &[], &Control::default()).is_ok() {
                variants.push(Variant { inputs, changed: Some((number, other)) });
                break;
            }
        }
    }
    Ok(variants)
}

fn resized(
    sample: &NamedTensors,
    symbol: &Symbol,
    size: usize,
    names: &[&str],
) -> Result<NamedTensors, SplitError> {
    let mut inputs = NamedTensors::default();
    for (name, tensor) in sample.iter() {
        let mut tensor = tensor.clone();
        for &(place, axis) in &symbol.places {
            if names.get(place) == Some(&name) {
                tensor = stretch(&tensor, axis, size)?;
            }
        }
        inputs.push(name, tensor)?;
    }
    Ok(inputs)
}

type Shapes = Vec<Vec<usize>>;

/// The shapes of the values in every variant. Where the engine refuses, the values are asked for in smaller
/// groups, to find those that it does give.
fn shapes(
    model: &ModelProto,
    engine: &dyn Engine,
    variants: &[Variant],
    asked: &[(usize, &str, DType)],
    loads: &mut usize,
) -> Result<Vec<Result<Shapes, SplitError>>, SplitError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    *loads = loads.saturating_sub(1);
    let error = match together(model, engine, variants, asked) {
        Ok(shapes) => return Ok(shapes.into_iter().map(Ok).collect()),
        Err(error) => error,
    };
    if asked.len() == 1 {
        return Ok(vec![Err(error)]);
    }
    if *loads == 0 {
        let refused = |&(_, name, _): &(usize, &str, DType)| Err(SplitError::UnknownType(name.to_owned()));
        return Ok(asked.iter().map(refused).collect());
    }
    let (first, second) = asked.split_at(asked.len() / 2);
    let mut all = shapes(model, engine, variants, first, loads)?;
    all.extend(shapes(model, engine, variants, second, loads)?);
    Ok(all)
}

fn together(
    model: &ModelProto,
    engine: &dyn Engine,
    variants: &[Variant],
    asked: &[(usize, &str, DType)],
) -> Result<Vec<Shapes>, SplitError> {
    let mut open = model.clone();
    let graph = open.graph.as_mut().ok_or(SplitError::NoGraph)?;
    for &(_, name, dtype) in asked {
        if graph.output.iter().all(|output| output.name != name) {
            graph.output.push(any_shape(name, dtype));
        }
    }
    let loaded = load(&open, engine)?;
    let wanted: Vec<String> = asked.iter().map(|(_, name, _)| (*name).to_owned()).collect();
    let mut shapes = vec![Vec::with_capacity(variants.len()); asked.len()];
    for variant in variants {
        let outputs = loaded.run(&variant.inputs, &wanted, &Control::default())?;
        for (shapes, (_, tensor)) in shapes.iter_mut().zip(outputs.iter()) {
            shapes.push(tensor.shape().to_vec());
        }
    }
    Ok(shapes)
}

fn any_shape(name: &str, dtype: DType) -> ValueInfoProto {
    let kind = TensorTypeProto { elem_type: onnx_type(dtype).number(), shape: None };
    let value = Some(TypeValue::Tensor(kind));
    let r#type = Some(TypeProto { value, ..TypeProto::default() });
    ValueInfoProto { name: name.to_owned(), r#type, ..ValueInfoProto::default() }
}

/// Which dimension is which symbol, from the shapes of one value in every variant.
fn learn(
    name: &str,
    dtype: DType,
    shapes: &[Vec<usize>],
    variants: &[Variant],
    symbols: &[Symbol],
) -> Result<Fact, SplitError> {
    let first = &shapes[0];
    let neither =
        |axis: usize, detail: String| SplitError::Dimension { tensor: name.to_owned(), axis, detail };
    if let Some(other) = shapes.iter().find(|shape| shape.len() != first.len()) {
        return Err(neither(first.len(), format!("{first:?} became {other:?}")));
    }
    let dimension = |axis: usize| {
        let size = first[axis];
        let mut found = None;
        for (shape, variant) in shapes.iter().zip(variants) {
            if shape[axis] == size {
                continue;
            }
            let told = || {
                let at = variant.changed.map_or("another sample".to_owned(), |(number, other)| {
                    format!("{} = {other} for {}", symbols[number].name, symbols[number].size)
                });
                format!("{size} became {} with {at}", shape[axis])
            };
            match variant.changed {
                Some((number, other))
                    if found.is_none() && size == symbols[number].size && shape[axis] == other =>
                {
                    found = Some(number);
                }
                _ => return Err(neither(axis, told())),
            }
        }
        Ok(found.map_or(Dimension::Fixed(size), |number| Dimension::Symbol(symbols[number].name.clone())))
    };
    let shape = (0..first.len()).map(dimension).collect::<Result<_, _>>()?;
    Ok(Fact { dtype, shape, sizes: first.clone() })
}
