//! Which instructions the processor has.

use std::fmt;
use std::sync::OnceLock;

use crate::KernelError;

/// A set of vector instructions that this processor has been seen to have.
///
/// Values come from [`InstructionSet::best`] and [`InstructionSet::available`] alone: holding one is the proof that
/// its instructions may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InstructionSet(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// Whether the kernels in plain Rust are built in. Where every processor of the target has NEON, nothing but tests would call
/// them, and a release does without: their code alone is 220 kB of the library that an app carries.
pub(crate) const PORTABLE: bool = cfg!(any(debug_assertions, miri, not(target_feature = "neon")));

/// What every set for AVX2 takes for granted.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("bmi2")
}

/// What every set for AVX-512 takes for granted.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) fn has_avx512() -> bool {
    has_avx2()
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
}

/// What [`InstructionSet::best`] has said.
static BEST: OnceLock<InstructionSet> = OnceLock::new();

impl InstructionSet {
    /// The fastest set of this processor, or the one that [`prefer`](Self::prefer) has put in its place.
    pub fn best() -> Self {
        *BEST.get_or_init(|| Self::available().first().copied().unwrap_or(Self(Kind::Portable)))
    }

    /// Makes this the set that [`best`](Self::best) gives, for as long as the process lives: to measure what a lesser processor would
    /// do. Gives whether it is; not where another was given out before.
    pub fn prefer(self) -> bool {
        *BEST.get_or_init(|| self) == self
    }

    /// All sets of this processor, the fastest first; plain Rust is the last, which optimised builds for targets that always have
    /// NEON leave out.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if has_avx512() {
                sets.push(Self(Kind::Avx512));
            }
            if has_avx2() {
                sets.push(Self(Kind::Avx2));
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        if std::arch::is_aarch64_feature_detected!("neon") {
            sets.push(Self(Kind::Neon));
        }
        if PORTABLE {
            sets.push(Self(Kind::Portable));
        }
        sets
    }

    /// The set of that name, if this processor has it.
    pub fn named(name: &str) -> Result<Self, KernelError> {
        let found = Self::available().into_iter().find(|set| set.name() == name);
        found.ok_or_else(|| KernelError::Unavailable { name: name.to_owned() })
    }

    /// `avx512`, `avx2`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    /// How many channels lie side by side in the blocked layout of this set.
    pub fn lanes(self) -> usize {
        crate::simd::with_simd!(self, S => <S as crate::simd::Simd>::LANES)
    }

    pub(crate) fn kind(self) -> Kind {
        #[cfg(target_arch = "aarch64")]
        if !PORTABLE {
            return Kind::Neon;
        }
        self.0
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
