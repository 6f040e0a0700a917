//! Reading tract's graph.

use tract_core::internal::*;

use super::Image;

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
