//! Summaries of repeated measurements.

use std::time::Duration;

/// The value in the middle; of two the mean; zero of none.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let middle = times.len() / 2;
    match times.as_slice() {
        [] => Duration::ZERO,
        sorted if sorted.len() % 2 == 1 => sorted[middle],
        sorted => (sorted[middle - 1] + sorted[middle]) / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        let median_of =
            |times: &[u64]| median(times.iter().copied().map(Duration::from_millis).collect()).as_millis();
        assert_eq!(median_of(&[]), 0);
        assert_eq!(median_of(&[3]), 3);
        assert_eq!(median_of(&[9, 1, 2]), 2);
        assert_eq!(median_of(&[4, 1, 2, 9]), 3);
    }
}
