//! Tensors by name.

use crate::{InputError, Tensor};

/// Tensors by name, in the order in which they were added.
///
/// ```
/// use tandem_core::{NamedTensors, Tensor};
///
/// let inputs = NamedTensors::new([("x", Tensor::from_vec([1], vec![1.0_f32])?)])?;
/// assert!(inputs.get("x").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedTensors(Vec<(String, Tensor)>);

impl NamedTensors {
    /// Tensors under names that all differ; a name that comes twice is an error.
    pub fn new<N: Into<String>>(tensors: impl IntoIterator<Item = (N, Tensor)>) -> Result<Self, InputError> {
        let mut named = Self::default();
        for (name, tensor) in tensors {
            named.push(name, tensor)?;
        }
        Ok(named)
    }

    /// Adds a tensor; a name that is already there is an error.
    pub fn push(&mut self, name: impl Into<String>, tensor: Tensor) -> Result<(), InputError> {
        let name = name.into();
        if self.get(&name).is_some() {
            return Err(InputError::Duplicate { name });
        }
        self.0.push((name, tensor));
        Ok(())
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&Tensor> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor)
    }

    /// Names and tensors, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The names, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Bytes that all the elements take together.
    pub fn byte_len(&self) -> usize {
        self.0.iter().map(|(_, tensor)| tensor.byte_len()).sum()
    }
}

impl IntoIterator for NamedTensors {
    type Item = (String, Tensor);
    type IntoIter = std::vec::IntoIter<(String, Tensor)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let tensor = Tensor::from_vec([1], vec![0_u8]).unwrap();
        let error = NamedTensors::new([("x", tensor.clone()), ("x", tensor)]).unwrap_err();
        assert_eq!(error.to_string(), "input \"x\" was given twice");
    }
}
