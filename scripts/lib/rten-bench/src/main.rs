//! Loads and runs one model in rten; prints what `bench_engine` of our engine prints, or `{"refused": REASON}`.
//!
//! `rten-bench MODEL.onnx --rounds N [--threads N]`

use std::error::Error;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rten::{DataType, Dimension, Model, ModelOptions, RunOptions, ThreadPool, Value, ValueType};
use serde_json::{Value as Json, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Time of runs that do not count: a processor that has waited for the load is slower for a while.
const WARM_UP: Duration = Duration::from_millis(300);

struct Arguments {
    model: PathBuf,
    rounds: usize,
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let measured = catch_unwind(|| measure(&arguments).map_err(|error| error.to_string()));
    let measured = measured.unwrap_or_else(|_| Err("it panicked".to_owned()));
    println!("{}", measured.unwrap_or_else(|reason| json!({ "refused": reason })));
    ExitCode::SUCCESS
}

fn arguments() -> Result<Arguments> {
    let mut words = std::env::args().skip(1);
    let (mut model, mut rounds, mut threads) = (None, None, 1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--rounds" => rounds = Some(words.next().ok_or("--rounds wants a number")?.parse()?),
            "--threads" => threads = words.next().ok_or("--threads wants a number")?.parse()?,
            path if model.is_none() && !path.starts_with('-') => model = Some(path.into()),
            other => return Err(format!("{other:?} is not known").into()),
        }
    }
    let usage = "usage: rten-bench MODEL.onnx --rounds N [--threads N]";
    Ok(Arguments { model: model.ok_or(usage)?, rounds: rounds.ok_or(usage)?, threads })
}

fn milliseconds(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

fn measure(arguments: &Arguments) -> Result<Json> {
    let idle = peak_memory();
    let start = Instant::now();
    // What makes it fastest.
    let model = ModelOptions::with_all_ops().prepack_weights(true).load_file(&arguments.model)?;
    let load = milliseconds(start);
    let pool = Arc::new(ThreadPool::with_num_threads(arguments.threads));
    let inputs = inputs(&model)?;
    let mut times = Vec::with_capacity(arguments.rounds);
    let begun = Instant::now();
    let mut warm = false;
    while times.len() < arguments.rounds {
        let views = model.input_ids().iter().zip(&inputs).map(|(&id, value)| (id, value.as_view().into()));
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let start = Instant::now();
        model.run(views.collect(), model.output_ids(), Some(options))?;
        if warm {
            times.push(milliseconds(start));
        }
        warm = warm || begun.elapsed() > WARM_UP;
    }
    Ok(json!({ "load_ms": load, "latency_ms": times, "idle_rss_kb": idle, "peak_rss_kb": peak_memory() }))
}

/// Fractions that look random, else ones. It has i32 where a model has i64 or bool.
fn inputs(model: &Model) -> Result<Vec<Value>> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as f32 / 65_536.0 - 0.5
    };
    let mut inputs = Vec::new();
    for &id in model.input_ids() {
        let info = model.node_info(id).ok_or("an input that is no node")?;
        let shape: Vec<usize> = info
            .shape()
            .ok_or("an input without a shape")?
            .iter()
            .map(|dimension| match dimension {
                Dimension::Fixed(size) => *size,
                Dimension::Symbolic(_) => 1,
            })
            .collect();
        let count = shape.iter().product();
        inputs.push(match info.dtype() {
            Some(ValueType::Tensor(DataType::Float)) => {
                Value::from_shape(shape, (0..count).map(|_| next()).collect::<Vec<f32>>())?
            }
            Some(ValueType::Tensor(DataType::Int32)) => Value::from_shape(shape, vec![1_i32; count])?,
            Some(ValueType::Tensor(DataType::UInt8)) => Value::from_shape(shape, vec![1_u8; count])?,
            other => return Err(format!("an input of {other:?}").into()),
        });
    }
    Ok(inputs)
}

/// Kilobytes; nought where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}
