//! Looks at links that are not used, and what follows them at once.

use super::*;

/// A round trip in seconds, and a rate in bytes a second.
type Way = (f64, f64);

/// One request: where it ran, and what was asked beside it.
struct Second {
    placement: Placement,
    asked: Vec<Probe>,
    joules: f64,
}

impl Second {
    /// Joules of the looks.
    fn looks(&self) -> f64 {
        let joules = |probe: &Probe| match probe.charge {
            ProbeCharge::Joules(joules) => joules,
            ProbeCharge::One => 0.0,
        };
        self.asked.iter().map(joules).sum()
    }

    fn works(&self) -> Vec<&ProbeWork> {
        self.asked.iter().map(|probe| &probe.work).collect()
    }
}

/// What a probe takes that way; the server takes a millisecond.
fn answer(work: &ProbeWork, (rtt, rate): Way) -> RemoteTiming {
    let (bytes, server) = match *work {
        ProbeWork::Look { padding } => (padding, 0.0),
        ProbeWork::Ready => (0, 0.0),
        _ => (150_000, 1e-3),
    };
    let upload = transfer::upload(float(bytes) + 400.0, rtt, rate, transfer::INITIAL_WINDOW).seconds;
    RemoteTiming {
        wait: Duration::from_secs_f64(upload + rtt + server),
        server: Some(Duration::from_secs_f64(server)),
        request_bytes: bytes,
        ..RemoteTiming::default()
    }
}

/// Requests a second apart over a link that is `way` at each of the seconds.
fn looking(device: &DeviceState, count: u64, way: impl Fn(u64) -> Way) -> Vec<Second> {
    let (costs, endpoints, settings) = (costs(), [endpoint()], PlannerSettings::default());
    let (planner, mut estimates) = (CostPlanner { settings }, Estimates::new());
    let second = |now: u64| {
        let at = Duration::from_secs(now);
        let plan = planner.plan(&request(&estimates, &costs, device, &endpoints, now)).unwrap();
        estimates.observe_decision("m", device, &plan, at);
        let mut next =
            estimates.probe_due(&settings, &request(&estimates, &costs, device, &endpoints, now), &plan);
        let mut asked = Vec::new();
        while let Some(probe) = next {
            let timing = answer(&probe.work, way(now));
            let (costs, timing) = (&costs, Some(&timing));
            estimates
                .observe_probe(&ProbeObservation { probe: &probe, costs, device, tls: true, timing }, at);
            let request = request(&estimates, costs, device, &endpoints, now);
            let plan = planner.plan(&request).unwrap();
            next = estimates.follow_up(&probe, &settings, &request, &plan);
            asked.push(probe);
        }
        let chosen = plan.chosen().unwrap();
        Second { placement: chosen.placement.clone(), asked, joules: chosen.predicted.unwrap().energy_joules }
    };
    (0..count).map(second).collect()
}

const FAR: Way = (0.1, 1e6);
const SLOW: Way = (0.02, 2.5e5);
const GOOD: Way = (0.012, 5e6);

#[test]
fn a_link_that_becomes_good_unannounced_is_noticed_within_five_requests() {
    for bad in [FAR, SLOW, (0.15, 6e4)] {
        for step in 60..65 {
            let seconds = looking(&wifi("home"), 71, |now| if now < step { bad } else { GOOD });
            let step = usize::try_from(step).unwrap();
            assert!(seconds[20..step].iter().all(|second| second.placement == Placement::OnDevice));
            assert!(seconds[step + 5].placement.endpoint().is_some(), "{bad:?} at {step}");
        }
    }
}

#[test]
fn looks_stay_within_their_share_and_are_sent_only_where_they_cost_little() {
    let seconds = looking(&wifi("home"), 3_600, |_| FAR);
    let runs: f64 = seconds.iter().map(|second| second.joules).sum();
    let share = seconds.iter().map(Second::looks).sum::<f64>() / runs;
    assert!(share > 0.01 && share <= 0.2, "{share}");
    let metered = DeviceState { metered: Some(true), ..wifi("home") };
    let cellular = DeviceState { network: NetworkKind::Cellular4g, ..wifi("home") };
    let saving = DeviceState { low_power_mode: Some(true), ..wifi("home") };
    for device in [metered, cellular, saving] {
        let seconds = looking(&device, 600, |_| FAR);
        assert!(seconds.iter().all(|second| second.looks() <= 0.0), "{device:?}");
    }
}

#[test]
fn looks_are_no_closer_than_so_many_requests() {
    let seconds = looking(&wifi("home"), 600, |_| FAR);
    let looked = (0..seconds.len()).filter(|&now| seconds[now].looks() > 0.0).collect::<Vec<_>>();
    assert!(looked.len() > 100, "{}", looked.len());
    assert!(looked.windows(2).all(|pair| pair[1] - pair[0] >= 4), "{looked:?}");
}

#[test]
fn bytes_are_added_only_where_the_rate_is_the_question() {
    let padded =
        |second: &Second| second.works().iter().any(|work| matches!(work, ProbeWork::Look { padding: 1.. }));
    // Over 0.3 s of round trips nothing wins at any rate.
    assert!(!looking(&wifi("home"), 200, |_| (0.3, 1e6)).iter().any(padded));
    let slow = looking(&wifi("home"), 200, |_| SLOW);
    for second in slow.iter().filter(|second| second.looks() > 0.0).skip(1) {
        assert!(matches!(
            second.works()[..],
            [ProbeWork::Look { padding: 0 }, ProbeWork::Look { padding: 1.. }]
        ));
    }
}

#[test]
fn a_look_that_finds_another_link_is_followed_by_one_that_weighs_it_and_by_no_more() {
    let seconds = looking(&wifi("home"), 70, |now| if now < 60 { SLOW } else { GOOD });
    let found = seconds[60..].iter().find(|second| second.looks() > 0.0).unwrap();
    assert_eq!(found.works().last(), Some(&&ProbeWork::Whole), "{:?}", found.works());
    assert!(seconds.iter().all(|second| second.asked.len() <= 3));
    // What is not a look has no follow-up.
    assert!(
        seconds[..20].iter().filter(|second| second.looks() <= 0.0).all(|second| second.asked.len() <= 1)
    );
}
