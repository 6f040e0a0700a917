//! What holds whatever is known of the world.

use proptest::prelude::*;

use super::*;

fn any_case() -> impl Strategy<Value = Case> {
    let modes = vec![
        InferenceMode::Auto,
        InferenceMode::PreferOnDevice,
        InferenceMode::PreferInCloud,
        InferenceMode::OnlyOnDevice,
        InferenceMode::OnlyInCloud,
    ];
    let labels = vec![Sensitivity::Public, Sensitivity::Internal, Sensitivity::Private];
    let objectives = vec![Objective::Latency, Objective::Energy, Objective::Data, Objective::Balanced];
    let networks = vec![NetworkKind::Unknown, NetworkKind::None, NetworkKind::Wifi, NetworkKind::Cellular4g];
    let private = prop::sample::subsequence(["x", "y", "own", "inner"].map(str::to_owned).to_vec(), 0..=4);
    let policy = (
        prop::sample::select(modes),
        prop::sample::select(labels),
        private,
        prop::sample::select(objectives),
        any::<bool>(),
    );
    let world = (
        prop::option::of(1_u64..5_000),
        prop::sample::select(networks),
        any::<[bool; 3]>(),
        prop::option::of(1_u64..60_000),
        (0_u64..6, 0_u64..4, 1_u64..20_000),
    );
    (policy, world).prop_map(|(policy, world)| {
        let (mode, sensitivity, private, objective, fail) = policy;
        let (device_ms, network, [a, b, metered], remaining, (exchanges, failures, wait)) = world;
        let mut case = Case::new(device_ms.unwrap_or(1));
        case.costs.device_time = device_ms.map(ms);
        case.device = DeviceState { network, metered: Some(metered), ..DeviceState::default() };
        let mut case = Case {
            mode,
            sensitivity,
            private,
            objective,
            offline: if fail { OfflineBehavior::Fail } else { OfflineBehavior::RunLocally },
            remaining: remaining.map(ms),
            endpoints: vec![endpoint("a", a), endpoint("b", b)],
            ..case
        }
        .seen("a", ms(wait), exchanges);
        for _ in 0..failures {
            case.estimates.observe_failure("b", &case.device, ExchangeFailure::Failed, case.now);
        }
        case
    })
}

proptest! {
    #[test]
    fn data_goes_only_where_mode_label_and_private_tensors_let_it(case in any_case()) {
        let Ok(plan) = case.try_plan() else {
            prop_assert!(case.mode == InferenceMode::OnlyInCloud);
            return Ok(());
        };
        for placement in &plan.order {
            prop_assert!(plan.candidate(placement).unwrap().allowed);
            let Some(name) = placement.endpoint() else {
                prop_assert!(case.mode != InferenceMode::OnlyInCloud);
                continue;
            };
            let view = case.endpoints.iter().find(|view| *view.name == *name).unwrap();
            prop_assert!(case.mode != InferenceMode::OnlyOnDevice);
            prop_assert!(case.sensitivity != Sensitivity::Private);
            prop_assert!(case.sensitivity == Sensitivity::Public || view.takes_internal);
            match placement {
                Placement::Split { cut, .. } => {
                    prop_assert!(!case.costs.cut(cut).unwrap().reveals(&case.private));
                    prop_assert!(case.mode != InferenceMode::OnlyInCloud);
                }
                _ => prop_assert!(case.private.is_empty()),
            }
        }
    }

    #[test]
    fn the_order_is_never_empty_and_names_each_place_once(case in any_case()) {
        let Ok(plan) = case.try_plan() else { return Ok(()) };
        prop_assert!(!plan.order.is_empty());
        prop_assert_eq!(plan.candidates.len(), 1 + 2 * 3);
        for (index, placement) in plan.order.iter().enumerate() {
            let again = plan.order[..index].iter().any(|other| other.endpoint() == placement.endpoint());
            prop_assert!(!again);
        }
        // The device takes over wherever the mode lets it.
        let local = plan.order.contains(&Placement::OnDevice);
        prop_assert_eq!(local, case.mode != InferenceMode::OnlyInCloud);
    }

    #[test]
    fn the_same_request_gives_the_same_plan_also_from_a_copy_of_the_estimates(case in any_case()) {
        let copy = Case { estimates: case.estimates.clone(), ..case.clone() };
        prop_assert_eq!(case.try_plan().ok(), copy.try_plan().ok());
        // What was written and read may differ in the last digit of a number, and in nothing else.
        let text = serde_json::to_string(&case.estimates).unwrap();
        let read = Case { estimates: serde_json::from_str(&text).unwrap(), ..case.clone() };
        let order = |case: &Case| case.try_plan().map(|plan| plan.order).ok();
        prop_assert_eq!(order(&case), order(&read));
    }

    #[test]
    fn the_chosen_serves_the_objective_best_of_what_nothing_speaks_against(case in any_case()) {
        let Ok(plan) = case.try_plan() else { return Ok(()) };
        let chosen = plan.chosen().unwrap();
        if chosen.reason != Reason::Best {
            return Ok(());
        }
        let time = |latency: &crate::LatencyBand| {
            let middle = latency.p50().as_secs_f64();
            middle + 0.3 * (latency.p90().as_secs_f64() - middle)
        };
        let losses =
            [Reason::Slower, Reason::MoreEnergy, Reason::MoreData, Reason::WorseBalance, Reason::NotFirst];
        let best = chosen.predicted.unwrap();
        for other in plan.candidates.iter().filter(|one| losses.contains(&one.reason)) {
            let Some(other) = other.predicted else { continue };
            match case.objective {
                Objective::Latency => prop_assert!(time(&best.latency) <= time(&other.latency)),
                Objective::Energy => prop_assert!(best.energy_joules <= other.energy_joules),
                Objective::Data => {
                    prop_assert!(best.bytes_up + best.bytes_down <= other.bytes_up + other.bytes_down);
                }
                Objective::Balanced => {}
            }
        }
    }

    #[test]
    fn more_bandwidth_never_makes_a_prediction_slower(bps in 10_000..1_000_000_000_u64, gain in 1..100_u64) {
        let with = |bps: u64| {
            let mut case = Case::new(1_000);
            (case.device.uplink_bps, case.device.downlink_bps) = (Some(bps), Some(bps));
            case.plan()
        };
        let (slow, fast) = (with(bps), with(bps * gain));
        for one in &slow.candidates {
            let better = fast.predicted(&one.placement).unwrap().latency.p50();
            prop_assert!(better <= one.predicted.unwrap().latency.p50() + Duration::from_nanos(2));
        }
    }

    #[test]
    fn age_only_widens(case in any_case(), age in 1_u64..10_000) {
        // Once connections and windows are gone, nothing but certainty goes.
        let early = Case { now: case.now + Duration::from_mins(1), ..case };
        let late = Case { now: early.now + Duration::from_secs(age), ..early.clone() };
        let (Ok(early), Ok(late)) = (early.try_plan(), late.try_plan()) else { return Ok(()) };
        for one in &early.candidates {
            let (Some(before), Some(after)) = (one.predicted, late.predicted(&one.placement)) else { continue };
            prop_assert_eq!(before.latency.p50(), after.latency.p50());
            prop_assert!(after.latency.spread() >= before.latency.spread() - 1e-9);
        }
    }

    #[test]
    fn observations_that_make_no_sense_are_survived(
        times in prop::collection::vec(prop::sample::select(vec![
            Duration::ZERO, Duration::from_nanos(1), ms(50), Duration::from_hours(30_000), Duration::MAX,
        ]), 7),
        bytes in prop::collection::vec(prop::sample::select(vec![0, 1, 600_000, u64::MAX]), 2),
        fraction in prop::sample::select(vec![0.0, 0.5, 1.0, -3.0, 1e300, f64::NAN, f64::INFINITY]),
        turns in 1..20_u64,
    ) {
        let mut case = Case::new(100);
        (case.costs.cuts[0].head_fraction, case.costs.cuts[0].tail_fraction) = (fraction, fraction);
        let timing = RemoteTiming {
            connect: times[0],
            upload: times[1],
            wait: times[2],
            download: times[3],
            server: Some(times[4]),
            queue: Some(times[5]),
            request_bytes: bytes[0],
            answer_bytes: bytes[1],
            ..RemoteTiming::default()
        };
        for turn in 0..turns {
            let now = case.now + Duration::from_secs(turn);
            for part in [Part::Whole, Part::Cut("early"), Part::Cut("no such cut")] {
                let (costs, device) = (&case.costs, &case.device);
                let seen = RemoteObservation { endpoint: "a", costs, part, device, tls: true, timing: &timing };
                case.estimates.observe_remote(&seen, now);
                let seen = DeviceObservation { costs, part, device, time: times[6], first: false };
                case.estimates.observe_device(&seen, now);
            }
            let plan = case.plan();
            case.estimates.observe_outcome(&plan, &plan.order[0], times[6]);
        }
        let plan = case.plan();
        for one in &plan.candidates {
            let predicted = one.predicted.unwrap();
            prop_assert!(predicted.energy_joules.is_finite() && predicted.latency.spread().is_finite());
            prop_assert!(predicted.latency.p05() <= predicted.latency.p50());
            prop_assert!(predicted.latency.p50() <= predicted.latency.p90());
            prop_assert!(predicted.latency.p90() <= predicted.latency.p95());
        }
        // Twenty plain observations later it is as if they had not been.
        case.now += Duration::from_mins(2);
        let mut case = case.seen("a", ms(120), 20);
        case.now += Duration::from_secs(1);
        let plan = case.plan();
        let there = plan.predicted(&cloud("a")).unwrap().latency.p50();
        prop_assert!(there > ms(60) && there < ms(240), "{there:?}");
    }
}
