//! One model through two engines, and how many models.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::test_runner::Config;
use tandem_core::{Control, Engine, LoadOptions, LocalModel, ModelSource, NamedTensors};
use tandem_engine::{CacheOptions, EngineOptions, OnnxEngine};
use tandem_onnx::{GraphBuilder, ModelBuilder, ModelProto};
use tandem_testkit::agreement::floats;

/// The largest difference that rounding may make, relative to the largest value of a result.
const TOLERANCE: f64 = 1e-4;

/// `count` random cases of a law, other ones in every run. `PROPTEST_CASES`, which is 256 where it is not set, makes them more
/// or fewer in proportion.
pub(crate) fn cases(count: u32) -> Config {
    let config = Config::default();
    Config { cases: (count * config.cases).div_ceil(256), failure_persistence: None, ..config }
}

fn source(model: &ModelProto) -> ModelSource {
    let bytes: Vec<u8> = model.encode_bytes().into();
    ModelSource::Bytes(bytes.into())
}

pub(crate) fn load(model: &ModelProto, fused: bool) -> Arc<dyn LocalModel> {
    let engine = OnnxEngine::with_options(EngineOptions::default().with_fused(fused));
    engine.load(&source(model), &LoadOptions::default()).unwrap()
}

pub(crate) fn model(build: impl FnOnce(&mut GraphBuilder)) -> ModelProto {
    let mut graph = GraphBuilder::new("test");
    build(&mut graph);
    ModelBuilder::new(graph).opset(17).build().unwrap()
}

/// Where the results of the fused model differ from those of tract alone, if they do.
pub(crate) fn difference(model: &ModelProto, inputs: &NamedTensors) -> Option<String> {
    difference_over(1e-6, model, inputs)
}

/// The same, of results whose rounding is that of numbers of a size of `least`, also where all of them are smaller.
pub(crate) fn difference_over(least: f64, model: &ModelProto, inputs: &NamedTensors) -> Option<String> {
    let run = |fused| load(model, fused).run(inputs, &[], &Control::default());
    let (expected, got) = match (run(false), run(true)) {
        (Ok(expected), Ok(got)) => (expected, got),
        (Err(expected), Err(got)) if expected.to_string() == got.to_string() => return None,
        (expected, got) => return Some(format!("got {:?}, expected {:?}", got.err(), expected.err())),
    };
    assert!(expected.names().eq(got.names()));
    expected.iter().zip(got.iter()).find_map(|((name, expected), (_, got))| {
        if (expected.dtype(), expected.shape()) != (got.dtype(), got.shape()) {
            return Some(format!("{name} is {got:?}, expected {expected:?}"));
        }
        let (Some(expected_values), Some(values)) = (floats(expected), floats(got)) else {
            return (expected != got).then(|| format!("{name} has other elements"));
        };
        let largest = expected_values.iter().fold(least, |largest, value| largest.max(value.abs()));
        let far = |(expected, value): &(f64, f64)| {
            let apart = (expected - value).abs();
            (apart.is_nan() && expected.to_bits() != value.to_bits()) || apart > TOLERANCE * largest
        };
        let (expected, value) = expected_values.into_iter().zip(values).find(far)?;
        Some(format!("{name} has {value}, expected {expected}; its largest is {largest}"))
    })
}

/// Whether the model answers from what was kept of it as it did before, bit for bit; also where nothing was, for the sake of an
/// operator beside ours.
pub(crate) fn answers_from_cache(model: &ModelProto, inputs: &NamedTensors) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let answer = || {
        let cache = CacheOptions::new(folder.path());
        let engine = OnnxEngine::with_options(EngineOptions::default().with_cache(cache));
        let model = engine.load(&source(model), &LoadOptions::default()).unwrap();
        let outputs = model.run(inputs, &[], &Control::default()).unwrap();
        outputs.iter().map(|(_, tensor)| tensor.bytes().map(<[u8]>::to_vec)).collect::<Vec<_>>()
    };
    answer() == answer()
}

/// How many nodes of each operator of ours ran.
pub(crate) fn operators(model: &ModelProto, inputs: &NamedTensors) -> BTreeMap<String, usize> {
    let profile = load(model, true).profile(inputs, &Control::default()).unwrap();
    let mut counts = BTreeMap::new();
    for node in profile.nodes {
        if let Some(name) = node.operator.strip_prefix("Tandem.") {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}
