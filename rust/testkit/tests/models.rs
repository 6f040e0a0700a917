//! The generated models are what their names say.

#![allow(clippy::expect_used, reason = "helpers of tests stand outside them")]

use std::collections::HashSet;

use tandem_onnx::{Dim, ModelProto};
use tandem_testkit::models::transformer::{TransformerConfig, minilm};
use tandem_testkit::models::vision::{VisionConfig, mobilenet_v2, resnet18, resnet50};
use tandem_testkit::models::{Suite, catalog};

fn weights(model: &ModelProto) -> usize {
    let constants = &model.graph.as_ref().expect("a graph").initializer;
    constants.iter().map(|tensor| tensor.elements().expect("a size")).sum()
}

fn nodes(model: &ModelProto, operator: &str) -> usize {
    let nodes = &model.graph.as_ref().expect("a graph").node;
    nodes.iter().filter(|node| node.op_type == operator).count()
}

#[test]
fn every_small_model_is_small_and_the_same_when_made_again() {
    let mut names = HashSet::new();
    for entry in catalog().unwrap() {
        assert!(names.insert(entry.name().to_owned()), "{} twice", entry.name());
        if entry.suite() == Suite::Test {
            let file = entry.model().unwrap().encode_bytes();
            assert_eq!(file, entry.model().unwrap().encode_bytes(), "{}", entry.name());
            assert!(file.len() < 2 << 20, "{}: {} bytes", entry.name(), file.len());
        }
    }
}

#[test]
fn every_entry_has_inputs_of_the_shapes_it_declares() {
    for entry in catalog().unwrap() {
        if entry.suite() == Suite::Bench {
            continue;
        }
        let model = entry.model().unwrap();
        let inputs = entry.inputs(&model, 1).unwrap();
        let graph = model.graph.unwrap();
        assert_eq!(inputs.len(), graph.input.len(), "{}", entry.name());
        for declared in &graph.input {
            let tensor = inputs.get(&declared.name).unwrap();
            let dims = declared.tensor_type().unwrap().shape.as_ref().unwrap().dims();
            assert_eq!(tensor.shape().len(), dims.len());
            for (size, dim) in tensor.shape().iter().zip(dims) {
                assert!(!matches!(dim, Dim::Fixed(fixed) if fixed != i64::try_from(*size).unwrap()));
            }
        }
    }
}

/// Weights as the papers and torchvision count them, with folded batch normalisation: a weight and a bias for each
/// channel where they count a scale and a shift; the means and variances are not counted there either.
#[test]
fn the_networks_have_as_many_weights_as_the_published_ones() {
    let config = VisionConfig::default();
    let constants_of_relu6 = 2;
    let mobilenet = mobilenet_v2(&config).unwrap();
    let resnet18 = resnet18(&config).unwrap();
    let resnet50 = resnet50(&config).unwrap();
    // A folded convolution has one number a channel where the published one has two.
    let channels = |model: &ModelProto| -> usize {
        let graph = model.graph.as_ref().unwrap();
        let convs = graph.node.iter().filter(|node| node.op_type == "Conv");
        convs.map(|conv| graph.initializer(&conv.input[2]).unwrap().elements().unwrap()).sum()
    };
    assert_eq!(weights(&mobilenet) - constants_of_relu6 + channels(&mobilenet), 3_504_872);
    assert_eq!(weights(&resnet18) + channels(&resnet18), 11_689_512);
    assert_eq!(weights(&resnet50) + channels(&resnet50), 25_557_032);
    assert_eq!([nodes(&mobilenet, "Conv"), nodes(&resnet18, "Conv"), nodes(&resnet50, "Conv")], [52, 20, 53]);
}

#[test]
fn minilm_has_as_many_weights_as_the_published_one() {
    let model = minilm(&TransformerConfig::default()).unwrap();
    let graph = model.graph.as_ref().unwrap();
    let learned_parts = ["weight", "bias", "scale", "shift"];
    let named = |name: &str| name.rsplit('.').next().is_some_and(|part| learned_parts.contains(&part));
    let learned = graph.initializer.iter().filter(|tensor| named(&tensor.name));
    let count: usize = learned.map(|tensor| tensor.elements().unwrap()).sum();
    // The published 22,713,216 hold two vectors for the kinds of token and a pooler, which the embedding does not use.
    assert_eq!(count, 22_713_216 - 2 * 384 - (384 * 384 + 384));
}

#[test]
fn unfolded_networks_have_their_batch_normalisations() {
    let folded = VisionConfig::small();
    let unfolded = VisionConfig { fold_batch_norm: false, ..folded.clone() };
    for network in [mobilenet_v2, resnet18, resnet50] {
        let (folded, unfolded) = (network(&folded).unwrap(), network(&unfolded).unwrap());
        assert_eq!(nodes(&folded, "BatchNormalization"), 0);
        assert_eq!(nodes(&unfolded, "BatchNormalization"), nodes(&unfolded, "Conv"));
    }
}
