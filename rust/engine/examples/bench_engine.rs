//! Measures loading and running one model and prints one line of JSON.
//!
//! ```text
//! cargo run --release -p tandem-engine --example bench_engine -- \
//!     MODEL.onnx [--rounds N] [--threads N] [--set NAME] [--stock | --unfused] [--answer FOLDER] \
//!     [--cache FOLDER]
//! ```
//!
//! `--stock` runs plain tract on the same file, without any pass of ours, and prints `{"refused": REASON}` where it cannot;
//! `--unfused` is our engine without kernels of its own. `--answer` writes the bytes of each input and output of our engine to a
//! file of its name. `--cache` loads from what is kept in that folder; the first such load keeps it. Symbolic dimensions are 1; the
//! values of the inputs are the same every time. The memory is the most that the process has held, before and after. The peak is
//! that of one core, in multiplications and additions of f32 by the instructions that our kernels use, and the model's are those that
//! its operators are defined by.

#![allow(clippy::print_stdout, reason = "a program prints")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tandem_core::{
    Control, DType, Dimension, Engine, LoadOptions, ModelInfo, ModelSource, NamedTensors, Tensor,
};
use tandem_engine::{CacheOptions, EngineOptions, OnnxEngine};
use tandem_kernels::{ByteSet, InstructionSet, peak_products};
use tandem_testkit::usage::peak_memory;
use tract_core::plan::SimplePlan;
use tract_onnx::prelude::{
    DatumType, Framework, InferenceFact, InferenceModelExt, IntoTValue, TValue, TVec, Tensor as TractTensor,
    TractResult,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Time of runs that do not count: a processor that has waited for the load is slower for a while.
const WARM_UP: Duration = Duration::from_millis(300);

struct Arguments {
    model: PathBuf,
    rounds: usize,
    threads: usize,
    stock: bool,
    fused: bool,
    answer: Option<PathBuf>,
    cache: Option<PathBuf>,
    set: Option<String>,
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    let kilobytes = || peak_memory().unwrap_or(0) / 1024;
    let idle = kilobytes();
    if let Some(name) = &arguments.set {
        // Sets for bytes have more names.
        let bytes = ByteSet::named(name).is_ok_and(|bytes| !bytes.prefer());
        if bytes || !InstructionSet::named(name)?.prefer() {
            return Err(format!("the kernels cannot be held to {name}").into());
        }
    }
    let measured = if arguments.stock { stock(&arguments) } else { ours(&arguments) };
    let Measured { load_ms, latency_ms, multiply_adds } = match measured {
        Err(error) if arguments.stock => {
            println!("{}", json!({ "refused": error.to_string() }));
            return Ok(());
        }
        measured => measured?,
    };
    println!(
        "{}",
        json!({
            "load_ms": load_ms,
            "latency_ms": latency_ms,
            "idle_rss_kb": idle,
            "peak_rss_kb": kilobytes(),
            "multiply_adds": multiply_adds,
            "peak_gflops": peak_gflops(),
        })
    );
    Ok(())
}

fn arguments() -> Result<Arguments> {
    let mut words = std::env::args().skip(1);
    let (mut model, mut answer, mut cache, mut set) = (None, None, None, None);
    let (mut rounds, mut threads, mut stock, mut fused) = (10, 1, false, true);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = words.next().ok_or("--rounds wants a number")?.parse()?,
            "--threads" => {
                threads = words.next().ok_or("--threads wants a number")?.parse()?;
            }
            "--answer" => answer = Some(words.next().ok_or("--answer wants a folder")?.into()),
            "--cache" => cache = Some(words.next().ok_or("--cache wants a folder")?.into()),
            "--set" => set = Some(words.next().ok_or("--set wants a name")?),
            "--stock" => stock = true,
            "--unfused" => fused = false,
            path if model.is_none() && !path.starts_with('-') => model = Some(path.into()),
            other => return Err(format!("{other:?} is not known").into()),
        }
    }
    if stock && threads != 1 {
        return Err("tract runs a model on one thread".into());
    }
    let usage = "usage: bench_engine MODEL.onnx [--rounds N] [--threads N] [--set NAME] [--stock | --unfused] \
                 [--answer FOLDER] [--cache FOLDER]";
    Ok(Arguments { model: model.ok_or(usage)?, rounds, threads, stock, fused, answer, cache, set })
}

/// What a measurement found.
struct Measured {
    /// A load with its plan.
    load_ms: f64,
    /// Every run after those that warm up.
    latency_ms: Vec<f64>,
    multiply_adds: Option<u64>,
}

/// The fastest of some tries of a few milliseconds.
#[allow(clippy::cast_precision_loss, reason = "a rate")]
fn peak_gflops() -> f64 {
    const ROUNDS: usize = 100_000;
    let rate = |_| {
        let start = Instant::now();
        let products = peak_products(InstructionSet::best(), ROUNDS);
        2.0 * products as f64 / start.elapsed().as_secs_f64() / 1e9
    };
    (0..10).map(rate).fold(0.0, f64::max)
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

/// What so many runs take, after those that warm up.
fn latencies(rounds: usize, mut run: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let begun = Instant::now();
    run()?;
    while begun.elapsed() < WARM_UP {
        run()?;
    }
    let measured = |_| {
        let start = Instant::now();
        run()?;
        Ok(milliseconds(start))
    };
    (0..rounds).map(measured).collect()
}

fn ours(arguments: &Arguments) -> Result<Measured> {
    let start = Instant::now();
    let mut options = EngineOptions::default().with_fused(arguments.fused).with_threads(arguments.threads);
    options.cache = arguments.cache.as_ref().map(CacheOptions::new);
    let engine = OnnxEngine::with_options(options);
    let model = engine.load(&ModelSource::from(&arguments.model), &LoadOptions::default())?;
    let mut load_ms = milliseconds(start);
    let inputs = inputs(model.info())?;
    let control = Control::default();
    let start = Instant::now();
    model.warm_up(&inputs, &control)?;
    load_ms += milliseconds(start);
    let outputs = model.run(&inputs, &[], &control)?;
    if let Some(folder) = &arguments.answer {
        for (name, tensor) in inputs.iter().chain(outputs.iter()) {
            std::fs::write(folder.join(name), tensor.bytes().unwrap_or_default())?;
        }
    }
    let latency_ms = latencies(arguments.rounds, || {
        model.run(&inputs, &[], &control)?;
        Ok(())
    })?;
    let shapes: Vec<Vec<usize>> = model
        .info()
        .inputs
        .iter()
        .filter_map(|input| Some(inputs.get(&input.name)?.shape().to_vec()))
        .collect();
    Ok(Measured { load_ms, latency_ms, multiply_adds: model.multiply_adds(&shapes) })
}

fn stock(arguments: &Arguments) -> Result<Measured> {
    // The inputs are those of our own description of the model, whose time does not count.
    let info = describe(&arguments.model)?;
    let inputs = inputs(&info)?;
    let start = Instant::now();
    let mut model = tract_onnx::onnx().model_for_path(&arguments.model)?;
    let mut values: TVec<TValue> = TVec::new();
    for outlet in model.input_outlets()?.to_vec() {
        let name = model.node(outlet.node).name.clone();
        let tensor = inputs.get(&name).ok_or_else(|| format!("no input {name:?}"))?;
        let value = tract_tensor(tensor)?;
        model.set_outlet_fact(outlet, InferenceFact::dt_shape(value.datum_type(), value.shape()))?;
        values.push(value.into_tvalue());
    }
    let plan = SimplePlan::new(model.into_optimized()?)?;
    let load_ms = milliseconds(start);
    let latency_ms = latencies(arguments.rounds, || {
        plan.run(values.clone())?;
        Ok(())
    })?;
    Ok(Measured { load_ms, latency_ms, multiply_adds: None })
}

fn describe(path: &Path) -> Result<ModelInfo> {
    let model = OnnxEngine::new().load(&ModelSource::from(path), &LoadOptions::default())?;
    Ok(model.info().clone())
}

fn inputs(info: &ModelInfo) -> Result<NamedTensors> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    let mut inputs = NamedTensors::default();
    for input in &info.inputs {
        let sizes = input.shape.iter().flatten().map(|dimension| match dimension {
            Dimension::Fixed(size) => *size,
            Dimension::Symbol(_) | Dimension::Unknown => 1,
        });
        let shape: Vec<usize> = sizes.collect();
        let count = shape.iter().product();
        let floats = (0..count).map(|_| f32::from(u16::try_from(next()).unwrap_or(0)) / 65_536.0 - 0.5);
        let tensor = match input.dtype {
            DType::F32 => Tensor::from_vec(shape, floats.collect())?,
            DType::F16 => Tensor::from_vec(shape, floats.map(half::f16::from_f32).collect())?,
            DType::F64 => Tensor::from_vec(shape, floats.map(f64::from).collect())?,
            DType::I64 => Tensor::from_vec(shape, (0..count).map(|_| i64::from(next() % 2)).collect())?,
            DType::I32 => Tensor::from_vec(shape, vec![1_i32; count])?,
            DType::U8 => Tensor::from_vec(shape, vec![1_u8; count])?,
            DType::Bool => Tensor::from_bools(shape, &vec![true; count])?,
            other => return Err(format!("input {:?} is of {other}", input.name).into()),
        };
        inputs.push(input.name.clone(), tensor)?;
    }
    Ok(inputs)
}

fn tract_tensor(tensor: &Tensor) -> Result<TractTensor> {
    fn copied(tensor: &Tensor, datum_type: DatumType) -> TractResult<TractTensor> {
        let mut copy = TractTensor::zero_dt(datum_type, tensor.shape())?;
        copy.as_bytes_mut().copy_from_slice(tensor.bytes().unwrap_or_default());
        Ok(copy)
    }
    let datum_type = match tensor.dtype() {
        DType::F32 => DatumType::F32,
        DType::F16 => DatumType::F16,
        DType::F64 => DatumType::F64,
        DType::I64 => DatumType::I64,
        DType::I32 => DatumType::I32,
        DType::U8 => DatumType::U8,
        DType::Bool => DatumType::Bool,
        other => return Err(format!("tensors of {other} are not measured").into()),
    };
    Ok(copied(tensor, datum_type)?)
}
