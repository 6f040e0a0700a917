//! `.npy` files: every element type of a [`Tensor`], either byte order, C and Fortran order.
//!
//! Written as version 1.0 or 2.0, little-endian, C order. Object arrays (pickles) are refused. Text elements
//! have a fixed width and are filled with NUL, so that NULs at the end of a string are not kept.

mod header;

use std::io::{self, Write};

use bytemuck::pod_collect_to_vec;
use tandem::{Tensor, TensorError};

pub(crate) use header::ByteOrder;
use header::{Descriptor, Kind};

/// How many strings of width 0 are believed: no byte of the file bounds their number.
const MAX_EMPTY_STRINGS: usize = 1 << 20;

/// The bytes are not an array file that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NpyError {
    /// The file does not begin as one.
    #[error("it does not begin with the mark of an .npy file")]
    Magic,
    /// A version that this reader does not know.
    #[error("its version is {major}.{minor}, expected 1.0, 2.0 or 3.0")]
    Version {
        /// Before the dot.
        major: u8,
        /// After it.
        minor: u8,
    },
    /// The header cannot be understood.
    #[error("its header cannot be read: {0}")]
    Header(String),
    /// An element type that no tensor has.
    #[error("its elements are of type {0:?}, which no tensor has")]
    ElementType(String),
    /// More or fewer bytes than the shape takes.
    #[error("shape {shape:?} of {descriptor:?} takes {expected} bytes, the file has {got}")]
    Length {
        /// The declared shape.
        shape: Vec<usize>,
        /// The declared element type.
        descriptor: String,
        /// The bytes that they take.
        expected: usize,
        /// The bytes after the header.
        got: usize,
    },
    /// A text element that is not Unicode.
    #[error("element {index} is not valid text")]
    Text {
        /// Which.
        index: usize,
    },
    /// The elements make no tensor.
    #[error(transparent)]
    Tensor(#[from] TensorError),
}

/// Whether the bytes begin as an array file does.
pub(crate) fn is_npy(bytes: &[u8]) -> bool {
    bytes.starts_with(header::MAGIC)
}

/// The tensor in an array file.
pub(crate) fn read(file: &[u8]) -> Result<Tensor, NpyError> {
    let (header, data) = header::parse(file)?;
    let too_large = || TensorError::TooLarge { shape: header.shape.clone() };
    let element = header.descriptor.size();
    let count = header.shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    let count = count.ok_or_else(too_large)?;
    let expected = count.checked_mul(element).ok_or_else(too_large)?;
    if element == 0 && count > MAX_EMPTY_STRINGS {
        return Err(too_large().into());
    }
    if expected != data.len() {
        let (shape, descriptor) = (header.shape.clone(), header.descriptor.to_string());
        return Err(NpyError::Length { shape, descriptor, expected, got: data.len() });
    }
    let shape = header.shape;
    let order = if header.fortran_order { fortran_to_c(&shape) } else { None };
    let data = match order {
        Some(order) if element > 0 => {
            order.iter().flat_map(|&index| &data[index * element..][..element]).copied().collect()
        }
        _ => data.to_vec(),
    };
    match header.descriptor.kind {
        Kind::Plain(dtype) => {
            let bytes = to_native(data, element, header.descriptor.order);
            Ok(Tensor::from_bytes(dtype, shape, &bytes)?)
        }
        Kind::Bytes { width } => strings(shape, &data, width, |raw| {
            let end = raw.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            String::from_utf8(raw[..end].to_vec()).ok()
        }),
        Kind::Text { width } => {
            let bytes = to_native(data, 4, header.descriptor.order);
            strings(shape, &bytes, width * 4, |raw| {
                let points: Vec<u32> = pod_collect_to_vec(raw);
                let end = points.iter().rposition(|&point| point != 0).map_or(0, |last| last + 1);
                points[..end].iter().map(|&point| char::from_u32(point)).collect()
            })
        }
    }
}

fn strings(
    shape: Vec<usize>,
    data: &[u8],
    width: usize,
    decode: impl Fn(&[u8]) -> Option<String>,
) -> Result<Tensor, NpyError> {
    let count: usize = shape.iter().product();
    let values: Result<Vec<String>, NpyError> = (0..count)
        .map(|index| decode(&data[index * width..][..width]).ok_or(NpyError::Text { index }))
        .collect();
    Ok(Tensor::from_strings(shape, values?)?)
}

/// For each element in C order its place in Fortran order; `None` where both are the same.
fn fortran_to_c(shape: &[usize]) -> Option<Vec<usize>> {
    if shape.iter().filter(|&&size| size != 1).count() < 2 {
        return None;
    }
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &size in shape {
        strides.push(stride);
        stride *= size;
    }
    let count = stride;
    let place = |mut index: usize| {
        let mut place = 0;
        for (&size, &stride) in shape.iter().zip(&strides).rev() {
            place += index % size * stride;
            index /= size;
        }
        place
    };
    Some((0..count).map(place).collect())
}

/// `data`, elements of `size` bytes in `order`, in this machine's order.
pub(crate) fn to_native(mut data: Vec<u8>, size: usize, order: ByteOrder) -> Vec<u8> {
    if order != ByteOrder::NATIVE && size > 1 {
        data.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    data
}

/// The elements of `tensor` as little-endian bytes in C order, or the text form of strings.
fn payload(tensor: &Tensor) -> (Descriptor, Vec<u8>) {
    if let Some(strings) = tensor.strings() {
        let width = strings.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(1);
        let bytes = strings.iter().flat_map(|text| {
            let points = text.chars().map(u32::from).chain(std::iter::repeat(0));
            points.take(width).flat_map(u32::to_le_bytes)
        });
        (Descriptor { order: ByteOrder::Little, kind: Kind::Text { width } }, bytes.collect())
    } else {
        let dtype = tensor.dtype();
        let native = tensor.bytes().unwrap_or_default().to_vec();
        let bytes = to_native(native, dtype.size().unwrap_or(1), ByteOrder::Little);
        (Descriptor { order: ByteOrder::Little, kind: Kind::Plain(dtype) }, bytes)
    }
}

/// Writes `tensor` as an array file.
pub(crate) fn write(tensor: &Tensor, writer: &mut impl Write) -> io::Result<()> {
    let (descriptor, bytes) = payload(tensor);
    writer.write_all(&header::encode(descriptor, tensor.shape()))?;
    writer.write_all(&bytes)
}

#[cfg(test)]
mod tests;
