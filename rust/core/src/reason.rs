//! Why a placement was chosen or not.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares [`Reason`]: each variant with its code and its sentence, said once.
macro_rules! reasons {
    ($($variant:ident $code:literal $sentence:literal,)*) => {
        /// Why a placement was chosen or not. Stable in every language and over versions.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum Reason {
            $(#[doc = concat!("`", $code, "`: ", $sentence, ".")] $variant,)*
        }

        impl Reason {
            /// Every reason, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The reason as text: `mode_requires`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The reason as a sentence: `the mode asks for it`.
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }
    };
}

reasons! {
    ModeRequires "mode_requires" "the call or the mode asks for it",
    ModePrefers "mode_prefers" "the mode prefers it",
    ModeForbids "mode_forbids" "the mode forbids it",
    SensitivityForbids "sensitivity_forbids" "the sensitivity label forbids it",
    PrivateTensor "private_tensor" "what would leave the device is a private tensor or computed from one",
    NotDeployed "not_deployed" "the endpoint does not serve this tail",
    Default "default" "no rule prefers another place",
    NotFirst "not_first" "another place comes first",
    Metered "metered" "the network is metered and the request is large",
    Offline "offline" "the device has no network",
    Unreachable "unreachable" "the endpoint did not answer when it was last tried",
    CircuitOpen "circuit_open" "the endpoint failed several times and is left alone for a while",
    LowMemory "low_memory" "the device is short of memory",
    Deadline "deadline" "it would probably miss the deadline",
    Unpredicted "unpredicted" "too little is known of it to predict its cost",
    Best "best" "it is predicted to serve the objective best",
    Hysteresis "hysteresis" "it ran here last, and another place is not enough better to switch",
    Slower "slower" "it is predicted to take longer",
    Cold "cold" "the endpoint is predicted to start cold and to take longer for it",
    MoreEnergy "more_energy" "it is predicted to take more energy",
    MoreData "more_data" "it would move more bytes over the network",
    WorseBalance "worse_balance" "time, energy and bytes together are predicted to be worse",
    Fallback "fallback" "the place that was chosen first failed",
    Hedge "hedge" "this device was begun beside the endpoint and answered first",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_read_as_serde_writes_them() {
        for &reason in Reason::ALL {
            let code: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
                serde::de::IntoDeserializer::into_deserializer(reason.as_str());
            assert_eq!(Reason::deserialize(code), Ok(reason));
        }
    }
}
