//! Products of a result with a curve of itself, as exporters write `SiLU` and `HardSwish` in several nodes.

use tandem_kernels::Activation;
use tract_core::internal::*;
use tract_core::ops::binary::TypedBinOp;
use tract_core::ops::element_wise::ElementWiseOp;
use tract_core::ops::math::{Add, Div, Max, Min, Mul};
use tract_core::ops::nn::Sigmoid;

use super::Image;
use super::pattern::{image, number, reader};

/// How far a constant may be from the one that is meant: rounding in the exporter.
const ROUNDING: f64 = 1e-6;

/// What `x` becomes that is read by a curve and by the product of both alone: the activation, and the nodes, that of the
/// result last.
pub(super) fn self_gated(model: &TypedModel, x: OutletId, shape: Image) -> Option<(Activation, Vec<usize>)> {
    let [first, second] = model.node(x.node).outputs.get(x.slot)?.successors.as_slice() else {
        return None;
    };
    if model.outputs.contains(&x) {
        return None;
    }
    [(first, second), (second, first)]
        .into_iter()
        .find_map(|(curve, product)| follow(model, x, [curve.node, product.node], shape))
}

fn follow(
    model: &TypedModel,
    x: OutletId,
    [first, product]: [usize; 2],
    shape: Image,
) -> Option<(Activation, Vec<usize>)> {
    let fits = |node: &TypedNode| image(model, node.id.into()) == Some(shape) && node.outputs.len() == 1;
    let mut curve = Curve::Line(Line::IDENTITY);
    let (mut node, mut last, mut nodes) = (model.node(first), x, Vec::new());
    while node.id != product {
        curve = Some(node).filter(|node| fits(node)).and_then(|node| curve.behind(model, node, last))?;
        nodes.push(node.id);
        last = node.id.into();
        node = reader(model, node)?;
    }
    let multiplies = node.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>());
    if !multiplies || !fits(node) || !(node.inputs[..] == [x, last] || node.inputs[..] == [last, x]) {
        return None;
    }
    nodes.push(node.id);
    let line = match curve {
        Curve::Sigmoid => return Some((Activation::Silu, nodes)),
        Curve::Line(line) => line,
    };
    if line.is_hard_sigmoid() {
        return Some((Activation::HardSwish, nodes));
    }
    // The division by six may come last.
    let scaling = reader(model, node).filter(|node| fits(node))?;
    let scaled = line.behind(model, scaling, node.id.into())?;
    nodes.push(scaling.id);
    let only_scales = scaling.op_as::<TypedBinOp>().is_some_and(|op| op.0.is::<Mul>() || op.0.is::<Div>());
    (only_scales && scaled.is_hard_sigmoid()).then_some((Activation::HardSwish, nodes))
}

#[derive(Clone, Copy)]
enum Curve {
    Line(Line),
    Sigmoid,
}

impl Curve {
    /// The curve with `node`, which reads `last`, behind it.
    fn behind(self, model: &TypedModel, node: &TypedNode, last: OutletId) -> Option<Self> {
        let Self::Line(line) = self else { return None };
        let sigmoid = node.op_as::<ElementWiseOp>().is_some_and(|op| op.0.is::<Sigmoid>());
        if sigmoid {
            return line.is_identity().then_some(Self::Sigmoid);
        }
        line.behind(model, node, last).map(Self::Line)
    }
}

/// `min(high, max(low, slope × x + offset))`.
#[derive(Clone, Copy, PartialEq)]
struct Line {
    slope: f64,
    offset: f64,
    low: f64,
    high: f64,
}

impl Line {
    const IDENTITY: Self = Self { slope: 1.0, offset: 0.0, low: f64::NEG_INFINITY, high: f64::INFINITY };

    fn is_identity(self) -> bool {
        self == Self::IDENTITY
    }

    fn is_hard_sigmoid(self) -> bool {
        let near = |got: f64, expected: f64| (got - expected).abs() < ROUNDING;
        near(self.slope, 1.0 / 6.0) && near(self.offset, 0.5) && self.low == 0.0 && near(self.high, 1.0)
    }

    /// The line with `node` behind it: a sum, a product or a limit with one number.
    fn behind(self, model: &TypedModel, node: &TypedNode, last: OutletId) -> Option<Self> {
        let op = node.op_as::<TypedBinOp>()?;
        let other = match node.inputs.as_slice() {
            [left, right] if *left == last => *right,
            [left, right] if *right == last && !op.0.is::<Div>() => *left,
            _ => return None,
        };
        let value = f64::from(number(model, other).filter(|number| number.is_finite())?);
        let Self { slope, offset, low, high } = self;
        let scaled = |factor: f64| Self {
            slope: slope * factor,
            offset: offset * factor,
            low: low * factor,
            high: high * factor,
        };
        if op.0.is::<Add>() {
            Some(Self { slope, offset: offset + value, low: low + value, high: high + value })
        } else if op.0.is::<Mul>() {
            (value > 0.0).then(|| scaled(value))
        } else if op.0.is::<Div>() {
            (value > 0.0).then(|| scaled(1.0 / value))
        } else if op.0.is::<Max>() {
            Some(Self { low: low.max(value), high: high.max(value), ..self })
        } else if op.0.is::<Min>() {
            Some(Self { low: low.min(value), high: high.min(value), ..self })
        } else {
            None
        }
    }
}
