//! Which scale of a quantised tensor belongs to which element.

use std::ops::Range;

/// One scale for all elements, for every index of an axis, or for every block along an axis.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScaleIndex {
    Tensor,
    /// Elements behind the axis, and its size.
    Axis {
        inner: usize,
        size: usize,
    },
    /// Elements behind the axis, its size, the blocks on it, and elements a block.
    Block {
        inner: usize,
        size: usize,
        blocks: usize,
        block: usize,
    },
}

impl ScaleIndex {
    /// For a tensor of `dims` with scales of shape `scales`; `None` where these do not fit. A `block` of 0 is none.
    pub(crate) fn new(dims: &[usize], scales: &[usize], axis: i64, block: i64) -> Option<Self> {
        let block = usize::try_from(block).ok()?;
        if block == 0 && scales.len() <= 1 && scales.iter().product::<usize>() == 1 {
            return Some(Self::Tensor);
        }
        let axis = if axis < 0 { axis.checked_add(i64::try_from(dims.len()).ok()?)? } else { axis };
        let axis = usize::try_from(axis).ok().filter(|&axis| axis < dims.len())?;
        let (inner, size) = (dims[axis + 1..].iter().product(), dims[axis]);
        if block == 0 {
            return (scales == [size]).then_some(Self::Axis { inner, size });
        }
        let blocks = size.div_ceil(block);
        let expected = dims.iter().enumerate().map(|(index, &dim)| if index == axis { blocks } else { dim });
        scales.iter().copied().eq(expected).then_some(Self::Block { inner, size, blocks, block })
    }

    /// Elements that follow each other and have one scale, and its place, up to `count` elements.
    pub(crate) fn runs(self, count: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let length = match self {
            Self::Tensor => count,
            Self::Axis { inner, .. } => inner,
            Self::Block { .. } => 1,
        };
        (0..count)
            .step_by(length.max(1))
            .map(move |start| (start..(start + length).min(count), self.of(start)))
    }

    /// The place of the scale of the element at `position`, both row-major.
    pub(crate) fn of(self, position: usize) -> usize {
        match self {
            Self::Tensor => 0,
            Self::Axis { inner, size } => position / inner % size,
            Self::Block { inner, size, blocks, block } => {
                let (outer, rest) = (position / (inner * size), position % (inner * size));
                (outer * blocks + rest / inner / block) * inner + rest % inner
            }
        }
    }
}
