//! What a model is, read from its protobuf.

use std::collections::BTreeMap;

use tandem_core::{Dimension, LoadError, LoadOptions, ModelInfo, ModelSource, TensorInfo};
use tandem_onnx::{DataType, Dim, GraphProto, ModelProto, TypeValue, ValueInfoProto};

use crate::convert::dtype;

/// Describes `model`, whose graph is `graph`, as far as it is known: the digest may be empty.
pub(crate) fn describe(
    model: &ModelProto,
    graph: &GraphProto,
    source: &ModelSource,
    digest: String,
    options: &LoadOptions,
) -> Result<ModelInfo, LoadError> {
    if model.opset_import.is_empty() {
        return Err(invalid("it names no version of ONNX's operator set".to_owned()));
    }
    // A model of other domains' operators alone need not name it.
    let opset = model.opset("").map_or(Ok(0), u64::try_from);
    let opset = opset.map_err(|_| invalid("the version of its operator set is negative".to_owned()))?;
    let inputs = graph.required_inputs().map(|input| tensor(input, "input")).collect::<Result<_, _>>()?;
    let outputs: Vec<_> =
        graph.output.iter().map(|output| tensor(output, "output")).collect::<Result<_, _>>()?;
    if outputs.is_empty() {
        return Err(invalid("it has no outputs".to_owned()));
    }
    let name = name(&graph.name, source, options);
    Ok(ModelInfo::new(name, digest, opset, metadata(model), inputs, outputs))
}

/// The name that the caller gives, else the file's, else the graph's own.
pub(crate) fn name(own: &str, source: &ModelSource, options: &LoadOptions) -> String {
    if let Some(name) = &options.name {
        return name.clone();
    }
    if let ModelSource::File(path) = source
        && let Some(stem) = path.file_stem()
    {
        return stem.to_string_lossy().into_owned();
    }
    if own.is_empty() { "model".to_owned() } else { own.to_owned() }
}

fn metadata(model: &ModelProto) -> BTreeMap<String, String> {
    let producer = match model.producer_version.as_str() {
        "" => model.producer_name.clone(),
        version => format!("{} {version}", model.producer_name),
    };
    let own = [("producer", producer), ("description", model.doc_string.clone())];
    let own =
        own.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| (key.to_owned(), value));
    let entries = model.metadata_props.iter().map(|entry| (entry.key.clone(), entry.value.clone()));
    own.chain(entries).collect()
}

fn tensor(value: &ValueInfoProto, role: &str) -> Result<TensorInfo, LoadError> {
    let name = value.name.clone();
    let unsupported = |detail: String| LoadError::UnsupportedOperator {
        operator: format!("graph {role}"),
        node: name.clone(),
        detail,
    };
    let kind = match value.r#type.as_ref().and_then(|value_type| value_type.value.as_ref()) {
        Some(TypeValue::Tensor(tensor)) => tensor,
        Some(TypeValue::Sequence(_)) => return Err(unsupported("a sequence, not a tensor".to_owned())),
        Some(TypeValue::Optional(_)) => {
            return Err(unsupported("an optional value, not a tensor".to_owned()));
        }
        Some(TypeValue::Map(_)) => return Err(unsupported("a map, not a tensor".to_owned())),
        Some(TypeValue::SparseTensor(_)) => return Err(unsupported("a sparse tensor".to_owned())),
        Some(TypeValue::Opaque(_)) => return Err(unsupported("an opaque value, not a tensor".to_owned())),
        None => return Err(invalid(format!("{role} {name:?} has no type"))),
    };
    let element =
        DataType::try_from(kind.elem_type).map_err(|error| invalid(format!("{role} {name:?}: {error}")))?;
    let dtype = dtype(element).ok_or_else(|| unsupported(format!("a tensor of {element}")))?;
    let shape = kind.shape.as_ref().map(|shape| {
        shape.dims().into_iter().map(|dim| dimension(dim, role, &name)).collect::<Result<Vec<_>, _>>()
    });
    Ok(TensorInfo { name: name.clone(), dtype, shape: shape.transpose()? })
}

fn dimension(dim: Dim, role: &str, name: &str) -> Result<Dimension, LoadError> {
    Ok(match dim {
        Dim::Fixed(size) => Dimension::Fixed(
            usize::try_from(size)
                .map_err(|_| invalid(format!("{role} {name:?} has a dimension of {size}")))?,
        ),
        Dim::Symbolic(symbol) => Dimension::Symbol(symbol),
        Dim::Unknown => Dimension::Unknown,
    })
}

fn invalid(detail: String) -> LoadError {
    LoadError::Invalid { detail }
}
