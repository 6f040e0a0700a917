//! Runs that share their work over several threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_core::{Control, Engine, LoadOptions, LocalModel, ModelSource, NamedTensors, RunError};
use tandem_engine::{EngineOptions, OnnxEngine};
use tandem_onnx::ModelProto;
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::tagger::{TaggerConfig, tagger};
use tandem_testkit::models::transformer::{TransformerConfig, minilm};
use tandem_testkit::models::vision::{VisionConfig, mobilenet_v2, resnet18};
use tandem_testkit::usage::emulated;

fn load(engine: &OnnxEngine, model: &ModelProto) -> Arc<dyn LocalModel> {
    let bytes: Vec<u8> = model.encode_bytes().into();
    engine.load(&ModelSource::Bytes(bytes.into()), &LoadOptions::default()).unwrap()
}

fn engine(threads: usize) -> OnnxEngine {
    OnnxEngine::with_options(EngineOptions::default().with_threads(threads))
}

fn bytes(outputs: &NamedTensors) -> Vec<(String, Vec<u8>)> {
    outputs.iter().map(|(name, tensor)| (name.to_owned(), tensor.bytes().unwrap().to_vec())).collect()
}

/// Large enough that most of their operators are shared.
fn models() -> Vec<(ModelProto, NamedTensors)> {
    let resolution = if emulated() { 64 } else { 96 };
    let config = VisionConfig { resolution, ..VisionConfig::default() };
    let mut models = Vec::new();
    for model in [mobilenet_v2(&config).unwrap(), resnet18(&config).unwrap()] {
        let inputs = random_inputs(&model, &[], 1).unwrap();
        models.push((model, inputs));
    }
    let text =
        minilm(&TransformerConfig { hidden: 256, positions: 64, ..TransformerConfig::small() }).unwrap();
    let numbers = |value: fn(i64) -> i64| {
        tandem_core::Tensor::from_vec([1, 48], (0..48).map(value).collect::<Vec<i64>>()).unwrap()
    };
    let given = [("input_ids", numbers(|index| index % 7)), ("attention_mask", numbers(|_| 1))];
    let inputs = random_inputs(&text, &given, 1).unwrap();
    models.push((text, inputs));
    let tags = tagger(&TaggerConfig { vocabulary: 100, ..TaggerConfig::default() }).unwrap();
    let inputs = random_inputs(&tags, &[("input_ids", numbers(|index| index % 7))], 1).unwrap();
    models.push((tags, inputs));
    models
}

#[test]
fn answers_are_the_same_bit_for_bit() {
    for (model, inputs) in models() {
        let expected = load(&engine(1), &model).run(&inputs, &[], &Control::default()).unwrap();
        for threads in 2..5 {
            let got = load(&engine(threads), &model).run(&inputs, &[], &Control::default()).unwrap();
            assert!(bytes(&got) == bytes(&expected), "with {threads} threads");
        }
    }
}

#[test]
fn several_callers_share_the_threads_of_one_engine() {
    let engine = engine(3);
    let loaded: Vec<_> =
        models().into_iter().map(|(model, inputs)| (load(&engine, &model), inputs)).collect();
    // Models keep the threads.
    drop(engine);
    let expected: Vec<_> = loaded
        .iter()
        .map(|(model, inputs)| bytes(&model.run(inputs, &[], &Control::default()).unwrap()))
        .collect();
    std::thread::scope(|scope| {
        for ((model, inputs), expected) in loaded.iter().zip(&expected).cycle().take(6) {
            scope.spawn(move || {
                for _ in 0..if emulated() { 2 } else { 5 } {
                    let got = model.run(inputs, &[], &Control::default()).unwrap();
                    assert!(bytes(&got) == *expected);
                }
            });
        }
    });
}

#[test]
fn a_run_on_several_threads_is_cancelled_and_late_as_on_one() {
    let (model, inputs) = models().remove(0);
    let model = load(&engine(2), &model);
    let control = Control::default();
    control.token.cancel();
    let interrupted =
        |result: Result<NamedTensors, RunError>| matches!(result, Err(RunError::Interrupted(_)));
    assert!(interrupted(model.run(&inputs, &[], &control)));
    let late = Control { deadline: Instant::now().checked_sub(Duration::from_secs(1)), ..Control::default() };
    assert!(interrupted(model.run(&inputs, &[], &late)));
    assert!(model.run(&inputs, &[], &Control::default()).is_ok());
}

#[test]
fn counts_are_held_to_what_a_pool_can_have() {
    let count = |threads| EngineOptions::default().with_threads(threads).threads;
    assert_eq!([0, 1, 5, usize::MAX].map(count), [1, 1, 5, EngineOptions::MOST_THREADS]);
    assert_eq!(EngineOptions::default().threads, 1);
}
