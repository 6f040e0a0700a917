//! Whether a manifest's fields make sense: counts, sizes, numbers, names.

use std::collections::HashSet;

use tandem_core::Dimension;

use super::{CutEntry, FormEntry, FormError, Manifest, ManifestError};
use crate::boundary::CrossingTensor;
use crate::wire_form::{self, WireForm};

/// Cuts of a manifest.
const MAX_CUTS: usize = 256;
/// Crossing tensors, outputs or inputs of a cut; symbols of a model.
const MAX_NAMES: usize = 1024;
/// Forms of a cut.
const MAX_FORMS: usize = 16;
/// Dimensions of a tensor.
const MAX_RANK: usize = 64;
/// Bytes of a name.
const MAX_NAME_BYTES: usize = 1024;
/// Pairs of scale and zero point of a tensor.
const MAX_PAIRS: usize = 65_536;

/// Checks every field of `manifest`.
pub(super) fn check(manifest: &Manifest) -> Result<(), ManifestError> {
    model_name("model.name", &manifest.model.name)?;
    digest("model.sha256", &manifest.model.sha256, 64)?;
    at_most("sizes", manifest.sizes.len(), MAX_NAMES)?;
    manifest.sizes.keys().try_for_each(|symbol| name("sizes", symbol))?;
    at_most("cuts", manifest.cuts.len(), MAX_CUTS)?;
    distinct("cuts.id", manifest.cuts.iter().map(|cut| cut.id.as_str()))?;
    manifest.cuts.iter().try_for_each(check_cut)
}

fn check_cut(cut: &CutEntry) -> Result<(), ManifestError> {
    digest("cuts.id", &cut.id, 16)?;
    let boundary = &cut.boundary;
    at_most("cuts.boundary.crossing", boundary.crossing.len(), MAX_NAMES)?;
    if boundary.crossing.is_empty() {
        return Err(value("cuts.boundary.crossing", "nothing crosses".to_owned()));
    }
    distinct("cuts.boundary.crossing", boundary.crossing_names())?;
    boundary.crossing.iter().try_for_each(check_tensor)?;
    names("cuts.boundary.head_outputs", &boundary.head_outputs)?;
    if let Some(time) = &cut.time {
        [time.head, time.tail, time.full_ms].into_iter().try_for_each(|number| share("cuts.time", number))?;
    }
    at_most("cuts.forms", cut.forms.len(), MAX_FORMS)?;
    if cut.forms.is_empty() {
        return Err(value("cuts.forms", "there is none".to_owned()));
    }
    distinct("cuts.forms.name", cut.forms.iter().map(|form| form.name.as_str()))?;
    cut.forms.iter().try_for_each(|form| check_form(form, cut))
}

fn check_tensor(tensor: &CrossingTensor) -> Result<(), ManifestError> {
    name("cuts.boundary.crossing.name", &tensor.name)?;
    at_most("cuts.boundary.crossing.shape", tensor.shape.len(), MAX_RANK)?;
    let symbols = tensor.shape.iter().filter_map(|dimension| match dimension {
        Dimension::Symbol(symbol) => Some(symbol),
        _ => None,
    });
    symbols.into_iter().try_for_each(|symbol| name("cuts.boundary.crossing.shape", symbol))?;
    names("cuts.boundary.crossing.depends_on", &tensor.depends_on)
}

fn check_form(form: &FormEntry, cut: &CutEntry) -> Result<(), ManifestError> {
    name("cuts.forms.name", &form.name)?;
    model_name("cuts.forms.model", &form.model)?;
    digest("cuts.forms.sha256", &form.sha256, 64)?;
    for tensor in &form.tensors {
        if let WireForm::U8(affine) = tensor {
            at_most("cuts.forms.tensors.scale", affine.scale.len(), MAX_PAIRS)?;
        }
    }
    let fits = wire_form::check(&cut.boundary, &form.tensors);
    fits.map_err(|error| value("cuts.forms.tensors", error.to_string()))?;
    if let Some(FormError { max_abs, relative_rms, accuracy, .. }) = &form.error {
        let accuracy = accuracy.map(|accuracy| [accuracy.whole, accuracy.split]);
        let numbers = [*max_abs, *relative_rms].into_iter().chain(accuracy.into_iter().flatten());
        numbers.into_iter().try_for_each(|number| share("cuts.forms.error", number))?;
    }
    Ok(())
}

/// Finite, and nought or more.
fn share(field: &'static str, number: f64) -> Result<(), ManifestError> {
    if number.is_finite() && number >= 0.0 { Ok(()) } else { Err(value(field, format!("it is {number}"))) }
}

fn names(field: &'static str, list: &[String]) -> Result<(), ManifestError> {
    at_most(field, list.len(), MAX_NAMES)?;
    distinct(field, list.iter().map(String::as_str))?;
    list.iter().try_for_each(|text| name(field, text))
}

fn distinct<'a>(field: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), ManifestError> {
    let mut seen = HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(value(field, format!("{twice:?} stands twice"))),
        None => Ok(()),
    }
}

fn name(field: &'static str, text: &str) -> Result<(), ManifestError> {
    if text.is_empty() {
        return Err(value(field, "a name is empty".to_owned()));
    }
    at_most(field, text.len(), MAX_NAME_BYTES)
}

/// The name of a served model goes into paths, here and on the server.
fn model_name(field: &'static str, text: &str) -> Result<(), ManifestError> {
    name(field, text)?;
    if is_model_name(text) {
        return Ok(());
    }
    let rule = "a model's name has letters, digits, '-', '_' and '.', and does not begin with '.'";
    Err(value(field, format!("{text:?}; {rule}")))
}

/// Whether a server's folders may have this name.
pub(crate) fn is_model_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !text.is_empty() && !text.starts_with('.') && text.len() <= 200 && text.chars().all(fits)
}

fn digest(field: &'static str, text: &str, digits: usize) -> Result<(), ManifestError> {
    let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() == digits && hex {
        return Ok(());
    }
    Err(value(field, format!("{text:?} is not {digits} lower-case hexadecimal digits")))
}

fn at_most(field: &'static str, got: usize, limit: usize) -> Result<(), ManifestError> {
    if got <= limit { Ok(()) } else { Err(value(field, format!("{got}, the limit is {limit}"))) }
}

fn value(field: &'static str, detail: String) -> ManifestError {
    ManifestError::Value { field, detail }
}
