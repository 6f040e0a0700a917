use super::*;
use crate::estimates::tests::{costs, endpoint, request, wifi};
use crate::{CostPlanner, DeviceState, EndpointView, Planner, RemoteObservation, RemoteTiming};

/// An endpoint that runs use, and whose answers say `server` of its time.
struct World {
    estimates: Estimates,
    costs: ModelCosts,
    device: DeviceState,
    endpoints: [EndpointView; 1],
    server: Option<Duration>,
    /// Seconds of the run's rest, which the server's part is hidden in.
    wait: f64,
}

impl World {
    fn new(server: Option<Duration>) -> Self {
        let costs = ModelCosts { device_time: Some(Duration::from_secs(20)), ..costs() };
        let (estimates, device) = (Estimates::new(), wifi("home"));
        Self { estimates, costs, device, endpoints: [endpoint()], server, wait: 0.3 }
    }

    fn run(&mut self, now: u64) {
        let (wait, request_bytes) = (Duration::from_secs_f64(self.wait), self.costs.request_bytes);
        let timing = RemoteTiming { wait, request_bytes, server: self.server, ..RemoteTiming::default() };
        let (costs, device, part) = (&self.costs, &self.device, crate::Part::Whole);
        let seen = RemoteObservation { endpoint: "a", costs, part, device, tls: true, timing: &timing };
        self.estimates.observe_remote(&seen, Duration::from_secs(now));
    }

    fn due(&mut self, now: u64) -> Option<CountsQuestion> {
        let request = request(&self.estimates, &self.costs, &self.device, &self.endpoints, now);
        let plan = CostPlanner::default().plan(&request).unwrap();
        let due = self.estimates.counts_due(&PlannerSettings::default(), &request, &plan);
        self.estimates.observe_decision("m", &self.device, &plan, Duration::from_secs(now));
        due
    }

    fn tell(&mut self, counts: Option<ServerCounts>, now: u64) {
        let question = CountsQuestion { endpoint: "a".into(), cut: None };
        self.estimates.observe_counts(&question, &self.costs, counts.as_ref(), Duration::from_secs(now));
    }

    /// Seconds that the server is believed to take for the model, and for its queue.
    fn believed(&self, now: u64) -> (f64, f64) {
        let now = moment(Duration::from_secs(now));
        (self.estimates.server("a", &self.costs, now).whole, self.estimates.queue("a"))
    }
}

fn counts(requests: u64, queue_ms: u64, compute_ms: u64) -> ServerCounts {
    let time = Duration::from_millis;
    ServerCounts { requests, computed: requests, queue: time(queue_ms), compute: time(compute_ms) }
}

#[test]
fn a_server_that_says_what_it_took_is_not_asked() {
    let mut world = World::new(Some(Duration::from_millis(100)));
    for now in 1..100 {
        world.run(now);
        assert_eq!(world.due(now), None);
    }
}

#[test]
fn a_silent_one_is_asked_seldom_and_within_the_budget() {
    let mut world = World::new(None);
    let mut asked = Vec::new();
    for now in 1..3600 {
        world.run(now);
        if world.due(now).is_some() {
            asked.push(now);
            world.tell(Some(counts(now, 0, 100 * now)), now);
        }
    }
    assert!(asked.len() >= 4 && asked.len() <= 8, "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 30), "{asked:?}");
    let off = crate::ProbeSettings { enabled: false, ..Default::default() };
    let settings = PlannerSettings { probes: off, ..PlannerSettings::default() };
    let request = request(&world.estimates, &world.costs, &world.device, &world.endpoints, 100_000);
    let plan = CostPlanner::default().plan(&request).unwrap();
    assert_eq!(world.estimates.counts_due(&settings, &request, &plan), None);
}

#[test]
fn what_it_counted_between_two_looks_is_its_time() {
    let mut world = World::new(None);
    (1..20).for_each(|now| world.run(now));
    // A thousand slow requests before: they say little.
    world.tell(Some(counts(1_000, 50_000, 1_000_000)), 20);
    assert!(world.believed(20).0 < 0.9);
    assert!(world.believed(20).1.abs() < f64::EPSILON);
    // A hundred requests since, of 150 ms each, and 20 ms of waiting.
    for look in 1..=4 {
        world.tell(
            Some(counts(1_000 + 100 * look, 50_000 + 2_000 * look, 1_000_000 + 15_000 * look)),
            20 + 60 * look,
        );
    }
    let (server, queue) = world.believed(260);
    assert!((server - 0.15).abs() < 0.02, "{server}");
    assert!(queue > 0.012 && queue <= 0.02, "{queue}");
}

#[test]
fn counts_that_went_down_begin_anew_and_one_that_does_not_count_is_not_asked_again() {
    let mut world = World::new(None);
    (1..20).for_each(|now| world.run(now));
    world.tell(Some(counts(1_000, 0, 150_000)), 20);
    let before = world.believed(20);
    // Started again: three requests of ten seconds, which loaded the model.
    world.tell(Some(counts(3, 0, 30_000)), 80);
    assert!(world.believed(80).0 < 4.0 * before.0);
    world.tell(None, 140);
    world.run(100_000);
    assert_eq!(world.due(100_000), None);
}
