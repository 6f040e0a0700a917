//! Plans as they read: a change of the planner's numbers or words shows in `explained.txt`.
//!
//! Where the change is meant, put what the failed test prints into that file.

use std::fmt::Write as _;

use super::*;

/// Decisions that together show every kind of candidate and most reasons.
fn cases() -> Vec<(&'static str, Case)> {
    let slow_link = Case::new(2_000).seen("a", ms(5_000), 8);
    let two = Case { endpoints: vec![endpoint("a", false), endpoint("b", true)], ..Case::new(900) };
    let two = two.seen("a", ms(900), 6).seen("b", ms(300), 6);
    let sleeping = DeviceState { network: NetworkKind::Cellular4g, ..DeviceState::default() };
    let mut failing = two.clone();
    for _ in 0..3 {
        failing.estimates.observe_failure("b", &failing.device, ExchangeFailure::Lost, failing.now);
    }
    vec![
        ("nothing learned yet", Case::new(20_000)),
        ("nothing known", Case { device: DeviceState::default(), ..Case::new(5) }),
        ("a slow link", slow_link.clone()),
        ("a slow link, private tensor", Case { private: vec!["x".to_owned()], ..slow_link.clone() }),
        ("a slow link, late", Case { remaining: Some(ms(400)), ..slow_link.clone() }),
        ("a slow link, later", Case { now: slow_link.now + Duration::from_mins(2), ..slow_link.clone() }),
        ("two endpoints", two.clone()),
        ("two endpoints, internal", Case { sensitivity: Sensitivity::Internal, ..two.clone() }),
        ("two endpoints, energy", Case { objective: Objective::Energy, ..two.clone() }),
        ("two endpoints, data", Case { objective: Objective::Data, ..two.clone() }),
        ("two endpoints, cloud preferred", Case { mode: InferenceMode::PreferInCloud, ..two.clone() }),
        ("two endpoints, one failing", failing),
        ("cellular", Case { device: sleeping, objective: Objective::Balanced, ..Case::new(4_000) }),
    ]
}

#[test]
fn plans_read_as_they_did() {
    let mut text = String::new();
    for (name, case) in cases() {
        writeln!(text, "{name}\n{}", case.plan().explain()).unwrap();
    }
    assert!(text == include_str!("explained.txt"), "{text}");
}
