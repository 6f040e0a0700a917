//! What is wrong with what came of a case, if anything is.

use tandem_core::{Candidate, Error, Placement, Plan, Prediction, Tensor};

use super::{Case, Considered, Expect, tensors};

/// What a case's call gave.
#[derive(Debug)]
pub enum Answer {
    /// The model was loaded, and that was all.
    Loaded,
    /// A decision alone.
    Planned(Plan),
    /// Outputs.
    Ran(Box<Prediction>),
}

impl Case {
    /// What is wrong with the result, if anything is.
    pub fn complaint(&self, result: &Result<Answer, Error>) -> Option<String> {
        match (result, self.expect.error) {
            (Err(error), Some(code)) => {
                let sentence = error.to_string();
                let silent = self.expect.says.iter().find(|text| !sentence.contains(*text));
                if error.code() == code {
                    silent.map(|text| format!("{sentence:?} does not say {text:?}"))
                } else {
                    Some(format!("expected {code}, got {}: {sentence}", error.code()))
                }
            }
            (Err(error), None) => Some(format!("failed: {error}")),
            (Ok(_), Some(code)) => Some(format!("expected {code}, got a result")),
            (Ok(Answer::Loaded), None) => None,
            (Ok(Answer::Planned(plan)), None) => misplaced(&self.expect, plan.chosen(), &plan.candidates),
            (Ok(Answer::Ran(prediction)), None) => differs(&self.expect, prediction),
        }
    }
}

fn within(got: &Tensor, expected: &Tensor, tolerance: f64) -> bool {
    if tolerance == 0.0 {
        return got == expected;
    }
    let (Ok(got_values), Ok(expected_values)) = (got.values::<f32>(), expected.values::<f32>()) else {
        return false;
    };
    got.shape() == expected.shape()
        && got_values
            .iter()
            .zip(expected_values.iter())
            .all(|(got, expected)| (f64::from(*got) - f64::from(*expected)).abs() <= tolerance)
}

fn differs(expect: &Expect, prediction: &Prediction) -> Option<String> {
    let expected = match tensors(&expect.outputs) {
        Ok(expected) => expected,
        Err(error) => return Some(error.to_string()),
    };
    if !prediction.outputs.names().eq(expected.names()) {
        let names: Vec<_> = prediction.outputs.names().collect();
        return Some(format!("got the outputs {names:?}"));
    }
    for ((name, got), (_, expected)) in prediction.outputs.iter().zip(expected.iter()) {
        if !within(got, expected, expect.tolerance) {
            return Some(format!("output {name:?} is {got:?}, expected {expected:?}, with other values"));
        }
    }
    let decision = &prediction.decision;
    let timing = &prediction.timing;
    let measured = timing.device.is_some() && timing.remote.is_some();
    if matches!(expect.placement, Some(Placement::Split { .. }))
        && !(measured && decision.predicted.is_some())
    {
        return Some(format!(
            "a split run without prediction or measurement: {:?}, {timing:?}",
            decision.predicted
        ));
    }
    let ran = Candidate {
        placement: decision.placement.clone(),
        allowed: true,
        reason: decision.reason,
        predicted: None,
    };
    misplaced(expect, Some(&ran), &decision.candidates)
}

/// What is wrong with where it runs, or with what was considered.
fn misplaced(expect: &Expect, chosen: Option<&Candidate>, candidates: &[Candidate]) -> Option<String> {
    if expect.placement.as_ref().is_some_and(|placement| chosen.is_none_or(|it| it.placement != *placement))
        || expect.reason.is_some_and(|reason| chosen.is_none_or(|it| it.reason != reason))
    {
        return Some(format!("chosen is {chosen:?}"));
    }
    let is_there = |considered: &Considered| {
        candidates.iter().any(|candidate| {
            candidate.placement == considered.placement
                && candidate.allowed == considered.allowed
                && candidate.reason == considered.reason
        })
    };
    let missing = expect.candidates.iter().find(|considered| !is_there(considered))?;
    Some(format!("{missing:?} is not among {candidates:?}"))
}
