//! One exchange with an endpoint: the only place from which tensors leave the device.

use std::time::{Duration, Instant};

use tandem_core::{
    Control, DeviceState, Endpoint, Error, ExchangeFailure, Interrupt, ModelCosts, NamedTensors, Part,
    PolicyError, RemoteAnswer, RemoteError, RemoteObservation, RemoteRequest, RunOptions,
};
use tandem_split::encode;

use crate::model::Shared;
use crate::splits::Cut;

/// What is sent.
#[derive(Clone, Copy)]
pub(crate) enum Payload<'a> {
    /// The inputs of the whole model.
    Whole { inputs: &'a NamedTensors },
    /// What crosses a cut, as it is in the graph.
    Tail { cut: &'a Cut, crossing: &'a NamedTensors },
}

/// An exchange that may be made.
pub(crate) struct Exchange<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) options: &'a RunOptions,
    pub(crate) endpoint: &'a Endpoint,
    pub(crate) payload: Payload<'a>,
    pub(crate) costs: &'a ModelCosts,
    pub(crate) device: &'a DeviceState,
}

impl Exchange<'_> {
    /// Whether label and private tensors let the payload go to the endpoint. Asked again for every exchange, whatever the
    /// planner found.
    pub(crate) fn admit(&self, operation: &'static str) -> Result<(), Error> {
        self.shared.view(self.endpoint).admit(self.options.sensitivity, operation)?;
        let private = &self.options.private_tensors;
        let revealed = match (self.payload, &self.shared.splits) {
            (Payload::Tail { cut, .. }, Some(splits)) => splits.revealed(cut, private),
            _ => private.first(),
        };
        match revealed {
            Some(name) => Err(PolicyError::PrivateTensor { name: name.clone(), operation }.into()),
            None => Ok(()),
        }
    }

    /// Makes the exchange and learns from it.
    pub(crate) fn make(&self, wanted: &[String], control: &Control) -> Result<RemoteAnswer, RemoteError> {
        let parts = &self.shared.parts;
        let remote = parts.remote.as_ref().ok_or(RemoteError::NoEndpoint)?;
        let begun = Instant::now();
        let result = match self.payload {
            Payload::Whole { inputs } => {
                let request = self.request(&self.shared.info, inputs, wanted);
                remote.infer(&request, control)
            }
            Payload::Tail { cut, crossing } => {
                // A tensor that has no such form (a NaN among bytes) is no failure of the endpoint; the tail takes it here.
                let wire = encode(crossing, &cut.forms)
                    .map_err(|error| RemoteError::Internal { detail: error.to_string() })?;
                let encoding = begun.elapsed();
                let mut result = remote.infer(&self.request(&cut.remote, &wire, wanted), control);
                if let Ok(answer) = &mut result {
                    answer.timing.encode += encoding;
                }
                result
            }
        };
        parts.endpoints.learn(self.endpoint, &result, Instant::now());
        self.learn(&result, begun.elapsed());
        result
    }

    fn request<'a>(
        &'a self,
        model: &'a tandem_core::ModelInfo,
        inputs: &'a NamedTensors,
        wanted: &'a [String],
    ) -> RemoteRequest<'a> {
        RemoteRequest { endpoint: self.endpoint, model, inputs, wanted, id: self.options.tag.as_deref() }
    }

    fn learn(&self, result: &Result<RemoteAnswer, RemoteError>, time: Duration) {
        let endpoint = &self.endpoint.name;
        let part = match self.payload {
            Payload::Whole { .. } => Part::Whole,
            Payload::Tail { cut, .. } => Part::Cut(&cut.id),
        };
        match (result, self.payload) {
            (Ok(answer), Payload::Whole { .. }) => self.shared.costs.saw_reply(answer.timing.answer_bytes),
            (Err(RemoteError::ModelNotFound { .. }), Payload::Tail { cut, .. }) => {
                if let Some(splits) = &self.shared.splits {
                    splits.note_absence(&cut.id, Some(endpoint));
                }
            }
            _ => {}
        }
        self.shared.parts.learning.with(|estimates, now| match result {
            Ok(answer) => {
                let (costs, device, timing) = (self.costs, self.device, &answer.timing);
                let tls = self.endpoint.is_tls();
                let seen = RemoteObservation { endpoint, costs, part, device, tls, timing };
                estimates.observe_remote(&seen, now);
            }
            Err(error) => {
                if let Some(failure) = failure(error, time) {
                    estimates.observe_failure(endpoint, self.device, failure, now);
                }
            }
        });
    }
}

/// How the exchange failed, where that says something of endpoint or link.
fn failure(error: &RemoteError, time: Duration) -> Option<ExchangeFailure> {
    match error {
        RemoteError::Unreachable { .. } => Some(ExchangeFailure::Unreachable),
        RemoteError::ConnectionLost { .. } => Some(ExchangeFailure::Lost),
        RemoteError::Interrupted(Interrupt::DeadlineExceeded) => {
            Some(ExchangeFailure::TimedOut { after: time })
        }
        RemoteError::Tls { .. } | RemoteError::ServerFailed { .. } | RemoteError::InvalidAnswer { .. } => {
            Some(ExchangeFailure::Failed)
        }
        RemoteError::Overloaded { retry_after, .. } => {
            Some(ExchangeFailure::Busy { retry_after: *retry_after })
        }
        _ => None,
    }
}
