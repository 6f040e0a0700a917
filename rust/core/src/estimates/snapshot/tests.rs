use serde_json::Value;

use super::*;
use crate::estimates::tests::{costs, endpoint, request, wifi};
use crate::{
    CostPlanner, DeviceObservation, DeviceState, ExchangeFailure, Part, PlanRequest, Planner,
    RemoteObservation, RemoteTiming,
};

const WALL: Duration = Duration::from_secs(1_700_000_000);
const NOW: Duration = Duration::from_secs(20);

fn device() -> DeviceState {
    wifi("home")
}

/// The plan of a request, and whether it could be made.
fn plan(estimates: &Estimates, now: Duration) -> crate::Plan {
    let (costs, device, endpoints) = (costs(), device(), [endpoint()]);
    CostPlanner::default()
        .plan(&PlanRequest { now, ..request(estimates, &costs, &device, &endpoints, 0) })
        .unwrap()
}

/// Twenty seconds of runs here and there, and a failure.
fn learned() -> Estimates {
    let (costs, device, mut estimates) = (costs(), device(), Estimates::new());
    for second in 1..20 {
        let now = Duration::from_secs(second);
        let timing = RemoteTiming {
            connect: Duration::from_millis(if second == 1 { 24 } else { 0 }),
            wait: Duration::from_millis(60),
            download: Duration::from_millis(2),
            request_bytes: 150_000,
            answer_bytes: 4_000,
            ..RemoteTiming::default()
        };
        let (part, costs, device) = (Part::Whole, &costs, &device);
        let seen = RemoteObservation { endpoint: "a", costs, part, device, tls: true, timing: &timing };
        estimates.observe_remote(&seen, now);
        let time = Duration::from_millis(150);
        estimates.observe_device(&DeviceObservation { costs, part, device, time, first: false }, now);
        let plan = plan(&estimates, now);
        estimates.observe_decision("m", device, &plan, now);
        estimates.observe_outcome(&plan, &plan.order[0], Duration::from_millis(70));
    }
    estimates.observe_failure("b", &device, ExchangeFailure::Lost, NOW);
    estimates
}

fn written() -> Value {
    serde_json::to_value(EstimatesSnapshot::take(&learned(), NOW, WALL)).unwrap()
}

fn read(value: Value, wall: Duration) -> Result<(Estimates, Duration), SnapshotError> {
    let unreadable = |error: serde_json::Error| SnapshotError::Unreadable { detail: error.to_string() };
    serde_json::from_value::<EstimatesSnapshot>(value).map_err(unreadable)?.restore(wall)
}

#[test]
fn it_goes_on_where_it_was_taken_and_has_aged_by_the_wall_clock() {
    let pause = Duration::from_mins(5);
    let (estimates, now) = read(written(), WALL + pause).unwrap();
    assert_eq!(now, NOW + pause);
    let (before, after) =
        (learned().link("a", &device(), moment(NOW)), estimates.link("a", &device(), moment(now)));
    let (before, after) = (before.unwrap(), after.unwrap());
    assert!((before.rtt / after.rtt - 1.0).abs() < 1e-9 && (before.up / after.up - 1.0).abs() < 1e-9);
    assert!(after.rtt_variance > before.rtt_variance);
    assert!(before.connected && !after.connected);
    assert_eq!(estimates.statistics(), Statistics::default());
    // Another network knows nothing of it.
    let away = DeviceState { network_id: Some("away".into()), ..device() };
    assert!(estimates.link("a", &away, moment(now)).unwrap().up_variance > after.up_variance);
    assert_eq!(plan(&estimates, now).order[0].endpoint(), Some("a"));
}

#[test]
fn a_clock_that_was_set_back_makes_it_old() {
    let (_, now) = read(written(), WALL.saturating_sub(Duration::from_secs(1))).unwrap();
    assert_eq!(now, NOW + Duration::from_hours(24));
}

#[test]
fn another_version_is_refused() {
    let mut value = written();
    value["version"] = 2.into();
    assert_eq!(read(value, WALL).unwrap_err(), SnapshotError::Version { got: 2, expected: 1 });
}

/// The numbers in `value`, by path.
fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Number(_) => found.push(path.to_owned()),
        Value::Array(items) => {
            (items.iter().enumerate())
                .for_each(|(index, item)| numbers(item, &format!("{path}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, item)| numbers(item, &format!("{path}/{name}"), found));
        }
        _ => {}
    }
}

#[test]
fn whatever_number_stands_in_it_it_is_refused_or_plans_are_made_with_it() {
    let (value, mut paths) = (written(), Vec::new());
    numbers(&value, "", &mut paths);
    assert!(paths.len() > 60, "{paths:?}");
    let mut refused = 0;
    for path in &paths {
        for odd in [-1e300, -1.0, 0.0, 1e9, 1e300] {
            let mut value = value.clone();
            *value.pointer_mut(path).unwrap() = odd.into();
            let Ok((estimates, now)) = read(value, WALL) else {
                refused += 1;
                continue;
            };
            let plan = plan(&estimates, now);
            for latency in plan.candidates.iter().filter_map(|one| one.predicted).map(|one| one.latency) {
                assert!(latency.middle().is_finite() && latency.spread().is_finite(), "{path} {odd}");
            }
        }
    }
    assert!(refused > 100, "{refused} of {}", 5 * paths.len());
}

#[test]
fn an_empty_window_of_scores_is_refused() {
    let mut value = written();
    value["estimates"]["local"]["scores"] = Value::Array(Vec::new());
    assert_eq!(read(value, WALL).unwrap_err(), SnapshotError::Value { what: "predictions" });
}
