//! Whether an answer is one to what was asked.

use std::collections::BTreeMap;

use http::header::{CONTENT_ENCODING, HeaderMap};
use tandem_core::{Dimension, ModelInfo, NamedTensors, Tensor, TensorInfo};
use tandem_wire::{HEADER_LENGTH, InferResponse, parse_header_length, row_as_scalar};

/// Where the JSON of an answer ends, from its headers.
pub(crate) fn header_length(headers: &HeaderMap) -> Result<Option<usize>, String> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && encoding != "identity"
    {
        return Err(format!("the answer is encoded as {encoding:?}, which was not asked for"));
    }
    let mut values = headers.get_all(HEADER_LENGTH).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| "the header length is not text")?;
            parse_header_length(text).map(Some).map_err(|error| error.to_string())
        }
        (Some(_), Some(_)) => Err("the header length comes twice".to_owned()),
    }
}

/// The wanted outputs of an answer, in that order, once each is what `model` declares. Others are left out: some
/// servers send all there are.
pub(crate) fn check(
    response: &InferResponse,
    model: &ModelInfo,
    inputs: &NamedTensors,
    wanted: &[String],
) -> Result<NamedTensors, String> {
    let symbols = symbols(model, inputs);
    let mut outputs = NamedTensors::default();
    for name in wanted {
        let info = model.output(name).ok_or_else(|| format!("the model has no output {name:?}"))?;
        let tensor = response.outputs.get(name).ok_or_else(|| format!("output {name:?} is missing"))?;
        let tensor = row_as_scalar(tensor, info);
        check_output(info, &tensor, &symbols)?;
        outputs.push(name.as_str(), tensor).map_err(|error| error.to_string())?;
    }
    Ok(outputs)
}

/// The sizes that the inputs give to the model's symbols.
fn symbols<'a>(model: &'a ModelInfo, inputs: &NamedTensors) -> BTreeMap<&'a str, usize> {
    let mut symbols = BTreeMap::new();
    for info in &model.inputs {
        let sizes = inputs.get(&info.name).map_or(&[][..], Tensor::shape);
        for (dimension, &size) in info.shape.iter().flatten().zip(sizes) {
            if let Dimension::Symbol(symbol) = dimension {
                symbols.insert(symbol.as_str(), size);
            }
        }
    }
    symbols
}

fn check_output(info: &TensorInfo, tensor: &Tensor, symbols: &BTreeMap<&str, usize>) -> Result<(), String> {
    let name = &info.name;
    if tensor.dtype() != info.dtype {
        return Err(format!("output {name:?} is a tensor of {}, expected {}", tensor.dtype(), info.dtype));
    }
    let Some(shape) = &info.shape else {
        return Ok(());
    };
    let fits = |(dimension, &size): (&Dimension, &usize)| match dimension {
        Dimension::Fixed(fixed) => *fixed == size,
        Dimension::Symbol(symbol) => symbols.get(symbol.as_str()).is_none_or(|&bound| bound == size),
        Dimension::Unknown => true,
    };
    if shape.len() == tensor.shape().len() && shape.iter().zip(tensor.shape()).all(fits) {
        return Ok(());
    }
    Err(format!("output {name:?} has shape {:?}, expected {}", tensor.shape(), info.shape_text()))
}
