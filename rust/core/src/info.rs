//! What a model is, before it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{DType, InputError, Tensor};

/// Where a model comes from.
///
/// An Android asset or an iOS bundle resource reaches the core as one of these: the host API resolves it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ModelSource {
    /// An ONNX file. External data files are read only from inside its folder.
    File(PathBuf),
    /// An ONNX file in memory. External data is refused: there is no folder to read it from.
    Bytes(Arc<[u8]>),
}

impl<P: Into<PathBuf>> From<P> for ModelSource {
    fn from(path: P) -> Self {
        Self::File(path.into())
    }
}

/// One dimension of a declared shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// A fixed size.
    Fixed(usize),
    /// Any size; two dimensions of one model that share a name share their size.
    Symbol(String),
    /// Any size.
    Unknown,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Symbol(name) => f.write_str(name),
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Name, element type and shape of one input or output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// The name by which it is given or wanted.
    pub name: String,
    /// The element type.
    pub dtype: DType,
    /// The declared shape; `None` where the model does not state even the number of dimensions.
    pub shape: Option<Vec<Dimension>>,
}

impl TensorInfo {
    /// Checks type and shape of `tensor` against what is declared here.
    ///
    /// Sizes that share a symbol are compared over all inputs by [`ModelInfo::check_inputs`].
    pub fn check(&self, tensor: &Tensor) -> Result<(), InputError> {
        if tensor.dtype() != self.dtype {
            let (name, expected, got) = (self.name.clone(), self.dtype, tensor.dtype());
            return Err(InputError::DType { name, expected, got });
        }
        let Some(shape) = &self.shape else {
            return Ok(());
        };
        let fits = shape.len() == tensor.shape().len()
            && shape.iter().zip(tensor.shape()).all(|(declared, size)| match declared {
                Dimension::Fixed(fixed) => fixed == size,
                Dimension::Symbol(_) | Dimension::Unknown => true,
            });
        if fits { Ok(()) } else { Err(self.shape_error(tensor)) }
    }

    fn shape_error(&self, tensor: &Tensor) -> InputError {
        InputError::Shape {
            name: self.name.clone(),
            expected: self.shape_text(),
            got: tensor.shape().to_vec(),
        }
    }

    /// The declared shape as text: `[batch, 1, 8, 8]`, or `any shape`.
    pub fn shape_text(&self) -> String {
        let Some(shape) = &self.shape else {
            return "any shape".to_owned();
        };
        let sizes: Vec<_> = shape.iter().map(Dimension::to_string).collect();
        format!("[{}]", sizes.join(", "))
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.name, self.dtype, self.shape_text())
    }
}

/// What a loaded model is: identity, inputs and outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The file's name without its ending, else the graph's name, else `model`.
    pub name: String,
    /// SHA-256 of the ONNX file, as 64 lower-case hexadecimal digits. External data is not part of it.
    pub digest: String,
    /// Version of the default operator set.
    pub opset: u64,
    /// The model's own key-value metadata, with `producer` and `description` where they are set.
    pub metadata: BTreeMap<String, String>,
    /// What must be given, in the graph's order.
    pub inputs: Vec<TensorInfo>,
    /// What can be asked for, in the graph's order.
    pub outputs: Vec<TensorInfo>,
}

impl ModelInfo {
    /// A description made from its parts.
    pub fn new(
        name: String,
        digest: String,
        opset: u64,
        metadata: BTreeMap<String, String>,
        inputs: Vec<TensorInfo>,
        outputs: Vec<TensorInfo>,
    ) -> Self {
        Self { name, digest, opset, metadata, inputs, outputs }
    }

    /// The input of that name.
    pub fn input(&self, name: &str) -> Option<&TensorInfo> {
        self.inputs.iter().find(|input| input.name == name)
    }

    /// The output of that name.
    pub fn output(&self, name: &str) -> Option<&TensorInfo> {
        self.outputs.iter().find(|output| output.name == name)
    }

    /// Checks that `inputs` are all that the model wants and nothing else: names, types, shapes, and one size
    /// for every symbol.
    pub fn check_inputs(&self, inputs: &crate::NamedTensors) -> Result<(), InputError> {
        if let Some(name) = inputs.names().find(|name| self.input(name).is_none()) {
            return Err(InputError::Unknown { name: name.to_owned(), known: names(&self.inputs) });
        }
        let mut symbols: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
        for info in &self.inputs {
            let tensor =
                inputs.get(&info.name).ok_or_else(|| InputError::Missing { name: info.name.clone() })?;
            info.check(tensor)?;
            for (dimension, &size) in info.shape.iter().flatten().zip(tensor.shape()) {
                let Dimension::Symbol(symbol) = dimension else {
                    continue;
                };
                let (first, first_input) = *symbols.entry(symbol).or_insert((size, &info.name));
                if first != size {
                    return Err(InputError::Symbol {
                        symbol: symbol.clone(),
                        first_input: first_input.to_owned(),
                        first,
                        second_input: info.name.clone(),
                        second: size,
                    });
                }
            }
        }
        Ok(())
    }

    /// Checks that every wanted output exists; gives their names, all of the model's where none is named.
    pub fn wanted_outputs(&self, wanted: &[String]) -> Result<Vec<String>, InputError> {
        if wanted.is_empty() {
            return Ok(self.outputs.iter().map(|output| output.name.clone()).collect());
        }
        for (index, name) in wanted.iter().enumerate() {
            if self.output(name).is_none() {
                return Err(InputError::UnknownOutput { name: name.clone(), known: names(&self.outputs) });
            }
            if wanted[..index].contains(name) {
                return Err(InputError::DuplicateOutput { name: name.clone() });
            }
        }
        Ok(wanted.to_vec())
    }
}

fn names(tensors: &[TensorInfo]) -> String {
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.as_str()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
