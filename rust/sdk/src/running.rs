//! A planned run: its placements in turn, and what is learned from each.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tandem_core::{
    Decision, DeviceObservation, DeviceState, Endpoint, Error, ModelCosts, NamedTensors, OfflineBehavior,
    Part, Placement, Plan, Predicted, Reason, RemoteAnswer, RemoteError, RunError, RunOptions, Timing,
};

use crate::call::Call;
use crate::exchange::{Exchange, Payload};
use crate::model::{Outcome, Shared};
use crate::patience::{Patience, Waiting};
use crate::pursuit::{Answer, pursue, until};
use crate::splits::ReadyCut;

/// A run between its plan and its result.
pub(crate) struct Running<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) inputs: &'a NamedTensors,
    pub(crate) options: &'a RunOptions,
    pub(crate) call: &'a Call,
    pub(crate) plan: &'a Plan,
    pub(crate) costs: &'a ModelCosts,
    pub(crate) device: &'a DeviceState,
}

/// Where a run ended, and why not where it was tried.
struct Ended {
    outcome: Outcome,
    placement: Placement,
    cause: Option<Error>,
}

impl Running<'_> {
    /// Tries the placements of the plan in turn.
    pub(crate) fn finish(&self) -> Result<(Outcome, Decision), Error> {
        let mut cause: Option<Error> = None;
        for placement in &self.plan.order {
            if let Some(error) = &cause
                && !leads_elsewhere(error, placement, self.options.offline)
            {
                break;
            }
            match self.at(placement) {
                Ok(ended) => {
                    let cause = ended.cause.or(cause);
                    self.shared.parts.learning.with(|estimates, _| {
                        estimates.observe_outcome(self.plan, &ended.placement, self.call.started.elapsed());
                    });
                    let decision = decision(self.plan, &ended.placement, cause.as_ref());
                    return Ok((ended.outcome, decision));
                }
                Err(error) => {
                    log::warn!("model {:?} failed {placement}: {error}", self.shared.info.name);
                    cause = Some(error);
                }
            }
        }
        Err(cause.unwrap_or_else(|| Error::Internal("the planner gave no placement".to_owned())))
    }

    fn at(&self, placement: &Placement) -> Result<Ended, Error> {
        match placement {
            Placement::OnDevice => {
                let outcome = self.on_device()?;
                Ok(Ended { outcome, placement: Placement::OnDevice, cause: None })
            }
            Placement::InCloud { endpoint } => self.in_cloud(placement, endpoint),
            Placement::Split { cut, endpoint } => self.split(placement, cut, endpoint),
            other => Err(Error::Internal(format!("a run cannot be placed {other}"))),
        }
    }

    fn on_device(&self) -> Result<Outcome, Error> {
        let (outputs, time) = self.shared.compute(self.inputs, &self.options.outputs, self.call)?;
        self.saw_device(Part::Whole, time, !self.shared.has_run.swap(true, Ordering::Relaxed));
        Ok(self.outcome(outputs, Some(time), None))
    }

    fn in_cloud(&self, placement: &Placement, endpoint: &str) -> Result<Ended, Error> {
        let endpoint = self.shared.parts.endpoints.get(endpoint)?;
        let wanted = self.shared.info.wanted_outputs(&self.options.outputs)?;
        let exchange = self.exchange(endpoint, Payload::Whole { inputs: self.inputs });
        exchange.admit("run")?;
        let make = |control: &_| exchange.make(&wanted, control);
        let may_stand_in = self.plan.order.contains(&Placement::OnDevice);
        let patience = if may_stand_in {
            self.patience(placement, self.predicted_on_device())
        } else {
            Patience::default()
        };
        let Some(moment) = patience.hedge else {
            let answer = until(self.call, &endpoint.name, patience.give_up, make)
                .map_err(|error| self.blame(error))?;
            return Ok(self.answered(placement, answer, None));
        };
        let (local, inputs, outputs) =
            (self.shared.local()?, self.inputs.clone(), self.options.outputs.clone());
        let stand_in = move |control: &_| local.run(&inputs, &outputs, control);
        let patience = Patience { hedge: Some(moment), give_up: None };
        match pursue(self.call, &endpoint.name, patience, make, stand_in, |error| self.stands_in(error)) {
            Ok(Answer::Remote(answer)) => Ok(self.answered(placement, answer, None)),
            Ok(Answer::Local { outputs, time, cause }) => {
                self.saw_device(Part::Whole, time, !self.shared.has_run.swap(true, Ordering::Relaxed));
                Ok(self.stood_in(outputs, time, cause))
            }
            Err(error) => Err(self.call.blame(error)),
        }
    }

    fn split(&self, placement: &Placement, cut: &str, endpoint: &str) -> Result<Ended, Error> {
        let endpoint = self.shared.parts.endpoints.get(endpoint)?;
        let splits = self.shared.splits.as_ref();
        let splits =
            splits.ok_or_else(|| Error::Internal("a model without a manifest has no cuts".to_owned()))?;
        let ready = splits.ready(cut, &self.call.control).map_err(|error| self.call.blame(error))?;
        let internal = |error: &dyn std::fmt::Display| {
            Error::Run(RunError::Internal { detail: format!("the cut {cut} does not hold: {error}") })
        };

        let (head, head_time) = self.run_head(&ready)?;
        let first = !ready.used.swap(true, Ordering::Relaxed);
        if ready.head.is_some() {
            self.saw_device(Part::Cut(cut), head_time, first);
        }
        let boundary = &ready.cut.boundary;
        let crossing = boundary.crossing_tensors(self.inputs, &head).map_err(|error| internal(&error))?;
        if first {
            // The tail may have to answer when there is no time left to prepare it.
            ready
                .tail
                .warm_up(&crossing, &self.call.control)
                .map_err(|error| self.call.blame(error.into()))?;
        }
        let wanted = self.shared.info.wanted_outputs(&self.options.outputs)?;
        let by_tail: Vec<String> =
            wanted.iter().filter(|name| ready.cut.remote.output(name).is_some()).cloned().collect();
        let whole = |tail: &NamedTensors| boundary.outputs(&wanted, self.inputs, &head, tail);
        if by_tail.is_empty() {
            let outputs = whole(&NamedTensors::default()).map_err(|error| internal(&error))?;
            return Ok(self.stood_in(outputs, head_time, None));
        }

        let (tail, rest, names) = (ready.tail.clone(), crossing.clone(), by_tail.clone());
        let stand_in = move |control: &_| tail.run(&rest, &names, control);
        let exchange = self.exchange(endpoint, Payload::Tail { cut: &ready.cut, crossing: &crossing });
        exchange.admit("run")?;
        let make = |control: &_| exchange.make(&by_tail, control);
        let patience = self.patience(placement, self.predicted_tail(&ready, head_time));
        let answer =
            pursue(self.call, &endpoint.name, patience, make, stand_in, |error| self.stands_in(error))
                .map_err(|error| self.call.blame(error))?;
        match answer {
            Answer::Remote(answer) => {
                let outputs = whole(&answer.outputs).map_err(|error| internal(&error))?;
                let device = ready.head.is_some().then_some(head_time);
                Ok(self.answered(placement, RemoteAnswer { outputs, ..answer }, device))
            }
            Answer::Local { outputs, time, cause } => {
                let outputs = whole(&outputs).map_err(|error| internal(&error))?;
                Ok(self.stood_in(outputs, head_time + time, cause))
            }
        }
    }

    /// What the head gives, and how long it took once it had its plan.
    fn run_head(&self, ready: &ReadyCut) -> Result<(NamedTensors, Duration), Error> {
        let Some(head) = &ready.head else {
            return Ok((NamedTensors::default(), Duration::ZERO));
        };
        let taken = self.inputs.iter().filter(|(name, _)| head.info().input(name).is_some());
        let inputs = NamedTensors::new(taken.map(|(name, tensor)| (name, tensor.clone())))
            .map_err(|error| Error::Run(error.into()))?;
        let blame = |error: RunError| self.call.blame(error.into());
        head.warm_up(&inputs, &self.call.control).map_err(blame)?;
        let begun = Instant::now();
        let outputs = head.run(&inputs, &[], &self.call.control).map_err(blame)?;
        Ok((outputs, begun.elapsed()))
    }

    fn exchange<'a>(&'a self, endpoint: &'a Endpoint, payload: Payload<'a>) -> Exchange<'a> {
        let (shared, options) = (self.shared, self.options);
        Exchange { shared, options, endpoint, payload, costs: self.costs, device: self.device }
    }

    /// How long to wait for an endpoint when this device, standing in, would take `stand_in`.
    fn patience(&self, placement: &Placement, stand_in: Option<Duration>) -> Patience {
        let begun = self.call.started;
        let predicted = self.plan.predicted(placement);
        let waiting = Waiting {
            begun,
            now: Instant::now(),
            deadline: self.call.control.deadline,
            endpoint: predicted.as_ref().map(|predicted| &predicted.latency),
            stand_in,
        };
        let hedge = self.plan.hedge_after.filter(|_| self.options.hedge).map(|after| begun + after);
        Patience { give_up: waiting.give_up(), hedge }
    }

    fn predicted_on_device(&self) -> Option<Duration> {
        let predicted: Option<Predicted> = self.plan.predicted(&Placement::OnDevice);
        predicted.map(|predicted| predicted.latency.p90())
    }

    /// What the tail takes on this device, by what the head took just now.
    fn predicted_tail(&self, ready: &ReadyCut, head: Duration) -> Option<Duration> {
        /// A head shorter than this share of the whole says little of the rest.
        const TELLING: f64 = 0.1;
        let learned = |cut| self.shared.parts.learning.with(|known, _| known.head_share(self.costs, cut));
        let share = self.costs.cut(&ready.cut.id).map_or(ready.cut.head_fraction, learned);
        if share >= TELLING {
            return Some(head.mul_f64(((1.0 - share) / share).clamp(0.0, 1e3)));
        }
        self.predicted_on_device().map(|whole| whole.mul_f64((1.0 - share).clamp(0.0, 1.0)))
    }

    /// Whether this device answers where an endpoint has failed so.
    fn stands_in(&self, error: &RemoteError) -> bool {
        leads_elsewhere(&Error::Remote(error.clone()), &Placement::OnDevice, self.options.offline)
    }

    fn blame(&self, error: RemoteError) -> Error {
        self.call.blame(error.into())
    }

    fn saw_device(&self, part: Part<'_>, time: Duration, first: bool) {
        let seen = DeviceObservation { costs: self.costs, part, device: self.device, time, first };
        self.shared.parts.learning.with(|estimates, now| estimates.observe_device(&seen, now));
    }

    fn answered(&self, placement: &Placement, answer: RemoteAnswer, device: Option<Duration>) -> Ended {
        let outcome = self.outcome(answer.outputs, device, Some(answer.timing));
        Ended { outcome, placement: placement.clone(), cause: None }
    }

    fn stood_in(&self, outputs: NamedTensors, time: Duration, cause: Option<RemoteError>) -> Ended {
        let outcome = self.outcome(outputs, Some(time), None);
        Ended { outcome, placement: Placement::OnDevice, cause: cause.map(Error::from) }
    }

    fn outcome(
        &self,
        outputs: NamedTensors,
        device: Option<Duration>,
        remote: Option<tandem_core::RemoteTiming>,
    ) -> Outcome {
        Outcome { outputs, timing: Timing { total: self.call.started.elapsed(), device, remote } }
    }
}

fn decision(plan: &Plan, placement: &Placement, cause: Option<&Error>) -> Decision {
    let elsewhere = plan.order.first() != Some(placement);
    let reason = match cause {
        Some(_) => Reason::Fallback,
        None if elsewhere => Reason::Hedge,
        None => plan.reason(placement).unwrap_or(Reason::Default),
    };
    Decision {
        placement: placement.clone(),
        reason,
        candidates: plan.candidates.clone(),
        fallback_cause: cause.map(Error::to_string),
        predicted: plan.predicted(placement),
    }
}

/// Whether a run that failed with `error` may go on at `next`.
fn leads_elsewhere(error: &Error, next: &Placement, offline: OfflineBehavior) -> bool {
    match error {
        Error::Remote(RemoteError::Unreachable { .. }) if *next == Placement::OnDevice => {
            offline == OfflineBehavior::RunLocally
        }
        Error::Remote(error) => error.allows_fallback(),
        Error::Run(error) => matches!(
            error,
            RunError::UnsupportedOperator { .. } | RunError::ResourceLimit { .. } | RunError::Internal { .. }
        ),
        _ => false,
    }
}
