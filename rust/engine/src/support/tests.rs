use tandem_onnx::{AttributeProto, AttributeValue};

use super::*;

fn node(op_type: &str, domain: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        domain: domain.to_owned(),
        output: vec!["y".to_owned()],
        attribute: attributes,
        ..NodeProto::default()
    }
}

fn refusal(node: NodeProto, opset: u64) -> Option<String> {
    let graph = GraphProto { node: vec![node], ..GraphProto::default() };
    check(&graph, opset).err().map(|error| error.to_string())
}

fn attribute(name: &str, value: impl Into<AttributeValue>) -> Vec<AttributeProto> {
    vec![AttributeProto::new(name, value)]
}

fn activations(names: &[&str]) -> Vec<AttributeProto> {
    let names = names.iter().map(ToString::to_string).collect();
    vec![AttributeProto::new("activations", AttributeValue::Strings(names))]
}

#[test]
fn an_operator_belongs_to_its_domain() {
    assert_eq!(refusal(node("Relu", "", vec![]), 17), None);
    assert_eq!(refusal(node("Relu", "ai.onnx", vec![]), 17), None);
    assert_eq!(refusal(node("FastGelu", "com.microsoft", vec![]), 17), None);
    assert_eq!(refusal(node("Normalizer", "ai.onnx.ml", vec![]), 17), None);
    for (name, domain) in [
        ("Relu", "com.microsoft"),
        ("Attention", "com.microsoft"),
        ("FastGelu", ""),
        ("Normalizer", ""),
        ("Relu", "x"),
    ] {
        assert!(refusal(node(name, domain, vec![]), 17).is_some(), "{domain}.{name}");
    }
}

#[test]
fn forms_that_would_be_answered_wrongly_are_refused_with_the_reason() {
    let cases = [
        ("RNN", activations(&["Relu"]), "activations Relu, expected Tanh"),
        ("LSTM", activations(&["Sigmoid", "Tanh", "Relu"]), "activations Sigmoid, Tanh, Relu"),
        ("GRU", attribute("clip", 3.0_f32), "cells clipped at 3"),
        ("LSTM", attribute("input_forget", 1_i64), "coupled input and forget gates"),
        ("BatchNormalization", attribute("training_mode", 1_i64), "training mode"),
        ("Transpose", attribute("perm", vec![0_i64, 1, 1]), "perm is [0, 1, 1]"),
        ("LayerNormalization", attribute("axis", i64::MIN), "no tensor has more than 64"),
        ("ReduceL1", attribute("axes", vec![0, i64::MAX]), "no tensor has more than 64"),
        ("Transpose", attribute("perm", vec![1_i64, 2]), "perm is [1, 2]"),
        ("BatchNormalization", attribute("spatial", 0_i64), "statistics for every element"),
        ("QuantizeLinear", attribute("output_dtype", 3_i64), "an output of element type 3"),
        ("DequantizeLinear", attribute("output_dtype", 10_i64), "an output of element type 10"),
    ];
    for (name, attributes, reason) in cases {
        let refusal = refusal(node(name, "", attributes), 21).expect(name);
        assert!(refusal.contains(reason), "{refusal} should say {reason}");
    }
}

#[test]
fn the_usual_forms_pass() {
    for usual in [&["Tanh"][..], &["tanh", "Tanh"]] {
        assert_eq!(refusal(node("RNN", "", activations(usual)), 17), None);
    }
    assert_eq!(refusal(node("BatchNormalization", "", attribute("training_mode", 0_i64)), 17), None);
    assert_eq!(refusal(node("GRU", "", attribute("direction", "reverse")), 17), None);
    assert_eq!(refusal(node("Transpose", "", attribute("perm", vec![2_i64, 0, 1])), 17), None);
}

#[test]
fn what_changed_its_meaning_is_refused_in_old_operator_sets() {
    assert!(refusal(node("Add", "", attribute("broadcast", 1_i64)), 6).is_some());
    assert!(refusal(node("BatchNormalization", "", vec![]), 6).is_some());
    assert!(refusal(node("GRU", "", attribute("direction", "reverse")), 9).is_some());
    assert!(refusal(node("Scan", "", vec![]), 8).is_some());
    assert_eq!(refusal(node("Add", "", vec![]), 6), None);
    assert_eq!(refusal(node("Dropout", "", attribute("is_test", 1_i64)), 6), None);
    assert_eq!(refusal(node("BatchNormalization", "", vec![]), 7), None);
}
