//! Reading tract's graph.

use std::borrow::Cow;

use tract_core::internal::*;

use super::Image;
use crate::integers::{IntegerConstant, Integers};
use crate::weight::{Elements, Weight};

/// The sizes of a result that is an image of `f32` with sizes that are known and not nought.
pub(super) fn image(model: &TypedModel, outlet: OutletId) -> Option<Image> {
    let shape = floats(model, outlet)?;
    let image: Image = shape.try_into().ok()?;
    (!image.contains(&0)).then_some(image)
}

/// The sizes of a result of `f32`, where they are known.
pub(super) fn floats(model: &TypedModel, outlet: OutletId) -> Option<&[usize]> {
    let fact = model.outlet_fact(outlet).ok()?;
    if fact.datum_type != f32::datum_type() || fact.is_exotic() {
        return None;
    }
    fact.shape.as_concrete()
}

/// The value of a result that is a constant of `f32`.
pub(super) fn constant(model: &TypedModel, outlet: OutletId) -> Option<&Arc<Tensor>> {
    let tensor = model.outlet_fact(outlet).ok()?.konst.as_ref()?;
    (tensor.datum_type() == f32::datum_type() && tensor.is_plain_ram()).then_some(tensor)
}

/// What a kernel packs: a constant of `f32`, or a weight that is as the file has it.
pub(super) enum Packable<'a> {
    Constant(&'a Tensor),
    Weight(&'a Weight, Elements),
}

impl<'a> Packable<'a> {
    /// The result at `outlet`, where it is one.
    pub(super) fn of(model: &'a TypedModel, outlet: OutletId) -> Option<Self> {
        if let Some(weight) = model.node(outlet.node).op_as::<Weight>() {
            return Some(Self::Weight(weight, weight.elements()?));
        }
        constant(model, outlet).map(|tensor| Self::Constant(tensor))
    }

    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Self::Constant(tensor) => tensor.shape(),
            Self::Weight(weight, _) => weight.shape(),
        }
    }

    pub(super) fn floats(&self) -> Option<Cow<'_, [f32]>> {
        match self {
            Self::Constant(tensor) => bytemuck::try_cast_slice(tensor.as_bytes()).ok().map(Cow::Borrowed),
            Self::Weight(_, elements) => Some(elements.floats()),
        }
    }

    /// The first that `make` gives of the integers that this may have been.
    pub(super) fn integers<T>(
        &self,
        known: &Integers,
        mut make: impl FnMut(&IntegerConstant) -> Option<T>,
    ) -> Option<T> {
        match self {
            Self::Weight(_, Elements::Integers(integers)) => make(integers),
            _ => known.find(&self.floats()?).find_map(make),
        }
    }
}

/// The elements of a constant.
pub(super) fn elements(tensor: &Tensor) -> Option<Vec<f32>> {
    Some(tensor.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec())
}

/// Whether no element is infinite or no number. Some at a time, because a loop that may end at each is ten times as slow.
pub(super) fn all_finite(elements: &[f32]) -> bool {
    elements.chunks(1024).all(|some| some.iter().fold(true, |finite, element| finite & element.is_finite()))
}

/// The one number that all elements of a constant are.
pub(super) fn number(model: &TypedModel, outlet: OutletId) -> Option<f32> {
    let view = constant(model, outlet)?.try_as_plain_ram().ok()?;
    let elements = view.as_slice::<f32>().ok()?;
    let first = *elements.first()?;
    elements.iter().all(|element| element.to_bits() == first.to_bits()).then_some(first)
}

/// A finite number for each channel of an image, from a constant that is added to it or multiplied by it.
pub(super) fn per_channel(model: &TypedModel, outlet: OutletId, channels: usize) -> Option<Vec<f32>> {
    let tensor = constant(model, outlet)?;
    let found = elements(tensor)?;
    let found = match (tensor.shape(), found.as_slice()) {
        ([1, count, 1, 1], _) if *count == channels => found,
        (_, [one]) => vec![*one; channels],
        _ => return None,
    };
    found.iter().all(|element| element.is_finite()).then_some(found)
}

/// The only node that reads the only result of `node`, where the model does not give that result away.
pub(super) fn reader<'a>(model: &'a TypedModel, node: &TypedNode) -> Option<&'a TypedNode> {
    let [outlet] = node.outputs.as_slice() else { return None };
    let [reader] = outlet.successors.as_slice() else { return None };
    (!model.outputs.contains(&node.id.into())).then(|| model.node(reader.node))
}
