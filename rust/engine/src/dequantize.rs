//! Expands compressed constants before tract sees them.
//!
//! A constant stored as int8 behind `DequantizeLinear`, or as f16 behind `Cast`, would be expanded again on
//! every run: tract folds no constant of more than 4 MiB.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use half::{bf16, f16};
use tandem_core::{Limits, LoadError};
use tandem_onnx::{DataType, GraphProto, NodeProto, TensorError, TensorProto};

use crate::constants::invalid;
use crate::integers::{IntegerConstant, Integers};
use crate::limits::at_most;
use crate::scale_index::ScaleIndex;
use crate::weight::Readers;

/// Integers behind `DequantizeLinear`, from which products of bytes are made.
#[derive(Default)]
pub(crate) struct Dequantized {
    /// Those whose numbers are constants of the graph now.
    pub(crate) expanded: Integers,
    /// Weights, by name, of which the graph has the shape only.
    pub(crate) weights: HashMap<String, Arc<IntegerConstant>>,
}

/// Replaces every `Cast` and `DequantizeLinear` of constants to f32 in `graph` by its result, but leaves signed bytes with
/// such `readers` what they are.
pub(crate) fn expand(
    graph: &mut GraphProto,
    readers: &Readers,
    limits: &Limits,
    may_go_on: impl Fn() -> Result<(), LoadError>,
) -> Result<Dequantized, LoadError> {
    let constants: HashMap<&str, &TensorProto> =
        graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect();
    let mut expanded: HashMap<String, TensorProto> = HashMap::new();
    let mut dequantized = Dequantized::default();
    for node in &graph.node {
        let [output] = node.output.as_slice() else {
            continue;
        };
        may_go_on()?;
        let result = match node.op_type.as_str() {
            "Cast" => cast(node, &constants, limits)?.map(|(dims, values)| floats(output, &dims, values)),
            "DequantizeLinear" => {
                let Some(linear) = Linear::of(node, &constants, limits)? else { continue };
                let weight = readers.pack(output, linear.dims.len());
                match linear.integers() {
                    Some(integers) if weight && integers.signed_bytes().is_some() => {
                        dequantized.weights.insert(output.clone(), Arc::new(integers));
                        Some(Ok(linear.placeholder(output)))
                    }
                    integers => {
                        let Some(values) = linear.values(limits)? else { continue };
                        if let Some(integers) = integers {
                            dequantized.expanded.add(values.len(), integers);
                        }
                        Some(floats(output, &linear.dims, values))
                    }
                }
            }
            _ => None,
        };
        if let Some(tensor) = result.transpose().map_err(invalid)? {
            expanded.insert(output.clone(), tensor);
        }
    }
    graph.node.retain(|node| !node.output.first().is_some_and(|output| expanded.contains_key(output)));
    graph.initializer.extend(expanded.into_values());
    Ok(dequantized)
}

/// A tensor over the memory of `values`.
fn floats(name: &str, dims: &[usize], values: Vec<f32>) -> Result<TensorProto, TensorError> {
    struct Memory(Vec<f32>);
    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            bytemuck::cast_slice(&self.0)
        }
    }
    if cfg!(target_endian = "big") {
        return TensorProto::from_slice(name, dims, &values);
    }
    TensorProto::from_raw(name, DataType::Float32, dims, Bytes::from_owner(Memory(values)))
}

type Expanded = Option<(Vec<usize>, Vec<f32>)>;
type Constants<'a> = HashMap<&'a str, &'a TensorProto>;

fn cast(node: &NodeProto, constants: &Constants<'_>, limits: &Limits) -> Result<Expanded, LoadError> {
    let to = node.attribute("to").map(|attribute| attribute.i);
    let [input] = node.input.as_slice() else {
        return Ok(None);
    };
    let Some(tensor) =
        constants.get(input.as_str()).filter(|_| to == Some(DataType::Float32.number().into()))
    else {
        return Ok(None);
    };
    let Some(values) = small_values(tensor, limits)? else {
        return Ok(None);
    };
    Ok(Some((shape(tensor)?, values)))
}

/// A `DequantizeLinear` of constants.
struct Linear<'a> {
    tensor: &'a TensorProto,
    dims: Vec<usize>,
    scales: Vec<f32>,
    /// As many as scales.
    zeros: Option<Vec<f32>>,
    index: ScaleIndex,
}

impl<'a> Linear<'a> {
    /// `None` for what is left to tract, to compute or to complain of.
    fn of(node: &NodeProto, constants: &Constants<'a>, limits: &Limits) -> Result<Option<Self>, LoadError> {
        let constant =
            |index: usize| node.input.get(index).and_then(|name| constants.get(name.as_str())).copied();
        let (Some(tensor), Some(scale)) = (constant(0), constant(1)) else {
            return Ok(None);
        };
        let zero = match node.input.get(2).filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => match constants.get(name.as_str()) {
                None => return Ok(None),
                zero => zero,
            },
        };
        // An output type of its own, or a scale that is not f32, makes another result type.
        let plain = scale.data_type == DataType::Float32.number()
            && node.attribute("output_dtype").is_none_or(|attribute| attribute.i == 0);
        if !plain {
            return Ok(None);
        }
        let dims = shape(tensor)?;
        let scales = scale.to_vec::<f32>().map_err(invalid)?;
        let zeros = match zero {
            Some(zero) => match numbers(zero, limits)? {
                None => return Ok(None),
                zeros => zeros,
            },
            None => None,
        };
        let integer = |name: &str| node.attribute(name).map(|attribute| attribute.i);
        let (axis, block) = (integer("axis").unwrap_or(1), integer("block_size").unwrap_or(0));
        let index = ScaleIndex::new(&dims, &shape(scale)?, axis, block);
        let Some(index) = index.filter(|_| zero.is_none_or(|zero| zero.dims == scale.dims)) else {
            return Ok(None);
        };
        let bytes = (tensor.elements().map_err(invalid)? as u64).saturating_mul(4);
        at_most("tensor bytes", bytes, limits.tensor_bytes)?;
        Ok(Some(Self { tensor, dims, scales, zeros, index }))
    }

    /// The result without its elements.
    fn placeholder(&self, name: &str) -> TensorProto {
        let (name, dims) = (name.to_owned(), self.tensor.dims.clone());
        TensorProto { name, dims, data_type: DataType::Float32.number(), ..TensorProto::default() }
    }

    /// The integers, where they stand for numbers by a scale alone.
    fn integers(&self) -> Option<IntegerConstant> {
        let centred = self.zeros.as_ref().is_none_or(|zeros| zeros.iter().all(|&zero| zero == 0.0));
        if centred { IntegerConstant::new(self.tensor, self.scales.clone(), self.index) } else { None }
    }

    /// The numbers; `None` where the integers are of another type than the operator takes.
    fn values(&self, limits: &Limits) -> Result<Option<Vec<f32>>, LoadError> {
        let Some(mut values) = numbers(self.tensor, limits)? else {
            return Ok(None);
        };
        for (range, index) in self.index.runs(values.len()) {
            let (zero, scale) = (self.zeros.as_ref().map_or(0.0, |zeros| zeros[index]), self.scales[index]);
            for value in &mut values[range] {
                *value = (*value - zero) * scale;
            }
        }
        Ok(Some(values))
    }
}

/// The elements of what `DequantizeLinear` takes, as f32.
fn numbers(tensor: &TensorProto, limits: &Limits) -> Result<Option<Vec<f32>>, LoadError> {
    if tensor.data_type == DataType::Int32.number() {
        return wide_values(tensor, limits).map(Some);
    }
    small_values(tensor, limits)
}

/// The elements of an int32 tensor, which biases are, as f32: rounded where they are large, as `DequantizeLinear` does.
#[allow(clippy::cast_precision_loss, reason = "the operator is defined so")]
fn wide_values(tensor: &TensorProto, limits: &Limits) -> Result<Vec<f32>, LoadError> {
    let count = tensor.elements().map_err(invalid)?;
    at_most("tensor bytes", (count as u64).saturating_mul(4), limits.tensor_bytes)?;
    Ok(tensor.to_vec::<i32>().map_err(invalid)?.into_iter().map(|value| value as f32).collect())
}

/// The elements as f32 where they are of a type narrower than f32 and expand without loss.
fn small_values(tensor: &TensorProto, limits: &Limits) -> Result<Option<Vec<f32>>, LoadError> {
    let element = tensor.element_type().map_err(invalid)?;
    let narrow = element.bits().is_some_and(|bits| bits <= 16);
    if !narrow || matches!(element, DataType::Bool) {
        return Ok(None);
    }
    let count = tensor.elements().map_err(invalid)?;
    at_most("tensor bytes", (count as u64).saturating_mul(4), limits.tensor_bytes)?;
    let raw = tensor.to_raw().map_err(invalid)?;
    let pairs = || raw.chunks_exact(2).map(|pair| [pair[0], pair[1]]);
    let nibbles = || raw.iter().flat_map(|&byte| [byte & 0xf, byte >> 4]).take(count);
    Ok(Some(match element {
        DataType::Int8 => raw.iter().map(|&byte| f32::from(byte.cast_signed())).collect(),
        DataType::Uint8 => raw.iter().map(|&byte| f32::from(byte)).collect(),
        DataType::Int16 => pairs().map(|pair| f32::from(i16::from_le_bytes(pair))).collect(),
        DataType::Uint16 => pairs().map(|pair| f32::from(u16::from_le_bytes(pair))).collect(),
        DataType::Float16 => pairs().map(|pair| f16::from_le_bytes(pair).to_f32()).collect(),
        DataType::Bfloat16 => pairs().map(|pair| bf16::from_le_bytes(pair).to_f32()).collect(),
        DataType::Uint4 => nibbles().map(f32::from).collect(),
        // The sign of a nibble is its highest bit.
        DataType::Int4 => nibbles().map(|nibble| f32::from((nibble << 4).cast_signed() >> 4)).collect(),
        _ => return Ok(None),
    }))
}

fn shape(tensor: &TensorProto) -> Result<Vec<usize>, LoadError> {
    tensor.shape().map_err(invalid)
}
