//! How good a classifier is: pure functions of a confusion matrix.

use std::collections::{BTreeMap, BTreeSet};

/// How often each class was taken for each other one.
///
/// Kept sparse: a classifier of many thousand classes costs no more than what was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Confusion {
    /// By true class, then predicted class.
    counts: BTreeMap<(usize, usize), u64>,
}

/// How well one class was told from the others. A ratio without anything to count is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ClassMetrics {
    /// The class.
    pub(crate) class: usize,
    /// Of what was taken for this class, the share that was of it.
    pub(crate) precision: Option<f64>,
    /// Of what was of this class, the share that was taken for it.
    pub(crate) recall: Option<f64>,
    /// The harmonic mean of both.
    pub(crate) f1: Option<f64>,
    /// How many samples were of this class.
    pub(crate) support: u64,
}

/// Precision, recall and F1 over all classes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Averages {
    /// Of precision.
    pub(crate) precision: f64,
    /// Of recall.
    pub(crate) recall: f64,
    /// Of F1.
    pub(crate) f1: f64,
}

impl Confusion {
    /// Counts one sample of class `truth` that was taken for `predicted`.
    pub(crate) fn record(&mut self, truth: usize, predicted: usize) {
        *self.counts.entry((truth, predicted)).or_default() += 1;
    }

    /// How many samples of class `truth` were taken for `predicted`.
    pub(crate) fn count(&self, truth: usize, predicted: usize) -> u64 {
        self.counts.get(&(truth, predicted)).copied().unwrap_or(0)
    }

    /// How many samples were counted.
    pub(crate) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many samples were taken for what they are.
    pub(crate) fn correct(&self) -> u64 {
        self.sum(|truth, predicted| truth == predicted)
    }

    /// The classes that samples are of or were taken for, in order.
    pub(crate) fn classes(&self) -> Vec<usize> {
        let seen: BTreeSet<usize> =
            self.counts.keys().flat_map(|&(truth, predicted)| [truth, predicted]).collect();
        seen.into_iter().collect()
    }

    /// The share of samples that were taken for what they are.
    pub(crate) fn accuracy(&self) -> Option<f64> {
        ratio(self.correct(), self.total())
    }

    /// How well every class in [`Confusion::classes`] was told from the others.
    pub(crate) fn per_class(&self) -> Vec<ClassMetrics> {
        let mut supports: BTreeMap<usize, u64> = BTreeMap::new();
        let mut predictions: BTreeMap<usize, u64> = BTreeMap::new();
        for (&(truth, predicted), &count) in &self.counts {
            *supports.entry(truth).or_default() += count;
            *predictions.entry(predicted).or_default() += count;
        }
        let of = |counts: &BTreeMap<usize, u64>, class| counts.get(&class).copied().unwrap_or(0);
        let metrics = |class| {
            let right = self.count(class, class);
            let (support, predictions) = (of(&supports, class), of(&predictions, class));
            ClassMetrics {
                class,
                precision: ratio(right, predictions),
                recall: ratio(right, support),
                f1: ratio(2 * right, predictions + support),
                support,
            }
        };
        self.classes().into_iter().map(metrics).collect()
    }

    /// The mean over the classes, each weighing the same; a ratio without anything to count is 0 there.
    pub(crate) fn macro_average(&self) -> Option<Averages> {
        let classes = self.per_class();
        if classes.is_empty() {
            return None;
        }
        let mean = |value: fn(&ClassMetrics) -> Option<f64>| {
            let sum: f64 = classes.iter().map(|class| value(class).unwrap_or(0.0)).sum();
            sum / to_f64(classes.len() as u64)
        };
        Some(Averages {
            precision: mean(|class| class.precision),
            recall: mean(|class| class.recall),
            f1: mean(|class| class.f1),
        })
    }

    /// The average over the samples, each weighing the same. With one label a sample all three are the accuracy.
    pub(crate) fn micro_average(&self) -> Option<Averages> {
        let right = self.correct();
        // A sample taken for another class is wrongly counted there and missing here.
        let wrongly_counted = self.sum(|truth, predicted| truth != predicted);
        let missing = wrongly_counted;
        Some(Averages {
            precision: ratio(right, right + wrongly_counted)?,
            recall: ratio(right, right + missing)?,
            f1: ratio(2 * right, 2 * right + wrongly_counted + missing)?,
        })
    }

    /// The pairs of classes that were confused, the most frequent first.
    pub(crate) fn worst(&self) -> Vec<(usize, usize, u64)> {
        let mut pairs: Vec<_> = self
            .counts
            .iter()
            .filter(|((truth, predicted), _)| truth != predicted)
            .map(|(&(truth, predicted), &count)| (truth, predicted, count))
            .collect();
        pairs.sort_by_key(|&(.., count)| std::cmp::Reverse(count));
        pairs
    }

    fn sum(&self, wanted: impl Fn(usize, usize) -> bool) -> u64 {
        self.counts
            .iter()
            .filter(|((truth, predicted), _)| wanted(*truth, *predicted))
            .map(|(_, count)| count)
            .sum()
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole != 0).then(|| to_f64(part) / to_f64(whole))
}

#[expect(clippy::cast_precision_loss, reason = "no set has 2^53 samples")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn confusion(samples: &[(usize, usize)]) -> Confusion {
        let mut confusion = Confusion::default();
        for &(truth, predicted) in samples {
            confusion.record(truth, predicted);
        }
        confusion
    }

    /// Cat 0, dog 1, bird 2; computed by hand:
    ///
    /// ```text
    /// truth\predicted  cat dog bird
    /// cat                3   1    0
    /// dog                1   2    1
    /// bird               0   0    2
    /// ```
    fn animals() -> Confusion {
        confusion(&[(0, 0), (0, 0), (0, 0), (0, 1), (1, 0), (1, 1), (1, 1), (1, 2), (2, 2), (2, 2)])
    }

    #[test]
    fn the_hand_computed_values_come_out() {
        let confusion = animals();
        assert_eq!(confusion.accuracy(), Some(7.0 / 10.0));
        let classes = confusion.per_class();
        assert_eq!(classes[0].precision, Some(3.0 / 4.0));
        assert_eq!(classes[0].recall, Some(3.0 / 4.0));
        assert_eq!(classes[0].f1, Some(3.0 / 4.0));
        assert_eq!(classes[1].precision, Some(2.0 / 3.0));
        assert_eq!(classes[1].recall, Some(1.0 / 2.0));
        assert_eq!(classes[1].f1, Some(4.0 / 7.0));
        assert_eq!(classes[2].precision, Some(2.0 / 3.0));
        assert_eq!(classes[2].recall, Some(1.0));
        assert_eq!(classes[2].f1, Some(4.0 / 5.0));
        assert_eq!(classes.iter().map(|class| class.support).collect::<Vec<_>>(), [4, 4, 2]);
        let average = confusion.macro_average().unwrap();
        assert!((average.precision - 25.0 / 36.0).abs() < 1e-12);
        assert!((average.recall - 0.75).abs() < 1e-12);
        assert!((average.f1 - 297.0 / 420.0).abs() < 1e-12);
    }

    #[test]
    fn a_class_that_was_never_predicted_has_no_precision_and_weighs_as_zero() {
        let confusion = confusion(&[(0, 0), (1, 0)]);
        let missed = confusion.per_class()[1];
        assert_eq!((missed.precision, missed.recall, missed.f1), (None, Some(0.0), Some(0.0)));
        assert_eq!(confusion.macro_average().map(|mean| mean.precision), Some(0.25));
    }

    #[test]
    fn nothing_counted_has_no_metrics() {
        let empty = Confusion::default();
        assert_eq!((empty.accuracy(), empty.macro_average(), empty.micro_average()), (None, None, None));
        assert!(empty.per_class().is_empty());
    }

    #[test]
    fn the_worst_confusions_come_first() {
        assert_eq!(confusion(&[(0, 1), (1, 0), (1, 0), (2, 2)]).worst(), [(1, 0, 2), (0, 1, 1)]);
    }

    proptest! {
        #[test]
        fn accuracy_is_trace_over_total_and_micro_averages_equal_it(
            samples in prop::collection::vec((0_usize..6, 0_usize..6), 1..200)
        ) {
            let confusion = confusion(&samples);
            let right = samples.iter().filter(|(truth, predicted)| truth == predicted).count();
            let accuracy = confusion.accuracy().unwrap();
            prop_assert_eq!(Some(accuracy), ratio(right as u64, samples.len() as u64));
            prop_assert_eq!(confusion.total(), samples.len() as u64);
            let micro = confusion.micro_average().unwrap();
            for value in [micro.precision, micro.recall, micro.f1] {
                prop_assert!((value - accuracy).abs() < 1e-12);
            }
        }

        #[test]
        fn f1_is_the_harmonic_mean_and_supports_add_up(
            samples in prop::collection::vec((0_usize..6, 0_usize..6), 1..200)
        ) {
            let confusion = confusion(&samples);
            let classes = confusion.per_class();
            prop_assert_eq!(classes.iter().map(|class| class.support).sum::<u64>(), confusion.total());
            for class in classes {
                let f1 = class.f1.unwrap();
                prop_assert!((0.0..=1.0).contains(&f1));
                if let (Some(precision), Some(recall)) = (class.precision, class.recall)
                    && precision + recall > 0.0
                {
                    prop_assert!((f1 - 2.0 * precision * recall / (precision + recall)).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn a_perfect_classifier_scores_one_everywhere(truths in prop::collection::vec(0_usize..6, 1..50)) {
            let samples: Vec<_> = truths.iter().map(|&truth| (truth, truth)).collect();
            let average = confusion(&samples).macro_average().unwrap();
            prop_assert_eq!(average, Averages { precision: 1.0, recall: 1.0, f1: 1.0 });
        }

        #[test]
        fn swapping_truth_and_prediction_swaps_precision_and_recall(
            samples in prop::collection::vec((0_usize..6, 0_usize..6), 1..100)
        ) {
            let swapped: Vec<_> = samples.iter().map(|&(truth, predicted)| (predicted, truth)).collect();
            for (one, other) in confusion(&samples).per_class().iter().zip(confusion(&swapped).per_class()) {
                prop_assert_eq!((one.precision, one.recall, one.f1), (other.recall, other.precision, other.f1));
            }
        }
    }
}
