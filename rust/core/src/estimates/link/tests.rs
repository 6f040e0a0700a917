use super::*;

fn wifi() -> DeviceState {
    DeviceState { network: NetworkKind::Wifi, ..DeviceState::default() }
}

/// An exchange over a link of that round trip and rate in bytes per second, as it would take.
fn exchange(link: &Link, now: f64, rtt: f64, rate: f64, bytes_up: f64) -> Exchange {
    let now = link.at(&wifi(), now);
    let window = transfer::starting_window(now.windows[0], now.idle, now.rtt);
    let time = rtt + transfer::upload(bytes_up, rtt, rate, window).seconds;
    Exchange {
        time,
        said: 0.0,
        server: None,
        bare: bytes_up < 1.0,
        bytes_up,
        connect: 0.0,
        handshakes: 2.0,
        download: 0.0,
        bytes_down: 100.0,
    }
}

fn learned(rtt: f64, rate: f64, sizes: &[f64], rounds: u32) -> LinkNow {
    let mut link = Link::prior(&wifi(), 0.0).unwrap();
    let mut now = 0.0;
    for _ in 0..rounds {
        for &size in sizes {
            now += 1.0;
            let seen = exchange(&link, now, rtt, rate, size);
            link.learn(&seen, &wifi(), now + seen.time);
        }
    }
    link.at(&wifi(), now + 1.0)
}

#[test]
fn small_and_large_requests_tell_round_trip_and_rate_apart() {
    for (rtt, rate) in [(0.005, 25e6), (0.04, 1.25e6), (0.15, 62.5e3)] {
        let link = learned(rtt, rate, &[500.0, 300e3], 15);
        assert!((link.rtt / rtt).ln().abs() < 0.15, "{rtt}: {}", link.rtt);
        assert!((link.up / rate).ln().abs() < 0.15, "{rate}: {}", link.up);
    }
}

#[test]
fn requests_of_one_size_are_predicted_whatever_they_are_made_of() {
    for size in [500.0, 20e3, 150e3] {
        let link = learned(0.03, 2e6, &[size], 20);
        let expected = |rtt, rate| rtt + transfer::upload(size, rtt, rate, transfer::INITIAL_WINDOW).seconds;
        let error = (expected(link.rtt, link.up) / expected(0.03, 2e6)).ln();
        assert!(error.abs() < 0.05, "{size}: {error}");
    }
}

#[test]
fn the_system_s_word_moves_the_rate_before_and_after_a_measurement() {
    let rate = |bps| {
        let device = DeviceState { uplink_bps: Some(bps), ..wifi() };
        Link::prior(&device, 0.0).unwrap().at(&device, 0.0).up
    };
    assert!(rate(100_000_000) > 2.0 * rate(1_000_000));
    let before = DeviceState { uplink_bps: Some(1_000_000), ..wifi() };
    let mut link = Link::prior(&before, 0.0).unwrap();
    link.learn(&exchange(&link, 1.0, 0.02, 125e3, 200e3), &before, 3.0);
    let after = DeviceState { uplink_bps: Some(10_000_000), ..wifi() };
    let (before, after) = (link.at(&before, 4.0), link.at(&after, 4.0));
    assert!(after.up > 9.0 * before.up && after.up_variance > before.up_variance);
}

#[test]
fn a_server_that_does_not_say_what_it_took_is_told_apart_from_the_link() {
    let mut link = Link::prior(&wifi(), 0.0).unwrap();
    for turn in 1..30 {
        let now = f64::from(turn);
        link.learn(&exchange(&link, now, 0.02, 2e6, 500.0), &wifi(), now);
    }
    let mut seen = exchange(&link, 31.0, 0.02, 2e6, 500.0);
    seen.time += 0.4;
    seen.server = Some((0.1, 1.0));
    let server = link.learn(&seen, &wifi(), 31.4).unwrap();
    assert!((0.25..0.5).contains(&server), "{server}");
    assert!((link.at(&wifi(), 31.5).rtt / 0.02).ln().abs() < 0.3);
}

#[test]
fn a_cellular_radio_falls_asleep_and_a_connection_closes() {
    let lte = DeviceState { network: NetworkKind::Cellular4g, ..DeviceState::default() };
    let mut link = Link::prior(&lte, 0.0).unwrap();
    link.learn(&exchange(&link, 1.0, 0.06, 7e5, 1e3), &lte, 1.1);
    let soon = link.at(&lte, 2.0);
    assert!(soon.connected && !soon.asleep);
    let later = link.at(&lte, 20.0);
    assert!(later.connected && later.asleep);
    assert!(!link.at(&lte, 40.0).connected);
    link.fail(&lte, 21.0);
    assert!(!link.at(&lte, 21.0).connected);
}

#[test]
fn nothing_is_known_of_an_unknown_network_until_it_is_used() {
    let unknown = DeviceState::default();
    assert!(Link::prior(&unknown, 0.0).is_none());
    let mut link = Link::unknown(&unknown, 0.0);
    for turn in 1..10 {
        let now = f64::from(turn);
        link.learn(&exchange(&link, now, 0.01, 1e7, 500.0), &unknown, now);
    }
    assert!((link.at(&unknown, 10.0).rtt / 0.01).ln().abs() < 0.1);
}

#[test]
fn a_request_that_took_long_has_measured_a_rate_that_was_believed_far_too_high() {
    let weighed = |rate: f64| {
        let mut link = Link::prior(&wifi(), 0.0).unwrap();
        link.learn(&exchange(&link, 1.0, 0.06, rate, 0.0), &wifi(), 1.1);
        link.learn(&exchange(&link, 2.0, 0.06, rate, 60e3), &wifi(), 3.0);
        link.weighed.is_some()
    };
    // At the rate that was believed 60 kB are sent in round trips; at 0.8 Mbit/s they take ten times as long.
    assert!(weighed(1e5));
    assert!(!weighed(1e9));
}

#[test]
fn a_round_trip_that_is_quite_another_makes_the_rate_a_question() {
    let weighed = |rtt: f64| {
        let mut link = Link::prior(&wifi(), 0.0).unwrap();
        link.learn(&exchange(&link, 1.0, 0.06, 1e6, 200e3), &wifi(), 2.0);
        assert!(!link.moved_since_weighed());
        link.learn(&exchange(&link, 3.0, rtt, 1e6, 0.0), &wifi(), 3.5);
        link.moved_since_weighed()
    };
    assert!(!weighed(0.06) && !weighed(0.08));
    assert!(weighed(0.3) && weighed(0.01));
}
