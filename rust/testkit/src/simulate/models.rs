//! Models as the simulator knows them: times and bytes, measured or assumed.

use serde::{Deserialize, Serialize};
use tandem_core::{CutCosts, FormCosts, ModelCosts};

/// A file of models makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// It is not the JSON that is expected.
    #[error("not a file of models: {0}")]
    Json(#[from] serde_json::Error),
    /// A number in it cannot be.
    #[error("model {model:?} has {what} {value}, expected {expected}")]
    Value {
        /// The model's name.
        model: String,
        /// Which number.
        what: &'static str,
        /// What it is.
        value: f64,
        /// What it should be.
        expected: &'static str,
    },
}

/// A place to cut a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedCut {
    /// Its id.
    pub id: String,
    /// The head's share of the whole model's time.
    pub head: f64,
    /// The tail's share; the rest where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail: Option<f64>,
    /// Bytes of the request's body.
    pub bytes_up: u64,
}

/// A model: what it takes on an idle device and on a server that is as fast, and its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimulatedModel {
    /// Its name.
    pub name: String,
    /// Milliseconds on an idle device.
    pub device_ms: f64,
    /// Milliseconds on a server of speed 1; the device's where it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_ms: Option<f64>,
    /// Multiplications and additions of the whole model: all that the planner knows of its time before it has run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiply_adds: Option<u64>,
    /// Bytes of the whole model's request.
    pub request_bytes: u64,
    /// Bytes of the answer.
    pub reply_bytes: u64,
    /// Where it can be cut.
    pub cuts: Vec<SimulatedCut>,
}

impl SimulatedModel {
    /// What the planner is told of it before it has run, as the library tells it: compute and bytes, no times.
    pub fn costs(&self, endpoint: &str) -> ModelCosts {
        let cut = |cut: &SimulatedCut| CutCosts {
            id: cut.id.as_str().into(),
            head_fraction: cut.head,
            tail_fraction: cut.tail.unwrap_or(1.0 - cut.head),
            forms: vec![FormCosts { name: "u8".to_owned(), bytes_up: cut.bytes_up }],
            bytes_down: self.reply_bytes,
            keeps: Vec::new(),
            endpoints: vec![endpoint.to_owned()],
        };
        ModelCosts {
            model: self.name.clone(),
            request_bytes: self.request_bytes,
            reply_bytes: self.reply_bytes,
            multiply_adds: self.multiply_adds,
            cuts: self.cuts.iter().map(cut).collect(),
            ..ModelCosts::default()
        }
    }

    /// Seconds on a server of speed 1.
    pub fn server_seconds(&self) -> f64 {
        self.server_ms.unwrap_or(self.device_ms) / 1e3
    }

    fn check(&self) -> Result<(), ModelError> {
        let refuse =
            |what, value, expected| ModelError::Value { model: self.name.clone(), what, value, expected };
        let times = [("device_ms", self.device_ms), ("server_ms", self.server_ms.unwrap_or(self.device_ms))];
        for (what, value) in times {
            if !(1e-3..=1e6).contains(&value) {
                return Err(refuse(what, value, "0.001 to 1000000"));
            }
        }
        for cut in &self.cuts {
            for (what, value) in [("head", cut.head), ("tail", cut.tail.unwrap_or(1.0 - cut.head))] {
                if !(0.0..=1.0).contains(&value) {
                    return Err(refuse(what, value, "0 to 1"));
                }
            }
        }
        Ok(())
    }
}

/// Reads a list of models.
pub fn models_from_json(text: &str) -> Result<Vec<SimulatedModel>, ModelError> {
    let models: Vec<SimulatedModel> = serde_json::from_str(text)?;
    models.iter().try_for_each(SimulatedModel::check)?;
    Ok(models)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_cannot_be_is_refused_by_name() {
        let text = r#"[{"name":"m","device_ms":5,"request_bytes":1,"reply_bytes":1,
            "cuts":[{"id":"c","head":1.5,"bytes_up":1}]}]"#;
        assert_eq!(
            models_from_json(text).unwrap_err().to_string(),
            "model \"m\" has head 1.5, expected 0 to 1"
        );
        assert!(models_from_json("{}").is_err());
    }
}
