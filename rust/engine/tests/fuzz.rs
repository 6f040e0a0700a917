//! Damaged models: whatever the bytes are, a typed error or an answer, never a panic, a hang or a flood of memory.
//!
//! `TANDEM_FUZZ_ROUNDS` sets how many are tried; the seeds are the same every time.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, helpers included"
)]

mod common;

use std::time::{Duration, Instant};

use tandem_core::{
    Control, DType, Dimension, Engine, ErrorCode, Limits, LoadOptions, LocalModel, ModelSource, NamedTensors,
    Tensor,
};
use tandem_engine::OnnxEngine;
use tandem_onnx::{GraphProto, ModelProto, NodeProto, TensorProto};
use tandem_testkit::models::{Suite, catalog};
use tandem_testkit::usage::{peak_memory, timed};
use tandem_testkit::{Random, mutate};

/// What computes longer than this, or by the clock of a busy machine longer than the other, hangs.
const HANG: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(20);

/// What the whole process may hold at its peak, two tests beside each other: the test's own models, and what
/// the limits below let a model take several times over.
const MEMORY: u64 = 128 << 20;

const LIMITS: Limits = Limits { model_bytes: 8 << 20, nodes: 5_000, tensor_bytes: 16 << 20, inputs: 64 };

#[test]
fn damaged_bytes_are_refused_or_run() {
    let models: Vec<_> = models().into_iter().map(|model| model.encode_bytes()).collect();
    try_all("damaged", rounds(), |seed| mutate(&models[index(seed, models.len())], seed));
}

#[test]
fn graphs_of_odd_parts_are_refused_or_run() {
    let models = models();
    let operators: Vec<String> = models.iter().flat_map(nodes).map(|node| node.op_type.clone()).collect();
    // Most of these load and run, so that each takes ten times as long as a damaged file.
    try_all("odd", rounds() / 10, |seed| {
        let mut model = models[index(seed, models.len())].clone();
        let mut random = Random::new(seed);
        for _ in 0..=random.below(3) {
            disturb(model.graph.as_mut().unwrap(), &operators, &mut random);
        }
        model.encode_bytes().into()
    });
}

fn index(seed: u64, length: usize) -> usize {
    usize::try_from(seed).unwrap() % length
}

fn models() -> Vec<ModelProto> {
    let entries = catalog().unwrap().into_iter().filter(|entry| entry.suite() == Suite::Test);
    entries.map(|entry| entry.model().unwrap()).filter(|model| model.encode_bytes().len() < 100_000).collect()
}

fn nodes(model: &ModelProto) -> &[NodeProto] {
    model.graph.as_ref().map_or(&[], |graph| &graph.node)
}

/// Changes one thing that the protobuf allows and the model does not expect.
fn disturb(graph: &mut GraphProto, operators: &[String], random: &mut Random) {
    const SIZES: [i64; 8] = [0, 1, -1, 2, 7, 1 << 20, i64::MAX, i64::MIN];
    let mut names: Vec<String> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    names.extend(graph.node.iter().flat_map(|node| node.output.clone()));
    names.extend(graph.input.iter().map(|input| input.name.clone()));
    let place = random.below(graph.node.len());
    let node = &mut graph.node[place];
    match random.below(6) {
        0 => node.op_type.clone_from(&operators[random.below(operators.len())]),
        1 => {
            let input = random.below(node.input.len());
            if let Some(input) = node.input.get_mut(input) {
                input.clone_from(&names[random.below(names.len())]);
            }
        }
        2 => {
            let attribute = random.below(node.attribute.len());
            if let Some(attribute) = node.attribute.get_mut(attribute) {
                attribute.i = SIZES[random.below(SIZES.len())];
                let place = random.below(attribute.ints.len());
                if let Some(value) = attribute.ints.get_mut(place) {
                    *value = SIZES[random.below(SIZES.len())];
                }
            }
        }
        3 => {
            let tensor = random.below(graph.initializer.len());
            if let Some(tensor) = graph.initializer.get_mut(tensor) {
                match tensor.dims.len() {
                    0 => tensor.dims.push(1),
                    1 => tensor.dims.insert(0, 1),
                    _ => tensor.dims.rotate_left(1),
                }
            }
        }
        4 => {
            let tensor = random.below(graph.initializer.len());
            if let Some(tensor) = graph.initializer.get_mut(tensor)
                && let Ok(mut values) = tensor.to_vec::<i64>()
                && !values.is_empty()
            {
                let place = random.below(values.len());
                values[place] = SIZES[random.below(SIZES.len())];
                let shape = tensor.shape().unwrap();
                *tensor = TensorProto::from_slice(tensor.name.clone(), &shape, &values).unwrap();
            }
        }
        _ => {
            node.attribute.pop();
            node.input.pop();
        }
    }
}

fn rounds() -> u64 {
    std::env::var("TANDEM_FUZZ_ROUNDS").map_or(2_000, |rounds| rounds.parse().unwrap())
}

/// Loads what `make` gives for every seed, and runs what loads.
fn try_all(what: &str, rounds: u64, make: impl Fn(u64) -> Vec<u8>) {
    // Panics are caught and become errors; their messages would drown the result.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut loaded, mut ran, mut internal) = (0_u64, 0_u64, 0_u64);
    let mut slowest = (Duration::ZERO, 0);
    for seed in 0..rounds {
        let source = ModelSource::Bytes(make(seed).into());
        let options = LoadOptions { limits: LIMITS, ..LoadOptions::default() };
        let started = Instant::now();
        let ((), time) = timed(|| match OnnxEngine::new().load(&source, &options) {
            Ok(model) => {
                loaded += 1;
                ran += u64::from(try_run(model.as_ref()));
            }
            Err(error) => internal += u64::from(error.code() == ErrorCode::Internal),
        });
        slowest = slowest.max((time, seed));
        assert!(started.elapsed() < DEADLINE, "seed {seed} took {:?}", started.elapsed());
    }
    let peak = peak_memory();
    println!(
        "{rounds} {what} models: {loaded} loaded, {ran} ran, {internal} internal errors, slowest {slowest:?}, \
         {peak:?} bytes at the peak"
    );
    assert!(slowest.0 < HANG, "seed {} took {:?}", slowest.1, slowest.0);
    assert!(ran > 0, "every model was refused: the test tries nothing");
    assert!(peak.is_none_or(|peak| peak < MEMORY), "{peak:?} bytes at the peak");
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
    let control = Control { deadline: Some(Instant::now() + DEADLINE), ..Control::default() };
    model.run(&inputs, &[], &control).is_ok()
}
