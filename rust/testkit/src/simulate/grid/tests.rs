use super::*;
use crate::simulate::SimulatedCut;

fn model() -> SimulatedModel {
    SimulatedModel {
        name: "m".to_owned(),
        device_ms: 100.0,
        server_ms: None,
        multiply_adds: Some(800_000_000),
        request_bytes: 150_000,
        reply_bytes: 4_000,
        cuts: vec![SimulatedCut { id: "c".to_owned(), head: 0.3, tail: None, bytes_up: 20_000 }],
    }
}

fn mean(turns: &[Turn]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "there are some dozens")]
    let count = turns.len() as f64;
    turns.iter().map(|turn| turn.measured.total.as_secs_f64()).sum::<f64>() / count
}

fn run(cell: &Cell<'_>, policy: Policy) -> Vec<Turn> {
    cell.run(policy, CostPlanner::default(), Objective::Latency, 40, 1).unwrap()
}

#[test]
fn the_grid_has_every_point_once() {
    let models = [model(), model()];
    assert_eq!(Grid::default().cells(&models).len(), 2 * 5 * 3 * 3 * 2);
}

#[test]
fn the_oracle_is_never_slower_than_anybody_and_the_planner_soon_as_quick() {
    let model = model();
    for (rate_mbps, delay_ms, server_speed) in [(0.5, 150.0, 0.5), (10.0, 40.0, 8.0), (200.0, 5.0, 8.0)] {
        let cell = Cell { model: &model, rate_mbps, delay_ms, server_speed, load: Load::Idle };
        let [oracle, planner, cloud, device] =
            [Policy::Oracle, Policy::Planner, Policy::CloudOnly, Policy::DeviceOnly]
                .map(|policy| mean(&run(&cell, policy)[10..]));
        assert!(oracle <= 1.02 * cloud.min(device), "{}: {oracle} {cloud} {device}", cell.label());
        assert!(planner <= 1.1 * oracle, "{}: {planner} {oracle}", cell.label());
    }
}

/// A guess at the device that is far off, on either side, and none at all, cost no more than the first few requests.
#[test]
fn a_wrong_guess_at_the_device_is_found_out() {
    for guess in [None, Some(80_000_000), Some(4_000_000_000)] {
        let model = SimulatedModel { multiply_adds: guess, ..model() };
        for (rate_mbps, delay_ms, server_speed) in [(0.5, 150.0, 0.5), (50.0, 40.0, 2.0), (200.0, 5.0, 8.0)] {
            let cell = Cell { model: &model, rate_mbps, delay_ms, server_speed, load: Load::Idle };
            let [oracle, planner] =
                [Policy::Oracle, Policy::Planner].map(|policy| mean(&run(&cell, policy)[10..]));
            assert!(planner <= 1.1 * oracle, "{} {guess:?}: {planner} {oracle}", cell.label());
        }
    }
}

/// A large cut weighed over a slow link leaves the rate far too low at first. Looks that tell the round trip must not keep
/// the small whole from being weighed.
#[test]
fn a_link_that_was_weighed_wrongly_is_weighed_again() {
    let models = crate::simulate::models_from_json(include_str!("../../../data/models.json")).unwrap();
    let model = models.iter().find(|model| model.name == "minilm").unwrap();
    let cell = Cell { model, rate_mbps: 0.5, delay_ms: 5.0, server_speed: 8.0, load: Load::Idle };
    let [oracle, planner] = [Policy::Oracle, Policy::Planner].map(|policy| {
        let turns = cell.run(policy, CostPlanner::default(), Objective::Latency, 120, 7).unwrap();
        mean(&turns[60..])
    });
    assert!(planner <= 1.05 * oracle, "{planner} {oracle}");
}

/// A picture of 32-bit floats is larger than what tells most of a link. A planner that never weighs it stays where it is.
#[test]
fn a_large_request_is_weighed_where_bytes_cost_nothing() {
    for (request_bytes, device_ms) in [(602_112, 60.0), (1_204_480, 95.0)] {
        let model = SimulatedModel { request_bytes, device_ms, cuts: Vec::new(), ..model() };
        let cell =
            Cell { model: &model, rate_mbps: 200.0, delay_ms: 5.0, server_speed: 8.0, load: Load::Busy };
        let [oracle, planner] = [Policy::Oracle, Policy::Planner].map(|policy| {
            let turns = cell.run(policy, CostPlanner::default(), Objective::Latency, 60, 7).unwrap();
            mean(&turns[10..])
        });
        assert!(planner <= 1.05 * oracle, "{request_bytes}: {planner} {oracle}");
    }
}

/// Requests after a link has become better, unannounced, until three in a row are within 10 % of what is best.
fn back_after(cell: &Cell<'_>, [before, after]: [LinkState; 2], step: f64) -> usize {
    let trace = Arc::new(Trace::step(before, Duration::from_secs_f64(step), after));
    let world = cell.world(trace, 3);
    let mut driver =
        Driver::new(Policy::Planner, world, cell.costs(), NetworkKind::Wifi, Duration::from_secs(1));
    while driver.world().now().as_secs_f64() < step {
        driver.serve().unwrap();
    }
    let best = |driver: &Driver| driver.best().map(|(_, measured)| measured.total.as_secs_f64()).unwrap();
    let within = (0..40).map(|_| {
        let best = best(&driver);
        driver.serve().unwrap().measured.total.as_secs_f64() <= 1.1 * best
    });
    let within: Vec<bool> = within.collect();
    within.windows(3).position(|three| three == [true; 3]).unwrap_or(within.len())
}

/// What was missed before looks asked for the rate where that is the question, weighed in the same wake, and came often enough
/// beside small runs.
#[test]
fn links_that_become_better_unannounced_are_used_within_five_requests() {
    let models = crate::simulate::models_from_json(include_str!("../../../data/models.json")).unwrap();
    let link = |mbps: f64, ms| LinkState::new(mbps * 1e6, Duration::from_millis(ms));
    let missed = [
        ("mobilenet", [link(2.0, 40), link(50.0, 5)], 8.0, Load::Idle),
        ("mobilenet", [link(0.5, 150), link(200.0, 5)], 8.0, Load::Idle),
        ("resnet", [link(2.0, 40), link(10.0, 40)], 2.0, Load::Busy),
        ("alexnet", [link(2.0, 40), link(10.0, 40)], 8.0, Load::Busy),
    ];
    for (name, states, server_speed, load) in missed {
        let model = models.iter().find(|model| model.name == name).unwrap();
        let cell = Cell { model, rate_mbps: 0.0, delay_ms: 0.0, server_speed, load };
        for step in [40.0, 41.0, 42.0, 43.0, 44.0] {
            let requests = back_after(&cell, states, step);
            assert!(requests <= 5, "{name} {states:?} at {step}: {requests}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let model = model();
    let cell = Cell { model: &model, rate_mbps: 10.0, delay_ms: 40.0, server_speed: 2.0, load: Load::Busy };
    let times = |turns: Vec<Turn>| {
        turns.into_iter().map(|turn| (turn.placement, turn.measured.total)).collect::<Vec<_>>()
    };
    assert_eq!(times(run(&cell, Policy::Planner)), times(run(&cell, Policy::Planner)));
}

#[test]
fn a_link_of_this_model_takes_what_the_formula_says() {
    let model = model();
    let cell = Cell { model: &model, rate_mbps: 15.0, delay_ms: 60.0, server_speed: 8.0, load: Load::Idle };
    let trace = Arc::new(Trace::constant(cell.link()));
    let mut world = cell.world(trace, 1);
    let costs = cell.costs();
    let cloud = tandem_core::Placement::InCloud { endpoint: "cloud".into() };
    let first = world.run(&costs, &cloud).remote.unwrap();
    assert_eq!(first.connect, Duration::from_millis(120));
    let server = first.server.unwrap() + first.queue.unwrap();
    let exchange = (first.upload + first.wait).as_secs_f64() - server.as_secs_f64();
    // Three windows of 14,600, 29,200 and 58,400 bytes, the rest of 150,400 at the rate, and a round trip.
    let expected = 3.0 * 0.06 + 48_200.0 / (15e6 / 8.0) + 0.06;
    assert!((exchange - expected).abs() < 1e-3, "{exchange} {expected}");
}

#[test]
fn an_outage_ends_on_the_device_after_the_time_out() {
    let model = model();
    let cell = Cell { model: &model, rate_mbps: 10.0, delay_ms: 5.0, server_speed: 8.0, load: Load::Idle };
    let dead = LinkState { up_bps: 0.0, down_bps: 0.0, rtt: Duration::from_millis(5) };
    let mut world = cell.world(Arc::new(Trace::constant(dead)), 1);
    let cloud = tandem_core::Placement::InCloud { endpoint: "cloud".into() };
    let measured = world.run(&cell.costs(), &cloud);
    assert!(measured.failed && measured.remote.is_none());
    assert!(measured.total > Duration::from_secs(10) && measured.total < Duration::from_secs(11));
}
