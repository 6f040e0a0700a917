//! Elements in and out of a tensor message.

use bytes::Bytes;

use super::{Element, TensorError, TensorProto};
use crate::data_type::DataType;

impl TensorProto {
    /// A tensor of `values`, stored in `raw_data`.
    ///
    /// ```
    /// use tandem_onnx::TensorProto;
    ///
    /// let weights = TensorProto::from_slice("w", &[2, 2], &[1.0_f32, 2.0, 3.0, 4.0])?;
    /// assert_eq!(weights.byte_len()?, 16);
    /// assert_eq!(weights.to_vec::<f32>()?, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), tandem_onnx::TensorError>(())
    /// ```
    pub fn from_slice<T: Element>(
        name: impl Into<String>,
        dims: &[usize],
        values: &[T],
    ) -> Result<Self, TensorError> {
        let mut tensor = Self::empty(name, T::DATA_TYPE, dims)?;
        tensor.require_length("values", tensor.elements()?, values.len())?;
        let mut raw = Vec::with_capacity(values.len() * T::WIDTH);
        for &value in values {
            value.write(&mut raw);
        }
        tensor.raw_data = raw.into();
        Ok(tensor)
    }

    /// A tensor of any type but string over bytes that are in `raw_data`'s form already:
    /// little-endian, types below eight bits packed. The bytes are not copied.
    pub fn from_raw(
        name: impl Into<String>,
        data_type: DataType,
        dims: &[usize],
        raw: Bytes,
    ) -> Result<Self, TensorError> {
        let mut tensor = Self::empty(name, data_type, dims)?;
        tensor.require_length("bytes", tensor.byte_len()?, raw.len())?;
        tensor.raw_data = raw;
        Ok(tensor)
    }

    /// A tensor of strings.
    pub fn from_strings<S: AsRef<str>>(
        name: impl Into<String>,
        dims: &[usize],
        values: &[S],
    ) -> Result<Self, TensorError> {
        let mut tensor = Self::empty(name, DataType::String, dims)?;
        tensor.require_length("values", tensor.elements()?, values.len())?;
        tensor.string_data =
            values.iter().map(|value| Bytes::copy_from_slice(value.as_ref().as_bytes())).collect();
        Ok(tensor)
    }

    /// The elements as little-endian bytes, [`byte_len`](Self::byte_len) of them, whichever field
    /// they are stored in. Not copied when they are in `raw_data`.
    pub fn to_raw(&self) -> Result<Bytes, TensorError> {
        self.require_inline()?;
        let data_type = self.element_type()?;
        let length = self.byte_len()?;
        let raw =
            if self.raw_data.is_empty() { self.pack_typed_field(data_type)? } else { self.raw_data.clone() };
        self.require_length("bytes", length, raw.len())?;
        Ok(raw)
    }

    /// The elements as values of their Rust type, whichever field they are stored in.
    pub fn to_vec<T: Element>(&self) -> Result<Vec<T>, TensorError> {
        let data_type = self.element_type()?;
        if data_type != T::DATA_TYPE {
            return Err(self.wrong_type(T::DATA_TYPE.name(), data_type));
        }
        let raw = self.to_raw()?;
        Ok(raw.chunks_exact(T::WIDTH).map(T::read).collect())
    }

    /// The elements of a tensor of strings.
    pub fn to_strings(&self) -> Result<Vec<&str>, TensorError> {
        self.require_inline()?;
        let data_type = self.element_type()?;
        if data_type != DataType::String {
            return Err(self.wrong_type(DataType::String.name(), data_type));
        }
        self.require_length("values", self.elements()?, self.string_data.len())?;
        let text = |(index, bytes)| {
            std::str::from_utf8(bytes).map_err(|_| TensorError::NotUtf8 { name: self.name.clone(), index })
        };
        self.string_data.iter().map(Bytes::as_ref).enumerate().map(text).collect()
    }

    fn empty(name: impl Into<String>, data_type: DataType, dims: &[usize]) -> Result<Self, TensorError> {
        let name = name.into();
        let signed: Result<Vec<i64>, _> = dims.iter().map(|&size| i64::try_from(size)).collect();
        match signed {
            Ok(dims) => Ok(Self { name, data_type: data_type.number(), dims, ..Self::default() }),
            Err(_) => Err(TensorError::TooLarge { name, dims: vec![i64::MAX] }),
        }
    }

    /// The bytes that `raw_data` would hold had the writer used it.
    fn pack_typed_field(&self, data_type: DataType) -> Result<Bytes, TensorError> {
        match data_type {
            DataType::Float32 | DataType::Complex64 => Ok(pack(&self.float_data)),
            DataType::Float64 | DataType::Complex128 => Ok(pack(&self.double_data)),
            DataType::Int64 => Ok(pack(&self.int64_data)),
            DataType::Uint64 => Ok(pack(&self.uint64_data)),
            DataType::Int32 => Ok(pack(&self.int32_data)),
            DataType::Uint32 => self.narrow::<u64, u32>(&self.uint64_data, data_type),
            DataType::Int16 => self.narrow::<i32, i16>(&self.int32_data, data_type),
            DataType::Int8 => self.narrow::<i32, i8>(&self.int32_data, data_type),
            // The small floats are stored as the unsigned integer of the same bits.
            DataType::Uint16 | DataType::Float16 | DataType::Bfloat16 => {
                self.narrow::<i32, u16>(&self.int32_data, data_type)
            }
            DataType::Float6E2M3 | DataType::Float6E3M2 => self.pack_six_bits(data_type),
            DataType::String => Err(self.wrong_type("a fixed size", data_type)),
            // One element, or a byte of several packed ones.
            DataType::Uint8
            | DataType::Bool
            | DataType::Float8E4M3Fn
            | DataType::Float8E4M3FnUz
            | DataType::Float8E5M2
            | DataType::Float8E5M2FnUz
            | DataType::Float8E8M0
            | DataType::Uint4
            | DataType::Int4
            | DataType::Float4E2M1
            | DataType::Uint2
            | DataType::Int2 => self.narrow::<i32, u8>(&self.int32_data, data_type),
        }
    }

    fn narrow<Wide, Narrow>(&self, values: &[Wide], data_type: DataType) -> Result<Bytes, TensorError>
    where
        Wide: Copy + ToString,
        Narrow: Element + TryFrom<Wide>,
    {
        let mut raw = Vec::with_capacity(values.len() * Narrow::WIDTH);
        for &value in values {
            Narrow::try_from(value).map_err(|_| self.out_of_range(&value, data_type))?.write(&mut raw);
        }
        Ok(raw.into())
    }

    /// Four elements to three bytes, the first in the lowest bits.
    fn pack_six_bits(&self, data_type: DataType) -> Result<Bytes, TensorError> {
        let mut raw = Vec::with_capacity(self.int32_data.len().div_ceil(4) * 3);
        for group in self.int32_data.chunks(4) {
            let mut bits = 0_u32;
            for (place, &value) in group.iter().enumerate() {
                let element = u32::try_from(value)
                    .ok()
                    .filter(|&element| element < 64)
                    .ok_or_else(|| self.out_of_range(&value, data_type))?;
                bits |= element << (6 * place);
            }
            let used = (6 * group.len()).div_ceil(8);
            raw.extend_from_slice(&bits.to_le_bytes()[..used]);
        }
        Ok(raw.into())
    }

    fn out_of_range(&self, value: &impl ToString, data_type: DataType) -> TensorError {
        TensorError::OutOfRange { name: self.name.clone(), value: value.to_string(), data_type }
    }
}

fn pack<T: Element>(values: &[T]) -> Bytes {
    let mut raw = Vec::with_capacity(values.len() * T::WIDTH);
    for &value in values {
        value.write(&mut raw);
    }
    raw.into()
}
