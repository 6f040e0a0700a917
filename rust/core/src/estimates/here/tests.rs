use super::*;
use crate::estimates::tests::{costs, endpoint, request, wifi};
use crate::{CostPlanner, Placement, Plan, Planner, Reason, RemoteObservation, RemoteTiming};

/// Costs of a model with one cut, of which nothing is known but its compute: 100 ms on a device as it is assumed to be.
fn unmeasured() -> ModelCosts {
    let cut = CutCosts { id: "c".into(), head_fraction: 0.2, tail_fraction: 0.8, ..Default::default() };
    ModelCosts { device_time: None, multiply_adds: Some(800_000_000), cuts: vec![cut], ..costs() }
}

fn saw(estimates: &mut Estimates, costs: &ModelCosts, part: Part<'_>, ms: u64, first: bool, now: u64) {
    let (device, time) = (&wifi("home"), Duration::from_millis(ms));
    let seen = DeviceObservation { costs, part, device, time, first };
    estimates.observe_device(&seen, Duration::from_secs(now));
}

#[test]
fn compute_alone_gives_a_first_guess_at_device_and_server() {
    let (estimates, costs, device) = (Estimates::new(), unmeasured(), wifi("home"));
    let here = estimates.device(&costs, &device, 0.0).unwrap();
    assert!((here.whole - 0.1).abs() < 1e-9 && here.variance > 0.9 && !here.measured, "{here:?}");
    let there = estimates.server("a", &costs, 0.0);
    assert!((there.whole - 0.025).abs() < 1e-9 && there.variance > 1.0, "{there:?}");
    let nothing = ModelCosts { multiply_adds: None, ..costs };
    assert!(estimates.device(&nothing, &device, 0.0).is_none());
}

#[test]
fn a_first_run_is_better_than_a_guess_and_worse_than_any_other_run() {
    let (mut estimates, costs, device) = (Estimates::new(), unmeasured(), wifi("home"));
    saw(&mut estimates, &costs, Part::Whole, 400, true, 1);
    let first = estimates.device(&costs, &device, 1.0).unwrap();
    assert!(first.whole > 0.2 && first.whole < 0.4 && !first.measured, "{first:?}");
    saw(&mut estimates, &costs, Part::Whole, 300, false, 2);
    let second = estimates.device(&costs, &device, 2.0).unwrap();
    assert!((second.whole - 0.3).abs() < 0.01 && second.measured, "{second:?}");
    saw(&mut estimates, &costs, Part::Whole, 900, true, 3);
    assert_eq!(estimates.device(&costs, &device, 2.0).unwrap().whole.to_bits(), second.whole.to_bits());
    // A server is now guessed at by what was seen here.
    assert!((estimates.server("a", &costs, 2.0).whole - second.whole / 4.0).abs() < 1e-9);
}

#[test]
fn a_head_that_takes_more_than_is_stated_is_known_beside_the_whole() {
    let (mut estimates, costs) = (Estimates::new(), unmeasured());
    for turn in 0..30 {
        saw(&mut estimates, &costs, Part::Whole, 100, false, 2 * turn);
        saw(&mut estimates, &costs, Part::Cut("c"), 50, false, 2 * turn + 1);
    }
    let here = estimates.device(&costs, &wifi("home"), 60.0).unwrap();
    let share = estimates.head_share(&costs, &costs.cuts[0]);
    assert!((here.whole - 0.1).abs() < 0.015, "{here:?}");
    assert!((here.whole * share - 0.05).abs() < 0.003, "{share} of {here:?}");
    assert_eq!(estimates.head_shares(&costs), [share]);
}

#[test]
fn a_device_that_slows_down_while_only_heads_run_is_the_device_that_is_slower() {
    let (mut estimates, costs) = (Estimates::new(), unmeasured());
    for turn in 0..10 {
        saw(&mut estimates, &costs, Part::Whole, 100, false, turn);
    }
    for turn in 10..20 {
        saw(&mut estimates, &costs, Part::Cut("c"), 20, false, turn);
    }
    for turn in 20..26 {
        saw(&mut estimates, &costs, Part::Cut("c"), 40, false, turn);
    }
    let here = estimates.device(&costs, &wifi("home"), 26.0).unwrap();
    let share = estimates.head_share(&costs, &costs.cuts[0]);
    assert!(here.whole > 0.17, "{share} of {here:?}");
    assert!((here.whole * share - 0.04).abs() < 0.004, "{share} of {here:?}");
}

#[test]
fn a_profile_tells_the_whole_and_each_head() {
    let (mut estimates, costs, device) = (Estimates::new(), unmeasured(), wifi("home"));
    let time = Duration::from_millis(250);
    for (heads, first) in
        [(vec![("c".to_owned(), 0.4), ("none such".to_owned(), 0.5)], false), (vec![], true)]
    {
        let seen = ProfileObservation { costs: &costs, device: &device, time, first, heads: &heads };
        estimates.observe_profile(&seen, Duration::from_secs(1));
    }
    let here = estimates.device(&costs, &device, 1.0).unwrap();
    assert!((here.whole - 0.25).abs() < 0.005 && here.measured, "{here:?}");
    let share = estimates.head_share(&costs, &costs.cuts[0]);
    assert!((0.33..0.4).contains(&share), "{share}");
}

/// A plan whose link carries anything at once, and whose server takes `server_ms` for the model.
fn against(estimates: &mut Estimates, costs: &ModelCosts, server_ms: u64, now: u64) -> Plan {
    let device = wifi("home");
    for second in now.saturating_sub(6)..now {
        let timing = RemoteTiming {
            wait: Duration::from_millis(server_ms + 2),
            server: Some(Duration::from_millis(server_ms)),
            request_bytes: 150_000,
            ..RemoteTiming::default()
        };
        let part = Part::Whole;
        let seen =
            RemoteObservation { endpoint: "a", costs, part, device: &device, tls: true, timing: &timing };
        estimates.observe_remote(&seen, Duration::from_secs(second));
    }
    CostPlanner::default().plan(&request(estimates, costs, &device, &[endpoint()], now)).unwrap()
}

#[test]
fn a_device_that_was_never_tried_is_where_it_might_be_best_and_nowhere_else() {
    let costs = ModelCosts { cuts: vec![], ..unmeasured() };
    // The guess says 100 ms: a quarter of that is possible, a tenth is not.
    let mut estimates = Estimates::new();
    let hoped = against(&mut estimates, &costs, 60, 10);
    assert_eq!(hoped.order[0], Placement::OnDevice, "{}", hoped.explain());
    assert_eq!(hoped.chosen().unwrap().reason, Reason::Unpredicted);
    assert_eq!(hoped.candidates[1].reason, Reason::NotFirst);
    // One run, and it is known.
    saw(&mut estimates, &costs, Part::Whole, 100, false, 10);
    let known = against(&mut estimates, &costs, 60, 12);
    assert_eq!(known.order[0].endpoint(), Some("a"), "{}", known.explain());
    assert_eq!(known.chosen().unwrap().reason, Reason::Best);

    let hopeless = against(&mut Estimates::new(), &costs, 5, 10);
    assert_eq!(hopeless.order[0].endpoint(), Some("a"), "{}", hopeless.explain());
}

#[test]
fn a_guess_at_the_device_alone_is_no_reason_to_leave_the_rules() {
    let (estimates, costs, device) = (Estimates::new(), unmeasured(), DeviceState::default());
    let plan = CostPlanner::default().plan(&request(&estimates, &costs, &device, &[endpoint()], 1)).unwrap();
    assert_eq!(plan.order[0], Placement::OnDevice);
    assert_eq!(plan.chosen().unwrap().reason, Reason::Default);
}
