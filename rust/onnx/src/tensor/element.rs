//! Rust types that are element types.

use half::{bf16, f16};

use crate::data_type::DataType;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is an ONNX element type of whole bytes. Sealed.
pub trait Element: sealed::Sealed + Copy {
    /// The element type.
    const DATA_TYPE: DataType;

    /// The element's width in bytes.
    #[doc(hidden)]
    const WIDTH: usize;

    /// Appends the little-endian bytes.
    #[doc(hidden)]
    fn write(self, bytes: &mut Vec<u8>);

    /// Reads one element from `WIDTH` little-endian bytes.
    #[doc(hidden)]
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! elements {
    ($($rust:ty => $onnx:ident),* $(,)?) => {$(
        impl sealed::Sealed for $rust {}

        impl Element for $rust {
            const DATA_TYPE: DataType = DataType::$onnx;
            const WIDTH: usize = size_of::<$rust>();

            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn read(bytes: &[u8]) -> Self {
                let mut array = [0; size_of::<$rust>()];
                array.copy_from_slice(bytes);
                Self::from_le_bytes(array)
            }
        }
    )*};
}

elements! {
    f16 => Float16,
    bf16 => Bfloat16,
    f32 => Float32,
    f64 => Float64,
    u8 => Uint8,
    u16 => Uint16,
    u32 => Uint32,
    u64 => Uint64,
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
}

impl sealed::Sealed for bool {}

impl Element for bool {
    const DATA_TYPE: DataType = DataType::Bool;
    const WIDTH: usize = 1;

    fn write(self, bytes: &mut Vec<u8>) {
        bytes.push(self.into());
    }

    fn read(bytes: &[u8]) -> Self {
        bytes.iter().any(|&byte| byte != 0)
    }
}
