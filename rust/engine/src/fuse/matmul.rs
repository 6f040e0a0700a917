//! Matrix products with a constant.

use tandem_kernels::{Activation, FeedForward, MatMul, MatMulWeights};
use tract_core::internal::*;
use tract_core::ops::binary::{BinMiniOp, TypedBinOp};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{Add, Div, Erf, Max, Mul};

use super::Rewriter;
use super::ops::Work;
use super::pattern::{Packable, constant, elements, floats, number, reader};

/// Replaces `node` and what it takes along, where it multiplies rows by a constant matrix: another such product, where only that
/// reads what it gives, too.
pub(super) fn replace(rewriter: &mut Rewriter<'_>, node: &TypedNode) -> TractResult<bool> {
    let Some(found) = Found::of(rewriter, node) else {
        return Ok(false);
    };
    let mut inputs = tvec!(rewriter.plain(node.inputs[0])?);
    let (work, found) = match found.layer(rewriter) {
        Some((layer, second)) => (Work::FeedForward(Arc::new(layer)), second),
        None => (Work::MatMul(Arc::new(found.product.clone())), found),
    };
    if let Some(residual) = found.tail.residual {
        inputs.push(rewriter.plain(residual)?);
    }
    let outlet = rewriter.wire(node.name.clone(), work, found.shape, &inputs)?;
    rewriter.plain.insert(found.tail.last, outlet);
    rewriter.taken.extend(found.tail.taken);
    Ok(true)
}

/// A product that our kernel computes, and what it takes along.
struct Found {
    product: MatMul,
    tail: Tail,
    /// Of the result.
    shape: Vec<usize>,
}

impl Found {
    /// `node`, where it is one.
    fn of(rewriter: &Rewriter<'_>, node: &TypedNode) -> Option<Self> {
        let Product { weights, transposed, sizes } = Product::of(rewriter.source, node)?;
        let shape = floats(rewriter.source, node.id.into())?;
        let tail = Tail::of(rewriter, node, shape);
        let values = weights.floats()?;
        let values =
            if transposed { MatMulWeights::Transposed(&values) } else { MatMulWeights::Plain(&values) };
        let product = MatMul::new(rewriter.set, sizes, values, tail.bias.as_deref(), tail.activation).ok()?;
        Some(Self { product, tail, shape: shape.to_vec() })
    }

    /// This and the product that alone reads its result as one kernel, with what the second, and so both, take along.
    fn layer(&self, rewriter: &Rewriter<'_>) -> Option<(FeedForward, Self)> {
        let node = reader(rewriter.source, rewriter.source.node(self.tail.last.node))?;
        if self.tail.residual.is_some() || node.inputs.first() != Some(&self.tail.last) {
            return None;
        }
        let mut second = Self::of(rewriter, node)?;
        let layer = FeedForward::new(self.product.clone(), second.product.clone()).ok()?;
        second.tail.taken.push(node.id);
        second.tail.taken.extend(&self.tail.taken);
        Some((layer, second))
    }
}

/// Rows times a constant matrix.
pub(super) struct Product<'a> {
    pub(super) weights: Packable<'a>,
    /// Whether the weights are `[outputs][inputs]`.
    pub(super) transposed: bool,
    /// Inputs and outputs.
    pub(super) sizes: [usize; 2],
}

impl<'a> Product<'a> {
    /// `node`, where it is one.
    pub(super) fn of(model: &'a TypedModel, node: &TypedNode) -> Option<Self> {
        let op = node.op_as::<EinSum>()?;
        let [x, matrix] = node.inputs.as_slice() else { return None };
        if op.q_params.is_some() || op.operating_dt != f32::datum_type() {
            return None;
        }
        let weights = Packable::of(model, *matrix)?;
        let (x, out) = (floats(model, *x)?, floats(model, node.id.into())?);
        let [rows, columns] = *weights.shape() else { return None };
        let last = x.len().checked_sub(1)?;
        if out.len() != x.len() || out.contains(&0) || x.contains(&0) {
            return None;
        }
        // Rows keep their places, the last axis of `x` is summed over, and that of the result is the matrix's other one.
        let mut summed = None;
        let mut kept = None;
        for axis in op.axes.iter_all_axes() {
            match (axis.inputs[0].as_slice(), axis.inputs[1].as_slice(), axis.outputs[0].as_slice()) {
                ([from], [], [to]) if from == to && *from < last => {}
                ([from], [axis], []) if *from == last => summed = Some(*axis),
                ([], [axis], [to]) if *to == last => kept = Some(*axis),
                _ => return None,
            }
        }
        let transposed = match (summed?, kept?) {
            (0, 1) => false,
            (1, 0) => true,
            _ => return None,
        };
        let sizes = if transposed { [columns, rows] } else { [rows, columns] };
        if [x[last], out[last]] != sizes || x[..last] != out[..last] {
            return None;
        }
        Some(Self { weights, transposed, sizes })
    }
}

/// What a product takes along of the nodes behind it, in this order.
struct Tail {
    bias: Option<Vec<f32>>,
    residual: Option<OutletId>,
    activation: Activation,
    taken: Vec<usize>,
    last: OutletId,
}

impl Tail {
    fn of(rewriter: &Rewriter<'_>, node: &TypedNode, shape: &[usize]) -> Self {
        let model = rewriter.source;
        let mut tail = Self {
            bias: None,
            residual: None,
            activation: Activation::None,
            taken: Vec::new(),
            last: node.id.into(),
        };
        if let Some((next, other)) = binary::<Add>(model, tail.last, shape)
            && let Some(bias) = bias(model, other, shape)
        {
            tail.bias = Some(bias);
            tail.take(&[next]);
        }
        if let Some((next, other)) = binary::<Add>(model, tail.last, shape)
            && constant(model, other).is_none()
            && floats(model, other) == Some(shape)
            && rewriter.plain.contains_key(&other)
        {
            tail.residual = Some(other);
            tail.take(&[next]);
        }
        if let Some((next, other)) = binary::<Max>(model, tail.last, shape)
            && number(model, other) == Some(0.0)
        {
            tail.activation = Activation::Relu;
            tail.take(&[next]);
        } else if let Some(nodes) = gelu(model, tail.last, shape) {
            tail.activation = Activation::Gelu;
            tail.take(&nodes);
        }
        tail
    }

    /// The last of the nodes gives the result.
    fn take(&mut self, nodes: &[usize]) {
        self.taken.extend(nodes);
        if let Some(&last) = nodes.last() {
            self.last = last.into();
        }
    }
}

/// The only reader of a result, where it is a `B` of it and another value that keeps its shape, and that value.
pub(super) fn binary<B: BinMiniOp>(
    model: &TypedModel,
    outlet: OutletId,
    shape: &[usize],
) -> Option<(usize, OutletId)> {
    let next = reader(model, model.node(outlet.node))?;
    Some((next.id, operand::<B>(model, next, outlet, shape)?))
}

/// The other value of `node`, where it is a `B` that keeps the shape. The first value of a division is `outlet`.
fn operand<B: BinMiniOp>(
    model: &TypedModel,
    node: &TypedNode,
    outlet: OutletId,
    shape: &[usize],
) -> Option<OutletId> {
    let op = node.op_as::<TypedBinOp>()?;
    if !op.0.is::<B>() || floats(model, node.id.into()) != Some(shape) {
        return None;
    }
    match node.inputs.as_slice() {
        [left, right] if *left == outlet && *right != outlet => Some(*right),
        [left, right] if *right == outlet && *left != outlet && !op.0.is::<Div>() => Some(*left),
        _ => None,
    }
}

/// A number for each column, from a constant that is added to rows.
pub(super) fn bias(model: &TypedModel, outlet: OutletId, shape: &[usize]) -> Option<Vec<f32>> {
    let tensor = constant(model, outlet)?;
    let found = elements(tensor)?;
    let columns = *shape.last()?;
    match (tensor.shape(), found.as_slice()) {
        (_, [one]) => Some(vec![*one; columns]),
        ([ahead @ .., last], _) if *last == columns && ahead.iter().all(|&size| size == 1) => Some(found),
        _ => None,
    }
}

/// `x × (1 + erf(x ÷ √2)) ÷ 2`, with the half taken first or last: the nodes, that of the result last.
fn gelu(model: &TypedModel, x: OutletId, shape: &[usize]) -> Option<Vec<usize>> {
    let [first, second] = model.node(x.node).outputs[0].successors.as_slice() else { return None };
    if model.outputs.contains(&x) || x.slot != 0 {
        return None;
    }
    let near = |outlet: OutletId, expected: f32| {
        number(model, outlet).is_some_and(|number| (number - expected).abs() < 1e-6)
    };
    [(first, second), (second, first)].into_iter().find_map(|(inner, outer)| {
        let (scaled, outer) = (model.node(inner.node), model.node(outer.node));
        let multiplied = operand::<Mul>(model, scaled, x, shape)
            .is_some_and(|factor| near(factor, std::f32::consts::FRAC_1_SQRT_2));
        let divided = operand::<Div>(model, scaled, x, shape)
            .is_some_and(|divisor| near(divisor, std::f32::consts::SQRT_2));
        let erf = reader(model, scaled).filter(|_| multiplied || divided)?;
        if !erf.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<Erf>()) {
            return None;
        }
        let (sum, one) = binary::<Add>(model, erf.id.into(), shape)?;
        let (product, other) = binary::<Mul>(model, sum.into(), shape).filter(|_| near(one, 1.0))?;
        let taken = vec![scaled.id, erf.id, sum];
        if other == x && product == outer.id {
            let (last, half) = binary::<Mul>(model, product.into(), shape)?;
            return near(half, 0.5).then(|| [taken, vec![product, last]].concat());
        }
        let half = operand::<Mul>(model, outer, x, shape)?;
        let halved = other == outer.id.into() && near(half, 0.5) && reader(model, outer)?.id == product;
        halved.then(|| [taken, vec![outer.id, product]].concat())
    })
}
