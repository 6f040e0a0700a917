use super::*;

/// Sends `bytes` in pieces as a connection of that window does that always has more; says when the last has arrived.
fn transfer(window: &mut Option<Window>, state: LinkState, begin: Duration, bytes: usize) -> Duration {
    let mut lane = Lane::default();
    let (mut left, mut arrived) = (bytes, begin);
    let mut ready = begin;
    while left > 0 {
        let limit = window.as_mut().map_or(usize::MAX, |window| window.piece(ready));
        let count = left.min(limit).min(piece(Direction::Up.rate(&state)));
        if let Some(window) = window {
            ready = window.admit(ready, count);
        }
        let departure = lane.send(&|_| state, Direction::Up, ready, count);
        arrived = departure.finished + departure.delay;
        if let Some(window) = window {
            window.sent(count, departure.finished, arrived + departure.delay);
        }
        left -= count;
    }
    arrived
}

fn link(megabits: f64, delay_ms: u64) -> LinkState {
    LinkState::new(megabits * 1e6, Duration::from_millis(2 * delay_ms))
}

/// The formula by which the planner predicts an upload: rounds of a window that doubles, then the rate.
fn slow_start_formula(bytes: f64, round_trip: f64, bytes_per_second: f64) -> f64 {
    let (mut window, mut left, mut time) = (14_600.0, bytes, 0.0);
    while left > window && window / bytes_per_second < round_trip {
        left -= window;
        time += round_trip;
        window *= 2.0;
    }
    time + left / bytes_per_second
}

#[test]
fn without_slow_start_bytes_take_their_time_and_the_delay() {
    for (megabits, delay_ms, bytes) in [(0.5, 5, 100_000), (10.0, 40, 1_000_000), (200.0, 150, 20_000_000)] {
        let took = transfer(&mut None, link(megabits, delay_ms), Duration::from_secs(3), bytes);
        #[allow(clippy::cast_precision_loss, reason = "small numbers")]
        let expected = 3.0 + bytes as f64 * 8.0 / (megabits * 1e6) + delay_ms as f64 / 1000.0;
        assert!((took.as_secs_f64() - expected).abs() < 1e-3, "{took:?}, expected {expected} s");
    }
}

#[test]
fn slow_start_takes_what_the_formula_says() {
    for megabits in [0.5, 2.0, 10.0, 50.0, 200.0] {
        for delay_ms in [5, 40, 150] {
            for bytes in [10_000_u32, 50_000, 150_000, 600_000, 5_000_000] {
                let mut window = Some(Window::new());
                let took = transfer(&mut window, link(megabits, delay_ms), Duration::ZERO, bytes as usize);
                let round_trip = 2.0 * f64::from(u32::try_from(delay_ms).unwrap()) / 1000.0;
                let expected = slow_start_formula(f64::from(bytes), round_trip, megabits * 1e6 / 8.0);
                let took = took.as_secs_f64() - round_trip / 2.0;
                // The formula gives a window's last byte no time of its own: a round may be off by one.
                let slack = 0.1 * expected + round_trip + 0.005;
                assert!(
                    (took - expected).abs() < slack,
                    "{megabits} Mbit/s, {delay_ms} ms, {bytes}: {took} s, formula {expected} s"
                );
            }
        }
    }
}

#[test]
fn a_connection_that_was_quiet_starts_slowly_again() {
    let state = link(200.0, 50);
    let mut window = Some(Window::new());
    let cold = transfer(&mut window, state, Duration::ZERO, 400_000);
    let warm_begin = cold + Duration::from_millis(200);
    let warm = transfer(&mut window, state, warm_begin, 400_000).checked_sub(warm_begin).unwrap();
    let late_begin = warm_begin + Duration::from_secs(5);
    let late = transfer(&mut window, state, late_begin, 400_000).checked_sub(late_begin).unwrap();
    assert!(warm < Duration::from_millis(80), "{warm:?}");
    assert_eq!(late, cold);
    assert!(cold > Duration::from_millis(400), "{cold:?}");
}

#[test]
fn a_held_up_packet_halves_the_window_and_slows_its_growth() {
    let mut window = Window::new();
    let acknowledged = |window: &mut Window, at: u64| {
        window.admit(Duration::from_millis(at), SEGMENT);
        window.sent(SEGMENT, Duration::from_millis(at), Duration::from_millis(at));
    };
    (0..20).for_each(|at| acknowledged(&mut window, at));
    let before = window.size;
    window.shrink();
    assert_eq!(window.size, before / 2);
    (20..40).for_each(|at| acknowledged(&mut window, at));
    assert!(window.size > before / 2 && window.size < before / 2 + 4 * SEGMENT, "{}", window.size);
}

#[test]
fn connections_share_a_lane_in_order() {
    let state = link(8.0, 0);
    let mut lane = Lane::default();
    let mut send =
        |ready| lane.send(&|_| state, Direction::Down, Duration::from_millis(ready), 1000).finished;
    assert_eq!(send(0), Duration::from_millis(1));
    assert_eq!(send(0), Duration::from_millis(2));
    assert_eq!(send(10), Duration::from_millis(11));
}

#[test]
fn a_change_of_the_rate_within_a_piece_counts_from_then() {
    let schedule = |time: Duration| link(if time < Duration::from_millis(50) { 0.8 } else { 8.0 }, 0);
    // 5,000 bytes take 50 ms at 0.8 Mbit/s, 5,000 more 5 ms at 8 Mbit/s.
    let finished = Lane::default().send(&schedule, Direction::Up, Duration::ZERO, 10_000).finished;
    assert!(finished.abs_diff(Duration::from_millis(55)) < Duration::from_micros(10), "{finished:?}");
}

#[test]
fn rates_that_are_none_take_no_time_for_ever() {
    for rate in [0.0, -1e6, f64::NAN] {
        let state = link(rate / 1e6, 0);
        assert!(Direction::Up.rate(&state).abs() < f64::EPSILON);
        let departure = Lane::default().send(&|_| state, Direction::Up, Duration::ZERO, 1460);
        assert_eq!(departure.finished, Duration::ZERO);
    }
    let slow = link(1e-15, 0);
    assert_eq!(Lane::default().send(&|_| slow, Direction::Up, Duration::ZERO, 1460).finished, LONGEST);
    let endless = link(f64::INFINITY, 0);
    assert_eq!(
        Lane::default().send(&|_| endless, Direction::Up, Duration::ZERO, 1460).finished,
        Duration::ZERO
    );
    assert_eq!(piece(f64::INFINITY), 49_152);
    assert_eq!(piece(f64::NAN), SEGMENT);
}
