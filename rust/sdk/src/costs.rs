//! What a run of a model costs as far as its inputs tell: bytes, for each place where it may run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::{Dimension, ModelCosts, ModelInfo, NamedTensors, Tensor, TensorInfo};

use crate::splits::Splits;

/// What the JSON of a message takes, about.
pub(crate) const HEAD_BYTES: u64 = 300;

/// The bytes of an answer of which nothing is known.
const UNKNOWN_REPLY: u64 = 4 << 10;

/// The sizes that a run gives to the symbols of a model.
pub(crate) type Sizes = BTreeMap<String, usize>;

/// The costs of one model, kept from one run to the next: most come with the same shapes.
pub(crate) struct Costs {
    latest: Mutex<Option<(Key, Arc<ModelCosts>)>>,
    /// Bytes of the latest answer to the whole model; 0 where there was none.
    reply: AtomicU64,
}

#[derive(PartialEq)]
struct Key {
    shapes: Vec<Vec<usize>>,
    reply: u64,
    deployed: u64,
    /// What the engine says of these shapes.
    multiply_adds: Option<u64>,
}

impl Costs {
    pub(crate) fn new() -> Self {
        Self { latest: Mutex::default(), reply: AtomicU64::new(0) }
    }

    /// Takes note of the bytes of an answer to the whole model.
    pub(crate) fn saw_reply(&self, bytes: u64) {
        self.reply.store(bytes, Ordering::Relaxed);
    }

    /// The costs of a run with these inputs; without any, of the latest one, or of one whose every symbol is 1.
    pub(crate) fn of(
        &self,
        info: &ModelInfo,
        splits: Option<&Splits>,
        endpoints: &[String],
        inputs: Option<&NamedTensors>,
        multiply_adds: impl FnOnce(&[Vec<usize>]) -> Option<u64>,
    ) -> Arc<ModelCosts> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let reply = self.reply.load(Ordering::Relaxed);
        let deployed = splits.map_or(0, Splits::generation);
        let shapes = match (inputs, &*latest) {
            (None, Some((key, _))) => key.shapes.clone(),
            (None, None) => info.inputs.iter().map(assumed_shape).collect(),
            (Some(inputs), _) => {
                let shape =
                    |input: &TensorInfo| inputs.get(&input.name).map_or(&[][..], Tensor::shape).to_vec();
                info.inputs.iter().map(shape).collect()
            }
        };
        let multiply_adds = multiply_adds(&shapes);
        let key = Key { shapes, reply, deployed, multiply_adds };
        if let Some((known, costs)) = &*latest
            && *known == key
        {
            return costs.clone();
        }
        let costs = Arc::new(costs(info, splits, endpoints, &key));
        *latest = Some((key, costs.clone()));
        costs
    }
}

fn assumed_shape(input: &TensorInfo) -> Vec<usize> {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => *size,
        Dimension::Symbol(_) | Dimension::Unknown => 1,
    };
    input.shape.iter().flatten().map(size).collect()
}

fn costs(info: &ModelInfo, splits: Option<&Splits>, endpoints: &[String], key: &Key) -> ModelCosts {
    let shapes = &key.shapes;
    let sizes = bind(info, shapes);
    let elements =
        |shape: &[usize]| shape.iter().fold(1_u64, |product, &size| product.saturating_mul(size as u64));
    let inputs = info.inputs.iter().zip(shapes);
    let request_bytes = inputs
        .map(|(input, shape)| elements(shape).saturating_mul(element_bytes(input)))
        .fold(HEAD_BYTES, u64::saturating_add);
    let outputs: Option<u64> = info.outputs.iter().map(|output| bytes(output, &sizes)).sum();
    let reply_bytes = match (outputs, key.reply) {
        (Some(bytes), _) => bytes + HEAD_BYTES,
        (None, 0) => UNKNOWN_REPLY,
        (None, seen) => seen,
    };
    // Orders of magnitude apart, two inputs take the model differently long.
    let magnitude = request_bytes.max(1).ilog2();
    let whole = ModelCosts {
        model: format!("{}/{magnitude}", info.digest),
        request_bytes,
        reply_bytes,
        multiply_adds: key.multiply_adds,
        ..ModelCosts::default()
    };
    match splits {
        Some(splits) => splits.add_costs(whole, &sizes, endpoints),
        None => whole,
    }
}

/// The sizes that inputs of these shapes give to the model's symbols.
fn bind(info: &ModelInfo, shapes: &[Vec<usize>]) -> Sizes {
    let mut sizes = Sizes::new();
    for (input, shape) in info.inputs.iter().zip(shapes) {
        for (dimension, &size) in input.shape.iter().flatten().zip(shape) {
            if let Dimension::Symbol(symbol) = dimension {
                sizes.insert(symbol.clone(), size);
            }
        }
    }
    sizes
}

/// The sizes that `inputs` give to the model's symbols.
pub(crate) fn sizes(info: &ModelInfo, inputs: &NamedTensors) -> Sizes {
    let shape = |input: &TensorInfo| inputs.get(&input.name).map_or(&[][..], Tensor::shape).to_vec();
    bind(info, &info.inputs.iter().map(shape).collect::<Vec<_>>())
}

/// The shape of a tensor with these sizes; `None` where a dimension is not known.
pub(crate) fn shape(info: &TensorInfo, sizes: &Sizes) -> Option<Vec<usize>> {
    let size = |dimension: &Dimension| match dimension {
        Dimension::Fixed(size) => Some(*size),
        Dimension::Symbol(symbol) => sizes.get(symbol).copied(),
        Dimension::Unknown => None,
    };
    info.shape.as_ref()?.iter().map(size).collect()
}

/// Bytes of a tensor with these sizes; `None` where a dimension is not known.
pub(crate) fn bytes(info: &TensorInfo, sizes: &Sizes) -> Option<u64> {
    let mut shape = shape(info, sizes)?.into_iter();
    let elements = shape.try_fold(1_u64, |product, size| product.checked_mul(size as u64))?;
    elements.checked_mul(element_bytes(info))
}

/// Bytes of an element on the wire; a text is taken for 16.
fn element_bytes(info: &TensorInfo) -> u64 {
    info.dtype.size().map_or(16, |size| size as u64)
}
