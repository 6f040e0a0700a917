//! Damaged models: whatever the bytes are, a typed error or an answer, never a panic, a hang or a flood of memory.
//!
//! `TANDEM_FUZZ_ROUNDS` sets how many are tried; the seeds are the same every time.

mod common;

use std::time::{Duration, Instant};

use tandem_core::{
    Control, DType, Dimension, Engine, ErrorCode, Limits, LoadOptions, LocalModel, ModelSource, NamedTensors,
    Tensor,
};
use tandem_engine::OnnxEngine;
use tandem_testkit::models::{Suite, catalog};
use tandem_testkit::mutate;

/// No load or run of these models takes more than milliseconds; what takes this long hangs.
const HANG: Duration = Duration::from_secs(20);

const LIMITS: Limits = Limits { model_bytes: 8 << 20, nodes: 5_000, tensor_bytes: 16 << 20, inputs: 64 };

#[test]
fn damaged_models_are_refused_or_run() {
    let rounds = std::env::var("TANDEM_FUZZ_ROUNDS").map_or(2_000, |rounds| rounds.parse().unwrap());
    let models: Vec<_> = catalog()
        .unwrap()
        .into_iter()
        .filter(|entry| entry.suite() == Suite::Test)
        .map(|entry| (entry.name().to_owned(), entry.model().unwrap().encode_bytes()))
        .filter(|(_, bytes)| bytes.len() < 100_000)
        .collect();
    // Panics are caught and become errors; their messages would drown the result.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut loaded, mut ran, mut internal) = (0_u64, 0_u64, 0_u64);
    for seed in 0..rounds {
        let (name, bytes) = &models[usize::try_from(seed).unwrap() % models.len()];
        let start = Instant::now();
        let source = ModelSource::Bytes(mutate(bytes, seed).into());
        let options = LoadOptions { limits: LIMITS, ..LoadOptions::default() };
        match OnnxEngine::new().load(&source, &options) {
            Ok(model) => {
                loaded += 1;
                ran += u64::from(try_run(model.as_ref()));
            }
            Err(error) => internal += u64::from(error.code() == ErrorCode::Internal),
        }
        assert!(start.elapsed() < HANG, "seed {seed} of {name} took {:?}", start.elapsed());
    }
    let _ = std::panic::take_hook();
    println!("{rounds} models: {loaded} loaded, {ran} ran, {internal} internal errors");
    assert!(ran > 0, "every model was refused: the test tries nothing");
    if let Some(peak) = peak_memory() {
        assert!(peak < 3 << 30, "{peak} bytes at the peak");
    }
}

/// Runs the model on zeros of whatever shape it declares.
fn try_run(model: &dyn LocalModel) -> bool {
    let mut inputs = NamedTensors::default();
    for info in &model.info().inputs {
        let Some(shape) = &info.shape else { return false };
        let shape: Vec<usize> = shape
            .iter()
            .map(|dimension| match dimension {
                Dimension::Fixed(size) => *size,
                Dimension::Symbol(_) | Dimension::Unknown => 2,
            })
            .collect();
        let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
        let Some(count) = count.filter(|&count| count < 1 << 20) else { return false };
        let tensor = match info.dtype {
            DType::String => Tensor::from_strings(shape, vec![String::new(); count]),
            dtype => Tensor::from_bytes(dtype, shape, &vec![0; count * dtype.size().unwrap()]),
        };
        let pushed = tensor.map(|tensor| inputs.push(info.name.clone(), tensor));
        if !matches!(pushed, Ok(Ok(()))) {
            return false;
        }
    }
    let control = Control { deadline: Some(Instant::now() + HANG), ..Control::default() };
    model.run(&inputs, &[], &control).is_ok()
}

/// The most memory that the process has held, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
