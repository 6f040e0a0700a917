use std::collections::BTreeMap;

use super::*;

fn tensor(name: &str, dtype: DType, shape: &[&str]) -> TensorInfo {
    let dimension = |size: &&str| match size.parse() {
        Ok(size) => Dimension::Fixed(size),
        Err(_) => Dimension::Symbol((*size).to_owned()),
    };
    TensorInfo { name: name.into(), dtype, shape: Some(shape.iter().map(dimension).collect()) }
}

fn model(first: &str) -> ModelInfo {
    let inputs = vec![tensor("x", DType::F32, &[first, "4"])];
    let outputs = vec![tensor("y", DType::I64, &[first]), tensor("s", DType::F32, &[first, "n"])];
    ModelInfo::new("m".into(), String::new(), 17, BTreeMap::new(), inputs, outputs)
}

fn check(text: &str, first: &str) -> Result<(), String> {
    let config = ModelConfig::parse(text).unwrap();
    config.check_name("m").and_then(|()| config.check_model(&model(first)))
}

#[test]
fn a_configuration_of_triton_is_understood() {
    let config = ModelConfig::parse(
        r#"name: "m" platform: "onnxruntime_onnx" max_batch_size: 16
           version_policy: { latest { num_versions: 2 } }
           dynamic_batching {
             preferred_batch_size: [ 8, 4 ]
             max_queue_delay_microseconds: 100
             default_queue_policy { max_queue_size: 7 timeout_action: REJECT }
           }
           instance_group [ { count: 1 kind: KIND_CPU } ]"#,
    )
    .unwrap();
    assert_eq!(config.max_batch_size, 16);
    assert_eq!(config.versions, VersionPolicy::Latest(2));
    let batching = DynamicBatching {
        preferred: vec![4, 8],
        max_delay: Some(Duration::from_micros(100)),
        max_queue: Some(7),
    };
    assert_eq!(config.dynamic_batching, batching);
    assert_eq!(config.check_name("m"), Ok(()));
}

#[test]
fn a_model_that_is_as_configured_is_accepted() {
    for (text, first) in [
        ("", "3"),
        (r#"input { name: "x" data_type: TYPE_FP32 dims: [3, 4] }"#, "3"),
        (r#"input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] }"#, "batch"),
        (r#"backend: "python" max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 4 }"#, "batch"),
        (r#"max_batch_size: 8 output [{ name: "y" data_type: TYPE_INT64 }]"#, "batch"),
        (r#"output { name: "s" data_type: TYPE_FP32 dims: [-1, 10] }"#, "batch"),
    ] {
        assert_eq!(check(text, first), Ok(()), "{text}");
    }
}

#[test]
fn every_difference_from_the_model_is_named() {
    for (text, first, part) in [
        (r#"name: "other""#, "3", "its folder is \"m\""),
        (r#"backend: "tensorrt""#, "3", "backend \"tensorrt\" is not served"),
        (r#"platform: "ensemble""#, "3", "backend \"ensemble\" is not served"),
        ("max_batch_size: 4", "3", "whose first size is not open"),
        (r#"input { name: "z" data_type: TYPE_FP32 dims: [3, 4] }"#, "3", "lists input \"z\""),
        (r#"output { name: "z" data_type: TYPE_FP32 dims: [3, 4] }"#, "3", "lists output \"z\""),
        (
            r#"input { name: "x" data_type: TYPE_FP16 dims: [3, 4] }"#,
            "3",
            "says TYPE_FP16, the model has TYPE_FP32",
        ),
        (
            r#"input { name: "x" data_type: TYPE_FP32 dims: [3, 5] }"#,
            "3",
            "says shape [3, 5], the model has [3, 4]",
        ),
        (r#"input { name: "x" data_type: TYPE_FP32 dims: [-1, 4] }"#, "3", "says shape [-1, 4]"),
        (r#"input { name: "x" data_type: TYPE_FP32 dims: 4 }"#, "3", "says shape [4]"),
        (
            r#"input [ { name: "x" data_type: TYPE_FP32 dims: [3, 4] }, { name: "x2" } ]"#,
            "3",
            "lists 2 inputs, the model has 1",
        ),
    ] {
        let reason = check(text, first).unwrap_err();
        assert!(reason.contains(part), "{text}: {reason}");
    }
}

#[test]
fn a_version_policy_chooses_among_what_is_there() {
    let there = || vec![10, 2, 3];
    let policy = |text: &str| ModelConfig::parse(text).unwrap().versions;
    assert_eq!(policy("").choose(there()), [2, 3, 10]);
    assert_eq!(policy("version_policy { all { } }").choose(there()), [2, 3, 10]);
    assert_eq!(policy("version_policy { latest { } }").choose(there()), [10]);
    assert_eq!(policy("version_policy { latest { num_versions: 9 } }").choose(there()), [2, 3, 10]);
    assert_eq!(policy("version_policy { specific { versions: [3, 4] } }").choose(there()), [3]);
}

#[test]
fn what_would_change_answers_and_is_not_there_is_refused_by_name() {
    for (text, named) in [
        (r#"default_model_filename: "other.onnx""#, "the model file \"other.onnx\""),
        ("sequence_batching { max_sequence_idle_microseconds: 5 }", "sequence_batching"),
        ("ensemble_scheduling { }", "ensemble_scheduling"),
        ("model_transaction_policy { decoupled: true }", "decoupled answers"),
    ] {
        let expected = format!("config.pbtxt asks for {named}, which is not served here");
        assert_eq!(check(text, "3"), Err(expected), "{text}");
    }
    let harmless = r#"default_model_filename: "model.onnx" model_transaction_policy { decoupled: false }
        model_warmup { name: "w" batch_size: 1 } optimization { priority: PRIORITY_MAX }"#;
    assert_eq!(check(harmless, "3"), Ok(()));
}
