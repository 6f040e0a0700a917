//! Inputs to try a model on.

use half::f16;
use tandem_core::{InputError, NamedTensors, Tensor, TensorError};
use tandem_onnx::{DataType, Dim, GraphProto, ModelProto, ValueInfoProto};

use crate::random::Random;

/// Why no inputs can be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputsError {
    /// The model does not say what an input is, or of a type that has no tensors here.
    #[error("the input `{0}` is no tensor of a known type and rank")]
    NoTensor(String),
    /// A tensor cannot be made.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// An input is declared twice.
    #[error(transparent)]
    Input(#[from] InputError),
}

/// Random values for every input of `model` that is not among `given`, the same for the same seed.
///
/// Floats lie between -1 and 1, integers between 0 and 99. A symbolic `batch` is 2, a `sequence` 7, any
/// other symbolic or unknown dimension 3.
pub fn random_inputs(
    model: &ModelProto,
    given: &[(&str, Tensor)],
    seed: u64,
) -> Result<NamedTensors, InputsError> {
    let mut random = Random::new(seed);
    let mut inputs = NamedTensors::default();
    for input in model.graph.iter().flat_map(GraphProto::required_inputs) {
        let tensor = match given.iter().find(|(name, _)| *name == input.name) {
            Some((_, tensor)) => tensor.clone(),
            None => random_input(input, &mut random)?,
        };
        inputs.push(input.name.as_str(), tensor)?;
    }
    Ok(inputs)
}

fn random_input(input: &ValueInfoProto, random: &mut Random) -> Result<Tensor, InputsError> {
    let no_tensor = || InputsError::NoTensor(input.name.clone());
    let declared = input.tensor_type().ok_or_else(no_tensor)?;
    let data_type = DataType::try_from(declared.elem_type).map_err(|_| no_tensor())?;
    let shape = declared.shape.as_ref().ok_or_else(no_tensor)?;
    let shape = shape.dims().iter().map(size).collect();
    random_tensor(data_type, shape, random)?.ok_or_else(no_tensor)
}

fn size(dim: &Dim) -> usize {
    match dim {
        Dim::Fixed(size) => usize::try_from(*size).unwrap_or(0),
        Dim::Symbolic(name) if name == "batch" => 2,
        Dim::Symbolic(name) if name == "sequence" => 7,
        Dim::Symbolic(_) | Dim::Unknown => 3,
    }
}

/// None for a type that tensors cannot have.
fn random_tensor(
    data_type: DataType,
    shape: Vec<usize>,
    random: &mut Random,
) -> Result<Option<Tensor>, TensorError> {
    let count = shape.iter().product();
    let mut integers =
        || -> Vec<u8> { (0..count).map(|_| u8::try_from(random.below(100)).unwrap_or(0)).collect() };
    let tensor = match data_type {
        DataType::Float32 => Tensor::from_vec(shape, random.floats(count, 1.0)),
        DataType::Float64 => {
            Tensor::from_vec(shape, random.floats(count, 1.0).into_iter().map(f64::from).collect())
        }
        DataType::Float16 => {
            Tensor::from_vec(shape, random.floats(count, 1.0).into_iter().map(f16::from_f32).collect())
        }
        DataType::Uint8 => Tensor::from_vec(shape, integers()),
        DataType::Uint16 => Tensor::from_vec(shape, integers().into_iter().map(u16::from).collect()),
        DataType::Uint32 => Tensor::from_vec(shape, integers().into_iter().map(u32::from).collect()),
        DataType::Uint64 => Tensor::from_vec(shape, integers().into_iter().map(u64::from).collect()),
        DataType::Int8 => Tensor::from_vec(shape, integers().into_iter().map(u8::cast_signed).collect()),
        DataType::Int16 => Tensor::from_vec(shape, integers().into_iter().map(i16::from).collect()),
        DataType::Int32 => Tensor::from_vec(shape, integers().into_iter().map(i32::from).collect()),
        DataType::Int64 => Tensor::from_vec(shape, integers().into_iter().map(i64::from).collect()),
        DataType::Bool => {
            let values: Vec<bool> = integers().into_iter().map(|value| value % 2 == 0).collect();
            Tensor::from_bools(shape, &values)
        }
        DataType::String => {
            let values = integers().into_iter().map(|value| format!("text {value} ß")).collect();
            Tensor::from_strings(shape, values)
        }
        _ => return Ok(None),
    };
    tensor.map(Some)
}
