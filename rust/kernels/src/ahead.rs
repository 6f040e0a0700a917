//! Weights that are fetched towards a cache before they are used.
//!
//! On x86 from two places in turns: a processor that fetches ahead by itself stays inside of a page for each place that is read, so that
//! from one place weights that lie in no cache come at half of the pace that the memory has, or less.

use std::ops::Range;

/// What one tile fetches of the weights that the next tiles will want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ahead {
    places: [*const u8; 2],
    /// Bytes from one place fetched to the next, where every step fetches from both.
    step: usize,
}

impl Ahead {
    pub(crate) const NOTHING: Self = Self { places: [std::ptr::null(); 2], step: 0 };

    /// The share of some of so many tiles in `weights`, which each of them fetches over so many steps.
    pub(crate) fn new<T>(weights: &[T], own: &Range<usize>, tiles: usize, steps: usize) -> Self {
        let share = size_of_val(weights) / tiles.max(1);
        let first = weights.as_ptr().cast::<u8>().wrapping_add(own.start * share);
        let half = share * own.len() / 2;
        Self { places: [first, first.wrapping_add(half)], step: share.div_ceil(2 * steps.max(1)) }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.step == 0
    }

    /// Where to fetch in a step of which this is the only fetch until so many steps later.
    #[inline(always)]
    pub(crate) fn alternate(&mut self, steps: usize) -> *const u8 {
        let [now, later] = self.places;
        self.places = [later, now.wrapping_add(2 * self.step * steps)];
        now
    }

    /// Where to fetch in as many steps, from one place only: without the instructions that turns take.
    #[inline(always)]
    pub(crate) fn straight(&mut self, steps: usize) -> *const u8 {
        let now = self.places[0];
        self.places[0] = now.wrapping_add(2 * self.step * steps);
        now
    }

    /// Where to fetch in a step that fetches twice: few products wait for much of the memory.
    #[inline(always)]
    pub(crate) fn both(&mut self) -> [*const u8; 2] {
        let now = self.places;
        self.places = now.map(|place| place.wrapping_add(self.step));
        now
    }
}

#[cfg(test)]
mod tests {
    use super::Ahead;

    /// What the tiles of two threads fetch, in bytes from the first of the weights.
    fn fetched(
        weights: &[f32],
        (tiles, steps): (usize, usize),
        fetch: impl Fn(&mut Ahead) -> Vec<*const u8>,
    ) -> Vec<usize> {
        let mut all = Vec::new();
        for own in [0..tiles / 2, tiles / 2..tiles] {
            let mut ahead = Ahead::new(weights, &own, tiles, steps);
            for _ in 0..steps * own.len() {
                all.extend(fetch(&mut ahead).iter().map(|place| place.addr() - weights.as_ptr().addr()));
            }
        }
        all.sort_unstable();
        all
    }

    #[test]
    fn all_tiles_together_fetch_every_line_of_the_weights_once() {
        let weights = vec![0.0_f32; 64 * 32];
        let lines: Vec<usize> = (0..size_of_val(&*weights)).step_by(64).collect();
        assert_eq!(fetched(&weights, (2, 64), |ahead| vec![ahead.alternate(1)]), lines);
        assert_eq!(fetched(&weights, (8, 16), |ahead| vec![ahead.alternate(1)]), lines);
        assert_eq!(fetched(&weights, (2, 64), |ahead| vec![ahead.straight(1)]), lines);
        assert_eq!(fetched(&weights, (1, 64), |ahead| ahead.both().to_vec()), lines);
    }

    #[test]
    fn two_places_take_turns_half_of_a_share_apart() {
        let weights = vec![0.0_f32; 64 * 32];
        let first = weights.as_ptr().cast::<u8>();
        let mut ahead = Ahead::new(&weights, &(0..2), 2, 64);
        let places: Vec<_> = (0..4).map(|_| ahead.alternate(1)).collect();
        let expected = [0, 4096, 64, 4096 + 64].map(|at| first.wrapping_add(at));
        assert_eq!(places, expected);
    }
}
