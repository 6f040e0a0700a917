//! One tensor of a message, the same in requests and responses.

use std::borrow::Cow;
use std::fmt;

use bytes::{Buf, Bytes};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tandem_core::{DType, NamedTensors, Tensor};

use crate::document::Document;
use crate::error::shorten;
use crate::json::Data;
use crate::payload::BinaryPart;
use crate::{
    DecodeError, EncodeError, Form, MAX_RANK, MAX_TENSORS, TensorProblem, binary, datatype_name, json,
    parse_datatype,
};

/// Writes the tensors of a message as an array. Gives the binary part, `None` where no tensor is binary.
pub(crate) fn encode_all(
    document: &mut Document,
    tensors: &NamedTensors,
    form: impl Fn(&str) -> Form,
) -> Result<Option<BinaryPart>, EncodeError> {
    let mut binary_part = None;
    document.open(b'[');
    for (name, tensor) in tensors.iter() {
        document.open(b'{');
        document.member("name", name)?;
        document.member("shape", tensor.shape())?;
        document.member("datatype", datatype_name(tensor.dtype()))?;
        match form(name) {
            Form::Json => document.member("data", &Data::new(name, tensor)?)?,
            Form::Binary => {
                let bytes = binary::encode(name, tensor)?;
                document.key("parameters");
                document.open(b'{');
                document.member("binary_data_size", &bytes.len())?;
                document.close(b'}');
                binary_part.get_or_insert_with(BinaryPart::default).push(bytes);
            }
        }
        document.close(b'}');
    }
    document.close(b']');
    Ok(binary_part)
}

/// A tensor in the JSON part that is read.
#[derive(Deserialize)]
pub(crate) struct TensorIn<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    shape: Vec<i64>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    #[serde(default)]
    parameters: Option<InParameters>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct InParameters {
    #[serde(default)]
    binary_data_size: Option<u64>,
    #[serde(default)]
    shared_memory_region: Option<serde::de::IgnoredAny>,
}

/// The tensors of a message that is read: `binary` is what follows the JSON, and must be used up.
pub(crate) fn decode_all(
    headers: Vec<TensorIn<'_>>,
    mut binary: Option<Bytes>,
) -> Result<NamedTensors, DecodeError> {
    let mut tensors = NamedTensors::default();
    for header in headers {
        let tensor =
            decode(&header, binary.as_mut()).map_err(|problem| DecodeError::tensor(&header.name, problem))?;
        tensors
            .push(&*header.name, tensor)
            .map_err(|_| DecodeError::Duplicate { name: shorten(&header.name) })?;
    }
    match binary.map_or(0, |rest| rest.len()) {
        0 => Ok(tensors),
        count => Err(DecodeError::TrailingBytes { count }),
    }
}

fn decode(header: &TensorIn<'_>, binary: Option<&mut Bytes>) -> Result<Tensor, TensorProblem> {
    let datatype = parse_datatype(&header.datatype)
        .ok_or_else(|| TensorProblem::Datatype { datatype: shorten(&header.datatype) })?;
    let shape = shape(&header.shape)?;
    let parameters = header.parameters.as_ref();
    if parameters.is_some_and(|parameters| parameters.shared_memory_region.is_some()) {
        return Err(TensorProblem::SharedMemory);
    }
    match (header.data, parameters.and_then(|parameters| parameters.binary_data_size)) {
        (None, None) => Err(TensorProblem::NoData),
        (Some(_), Some(_)) => Err(TensorProblem::TwoForms),
        (Some(data), None) => json::decode(datatype, shape, data.get()),
        (None, Some(size)) => take(datatype, shape, size, binary.ok_or(TensorProblem::NoBinaryPart)?),
    }
}

/// The next `size` bytes of the binary part as a tensor.
fn take(dtype: DType, shape: Vec<usize>, size: u64, binary: &mut Bytes) -> Result<Tensor, TensorProblem> {
    let left = binary.remaining();
    match usize::try_from(size) {
        Ok(size) if size <= left => binary::decode(dtype, shape, binary.split_to(size)),
        _ => Err(TensorProblem::Short { wanted: size, left }),
    }
}

fn shape(sizes: &[i64]) -> Result<Vec<usize>, TensorProblem> {
    if sizes.len() > MAX_RANK {
        return Err(TensorProblem::Rank { got: sizes.len(), limit: MAX_RANK });
    }
    let size = |(index, &got)| usize::try_from(got).map_err(|_| TensorProblem::Dimension { index, got });
    sizes.iter().enumerate().map(size).collect()
}

/// Reads an array of at most [`MAX_TENSORS`] items.
pub(crate) fn bounded<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Items<T>(std::marker::PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut read = Vec::new();
            while let Some(item) = items.next_element()? {
                if read.len() == MAX_TENSORS {
                    return Err(A::Error::custom(format_args!("more than {MAX_TENSORS} tensors")));
                }
                read.push(item);
            }
            Ok(read)
        }
    }

    deserializer.deserialize_seq(Items(std::marker::PhantomData))
}
