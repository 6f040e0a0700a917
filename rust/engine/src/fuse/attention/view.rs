//! Operators that move axes, seen as strides.

use tract_core::internal::*;
use tract_core::ops::change_axes::AxisOp;

use super::super::pattern::{floats, reader};

/// Elements from one index of each axis to the next, of a tensor without gaps.
pub(super) fn contiguous(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// A result as another one with its axes moved.
pub(super) struct View {
    pub(super) base: OutletId,
    pub(super) strides: Vec<usize>,
}

impl View {
    /// The farthest result that `outlet` is a view of.
    pub(super) fn of(model: &TypedModel, outlet: OutletId) -> Option<Self> {
        let mut moves = Vec::new();
        let mut base = outlet;
        while let Some(op) = model.node(base.node).op_as::<AxisOp>() {
            moves.push((op, base));
            base = model.node(base.node).inputs[0];
        }
        let mut shape = floats(model, base)?.to_vec();
        let mut strides = contiguous(&shape);
        for (op, result) in moves.into_iter().rev() {
            if apply(op, &mut shape, &mut strides).is_none() {
                // Begin anew behind what no strides tell.
                base = result;
                shape = floats(model, base)?.to_vec();
                strides = contiguous(&shape);
            }
        }
        (shape == floats(model, outlet)?).then_some(Self { base, strides })
    }
}

fn apply(op: &AxisOp, shape: &mut Vec<usize>, strides: &mut Vec<usize>) -> Option<()> {
    match op {
        AxisOp::Add(axis) => {
            shape.insert(*axis, 1);
            strides.insert(*axis, 0);
        }
        AxisOp::Rm(axis) => {
            shape.remove(*axis);
            strides.remove(*axis);
        }
        AxisOp::Move(from, to) => {
            let (size, stride) = (shape.remove(*from), strides.remove(*from));
            shape.insert(*to, size);
            strides.insert(*to, stride);
        }
        AxisOp::Reshape(at, from, to) => {
            let to: Vec<usize> = to.iter().map(|size| size.to_usize().ok()).collect::<Option<_>>()?;
            let axes = *at..at + from.len();
            let (last, own) = (*strides.get(axes.end.checked_sub(1)?)?, &strides[axes.clone()]);
            let joined = contiguous(&shape[axes.clone()]);
            if from.is_empty() || !own.iter().zip(joined).all(|(&stride, joined)| stride == joined * last) {
                return None;
            }
            let split: Vec<usize> = contiguous(&to).into_iter().map(|stride| stride * last).collect();
            shape.splice(axes.clone(), to);
            strides.splice(axes, split);
        }
    }
    Some(())
}

/// Where a result's elements come to lie through the operators behind it that move its axes.
pub(super) struct Spread {
    /// Of the result's axes, in the last of the operators' result.
    pub(super) strides: Vec<usize>,
    pub(super) shape: Vec<usize>,
    pub(super) taken: Vec<usize>,
    pub(super) last: OutletId,
}

impl Spread {
    pub(super) fn of(model: &TypedModel, node: &TypedNode) -> Option<Self> {
        let sizes = floats(model, node.id.into())?;
        // Which axes of `node`'s result each axis is made of.
        let mut axes: Vec<Vec<usize>> = (0..sizes.len()).map(|axis| vec![axis]).collect();
        let mut taken = Vec::new();
        let mut last = node;
        while let Some(next) = reader(model, last) {
            let Some(moved) = next.op_as::<AxisOp>().and_then(|op| gather(op, axes.clone())) else { break };
            axes = moved;
            taken.push(next.id);
            last = next;
        }
        let order: Vec<usize> = axes.into_iter().flatten().collect();
        let ordered: Vec<usize> = order.iter().map(|&axis| sizes[axis]).collect();
        let mut strides = vec![0; sizes.len()];
        for (&axis, stride) in order.iter().zip(contiguous(&ordered)) {
            strides[axis] = stride;
        }
        let shape = floats(model, last.id.into())?.to_vec();
        Some(Self { strides, shape, taken, last: last.id.into() })
    }
}

fn gather(op: &AxisOp, mut sources: Vec<Vec<usize>>) -> Option<Vec<Vec<usize>>> {
    match op {
        AxisOp::Add(axis) => sources.insert(*axis, Vec::new()),
        AxisOp::Rm(axis) => {
            // An axis of one element, whatever its stride.
            let removed = sources.remove(*axis);
            if !removed.is_empty() {
                return None;
            }
        }
        AxisOp::Move(from, to) => {
            let moved = sources.remove(*from);
            sources.insert(*to, moved);
        }
        AxisOp::Reshape(at, from, to) => {
            if to.len() != 1 {
                return None;
            }
            let joined: Vec<usize> = sources.drain(*at..at + from.len()).flatten().collect();
            sources.insert(*at, joined);
        }
    }
    Some(sources)
}
