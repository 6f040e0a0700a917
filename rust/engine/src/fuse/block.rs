//! Convolutions in a row that one kernel computes: inverted residual blocks, with or without squeeze and excitation, and
//! depthwise separable convolutions, also with the first convolution of a network before them.

use tandem_kernels::{BlockConvs, ConvInput, ConvShape, InvertedResidual};
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::math::Mul;

use super::conv::{Found, parameters, recognise};
use super::ops::Work;
use super::pattern::reader;
use super::tail::Tail;
use super::{Rewriter, pool};

/// Replaces the convolutions that begin with `first` at `node`, where they are such a block.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode, first: &Found) -> TractResult<bool> {
    let Some((block, taken, project)) =
        Pattern::of(rewriter, first).and_then(|pattern| pattern.build(rewriter, first))
    else {
        return Ok(false);
    };
    let mut inputs = tvec!(first.wire_input(rewriter, node)?);
    if let Some(residual) = project.residual {
        inputs.push(rewriter.blocked(residual)?);
    }
    let [_, last] = block.shapes();
    let shape = [last.batch, last.out_channels, last.output[0], last.output[1]];
    let shape = rewriter.blocked_shape(shape);
    let outlet = rewriter.wire(node.name.clone(), Work::Block(Arc::new(block)), shape, &inputs)?;
    rewriter.blocked.insert(project.last, outlet);
    rewriter.taken.extend(taken);
    Ok(true)
}

/// The nodes of a block behind its first convolution.
struct Pattern<'a> {
    /// Where the first is not depthwise.
    depthwise: Option<&'a TypedNode>,
    squeeze: Option<Squeeze<'a>>,
    project: &'a TypedNode,
}

/// A squeeze and excitation: two convolutions of the channels' means, and the product with what they give.
struct Squeeze<'a> {
    convs: [&'a TypedNode; 2],
    /// The nodes of the means and the product.
    others: [usize; 3],
    last: OutletId,
}

impl<'a> Pattern<'a> {
    fn of(rewriter: &Rewriter<'a>, first: &Found) -> Option<Self> {
        let model = rewriter.source;
        let shape = first.conv.shape();
        // A network's first convolution has so few channels that its input is no blocks, or a single one.
        let image = shape.groups == 1 && shape.in_channels <= rewriter.set.lanes();
        let fits = match first.input {
            ConvInput::Blocked => shape.is_depthwise() || is_pointwise(shape) || image,
            ConvInput::Planar => image,
        };
        if !fits || first.tail.residual.is_some() {
            return None;
        }
        let mut last = first.tail.last;
        let mut depthwise = None;
        if shape.groups == 1 {
            let node = next(model, last, ConvShape::is_depthwise)?;
            let tail = Tail::of(model, node, |outlet| rewriter.blocked.contains_key(&outlet))?;
            if tail.residual.is_some() {
                return None;
            }
            (depthwise, last) = (Some(node), tail.last);
        }
        let squeeze = Squeeze::of(model, last);
        let project = next(model, squeeze.as_ref().map_or(last, |squeeze| squeeze.last), is_pointwise)?;
        Some(Self { depthwise, squeeze, project })
    }

    /// The block, all its nodes but the first, and what the last of its convolutions takes along.
    fn build(&self, rewriter: &Rewriter<'_>, first: &Found) -> Option<(InvertedResidual, Vec<usize>, Tail)> {
        let mut taken = first.tail.taken.clone();
        let mut build = |node: &TypedNode| {
            let found = recognise(rewriter, node, true)?;
            taken.push(node.id);
            taken.extend(&found.tail.taken);
            Some(found)
        };
        let (expand, depthwise) = match self.depthwise {
            Some(node) => (Some(first.conv.clone()), build(node)?.conv),
            None => (None, first.conv.clone()),
        };
        let squeeze = match &self.squeeze {
            Some(squeeze) => Some([build(squeeze.convs[0])?.conv, build(squeeze.convs[1])?.conv]),
            None => None,
        };
        let project = build(self.project)?;
        taken.extend(self.squeeze.iter().flat_map(|squeeze| squeeze.others));
        let convs = BlockConvs { expand, depthwise, squeeze, project: project.conv };
        Some((InvertedResidual::new(convs).ok()?, taken, project.tail))
    }
}

impl<'a> Squeeze<'a> {
    /// Of the image `x`, which nothing else reads.
    fn of(model: &'a TypedModel, x: OutletId) -> Option<Self> {
        let [first, second] = model.node(x.node).outputs.get(x.slot)?.successors.as_slice() else {
            return None;
        };
        if model.outputs.contains(&x) {
            return None;
        }
        [(first, second), (second, first)].into_iter().find_map(|(mean, product)| {
            let (_, divided, _) = pool::whole(model, model.node(mean.node))?;
            let narrow = next(model, divided.into(), is_pointwise)?;
            let wide = next(model, alone(model, narrow)?, is_pointwise)?;
            let gate = alone(model, wide)?;
            let product = model.node(product.node);
            let multiplies = product.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>())
                && (product.inputs[..] == [x, gate] || product.inputs[..] == [gate, x])
                && reader(model, model.node(gate.node))?.id == product.id;
            let others = [mean.node, divided, product.id];
            multiplies.then_some(Self { convs: [narrow, wide], others, last: product.id.into() })
        })
    }
}

/// What the convolution at `node` and all that it takes along give, where that is no residual.
fn alone(model: &TypedModel, node: &TypedNode) -> Option<OutletId> {
    Some(Tail::of(model, node, |_| false)?.last)
}

fn is_pointwise(shape: &ConvShape) -> bool {
    shape.groups == 1 && shape.kernel == [1, 1]
}

/// The only reader of a result, where it is a convolution of it that `fits`.
fn next(model: &TypedModel, outlet: OutletId, fits: impl Fn(&ConvShape) -> bool) -> Option<&TypedNode> {
    let node = reader(model, model.node(outlet.node))?;
    let (shape, _) = parameters(model, node)?;
    (fits(&shape) && node.inputs[0] == outlet).then_some(node)
}
