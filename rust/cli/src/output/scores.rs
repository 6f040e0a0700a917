//! Outputs that look like a classifier's: one score for each class.

use tandem::{DType, Tensor};

/// The most classes that an output is taken for scores of.
const MAX_CLASSES: usize = 1 << 20;

/// One score for each class.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scores(Vec<f64>);

impl Scores {
    /// The scores in a tensor of floating-point numbers whose last dimension holds all of them; `None` where it is
    /// something else, or where a NaN leaves no order.
    pub(crate) fn new(tensor: &Tensor) -> Option<Self> {
        let classes = *tensor.shape().last()?;
        if classes != tensor.element_count() || !(2..=MAX_CLASSES).contains(&classes) {
            return None;
        }
        let scores: Vec<f64> = match tensor.dtype() {
            DType::F16 => tensor.values::<half::f16>().ok()?.iter().map(|score| score.to_f64()).collect(),
            DType::F32 => tensor.values::<f32>().ok()?.iter().map(|&score| f64::from(score)).collect(),
            DType::F64 => tensor.to_vec::<f64>().ok()?,
            _ => return None,
        };
        (!scores.iter().any(|score| score.is_nan())).then_some(Self(scores))
    }

    /// How many classes there are: at least two.
    pub(crate) fn classes(&self) -> usize {
        self.0.len()
    }

    /// The classes with the highest scores, the highest first; of equal ones the first first.
    pub(crate) fn top(&self, count: usize) -> Vec<(usize, f64)> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        let by_score =
            |&one: &usize, &other: &usize| self.0[other].total_cmp(&self.0[one]).then(one.cmp(&other));
        if count < order.len() && count > 0 {
            order.select_nth_unstable_by(count, by_score);
        }
        order.truncate(count);
        order.sort_unstable_by(by_score);
        order.into_iter().map(|index| (index, self.0[index])).collect()
    }

    /// The class with the highest score.
    pub(crate) fn best(&self) -> (usize, f64) {
        self.top(1).first().copied().unwrap_or((0, f64::NAN))
    }

    /// Whether the scores are probabilities: none negative, and one in all.
    pub(crate) fn are_probabilities(&self) -> bool {
        self.0.iter().all(|&score| score >= 0.0) && (self.0.iter().sum::<f64>() - 1.0).abs() < 1e-3
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scores(values: &[f32]) -> Option<Scores> {
        Scores::new(&Tensor::from_vec([1, values.len()], values.to_vec()).unwrap())
    }

    #[test]
    fn only_one_row_of_numbers_is_scores() {
        assert!(scores(&[0.1, 0.9]).is_some());
        assert!(scores(&[0.1]).is_none());
        assert!(scores(&[0.1, f32::NAN]).is_none());
        let rows = Tensor::from_vec([2, 2], vec![0.0_f32; 4]).unwrap();
        assert!(Scores::new(&rows).is_none());
        assert!(Scores::new(&Tensor::from_vec([2], vec![1_i64, 2]).unwrap()).is_none());
        assert!(Scores::new(&Tensor::from_vec([], vec![1.0_f32]).unwrap()).is_none());
    }

    #[test]
    fn probabilities_are_recognised() {
        assert!(scores(&[0.25, 0.75]).unwrap().are_probabilities());
        assert!(!scores(&[0.5, 0.75]).unwrap().are_probabilities());
        assert!(!scores(&[-0.5, 1.5]).unwrap().are_probabilities());
    }

    #[test]
    fn of_equal_scores_the_first_comes_first() {
        assert_eq!(scores(&[1.0, 2.0, 2.0]).unwrap().top(9), [(1, 2.0), (2, 2.0), (0, 1.0)]);
        assert_eq!(scores(&[1.0, 1.0]).unwrap().best(), (0, 1.0));
        assert!(scores(&[1.0, 1.0]).unwrap().top(0).is_empty());
    }

    proptest! {
        #[test]
        fn the_top_is_the_beginning_of_the_whole_order(
            values in prop::collection::vec(-3_i8..3, 2..40), count in 0_usize..50
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let scores = scores(&values).unwrap();
            let all = scores.top(values.len());
            prop_assert_eq!(scores.top(count), &all[..count.min(all.len())]);
            prop_assert!(all.is_sorted_by(|one, other| one.1 > other.1 || (one.1 >= other.1 && one.0 < other.0)));
        }
    }
}
