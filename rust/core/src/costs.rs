//! What the planner knows of a model before it runs.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A form in which the tensors that cross a cut may travel.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormCosts {
    /// Its name in the manifest: `f32`, `f16`, `u8`.
    pub name: String,
    /// Bytes of the request's body in this form.
    pub bytes_up: u64,
}

/// What a place to cut the graph costs on either side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CutCosts {
    /// Its id in the manifest.
    #[serde(with = "crate::shared_name")]
    pub id: Arc<str>,
    /// How much of the whole model's time on this device the head takes, from 0 to 1.
    pub head_fraction: f64,
    /// How much of the whole model's time on a server the tail takes, from 0 to 1.
    pub tail_fraction: f64,
    /// The forms in which the crossing tensors may travel: those only whose error the app accepts.
    pub forms: Vec<FormCosts>,
    /// Bytes of the answer's body.
    pub bytes_down: u64,
    /// The tensors, by name, that stay on this device: nothing that crosses is computed from them, and the tail does not
    /// compute them. Inputs of the model are among them; of the tensors inside the graph those that are known. A run that
    /// calls any other tensor private may not be cut here.
    pub keeps: Vec<String>,
    /// The names of the endpoints that serve the tail.
    pub endpoints: Vec<String>,
}

impl CutCosts {
    /// The form in which the planner counts: the one of the fewest bytes, the first of equals.
    pub fn form(&self) -> Option<&FormCosts> {
        self.forms.iter().min_by_key(|form| form.bytes_up)
    }

    /// [`CutCosts::head_fraction`], from 0 to 1 whatever was given.
    pub(crate) fn head_share(&self) -> f64 {
        share(self.head_fraction)
    }

    /// [`CutCosts::tail_fraction`], from 0 to 1 whatever was given.
    pub(crate) fn tail_share(&self) -> f64 {
        share(self.tail_fraction)
    }

    /// Whether `endpoint` serves the tail. `place` is where it stands among the request's, counted from 1: most often
    /// also where it stands here, so that is looked at first.
    pub(crate) fn is_served_by(&self, endpoint: &str, place: usize) -> bool {
        let there = self.endpoints.get(place.wrapping_sub(1));
        there.is_some_and(|name| name == endpoint) || self.endpoints.iter().any(|name| name == endpoint)
    }

    /// Whether a split run here would let one of the `private` tensors, or what is computed from it, leave this device, or
    /// may do so.
    pub fn reveals(&self, private: &[String]) -> bool {
        private.iter().any(|name| !self.keeps.contains(name))
    }
}

/// All of it, where the number is none.
fn share(fraction: f64) -> f64 {
    if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 1.0 }
}

/// What the planner knows of a model before it runs: plain data from its manifest, its profile and the inputs at hand.
///
/// What is `None` is unknown, and learned from the first runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelCosts {
    /// The key under which estimates of this model are kept: its digest. Inputs of very different shapes deserve
    /// different keys.
    pub model: String,
    /// Bytes of the request's body when the whole model runs on an endpoint.
    pub request_bytes: u64,
    /// Bytes of the answer's body then.
    pub reply_bytes: u64,
    /// Multiplications and additions of the whole model.
    pub multiply_adds: Option<u64>,
    /// What the whole model takes on this device when it is idle and cool, from a profile.
    pub device_time: Option<Duration>,
    /// What the whole model takes on an idle server.
    pub server_time: Option<Duration>,
    /// Where the graph can be cut, those cuts only that are deployed.
    pub cuts: Vec<CutCosts>,
}

impl ModelCosts {
    /// The cut of that id.
    pub fn cut(&self, id: &str) -> Option<&CutCosts> {
        self.cuts.iter().find(|cut| *cut.id == *id)
    }
}
