//! Shapes for inputs that do not carry their own: raw files and random values.

use std::collections::BTreeMap;

use tandem::{Dimension, TensorInfo};

use crate::args::InputArgs;

/// What the command line says about shapes.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShapeHints {
    shapes: BTreeMap<String, Vec<usize>>,
    symbols: BTreeMap<String, usize>,
}

/// The sizes of an input, where all of them are known, and what is not where they are not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// Every size.
    Known(Vec<usize>),
    /// Every size but that of one dimension.
    OneOpen {
        /// The sizes, 1 in place of the open one.
        sizes: Vec<usize>,
        /// The place of the open one.
        open: usize,
    },
    /// Several sizes are open, or the number of dimensions is.
    Open,
}

impl ShapeHints {
    /// What `--shape` and `--symbol` say.
    pub(crate) fn new(args: &InputArgs) -> Self {
        let shapes = args.shapes.iter().map(|shape| (shape.name.clone(), shape.value.clone())).collect();
        let symbols = args.symbols.iter().map(|symbol| (symbol.name.clone(), symbol.value)).collect();
        Self { shapes, symbols }
    }

    /// The shape given for that input by name.
    pub(crate) fn shape(&self, input: &str) -> Option<&[usize]> {
        self.shapes.get(input).map(Vec::as_slice)
    }

    /// The shape of `input`, as far as it is known.
    pub(super) fn resolve(&self, input: &TensorInfo) -> Resolved {
        if let Some(shape) = self.shape(&input.name) {
            return Resolved::Known(shape.to_vec());
        }
        let Some(declared) = &input.shape else {
            return Resolved::Open;
        };
        let mut open = Vec::new();
        let sizes = declared
            .iter()
            .enumerate()
            .map(|(place, dimension)| {
                let size = match dimension {
                    Dimension::Fixed(size) => Some(*size),
                    Dimension::Symbol(symbol) => self.symbols.get(symbol).copied(),
                    Dimension::Unknown => None,
                };
                size.unwrap_or_else(|| {
                    open.push(place);
                    1
                })
            })
            .collect();
        match open.as_slice() {
            [] => Resolved::Known(sizes),
            [open] => Resolved::OneOpen { sizes, open: *open },
            _ => Resolved::Open,
        }
    }

    /// The shape of `input` with 1 for every size that is not known; `None` where the number of dimensions is not.
    pub(crate) fn smallest(&self, input: &TensorInfo) -> Option<Vec<usize>> {
        if let Some(shape) = self.shape(&input.name) {
            return Some(shape.to_vec());
        }
        let size = |dimension: &Dimension| match dimension {
            Dimension::Fixed(size) => *size,
            Dimension::Symbol(symbol) => self.symbols.get(symbol).copied().unwrap_or(1),
            Dimension::Unknown => 1,
        };
        input.shape.as_ref().map(|shape| shape.iter().map(size).collect())
    }
}

#[cfg(test)]
mod tests {
    use tandem::DType;

    use super::*;

    fn input() -> TensorInfo {
        let shape = vec![Dimension::Symbol("batch".to_owned()), Dimension::Fixed(3), Dimension::Unknown];
        TensorInfo { name: "x".to_owned(), dtype: DType::F32, shape: Some(shape) }
    }

    #[test]
    fn a_symbol_is_filled_in_and_what_stays_open_is_known() {
        let hints = |symbols: &[(&str, usize)]| ShapeHints {
            symbols: symbols.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect(),
            ..ShapeHints::default()
        };
        assert_eq!(hints(&[]).resolve(&input()), Resolved::Open);
        assert_eq!(hints(&[]).smallest(&input()), Some(vec![1, 3, 1]));
        let batch = hints(&[("batch", 4)]);
        assert_eq!(batch.resolve(&input()), Resolved::OneOpen { sizes: vec![4, 3, 1], open: 2 });
        assert_eq!(batch.smallest(&input()), Some(vec![4, 3, 1]));
    }

    #[test]
    fn a_given_shape_wins() {
        let shapes = [("x".to_owned(), vec![1, 2])].into();
        let hints = ShapeHints { shapes, ..ShapeHints::default() };
        assert_eq!(hints.resolve(&input()), Resolved::Known(vec![1, 2]));
        let unranked = TensorInfo { shape: None, ..input() };
        assert_eq!(hints.smallest(&unranked), Some(vec![1, 2]));
        assert_eq!(ShapeHints::default().smallest(&unranked), None);
    }
}
