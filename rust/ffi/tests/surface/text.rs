//! The metadata of exports as text and as flat lists.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use uniffi_meta::{FieldMetadata, FnParamMetadata, Metadata, Type};

/// A function, method or constructor, of ours or of the host.
pub(crate) struct Callable<'a> {
    /// `Model.predict`.
    pub(crate) path: String,
    pub(crate) inputs: &'a [FnParamMetadata],
    pub(crate) returns: Option<&'a Type>,
    pub(crate) throws: Option<&'a Type>,
    pub(crate) is_async: bool,
}

pub(crate) fn callables(items: &[Metadata]) -> impl Iterator<Item = Callable<'_>> {
    items.iter().filter_map(|item| {
        Some(match item {
            Metadata::Func(it) => Callable {
                path: it.name.clone(),
                inputs: &it.inputs,
                returns: it.return_type.as_ref(),
                throws: it.throws.as_ref(),
                is_async: it.is_async,
            },
            Metadata::Constructor(it) => Callable {
                path: format!("{}.{}", it.self_name, it.name),
                inputs: &it.inputs,
                returns: None,
                throws: it.throws.as_ref(),
                is_async: it.is_async,
            },
            Metadata::Method(it) => Callable {
                path: format!("{}.{}", it.self_name, it.name),
                inputs: &it.inputs,
                returns: it.return_type.as_ref(),
                throws: it.throws.as_ref(),
                is_async: it.is_async,
            },
            Metadata::TraitMethod(it) => Callable {
                path: format!("{}.{}", it.trait_name, it.name),
                inputs: &it.inputs,
                returns: it.return_type.as_ref(),
                throws: it.throws.as_ref(),
                is_async: it.is_async,
            },
            _ => return None,
        })
    })
}

/// Every field of every record and variant, by its path.
pub(crate) fn fields(items: &[Metadata]) -> impl Iterator<Item = (String, &Type)> {
    items.iter().flat_map(|item| match item {
        Metadata::Record(it) => paths(&it.name, &it.fields),
        Metadata::Enum(it) => {
            it.variants.iter().flat_map(|v| paths(&format!("{}.{}", it.name, v.name), &v.fields)).collect()
        }
        _ => Vec::new(),
    })
}

fn paths<'a>(owner: &str, fields: &'a [FieldMetadata]) -> Vec<(String, &'a Type)> {
    fields.iter().map(|field| (format!("{owner}.{}", field.name), &field.ty)).collect()
}

/// Every export, sorted, one line each.
pub(crate) fn describe(items: &[Metadata]) -> String {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for item in items {
        match item {
            Metadata::Object(it) => {
                let kind = if it.imp.is_trait_interface() { "trait" } else { "object" };
                owners.entry(it.name.clone()).or_default().insert(0, format!("{kind} {}", it.name));
            }
            Metadata::Record(it) => {
                let lines = owners.entry(it.name.clone()).or_default();
                lines.push(format!("record {}", it.name));
                lines.extend(it.fields.iter().map(field));
            }
            Metadata::Enum(it) => {
                let kind = if it.shape.is_error() { "error" } else { "enum" };
                let lines = owners.entry(it.name.clone()).or_default();
                lines.push(format!("{kind} {}", it.name));
                for variant in &it.variants {
                    lines.push(format!("  {}", variant.name));
                    lines.extend(variant.fields.iter().map(|it| format!("  {}", field(it))));
                }
            }
            _ => {}
        }
    }
    for callable in callables(items) {
        let (owner, indent) = match callable.path.split_once('.') {
            Some((owner, _)) => (owner.to_owned(), "  "),
            None => (callable.path.clone(), ""),
        };
        owners.entry(owner).or_default().push(format!("{indent}{}", signature(&callable)));
    }
    owners.into_values().map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn field(field: &FieldMetadata) -> String {
    format!("  {}: {}", field.name, name(&field.ty))
}

fn signature(callable: &Callable<'_>) -> String {
    let input =
        |it: &FnParamMetadata| format!("{}: {}{}", it.name, if it.by_ref { "&" } else { "" }, name(&it.ty));
    let inputs: Vec<_> = callable.inputs.iter().map(input).collect();
    let own = callable.path.rsplit('.').next().unwrap_or_default();
    let mut text = format!("{}{own}({})", if callable.is_async { "async " } else { "" }, inputs.join(", "));
    if let Some(returns) = callable.returns {
        let _ = write!(text, " -> {}", name(returns));
    }
    if let Some(throws) = callable.throws {
        let _ = write!(text, " or {}", name(throws));
    }
    text
}

fn name(ty: &Type) -> String {
    match ty {
        Type::Optional { inner_type } => format!("{}?", name(inner_type)),
        Type::Sequence { inner_type } => format!("[{}]", name(inner_type)),
        Type::Map { key_type, value_type } => format!("{{{}: {}}}", name(key_type), name(value_type)),
        other => other.name().map_or_else(|| format!("{other:?}").to_lowercase(), str::to_owned),
    }
}
