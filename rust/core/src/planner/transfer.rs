//! How long bytes take over a link.
//!
//! A model of TCP: after a pause the sender may have only a small window of bytes under way, which doubles every round
//! trip until the window covers what the link carries in one (RFC 6928 gives the first window, RFC 5681 the doubling).
//! For a request of some hundred kilobytes over a fast and distant link most of the time is spent in those rounds, which
//! bytes divided by rate does not see.

/// Payload of a TCP segment on most paths, in bytes.
const SEGMENT: f64 = 1460.0;

/// The window after a pause: ten segments (RFC 6928), in bytes.
pub(crate) const INITIAL_WINDOW: f64 = 10.0 * SEGMENT;

/// What Linux and Android add to the round trip for the retransmission time-out, in seconds, where it wavers little.
const TIMEOUT_MARGIN: f64 = 0.2;

/// The window, in bytes, from which one direction starts `idle` seconds after it last sent with `window`: halved for each
/// retransmission time-out of silence, down to [`INITIAL_WINDOW`] (RFC 2861; Linux's `tcp_cwnd_restart`).
pub(crate) fn starting_window(window: f64, idle: f64, rtt: f64) -> f64 {
    /// No system lets a window grow further: 1 Gbit/s over 250 ms.
    const LARGEST: f64 = 33_554_432.0;
    let (mut window, mut silences) = (window.min(LARGEST), idle / (TIMEOUT_MARGIN + rtt));
    // Of all that a plan asks for, the halvings of a window were a twentieth as a power of two.
    while silences >= 1.0 && window > INITIAL_WINDOW {
        window *= 0.5;
        silences -= 1.0;
    }
    window.max(INITIAL_WINDOW)
}

/// What sending takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upload {
    /// Seconds from the first byte sent until the last is on its way.
    pub(crate) seconds: f64,
    /// Those of them that are whole round trips, waited for because the window was full: they fall with the round trip.
    pub(crate) waiting: f64,
    /// The rest, in which the link was full: they fall with the rate.
    pub(crate) flowing: f64,
    /// The window at the end, in bytes.
    pub(crate) window: f64,
}

/// Sends `bytes` over a link of round-trip time `rtt` in seconds and rate `rate` in bytes per second, beginning with
/// `window` bytes under way.
///
/// What was sent last is acknowledged, too, and widens the window where at least half of it was in use (RFC 7661).
///
/// Never shorter at a lower rate or over a longer round trip: it is the largest of lines that all fall with the rate.
#[inline]
pub(crate) fn upload(bytes: f64, rtt: f64, rate: f64, window: f64) -> Upload {
    let (mut window, mut left, mut waiting) = (window.max(INITIAL_WINDOW), bytes, 0.0);
    while left > window && window < rate * rtt {
        left -= window;
        waiting += rtt;
        window *= 2.0;
    }
    let flowing = left / rate;
    if 2.0 * left > window {
        window += left.min(window);
    }
    Upload { seconds: waiting + flowing, waiting, flowing, window }
}

/// Round trips until a connection stands: one for TCP, one more for TLS 1.3 (RFC 8446).
pub(crate) const fn handshakes(tls: bool) -> f64 {
    if tls { 2.0 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(bytes: f64, rtt: f64, rate: f64) -> f64 {
        upload(bytes, rtt, rate, INITIAL_WINDOW).seconds
    }

    #[test]
    fn the_worked_examples_hold() {
        // 50 KB and 150 KB at 60 ms and 15 Mbit/s, round trip included.
        assert!((seconds(50_000.0, 0.06, 15e6 / 8.0) + 0.06 - 0.183).abs() < 1e-3);
        assert!((seconds(150_000.0, 0.06, 15e6 / 8.0) + 0.06 - 0.265).abs() < 1e-3);
        // At 2 Mbit/s the window covers the link almost from the start.
        assert!((seconds(50_000.0, 0.06, 2e6 / 8.0) - 0.2).abs() < 2e-3);
    }

    #[test]
    fn a_window_stays_open_between_requests_that_follow_each_other() {
        assert!((starting_window(200e3, 0.1, 0.05) - 200e3).abs() < 1e-9);
        assert!((starting_window(200e3, 0.3, 0.05) - 100e3).abs() < 1e-9);
        assert!((starting_window(200e3, 0.3, 0.2) - 200e3).abs() < 1e-9);
        assert!((starting_window(200e3, 2.0, 0.05) - INITIAL_WINDOW).abs() < 1e-9);
        assert!((starting_window(200e3, f64::INFINITY, 0.05) - INITIAL_WINDOW).abs() < 1e-9);
        assert!((starting_window(1.0, 0.0, 0.05) - INITIAL_WINDOW).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn a_better_link_is_never_slower(
            bytes in 0.0..1e9_f64, rtt in 0.0..5.0_f64, rate in 1e2..1e10_f64, gain in 1.0..100.0_f64,
        ) {
            let time = seconds(bytes, rtt, rate);
            prop_assert!(seconds(bytes, rtt, rate * gain) <= time * (1.0 + 1e-12));
            prop_assert!(seconds(bytes, rtt / gain, rate) <= time * (1.0 + 1e-12));
            prop_assert!(seconds(bytes / gain, rtt, rate) <= time * (1.0 + 1e-12));
            prop_assert!(time.is_finite() && time >= bytes / rate * (1.0 - 1e-12));
        }
    }
}
