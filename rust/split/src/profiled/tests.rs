use tandem_core::{Control, DType, Dimension, Engine as _, LoadOptions, ModelSource, NodeProfile};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::transformer::{TransformerConfig, transformer_block};
use tandem_testkit::models::vision::{VisionConfig, branchy};

use super::*;
use crate::{CrossingTensor, CutOptions, Cuts};

/// Two products, each with an activation behind it.
fn model() -> ModelProto {
    let mut graph = GraphBuilder::new("chain");
    graph.input("x", DataType::Float32, dims![1, 2]);
    graph.initializer("w1", &[2, 2], &[1.0_f32; 4]).initializer("w2", &[2, 2], &[1.0_f32; 4]);
    graph.node("MatMul", ["x", "w1"], ["product1"]);
    graph.node("Relu", ["product1"], ["relu1"]);
    graph.node("MatMul", ["relu1", "w2"], ["product2"]);
    graph.node("Relu", ["product2"], ["relu2"]);
    graph.output("relu2", DataType::Float32, dims![1, 2]);
    ModelBuilder::new(graph).build().unwrap()
}

fn at(name: &str) -> Boundary {
    let crossing = CrossingTensor {
        name: name.to_owned(),
        dtype: DType::F32,
        shape: vec![Dimension::Fixed(1), Dimension::Fixed(2)],
        depends_on: vec!["x".to_owned()],
    };
    Boundary { crossing: vec![crossing], head_outputs: vec![] }
}

fn profile(nodes: &[(&str, u64)]) -> Profile {
    let node = |&(name, ms): &(&str, u64)| NodeProfile {
        name: name.to_owned(),
        operator: "any".to_owned(),
        time: Duration::from_millis(ms),
        output_bytes: 0,
    };
    Profile { nodes: nodes.iter().map(node).collect(), ..Profile::default() }
}

fn share(nodes: &[(&str, u64)], cut: &str) -> Option<f64> {
    head_shares(&model(), &profile(nodes), &[&at(cut)])[0]
}

#[test]
fn nodes_under_their_own_names_count_where_they_stand() {
    let nodes = [("product1", 30), ("relu1", 10), ("product2", 50), ("relu2", 10)];
    for (cut, expected) in [("x", 0.0), ("product1", 0.3), ("relu1", 0.4), ("product2", 0.9)] {
        let got = share(&nodes, cut).unwrap();
        assert!((got - expected).abs() < 1e-9, "{cut}: {got}");
    }
}

#[test]
fn what_was_computed_together_counts_with_the_node_in_front() {
    // The activations are part of the products; one of these is prepared by a node of the engine's own.
    let nodes = [("product1.pack", 10), ("product1", 30), ("product2", 60)];
    assert!((share(&nodes, "relu1").unwrap() - 0.4).abs() < 1e-9);
    // Five of six parts of the first group lie in front of its activation: four weights and the node itself.
    let through = share(&nodes, "product1").unwrap();
    assert!((through - 0.4 * 5.0 / 6.0).abs() < 1e-9, "{through}");
}

#[test]
fn names_that_say_too_little_say_nothing() {
    assert_eq!(share(&[("product1", 50), ("elsewhere", 50)], "relu1"), None);
    assert_eq!(share(&[], "relu1"), None);
    assert_eq!(share(&[("product1", 50)], "no such value"), None);
}

#[test]
fn of_models_on_the_engine_every_cut_has_its_share() {
    let engine = OnnxEngine::new();
    let block = transformer_block(&TransformerConfig::small()).unwrap();
    for model in [branchy(&VisionConfig::small()).unwrap(), block] {
        let inputs = random_inputs(&model, &[], 1).unwrap();
        let source = ModelSource::Bytes(model.encode_bytes().as_ref().into());
        let loaded = engine.load(&source, &LoadOptions::default()).unwrap();
        let profile = loaded.profile(&inputs, &Control::default()).unwrap();
        let options = CutOptions { every: true, ..CutOptions::default() };
        let cuts = Cuts::find(&model, "", &engine, &[inputs], &options).unwrap().cuts;
        let boundaries: Vec<&Boundary> = cuts.iter().map(|cut| &cut.boundary).collect();
        let shares = head_shares(&model, &profile, &boundaries);
        assert!(shares.len() > 3);
        for (cut, share) in cuts.iter().zip(shares) {
            let share = share.unwrap();
            assert!((0.0..=1.0 + 1e-9).contains(&share), "{share}");
            assert!(cut.multiply_adds.head > 0 || share < 0.5, "{share} of cut {}", cut.id);
        }
    }
}
