use super::*;
use crate::{
    DeviceState, EndpointView, Estimates, InferenceMode, LatencyBand, ModelCosts, Objective, OfflineBehavior,
    Predicted, Reachability, Reason, Risk, Sensitivity,
};

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn candidate(placement: Placement, allowed: bool, predicted: Option<u64>) -> Candidate {
    let latency = |middle| LatencyBand::lognormal(ms(middle), 0.1);
    let predicted = predicted.map(|middle| Predicted { latency: latency(middle), ..Predicted::default() });
    Candidate { placement, allowed, reason: Reason::Default, predicted }
}

/// When the device begins beside an endpoint, by the middles in milliseconds that are predicted of both.
fn begins(remaining: Option<u64>, there: Option<u64>, here: Option<u64>) -> Option<Duration> {
    let placement = Placement::InCloud { endpoint: "a".into() };
    moment(remaining, &candidate(placement, true, there), &candidate(Placement::OnDevice, true, here))
}

fn moment(remaining: Option<u64>, chosen: &Candidate, here: &Candidate) -> Option<Duration> {
    let view = EndpointView {
        name: "a".into(),
        takes_internal: true,
        tls: true,
        reachability: Reachability::Unknown,
    };
    let request = PlanRequest {
        mode: InferenceMode::PreferInCloud,
        sensitivity: Sensitivity::Public,
        private_tensors: &[],
        objective: Objective::Latency,
        risk: Risk::default(),
        offline: OfflineBehavior::RunLocally,
        remaining: remaining.map(ms),
        endpoints: &[view],
        costs: &ModelCosts::default(),
        estimates: &Estimates::new(),
        device: &DeviceState::default(),
        server_load: 1.0,
        now: Duration::ZERO,
    };
    after(&request, chosen, here)
}

#[test]
fn with_nothing_known_it_begins_after_a_usual_answer_or_a_third_of_what_is_left() {
    assert_eq!(begins(None, None, None), Some(UNKNOWN));
    assert_eq!(begins(Some(60_000), None, None), Some(UNKNOWN));
    assert_eq!(begins(Some(300), None, None), Some(ms(100)));
}

#[test]
fn with_an_unknown_endpoint_it_begins_after_as_long_as_this_device_takes() {
    let alone = begins(None, None, Some(80)).unwrap();
    assert!(alone > ms(80) && alone < ms(100), "{alone:?}");
    let hurried = begins(Some(120), None, Some(80)).unwrap();
    assert!(hurried > ms(20) && hurried < ms(40), "{hurried:?}");
}

#[test]
fn with_an_unknown_device_it_begins_when_the_endpoint_is_late_or_a_third_is_over() {
    let late = LatencyBand::lognormal(ms(40), 0.1).p95();
    assert_eq!(begins(None, Some(40), None), Some(late));
    assert_eq!(begins(Some(90), Some(40), None), Some(ms(30)));
}

#[test]
fn a_device_that_would_be_late_begins_at_once() {
    assert_eq!(begins(Some(50), Some(40), Some(80)), Some(Duration::ZERO));
}

#[test]
fn a_device_that_may_not_or_does_anyway_has_nothing_to_begin() {
    let cloud = Placement::InCloud { endpoint: "a".into() };
    let here = |allowed| candidate(Placement::OnDevice, allowed, None);
    assert_eq!(moment(None, &candidate(cloud, true, None), &here(false)), None);
    assert_eq!(moment(None, &here(true), &here(true)), None);
}
