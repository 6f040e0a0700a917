//! Which instructions for products of bytes the processor has.

use std::fmt;
use std::sync::OnceLock;

use crate::KernelError;
use crate::isa;

/// A set of instructions for products of bytes that this processor has been seen to have, as
/// [`InstructionSet`](crate::InstructionSet) is for `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ByteSet(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni,
    #[cfg(target_arch = "x86_64")]
    AvxVnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    NeonDot,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// What [`ByteSet::best`] has said.
static BEST: OnceLock<ByteSet> = OnceLock::new();

impl ByteSet {
    /// The fastest set of this processor, or the one that [`prefer`](Self::prefer) has put in its place.
    pub fn best() -> Self {
        *BEST.get_or_init(|| Self::available().first().copied().unwrap_or(Self(Kind::Portable)))
    }

    /// Makes this the set that [`best`](Self::best) gives, as [`InstructionSet::prefer`](crate::InstructionSet::prefer) does.
    pub fn prefer(self) -> bool {
        *BEST.get_or_init(|| self) == self
    }

    /// All sets of this processor, the fastest first; plain Rust is the last, where
    /// [`InstructionSet`](crate::InstructionSet::available) has it.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            if isa::has_avx512() && is_x86_feature_detected!("avx512vnni") {
                sets.push(Self(Kind::Avx512Vnni));
            }
            if isa::has_avx2() && is_x86_feature_detected!("avxvnni") {
                sets.push(Self(Kind::AvxVnni));
            }
            if isa::has_avx2() {
                sets.push(Self(Kind::Avx2));
            }
        }
        #[cfg(all(target_arch = "aarch64", not(miri)))]
        if std::arch::is_aarch64_feature_detected!("neon") {
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                sets.push(Self(Kind::NeonDot));
            }
            sets.push(Self(Kind::Neon));
        }
        if isa::PORTABLE {
            sets.push(Self(Kind::Portable));
        }
        sets
    }

    /// The set of that name, if this processor has it.
    pub fn named(name: &str) -> Result<Self, KernelError> {
        let found = Self::available().into_iter().find(|set| set.name() == name);
        found.ok_or_else(|| KernelError::Unavailable { name: name.to_owned() })
    }

    /// `avx512-vnni`, `avx-vnni`, `avx2`, `neon-dot`, `neon` or `portable`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Vnni => "avx512-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::AvxVnni => "avx-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Kind::NeonDot => "neon-dot",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "neon",
            Kind::Portable => "portable",
        }
    }

    pub(crate) fn kind(self) -> Kind {
        #[cfg(target_arch = "aarch64")]
        if !isa::PORTABLE && self.0 == Kind::Portable {
            return Kind::Neon;
        }
        self.0
    }
}

impl fmt::Display for ByteSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
