//! Replaces parts of tract's graph by kernels of our own.
//!
//! The pass sees the typed graph with its constants folded, before tract's own passes change its operators. It rebuilds
//! the graph node by node. A convolution takes what follows it along: batch normalisation, residual, activation.
//! Images stay in blocks of channels between our operators; where another operator wants one, it is converted once.
//! What is not recognised in every parameter stays tract's.

mod arrange;
mod attention;
mod block;
mod conv;
mod elementwise;
mod gate;
mod int8;
mod lookup;
mod matmul;
mod normalize;
mod ops;
mod pattern;
mod pool;
mod recurrent;
mod resize;
mod saved;
mod shelf;
mod storage;
mod tail;
mod up_conv;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tandem_kernels::{ByteSet, InstructionSet, Quantization};
use tract_core::internal::*;
use tract_core::ops::source::TypedSource;
use tract_onnx::model::OnnxOpRegister;

use crate::fault::Fault;
use crate::integers::Integers;
use crate::weight::Weight;
use ops::{Fused, Work};
pub(crate) use saved::{OwnOperators, is_own, save_own};
pub(crate) use shelf::Shelf;
use storage::Storage;

/// Puts what is recognised as ONNX has it, before there is a typed graph, in the place of tract's operators.
pub(crate) fn register(register: &mut OnnxOpRegister) {
    recurrent::register(register);
}

/// The graph with our operators in it, and without weights that only these read. Packed weights that are on the shelf are
/// shared; without one this is the only graph of a model, and weights are let go of as they are packed. Asks between nodes whether
/// it may go on.
pub(crate) fn fuse(
    model: &TypedModel,
    integers: &Integers,
    shelf: Option<&Shelf>,
    may_go_on: impl Fn() -> Result<(), Fault>,
) -> TractResult<TypedModel> {
    let mut rewriter = Rewriter::new(model, integers, shelf, InstructionSet::best(), ByteSet::best());
    rewriter.rewrite(may_go_on)?;
    Ok(rewriter.target)
}

/// Sizes of an image: batch, channels, height, width.
type Image = [usize; 4];

/// A graph on its way from `source` to `target`.
struct Rewriter<'a> {
    source: &'a TypedModel,
    target: TypedModel,
    /// What constants of f32 were before.
    integers: &'a Integers,
    /// Packed weights of other plans.
    shelf: Option<&'a Shelf>,
    set: InstructionSet,
    byte_set: ByteSet,
    storage: Arc<Storage>,
    /// Where the results of the source are in the target.
    plain: HashMap<OutletId, OutletId>,
    /// Where they are as images in blocks of channels.
    blocked: HashMap<OutletId, OutletId>,
    /// Where they are as interleaved images of bytes.
    pixels: HashMap<OutletId, OutletId>,
    /// Bytes that stand for a result of f32, which may become an interleaved image at once.
    quantized: HashMap<OutletId, (OutletId, Quantization)>,
    /// Nodes of the source that an operator of ours has taken along.
    taken: HashSet<usize>,
    /// Nodes of the source that are replaced, taken along or copied.
    done: HashSet<usize>,
}

impl<'a> Rewriter<'a> {
    fn new(
        source: &'a TypedModel,
        integers: &'a Integers,
        shelf: Option<&'a Shelf>,
        set: InstructionSet,
        byte_set: ByteSet,
    ) -> Self {
        let target = TypedModel { symbols: source.symbols.clone(), ..TypedModel::default() };
        Self {
            source,
            target,
            integers,
            shelf,
            set,
            byte_set,
            storage: Arc::default(),
            plain: HashMap::new(),
            blocked: HashMap::new(),
            pixels: HashMap::new(),
            quantized: HashMap::new(),
            taken: HashSet::new(),
            done: HashSet::new(),
        }
    }

    fn rewrite(&mut self, may_go_on: impl Fn() -> Result<(), Fault>) -> TractResult<()> {
        let source = self.source;
        for &input in source.input_outlets()? {
            let node = source.node(input.node);
            let outlet = self.target.add_source(node.name.clone(), node.outputs[input.slot].fact.clone())?;
            self.plain.insert(input, outlet);
        }
        for id in source.eval_order()? {
            let node = source.node(id);
            if node.op_is::<TypedSource>() || node.op_is::<Weight>() {
                continue;
            }
            if self.taken.contains(&id) {
                self.end(node);
                continue;
            }
            may_go_on()?;
            let replaced = int8::replace(self, node)?
                || conv::replace(self, node)?
                || pool::replace(self, node)?
                || up_conv::replace(self, node)?
                || resize::replace(self, node)?
                || elementwise::replace(self, node)?
                || arrange::replace(self, node)?
                || matmul::replace(self, node)?
                || lookup::replace(self, node)?
                || attention::replace(self, node)?
                || normalize::replace(self, node)?;
            if !replaced {
                self.keep(node)?;
            }
            self.end(node);
        }
        let outputs = source.output_outlets()?.to_vec();
        let outputs: TVec<OutletId> =
            outputs.into_iter().map(|outlet| self.plain(outlet)).collect::<TractResult<_>>()?;
        self.target.select_output_outlets(&outputs)
    }

    /// Lets go of the weights of which `node` was the last reader.
    fn end(&mut self, node: &TypedNode) {
        self.done.insert(node.id);
        if self.shelf.is_some() {
            return;
        }
        for &input in &node.inputs {
            let source = self.source.node(input.node);
            let readers = source.outputs.iter().flat_map(|output| &output.successors);
            if let Some(weight) = source.op_as::<Weight>()
                && readers.into_iter().all(|reader| self.done.contains(&reader.node))
            {
                weight.release();
            }
        }
    }

    /// Copies a node as it is.
    fn keep(&mut self, node: &TypedNode) -> TractResult<()> {
        let inputs: TVec<OutletId> =
            node.inputs.iter().map(|&input| self.plain(input)).collect::<TractResult<_>>()?;
        let outlets = self.target.wire_node(&node.name, node.op.clone(), &inputs)?;
        for (slot, outlet) in outlets.into_iter().enumerate() {
            self.plain.insert(OutletId::new(node.id, slot), outlet);
        }
        Ok(())
    }

    /// A result as tract's operators want it.
    fn plain(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(&plain) = self.plain.get(&outlet) {
            return Ok(plain);
        }
        let node = self.source.node(outlet.node);
        if let Some(weight) = node.op_as::<Weight>() {
            let plain = self.target.add_const(node.name.clone(), weight.tensor()?)?;
            self.plain.insert(outlet, plain);
            return Ok(plain);
        }
        if self.pixels.contains_key(&outlet) {
            return int8::to_planes(self, outlet);
        }
        let blocked = *self.blocked.get(&outlet).context("a result that no node has given")?;
        let image = pattern::image(self.source, outlet).context("an image without sizes")?;
        let name = format!("{}.to-planar", self.source.node(outlet.node).name);
        let plain = self.wire(name, Work::ToPlanar(image), image.to_vec(), &[blocked])?;
        self.plain.insert(outlet, plain);
        Ok(plain)
    }

    /// A result as our operators want it.
    fn blocked(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        if let Some(&blocked) = self.blocked.get(&outlet) {
            return Ok(blocked);
        }
        let plain = self.plain(outlet)?;
        let image = pattern::image(self.source, outlet).context("an image without sizes")?;
        let name = format!("{}.to-blocked", self.source.node(outlet.node).name);
        let blocked = self.wire(name, Work::ToBlocked(image), self.blocked_shape(image), &[plain])?;
        self.blocked.insert(outlet, blocked);
        Ok(blocked)
    }

    fn blocked_shape(&self, [batch, channels, height, width]: Image) -> Vec<usize> {
        let lanes = self.set.lanes();
        vec![batch, channels.div_ceil(lanes), height, width, lanes]
    }

    /// Whether blocks of channels hold such an image without more than doubling it.
    fn suits_blocks(&self, channels: usize) -> bool {
        2 * channels >= channels.next_multiple_of(self.set.lanes())
    }

    fn wire(
        &mut self,
        name: String,
        work: Work,
        shape: Vec<usize>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        let work = match self.shelf {
            Some(others) => others.share(work),
            None => work,
        };
        let op = Fused { set: self.set, work, shape, storage: self.storage.clone() };
        Ok(self.target.wire_node(name, op, inputs)?[0])
    }
}
