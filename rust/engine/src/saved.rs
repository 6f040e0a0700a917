//! A plan's graph as bytes and back: the graph with our operators in it, decluttered, before tract lowers its own to what it
//! runs.
//!
//! A graph with an operator that is not known here is not saved.

mod operators;

use tandem_kernels::{KernelError, Packed, Restorer, Saver};
use tract_core::internal::*;
use tract_core::ops::konst::Const;
use tract_core::ops::source::TypedSource;

use crate::fuse::{OwnOperators, is_own, save_own};

/// A graph as bytes, and the memory that belongs to it.
#[derive(Debug)]
pub(crate) struct SavedGraph {
    pub(crate) parameters: Vec<u8>,
    /// Weights as our kernels read them.
    pub(crate) packed: Vec<Packed>,
    /// Constants of tract's operators.
    pub(crate) tensors: Vec<Arc<Tensor>>,
}

/// What a node is.
const SOURCE: u8 = 0;
const CONSTANT: u8 = 1;
const OWN: u8 = 2;
const TRACT: u8 = 3;

/// `model` as bytes; `None` where some of its operators cannot be.
pub(crate) fn save(model: &TypedModel) -> Option<SavedGraph> {
    let (mut to, mut tensors) = (Saver::default(), Vec::new());
    let inputs = model.input_outlets().ok()?;
    let mut order: Vec<usize> = inputs.iter().map(|outlet| outlet.node).collect();
    let others = model.eval_order().ok()?.into_iter().filter(|id| !order.contains(id)).collect::<Vec<_>>();
    order.extend(others);
    let mut places = vec![usize::MAX; model.nodes().len()];
    to.size(inputs.len());
    to.size(order.len());
    for (place, &id) in order.iter().enumerate() {
        let node = model.node(id);
        places[id] = place;
        to.bytes(node.name.as_bytes());
        to.size(node.inputs.len());
        for input in &node.inputs {
            to.sizes([places[input.node], input.slot]);
        }
        if let Some(source) = node.op_as::<TypedSource>() {
            to.byte(SOURCE);
            operators::save_type(source.fact.datum_type, &mut to)?;
            to.list(source.fact.shape.as_concrete()?);
        } else if let Some(constant) = node.op_as::<Const>() {
            let plain = constant.exotic_fact().is_none() && constant.val().is_plain_ram();
            to.byte(CONSTANT);
            tensors.push(Some(constant.val().clone()).filter(|_| plain)?);
        } else if is_own(node.op.as_ref()) {
            to.byte(OWN);
            save_own(node.op.as_ref(), &mut to)?;
        } else {
            to.byte(TRACT);
            operators::save(node.op.as_ref(), &mut to)?;
        }
    }
    let outputs = model.output_outlets().ok()?;
    to.size(outputs.len());
    for output in outputs {
        to.sizes([places[output.node], output.slot]);
    }
    let (parameters, packed) = to.into_parts();
    Some(SavedGraph { parameters, packed, tensors })
}

/// The graph that [`save`] has made bytes of.
pub(crate) fn restore(saved: &SavedGraph) -> TractResult<TypedModel> {
    let mut from = Restorer::new(&saved.parameters, &saved.packed);
    let mut tensors = saved.tensors.iter();
    let own = OwnOperators::default();
    let mut model = TypedModel::default();
    let [inputs, count] = from.sizes()?;
    let mut given: Vec<TVec<OutletId>> = Vec::new();
    for place in 0..count {
        let name = str::from_utf8(from.bytes()?)?;
        let wires =
            (0..from.size()?).map(|_| outlet(&given, from.sizes()?)).collect::<TractResult<TVec<_>>>()?;
        let outlets = match from.byte()? {
            SOURCE if place < inputs => {
                let datum_type = operators::restore_type(&mut from)?;
                tvec!(model.add_source(name, datum_type.fact(from.list()?))?)
            }
            CONSTANT => {
                let tensor = tensors.next().context("a constant is missing")?;
                model.wire_node(name, Const::new(tensor.clone())?, &[])?
            }
            OWN => model.wire_node(name, own.restore(&mut from)?, &wires)?,
            TRACT => model.wire_node(name, operators::restore(&mut from)?, &wires)?,
            _ => bail!(damaged()),
        };
        given.push(outlets);
    }
    let outputs =
        (0..from.size()?).map(|_| outlet(&given, from.sizes()?)).collect::<TractResult<Vec<_>>>()?;
    model.select_output_outlets(&outputs)?;
    ensure!(from.is_empty() && tensors.next().is_none(), "more was saved than the graph has");
    Ok(model)
}

fn outlet(given: &[TVec<OutletId>], [place, slot]: [usize; 2]) -> TractResult<OutletId> {
    given.get(place).and_then(|outlets| outlets.get(slot)).copied().context("a result that no node gives")
}

/// What was saved is no graph.
fn damaged() -> KernelError {
    KernelError::Saved { detail: "it has a kind that is not known" }
}

/// Types and shapes of constants, for those who keep their elements apart.
pub(crate) fn save_tensors(tensors: &[Arc<Tensor>], to: &mut Saver) -> Option<()> {
    to.size(tensors.len());
    for tensor in tensors {
        operators::save_type(tensor.datum_type(), to)?;
        to.list(tensor.shape());
    }
    Some(())
}

/// Constants of the types and shapes that [`save_tensors`] has added, whose elements `read` fills in.
pub(crate) fn restore_tensors(
    from: &mut Restorer<'_>,
    mut read: impl FnMut(&mut [u8]) -> TractResult<()>,
) -> TractResult<Vec<Arc<Tensor>>> {
    let count = from.size()?;
    let tensor = |_| {
        let (datum_type, shape) = (operators::restore_type(from)?, from.list()?);
        let mut tensor = Tensor::zero_dt(datum_type, &shape)?;
        read(tensor.as_bytes_mut())?;
        Ok(tensor.into_arc_tensor())
    };
    (0..count).map(tensor).collect()
}
