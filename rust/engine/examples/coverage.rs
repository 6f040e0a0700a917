//! Runs a folder of ONNX node tests and prints one JSON line a case.
//!
//! `cargo run -p tandem-engine --example coverage -- DIR [PART OF A NAME]`; `scripts/bench coverage` writes
//! the folder. A case is `passed`, `refused` (a typed error), `wrong` (an answer that differs) or `crashed` (a
//! panic inside, caught). An answer differs where it is further from the expected one than the case allows and than
//! rounding explains: an element may also be off by 1e-6 (1e-3 in f16) of the largest expected one, or of 1 where that is
//! larger. That is what is left near 0 after terms have cancelled; ONNX Runtime's own runner allows 1e-5.

#![allow(clippy::print_stdout, reason = "a program prints")]

use std::error::Error;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tandem_core::{
    Control, DType, Engine, LoadError, LoadOptions, LocalModel, ModelSource, NamedTensors, RunError, Tensor,
};
use tandem_engine::OnnxEngine;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: coverage DIR [PART OF A NAME]")?;
    let part = arguments.next().unwrap_or_default();
    let mut cases: Vec<_> = fs::read_dir(&folder)?.collect::<std::io::Result<_>>()?;
    cases.sort_by_key(fs::DirEntry::file_name);
    for case in cases {
        let path = case.path();
        let name = case.file_name().to_string_lossy().into_owned();
        if name.contains(&part) && path.join("case.json").exists() {
            let (status, detail) = run_case(&path);
            println!("{}", json!({ "case": name, "status": status, "detail": detail }));
        }
    }
    Ok(())
}

fn run_case(folder: &Path) -> (&'static str, String) {
    match try_case(folder) {
        Ok(None) => ("passed", String::new()),
        Ok(Some(difference)) => ("wrong", difference),
        Err(error) => {
            let load = matches!(error.downcast_ref(), Some(LoadError::Internal { .. }));
            let run = matches!(error.downcast_ref(), Some(RunError::Internal { .. }));
            (if load || run { "crashed" } else { "refused" }, error.to_string())
        }
    }
}

/// What differs from the expected outputs, if anything does.
fn try_case(folder: &Path) -> Result<Option<String>> {
    let case: Value = serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
    let source = ModelSource::from(folder.join("model.onnx"));
    let model = OnnxEngine::new().load(&source, &LoadOptions::default())?;
    let tolerance = (case["rtol"].as_f64().unwrap_or(1e-3), case["atol"].as_f64().unwrap_or(1e-7));
    for set in case["data_sets"].as_array().into_iter().flatten() {
        if let Some(difference) = try_data_set(folder, model.as_ref(), set, tolerance)? {
            return Ok(Some(difference));
        }
    }
    Ok(None)
}

fn try_data_set(
    folder: &Path,
    model: &dyn LocalModel,
    set: &Value,
    tolerance: (f64, f64),
) -> Result<Option<String>> {
    let mut inputs = NamedTensors::default();
    for input in set["inputs"].as_array().into_iter().flatten() {
        inputs.push(text(input, "name")?, tensor(folder, input)?)?;
    }
    let outputs = model.run(&inputs, &[], &Control::default())?;
    for output in set["outputs"].as_array().into_iter().flatten() {
        let name = text(output, "name")?;
        let got = outputs.get(name).ok_or_else(|| format!("no output {name:?}"))?;
        if let Some(difference) = difference(got, &tensor(folder, output)?, tolerance)? {
            return Ok(Some(format!("output {name:?}: {difference}")));
        }
    }
    Ok(None)
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().ok_or_else(|| format!("no {key} in {value}").into())
}

fn tensor(folder: &Path, value: &Value) -> Result<Tensor> {
    let shape: Vec<usize> = serde_json::from_value(value["shape"].clone())?;
    let bytes = fs::read(folder.join(text(value, "file")?))?;
    let dtype = match text(value, "dtype")? {
        "float16" => DType::F16,
        "float32" => DType::F32,
        "float64" => DType::F64,
        "bool" => DType::Bool,
        "string" => return Ok(Tensor::from_strings(shape, serde_json::from_slice(&bytes)?)?),
        other => other.replace("uint", "u").replace("int", "i").parse()?,
    };
    Ok(OnnxEngine::new().tensor(dtype, &shape, &bytes)?)
}

fn difference(got: &Tensor, expected: &Tensor, (rtol, atol): (f64, f64)) -> Result<Option<String>> {
    if got.dtype() != expected.dtype() || got.shape() != expected.shape() {
        return Ok(Some(format!("{got:?}, expected {expected:?}")));
    }
    if expected.dtype() == DType::String {
        let differ = got.strings() != expected.strings();
        return Ok(differ.then(|| format!("{:?}, expected {:?}", got.strings(), expected.strings())));
    }
    let exact = !matches!(expected.dtype(), DType::F16 | DType::F32 | DType::F64);
    if exact {
        let differ = got.bytes() != expected.bytes();
        return Ok(differ.then(|| "other values".to_owned()));
    }
    let rounding = if expected.dtype() == DType::F16 { 1e-3 } else { 1e-6 };
    let (got, expected) = (floats(got)?, floats(expected)?);
    let largest =
        expected.iter().map(|value| value.abs()).filter(|value| value.is_finite()).fold(1.0, f64::max);
    for (index, (got, expected)) in got.into_iter().zip(expected).enumerate() {
        #[allow(clippy::float_cmp, reason = "infinities are equal or not")]
        let close = got == expected
            || (got.is_nan() && expected.is_nan())
            || (got - expected).abs() <= (atol + rtol * expected.abs()).max(rounding * largest);
        if !close {
            return Ok(Some(format!("element {index} is {got}, expected {expected}")));
        }
    }
    Ok(None)
}

fn floats(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(match tensor.dtype() {
        DType::F16 => tensor.to_vec::<half::f16>()?.into_iter().map(f64::from).collect(),
        DType::F32 => tensor.to_vec::<f32>()?.into_iter().map(f64::from).collect(),
        _ => tensor.to_vec::<f64>()?,
    })
}
