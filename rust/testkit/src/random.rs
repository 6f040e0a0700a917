//! Numbers that look random and are the same everywhere.

/// A splitmix64 generator: not secret, but equal on every machine and in every version.
///
/// Written here because weights and damaged files must never change under a test, and the crates that
/// draw numbers do change their distributions from one major version to the next.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The generator of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// The next number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let scaled = (u128::from(self.bits()) * bound as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }

    /// The next float between `-bound` and `bound`, in steps exact in binary.
    pub fn float(&mut self, bound: f32) -> f32 {
        let [low, high, ..] = self.bits().to_le_bytes();
        let unit = f32::from(u16::from_le_bytes([low, high])) / 65_536.0;
        (2.0 * unit - 1.0) * bound
    }

    /// The next `count` floats between `-bound` and `bound`.
    pub fn floats(&mut self, count: usize, bound: f32) -> Vec<f32> {
        (0..count).map(|_| self.float(bound)).collect()
    }

    /// The next number from 0 to 1, 1 itself left out.
    pub fn unit(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
        let bits = (self.bits() >> 11) as f64;
        bits * 2.0_f64.powi(-53)
    }

    /// The next number of the normal distribution of mean 0 and standard deviation 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// The next number of the exponential distribution of that mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn the_numbers_are_those_of_splitmix64() {
        let mut random = Random::new(1_234_567);
        let expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!([random.bits(), random.bits(), random.bits()], expected);
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new(7);
        assert_eq!(random.below(0), 0);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[random.below(5)] = true;
            assert!(random.float(0.5).abs() <= 0.5);
        }
        assert_eq!(seen, [true; 5]);
    }

    #[test]
    fn distributions_have_their_moments() {
        let mut random = Random::new(11);
        let count = 20_000;
        let mean = |draw: &mut dyn FnMut() -> f64| (0..count).map(|_| draw()).sum::<f64>() / f64::from(count);
        assert!((mean(&mut || random.unit()) - 0.5).abs() < 0.01);
        assert!((mean(&mut || random.normal().powi(2)) - 1.0).abs() < 0.05);
        assert!((mean(&mut || random.exponential(3.0)) - 3.0).abs() < 0.1);
    }
}
