//! Values, comparisons, and how many cases.

use proptest::test_runner::Config;
use tandem_kernels::{
    InstructionSet, KernelError, Packed, Restorer, Save, Saver, Threads, blocked_len, to_blocked, to_planar,
};

/// `count` random cases of a law, other ones in every run. `PROPTEST_CASES`, which is 256 where it is not set, makes them more
/// or fewer in proportion.
pub(crate) fn cases(count: u32) -> Config {
    let config = Config::default();
    let cases = if cfg!(miri) { 3 } else { (count * config.cases).div_ceil(256) };
    Config { cases, failure_persistence: None, ..config }
}

/// Numbers from −1 to 1, the same for the same seed.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A slice of floats that begins off every vector's boundary.
pub(crate) struct Unaligned(Vec<f32>);

impl Unaligned {
    pub(crate) fn new(values: &[f32]) -> Self {
        let mut own = vec![0.0; 1];
        own.extend_from_slice(values);
        Self(own)
    }

    pub(crate) fn get(&mut self) -> &mut [f32] {
        &mut self.0[1..]
    }
}

/// A blocked image whose lanes beyond the channels are NaN, which must not reach any result.
pub(crate) fn poisoned(
    set: InstructionSet,
    [batch, channels, pixels]: [usize; 3],
    planar: &[f32],
) -> Unaligned {
    let lanes = set.lanes();
    let mut blocked = vec![0.0; blocked_len(set, batch, channels, pixels).unwrap()];
    to_blocked(set, [batch, channels, pixels], planar, &mut blocked).unwrap();
    let blocks = channels.div_ceil(lanes);
    for (index, value) in blocked.iter_mut().enumerate() {
        let (block, lane) = (index / (pixels * lanes) % blocks, index % lanes);
        if block * lanes + lane >= channels {
            *value = f32::NAN;
        }
    }
    Unaligned::new(&blocked)
}

/// Room for a blocked image, with NaN where nothing is written.
pub(crate) fn room(set: InstructionSet, [batch, channels, pixels]: [usize; 3]) -> Unaligned {
    Unaligned::new(&vec![f32::NAN; blocked_len(set, batch, channels, pixels).unwrap()])
}

pub(crate) fn planar(set: InstructionSet, shape: [usize; 3], blocked: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; shape.iter().product()];
    to_planar(set, shape, blocked, &mut out).unwrap();
    out
}

/// The first place where two results differ by more than `tolerance` times what was summed there.
pub(crate) fn difference(got: &[f32], expected: &[Sum], tolerance: f64) -> Option<String> {
    assert_eq!(got.len(), expected.len());
    let apart = |(_, (got, sum)): &(usize, (&f32, &Sum))| {
        let distance = (f64::from(**got) - sum.value).abs();
        // NaN, which must not be there, differs from everything.
        distance.is_nan() || distance > tolerance * (sum.size + 1e-3)
    };
    let found = got.iter().zip(expected).enumerate().find(apart);
    found.map(|(index, (got, sum))| format!("{index}: {got}, expected {sum:?}"))
}

/// A result and the sum of the sizes of its terms, to which its rounding is in proportion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    pub(crate) value: f64,
    pub(crate) size: f64,
}

/// What is compared to the last bit.
pub(crate) trait Bits: Copy {
    /// What lies in a place that nobody has written.
    const UNWRITTEN: Self;

    fn bits(self) -> u32;
}

impl Bits for f32 {
    const UNWRITTEN: Self = f32::NAN;

    fn bits(self) -> u32 {
        self.to_bits()
    }
}

impl Bits for u8 {
    const UNWRITTEN: Self = 7;

    fn bits(self) -> u32 {
        self.into()
    }
}

/// Holds that `run` writes what it has written on one thread when several share its smallest parts.
pub(crate) fn same_on_threads<T: Bits>(expected: &[T], run: impl Fn(&mut [T])) {
    for count in if cfg!(miri) { 2..3 } else { 2..5 } {
        let mut out = vec![T::UNWRITTEN; expected.len()];
        Threads::with_grain(count, 1).run(|| run(&mut out));
        let apart = (0..out.len()).find(|&index| out[index].bits() != expected[index].bits());
        assert_eq!(apart, None, "with {count} threads");
    }
}

/// Holds that `run` writes what another has written.
pub(crate) fn same<T: Bits>(expected: &[T], run: impl Fn(&mut [T])) {
    let mut out = vec![T::UNWRITTEN; expected.len()];
    run(&mut out);
    let apart = (0..out.len()).find(|&index| out[index].bits() != expected[index].bits());
    assert_eq!(apart, None);
}

/// A kernel as it comes back from bytes, of which none may be missing.
pub(crate) fn restored<K: Save>(kernel: &K) -> K {
    let mut saver = Saver::default();
    kernel.save(&mut saver);
    let (parameters, packed) = saver.into_parts();
    let copy = |bytes: &[u8]| {
        let fill = |to: &mut [u8]| {
            to.copy_from_slice(bytes);
            Ok::<(), KernelError>(())
        };
        Packed::fill(bytes.len(), fill).unwrap()
    };
    let packed: Vec<Packed> = packed.iter().map(|packed| copy(packed.as_bytes())).collect();
    for end in (0..parameters.len()).step_by(1 + parameters.len() / 50) {
        assert!(K::restore(&mut Restorer::new(&parameters[..end], &packed)).is_err(), "{end} bytes");
    }
    for (index, whole) in packed.iter().enumerate() {
        let mut damaged = packed.clone();
        damaged[index] = copy(&whole.as_bytes()[4..]);
        assert!(K::restore(&mut Restorer::new(&parameters, &damaged)).is_err(), "packed {index} too short");
        assert!(K::restore(&mut Restorer::new(&parameters, &packed[..index])).is_err(), "{index} packed");
    }
    let mut restorer = Restorer::new(&parameters, &packed);
    let kernel = K::restore(&mut restorer).unwrap();
    assert!(restorer.is_empty());
    kernel
}
