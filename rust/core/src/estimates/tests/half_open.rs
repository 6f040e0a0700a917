//! A circuit that was open and may close again: by one probe or one request, and only one.

use super::*;
use crate::Reason;

fn at(now: u64) -> f64 {
    moment(Duration::from_secs(now))
}

/// Estimates in which the circuit of `a` was opened at second 10 by three failures, and when it half opens.
fn opened() -> (Estimates, DeviceState, u64) {
    let (mut estimates, device) = (Estimates::new(), wifi("home"));
    for _ in 0..3 {
        estimates.observe_failure("a", &device, ExchangeFailure::Lost, Duration::from_secs(10));
    }
    let half = (10..30).find(|&now| estimates.circuit("a", &device, at(now)) == Circuit::HalfOpen).unwrap();
    (estimates, device, half)
}

#[test]
fn one_probe_closes_a_half_open_circuit_and_while_it_is_open_nothing_is_asked() {
    let (mut estimates, device, half) = opened();
    // The server is much quicker than the device: requests want to go there.
    let (costs, endpoints, settings) = (costs(), [endpoint()], PlannerSettings::default());
    let ask = |estimates: &Estimates, now: u64| {
        let request = request(estimates, &costs, &device, &endpoints, now);
        let plan = CostPlanner::default().plan(&request).unwrap();
        let probe = estimates.probe_due(&settings, &request, &plan);
        (plan.reason(&Placement::InCloud { endpoint: "a".into() }).unwrap(), probe)
    };
    assert_eq!(ask(&estimates, 11), (Reason::CircuitOpen, None));
    let (reason, probe) = ask(&estimates, half);
    let probe = probe.unwrap();
    assert_eq!((reason, &probe.work), (Reason::CircuitOpen, &ProbeWork::Ready));
    let mut failed = estimates.clone();
    for (estimates, timing) in [(&mut failed, None), (&mut estimates, Some(&timing(5, 0)))] {
        let seen = ProbeObservation { probe: &probe, costs: &costs, device: &device, tls: true, timing };
        estimates.observe_probe(&seen, Duration::from_secs(half));
    }
    assert_eq!(estimates.circuit("a", &device, at(half)), Circuit::Closed);
    assert_ne!(ask(&estimates, half).0, Reason::CircuitOpen);
    // One that fails opens it again, for longer than before, and no other is due meanwhile.
    assert_eq!(failed.circuit("a", &device, at(half)), Circuit::Open);
    let again = 2 * (half - 10);
    for now in half..half + again - 4 {
        assert_eq!(ask(&failed, now), (Reason::CircuitOpen, None), "{now}");
    }
}

#[test]
fn one_request_tries_a_circuit_that_no_probe_has_closed_and_the_others_stay_away() {
    let (mut estimates, device, half) = opened();
    let costs = ModelCosts { server_time: Some(Duration::from_millis(1)), ..costs() };
    let costs = ModelCosts { device_time: Some(Duration::from_secs(20)), ..costs };
    let endpoints = [endpoint()];
    let decide = |estimates: &mut Estimates, now: u64| {
        let plan =
            CostPlanner::default().plan(&request(estimates, &costs, &device, &endpoints, now)).unwrap();
        estimates.observe_decision("m", &device, &plan, Duration::from_secs(now));
        plan.order[0].clone()
    };
    let cloud = Placement::InCloud { endpoint: "a".into() };
    assert_eq!(decide(&mut estimates, half), Placement::OnDevice);
    let trial = half + 11;
    assert_eq!(decide(&mut estimates, trial), cloud);
    assert_eq!(decide(&mut estimates, trial), Placement::OnDevice);
    assert_eq!(decide(&mut estimates, trial + 1), Placement::OnDevice);

    let mut failed = estimates.clone();
    failed.observe_failure("a", &device, ExchangeFailure::Lost, Duration::from_secs(trial + 1));
    assert_eq!(failed.circuit("a", &device, at(trial + 2)), Circuit::Open);
    assert_eq!(decide(&mut failed, trial + 2), Placement::OnDevice);

    let timing = timing(5, 150_000);
    let (endpoint, part) = ("a", Part::Whole);
    let seen =
        RemoteObservation { endpoint, costs: &costs, part, device: &device, tls: true, timing: &timing };
    estimates.observe_remote(&seen, Duration::from_secs(trial + 1));
    assert_eq!(estimates.circuit("a", &device, at(trial + 1)), Circuit::Closed);
    assert_eq!(decide(&mut estimates, trial + 1), cloud);
    assert_eq!(decide(&mut estimates, trial + 1), cloud);
}
