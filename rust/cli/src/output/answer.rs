//! One run and everything that is shown of it.

use tandem::{Prediction, Tensor};

use super::Scores;
use crate::compare::Difference;

/// One run and everything that is shown of it.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The file that the run is about.
    pub(crate) file: Option<String>,
    /// The run.
    pub(crate) prediction: Prediction,
    /// With `--check`: how far each output is from the same run on this device; `None` where they cannot be compared.
    pub(crate) differences: Option<Vec<(String, Option<Difference>)>>,
    /// The files that the outputs were written to.
    pub(crate) written: Vec<String>,
}

impl Answer {
    /// The first output that looks like a classifier's.
    pub(super) fn scores(&self) -> Option<(&str, &Tensor, Scores)> {
        let mut outputs = self.prediction.outputs.iter();
        outputs.find_map(|(name, tensor)| Scores::new(tensor).map(|scores| (name, tensor, scores)))
    }

    /// The largest scaled difference of any output; infinite where one cannot be compared.
    pub(crate) fn scaled_difference(&self) -> Option<f64> {
        self.over_differences(|difference| difference.scaled)
    }

    /// The largest absolute difference of any output; infinite where one cannot be compared.
    pub(crate) fn largest_difference(&self) -> Option<f64> {
        self.over_differences(|difference| difference.largest)
    }

    fn over_differences(&self, value: impl Fn(&Difference) -> f64) -> Option<f64> {
        let differences = self.differences.as_ref()?.iter();
        Some(differences.map(|(_, found)| found.as_ref().map_or(f64::INFINITY, &value)).fold(0.0, f64::max))
    }
}
