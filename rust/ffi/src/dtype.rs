//! Element types.

use crate::TandemFailure;

/// Declares an enum that mirrors one of the core, and the conversions to and from it.
///
/// The core's may grow, so the way from it is fallible: a variant that is missing here is a defect, not a panic.
macro_rules! mirror {
    (
        $(#[$meta:meta])*
        enum $name:ident of $core:ty { $($(#[$doc:meta])* $variant:ident,)* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl From<$name> for $core {
            fn from(value: $name) -> Self {
                match value { $($name::$variant => Self::$variant,)* }
            }
        }

        impl TryFrom<$core> for $name {
            type Error = $crate::TandemFailure;

            fn try_from(value: $core) -> Result<Self, Self::Error> {
                match value {
                    $(<$core>::$variant => Ok(Self::$variant),)*
                    value => Err($crate::TandemFailure::internal(format!("the facade has no name for {value}"))),
                }
            }
        }
    };
}

pub(crate) use mirror;

mirror! {
    /// The element type of a tensor.
    enum DType of tandem::DType {
        /// One byte an element, 0 or 1.
        Bool,
        /// 8-bit unsigned integer.
        U8,
        /// 16-bit unsigned integer.
        U16,
        /// 32-bit unsigned integer.
        U32,
        /// 64-bit unsigned integer.
        U64,
        /// 8-bit signed integer.
        I8,
        /// 16-bit signed integer.
        I16,
        /// 32-bit signed integer.
        I32,
        /// 64-bit signed integer.
        I64,
        /// IEEE 754 half precision.
        F16,
        /// IEEE 754 single precision.
        F32,
        /// IEEE 754 double precision.
        F64,
        /// UTF-8 text of any length.
        String,
    }
}

/// A shape in the core's numbers. A size beyond the address space is refused.
pub(crate) fn sizes(shape: Vec<u64>) -> Result<Vec<usize>, TandemFailure> {
    let size = |size: u64| {
        usize::try_from(size).map_err(|_| {
            TandemFailure::resource_limit(format!("a dimension of {size} is too large for this device"))
        })
    };
    shape.into_iter().map(size).collect()
}

/// A count or size in the boundary's numbers.
pub(crate) fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_type_of_the_core_goes_there_and_back() {
        for dtype in tandem::DType::ALL {
            let mirrored = DType::try_from(dtype).unwrap();
            assert_eq!(tandem::DType::from(mirrored), dtype);
        }
    }
}
