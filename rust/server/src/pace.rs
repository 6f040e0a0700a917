//! How long jobs of a model have taken lately.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A job this short costs about as much where it is as handed to another thread and back, and holds nobody up for long.
const QUICK: Duration = Duration::from_micros(500);

/// Of how many jobs the mean is taken.
const WINDOW: u64 = 16;

/// Bodies of as many bytes or more are never quick.
const LARGEST: usize = 1 << 21;

/// A running mean of the time that jobs of a model take, for each order of magnitude of their bodies: what a model does
/// with a few bytes says nothing of what it does with many.
///
/// It starts high, so that a model is taken for quick only after it has been so for some hundred jobs, and one slow job
/// is remembered for a while.
pub(crate) struct Pace {
    /// Nanoseconds, by the logarithm of the body's bytes.
    means: [AtomicU64; LARGEST.ilog2() as usize],
}

impl Default for Pace {
    fn default() -> Self {
        Self { means: std::array::from_fn(|_| AtomicU64::new(1_000_000_000)) }
    }
}

impl Pace {
    /// Takes note of a job with a body of `bytes` that took `time`.
    pub(crate) fn note(&self, bytes: usize, time: Duration) {
        if let Some(place) = self.place(bytes) {
            let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            // Two threads may overwrite each other: a note that is lost does not matter.
            let mean = place.load(Ordering::Relaxed);
            place.store(mean - mean / WINDOW + time / WINDOW, Ordering::Relaxed);
        }
    }

    /// Whether the next job with a body of `bytes` is likely to be shorter than handing it over.
    pub(crate) fn is_quick(&self, bytes: usize) -> bool {
        let mean = self.place(bytes).map(|place| place.load(Ordering::Relaxed));
        mean.is_some_and(|mean| u128::from(mean) < QUICK.as_nanos())
    }

    fn place(&self, bytes: usize) -> Option<&AtomicU64> {
        self.means.get(bytes.max(1).ilog2() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pace: &Pace, jobs: usize, each: Duration) -> bool {
        for _ in 0..jobs {
            pace.note(100, each);
        }
        pace.is_quick(100)
    }

    #[test]
    fn a_model_is_quick_once_it_has_been_so_for_a_while() {
        let pace = Pace::default();
        assert!(!after(&pace, 100, Duration::from_micros(20)));
        assert!(after(&pace, 100, Duration::from_micros(20)));
        assert!(!after(&pace, 1, Duration::from_millis(20)));
        assert!(after(&pace, 200, Duration::from_micros(20)));
    }

    #[test]
    fn a_slow_model_never_is() {
        assert!(!after(&Pace::default(), 10_000, Duration::from_micros(550)));
    }

    #[test]
    fn small_bodies_say_nothing_of_large_ones() {
        let pace = Pace::default();
        assert!(after(&pace, 200, Duration::from_micros(20)));
        assert!(pace.is_quick(127));
        for bytes in [0, 1, 63, 128, 1 << 20, LARGEST, usize::MAX] {
            assert!(!pace.is_quick(bytes), "{bytes}");
        }
    }

    #[test]
    fn the_longest_times_do_not_overflow() {
        assert!(!after(&Pace::default(), 100, Duration::MAX));
    }
}
