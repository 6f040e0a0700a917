//! How far two runs of one model are apart.

use tandem::{DType, Element, NamedTensors, Tensor};

/// How far two tensors of one type and shape are apart.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Difference {
    /// The largest absolute difference; infinite where one is NaN or text differs.
    pub(crate) largest: f64,
    /// The largest difference, absolute where the value is below 1 and relative above: what a tolerance is about.
    pub(crate) scaled: f64,
    /// How many elements differ at all.
    pub(crate) differing: usize,
}

impl Difference {
    fn note(&mut self, difference: f64, size: f64) {
        if difference != 0.0 {
            self.differing += 1;
            self.largest = self.largest.max(difference);
            let scaled = if difference.is_finite() { difference / size.max(1.0) } else { difference };
            self.scaled = self.scaled.max(scaled);
        }
    }
}

/// How far `ours` and `theirs` are apart; `None` where types or shapes differ.
pub(crate) fn difference(ours: &Tensor, theirs: &Tensor) -> Option<Difference> {
    if (ours.dtype(), ours.shape()) != (theirs.dtype(), theirs.shape()) {
        return None;
    }
    match ours.dtype() {
        DType::U8 => integers::<u8>(ours, theirs),
        DType::U16 => integers::<u16>(ours, theirs),
        DType::U32 => integers::<u32>(ours, theirs),
        DType::U64 => integers::<u64>(ours, theirs),
        DType::I8 => integers::<i8>(ours, theirs),
        DType::I16 => integers::<i16>(ours, theirs),
        DType::I32 => integers::<i32>(ours, theirs),
        DType::I64 => integers::<i64>(ours, theirs),
        DType::F16 => floats::<half::f16>(ours, theirs),
        DType::F32 => floats::<f32>(ours, theirs),
        DType::F64 => floats::<f64>(ours, theirs),
        _ => Some(exact(ours, theirs)),
    }
}

fn integers<T: Element + Into<i128>>(ours: &Tensor, theirs: &Tensor) -> Option<Difference> {
    let mut difference = Difference::default();
    for (&a, &b) in ours.values::<T>().ok()?.iter().zip(theirs.values::<T>().ok()?.iter()) {
        let (a, b): (i128, i128) = (a.into(), b.into());
        #[expect(clippy::cast_precision_loss, reason = "a difference is shown, not computed with")]
        difference.note((a - b).unsigned_abs() as f64, a.unsigned_abs() as f64);
    }
    Some(difference)
}

fn floats<T: Element + Into<f64>>(ours: &Tensor, theirs: &Tensor) -> Option<Difference> {
    let mut difference = Difference::default();
    for (&a, &b) in ours.values::<T>().ok()?.iter().zip(theirs.values::<T>().ok()?.iter()) {
        let (a, b): (f64, f64) = (a.into(), b.into());
        #[expect(clippy::float_cmp, reason = "equal infinities have no difference to be measured")]
        let apart = if a == b || (a.is_nan() && b.is_nan()) {
            0.0
        } else if a.is_nan() || b.is_nan() {
            f64::INFINITY
        } else {
            (a - b).abs()
        };
        difference.note(apart, a.abs());
    }
    Some(difference)
}

/// Bools and text: the same or not.
fn exact(ours: &Tensor, theirs: &Tensor) -> Difference {
    let differing = match (ours.strings(), theirs.strings(), ours.bytes(), theirs.bytes()) {
        (Some(a), Some(b), ..) => a.iter().zip(b).filter(|(a, b)| a != b).count(),
        (_, _, Some(a), Some(b)) => a.iter().zip(b).filter(|(a, b)| a != b).count(),
        _ => 0,
    };
    let mut difference = Difference::default();
    (0..differing).for_each(|_| difference.note(f64::INFINITY, 1.0));
    difference
}

/// The difference of every output by name; `None` for one whose types or shapes differ or that one side lacks.
pub(crate) fn outputs<'a>(
    ours: &'a NamedTensors,
    theirs: &'a NamedTensors,
) -> impl Iterator<Item = (&'a str, Option<Difference>)> {
    ours.iter().map(|(name, tensor)| (name, theirs.get(name).and_then(|other| difference(tensor, other))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32s(values: &[f32]) -> Tensor {
        Tensor::from_vec([values.len()], values.to_vec()).unwrap()
    }

    #[test]
    fn the_largest_difference_is_absolute_below_one_and_relative_above_for_the_tolerance() {
        let difference = difference(&f32s(&[0.5, 100.0, 1.0]), &f32s(&[0.25, 101.0, 1.0])).unwrap();
        assert_eq!(difference, Difference { largest: 1.0, scaled: 0.25, differing: 2 });
    }

    #[test]
    fn nan_equals_nan_and_nothing_else() {
        let nan = f32s(&[f32::NAN, f32::INFINITY]);
        assert_eq!(difference(&nan, &nan), Some(Difference::default()));
        let far = difference(&nan, &f32s(&[0.0, f32::INFINITY])).unwrap();
        assert_eq!((far.largest, far.scaled, far.differing), (f64::INFINITY, f64::INFINITY, 1));
    }

    #[test]
    fn wide_integers_do_not_wrap() {
        let a = Tensor::from_vec([1], vec![i64::MIN]).unwrap();
        let b = Tensor::from_vec([1], vec![i64::MAX]).unwrap();
        assert!((difference(&a, &b).unwrap().largest - 2.0_f64.powi(64)).abs() < 1.0);
    }

    #[test]
    fn text_and_bools_are_the_same_or_not() {
        let text = |text: &str| Tensor::from_strings([1], vec![text.to_owned()]).unwrap();
        assert_eq!(difference(&text("a"), &text("a")).unwrap().differing, 0);
        assert!(difference(&text("a"), &text("b")).unwrap().largest.is_infinite());
        let bools = |value| Tensor::from_bools([1], &[value]).unwrap();
        assert_eq!(difference(&bools(true), &bools(false)).unwrap().differing, 1);
    }

    #[test]
    fn types_and_shapes_that_differ_cannot_be_compared() {
        assert_eq!(difference(&f32s(&[1.0]), &f32s(&[1.0, 2.0])), None);
        assert_eq!(difference(&f32s(&[1.0]), &Tensor::from_vec([1], vec![1_i32]).unwrap()), None);
    }
}
