//! A step of the filter over round trip and rate: an iterated extended Kalman filter.
//!
//! What a large request takes falls with the rate only as long as the rate is what it waits for, so that the slope at what
//! was believed says little where the link has become ten times as fast. The step is therefore taken again with the slopes
//! where it leads to (Gauss-Newton), until it stays.

/// Steps at most: most stay after two or three.
const STEPS: usize = 8;
/// A step that moves a logarithm by less stays.
const STAYS: f64 = 1e-3;

/// The variances of two logarithms, and their covariance.
pub(super) type Spread = [f64; 3];

/// What would be seen of two logarithms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The logarithm of what would be seen.
    pub(super) log: f64,
    /// Its derivatives by the two.
    pub(super) slopes: [f64; 2],
    /// The variance of everything else in it.
    pub(super) noise: f64,
}

impl Look {
    /// The variance that the two, spread so, give to it.
    pub(super) fn variance(&self, [aa, bb, ab]: Spread) -> f64 {
        let [a, b] = self.slopes;
        (a * a * aa + b * b * bb + 2.0 * a * b * ab).max(0.0)
    }

    /// The covariances of the two with it.
    fn shares(&self, [aa, bb, ab]: Spread) -> [f64; 2] {
        let [a, b] = self.slopes;
        [a * aa + b * ab, a * ab + b * bb]
    }
}

/// What two logarithms that were believed to be `before`, spread by `spread`, are once `log` is seen of them.
pub(super) fn step(
    before: [f64; 2],
    spread: Spread,
    log: f64,
    look: impl Fn([f64; 2]) -> Look,
) -> ([f64; 2], Spread) {
    let at_first = look(before);
    // How unlikely a state is: by what was believed, and by what is seen.
    let cost = |state: [f64; 2]| {
        let [aa, bb, ab] = spread;
        let [da, db] = [state[0] - before[0], state[1] - before[1]];
        let determinant = (aa * bb - ab * ab).max(1e-12);
        let moved = (da * da * bb - 2.0 * da * db * ab + db * db * aa) / determinant;
        moved + (log - look(state).log).powi(2) / at_first.noise
    };
    // A time that was waited for in whole round trips falls in steps, between which a search may end: it begins where either
    // explains all of the surprise, too.
    let all = log - at_first.log;
    let starts = [[0.0, 0.0], [all, 0.0], [0.0, -all], [all, -all], [0.0, -3.0 * all]];
    let ends = starts.map(|[a, b]| descend([before[0] + a, before[1] + b], before, spread, log, &look, cost));
    let best = ends.into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let state = best.map_or(before, |(state, _)| state);
    let here = look(state);
    let ([to_a, to_b], all) = (here.shares(spread), here.variance(spread) + here.noise);
    let [aa, bb, ab] = spread;
    (state, [aa - to_a * to_a / all, bb - to_b * to_b / all, ab - to_a * to_b / all])
}

/// Where steps from `state` lead that make it less and less unlikely, and how unlikely it is there.
fn descend(
    mut state: [f64; 2],
    before: [f64; 2],
    spread: Spread,
    log: f64,
    look: impl Fn([f64; 2]) -> Look,
    cost: impl Fn([f64; 2]) -> f64,
) -> ([f64; 2], f64) {
    let mut least = cost(state);
    for _ in 0..STEPS {
        let here = look(state);
        let (shares, all) = (here.shares(spread), here.variance(spread) + here.noise);
        let back = here.slopes[0] * (before[0] - state[0]) + here.slopes[1] * (before[1] - state[1]);
        let surprise = log - here.log - back;
        let aim = [0, 1].map(|index| before[index] + shares[index] / all * surprise);
        // Halved until it leads somewhere better.
        let halves = [1.0, 0.5, 0.25, 0.125].into_iter();
        let mut nexts =
            halves.map(|part| [0, 1].map(|index| state[index] + part * (aim[index] - state[index])));
        let Some(next) = nexts.find(|&next| cost(next) <= least) else { break };
        let moved = [0, 1].map(|index| (next[index] - state[index]).abs());
        (state, least) = (next, cost(next));
        if moved[0].max(moved[1]) < STAYS {
            break;
        }
    }
    (state, least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(slopes: [f64; 2], noise: f64) -> impl Fn([f64; 2]) -> Look {
        move |[a, b]| Look { log: slopes[0] * a + slopes[1] * b, slopes, noise }
    }

    #[test]
    fn where_all_is_linear_it_is_the_plain_filter() {
        let (state, spread) = step([1.0, 2.0], [0.5, 2.0, 0.1], 5.0, linear([1.0, 0.5], 0.25));
        // Variance 0.5 + 0.5 + 0.1 = 1.1, of 1.35 with the noise; covariances 0.55 and 1.1; surprise 3.
        assert!((state[0] - (1.0 + 0.55 / 1.35 * 3.0)).abs() < 1e-9, "{state:?}");
        assert!((state[1] - (2.0 + 1.1 / 1.35 * 3.0)).abs() < 1e-9, "{state:?}");
        assert!((spread[0] - (0.5 - 0.55 * 0.55 / 1.35)).abs() < 1e-9, "{spread:?}");
    }

    #[test]
    fn a_rate_that_is_ten_times_what_was_believed_is_found_in_one_look() {
        // 20 ms, and 100 kB at e^b bytes a second.
        let look = |[_, b]: [f64; 2]| {
            let (fixed, flowing) = (0.02, 1e5 / f64::exp(b));
            let slope = -flowing / (fixed + flowing);
            Look { log: (fixed + flowing).ln(), slopes: [0.0, slope], noise: 1e-3 }
        };
        let truth = f64::ln(2.5e7);
        let seen = look([0.0, truth]).log;
        let (state, spread) = step([0.0, f64::ln(2e6)], [0.1, 4.0, 0.0], seen, look);
        assert!((state[1] - truth).abs() < 0.2, "{} for {truth}", state[1]);
        assert!(spread[1] < 0.1, "{spread:?}");
    }
}
