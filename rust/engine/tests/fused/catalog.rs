//! The models of the test kit.

use tandem_kernels::InstructionSet;
use tandem_testkit::models::transformer::{TransformerConfig, minilm};
use tandem_testkit::models::vision::{VisionConfig, mobilenet_v2, resnet18, resnet50};
use tandem_testkit::models::{Suite, catalog, random_inputs};
use tandem_testkit::usage::emulated;

use crate::compare::{difference, operators};

#[test]
fn every_test_model_answers_as_tract_does() {
    for entry in catalog().unwrap().iter().filter(|entry| entry.suite() == Suite::Test) {
        let model = entry.model().unwrap();
        for seed in 1..if emulated() { 2 } else { 4 } {
            let inputs = entry.inputs(&model, seed).unwrap();
            assert_eq!(difference(&model, &inputs), None, "{}", entry.name());
        }
    }
}

fn counts<const N: usize>(counts: [(&str, usize); N]) -> std::collections::BTreeMap<String, usize> {
    counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// The operators of a network whose input is an image: its three channels are brought into a block where that leaves
/// little of the block empty, as in NEON's of four.
fn from_image<const N: usize>(entries: [(&str, usize); N]) -> std::collections::BTreeMap<String, usize> {
    let mut expected = counts(entries);
    if InstructionSet::best().lanes() <= 4 {
        expected.insert("ToBlocked".to_owned(), 1);
    }
    expected
}

/// With channels as published, so that all is large enough for blocks, and few pixels; under an emulator a quarter of the channels,
/// for which NEON's blocks are small enough.
fn config(fold_batch_norm: bool) -> VisionConfig {
    let (resolution, channel_divisor) = if emulated() { (32, 4) } else { (64, 1) };
    VisionConfig { resolution, channel_divisor, fold_batch_norm, ..VisionConfig::default() }
}

#[test]
fn all_of_mobilenet_is_ours_from_the_image_to_the_classes() {
    // With a quarter of the channels the first block has as many as it is given, and adds its input: the first convolution, which
    // has two readers then, stays by itself.
    let convolutions = if emulated() { 2 } else { 1 };
    for fold in [true, false] {
        let model = mobilenet_v2(&config(fold)).unwrap();
        let inputs = random_inputs(&model, &[], 1).unwrap();
        let expected = from_image([
            ("Conv", convolutions),
            ("SeparableConv", 1),
            ("InvertedResidual", 16),
            ("GlobalAveragePool", 1),
            ("MatMul", 1),
        ]);
        assert_eq!(operators(&model, &inputs), expected, "folded: {fold}");
        assert_eq!(difference(&model, &inputs), None, "folded: {fold}");
    }
}

#[test]
fn all_of_the_resnets_is_ours_from_the_image_to_the_classes() {
    for fold in [true, false] {
        for (model, convolutions) in [(resnet18(&config(fold)), 19), (resnet50(&config(fold)), 52)] {
            let model = model.unwrap();
            let inputs = random_inputs(&model, &[], 1).unwrap();
            let expected = from_image([
                ("PooledConv", 1),
                ("Conv", convolutions),
                ("GlobalAveragePool", 1),
                ("MatMul", 1),
            ]);
            assert_eq!(operators(&model, &inputs), expected, "folded: {fold}");
            assert_eq!(difference(&model, &inputs), None, "folded: {fold}");
        }
    }
}

#[test]
fn the_layers_of_a_transformer_are_ours() {
    let config = TransformerConfig::small();
    let model = minilm(&config).unwrap();
    let ids = tandem_core::Tensor::from_vec([1, 4], vec![1_i64, 2, 3, 4]).unwrap();
    let mask = tandem_core::Tensor::from_vec([1, 4], vec![1_i64; 4]).unwrap();
    let given = [("input_ids", ids), ("attention_mask", mask)];
    let inputs = random_inputs(&model, &given, 1).unwrap();
    // Query, key, value and output of the attention, and the two of the feed-forward layer in one, which take bias, residual
    // and GELU along; a normalisation after each half of a layer, and one of the embedding, whose rows are looked up.
    let expected = counts([
        ("Gather", 1),
        ("MatMul", 4 * config.layers),
        ("FeedForward", config.layers),
        ("Attention", config.layers),
        ("LayerNormalization", 2 * config.layers + 1),
    ]);
    assert_eq!(operators(&model, &inputs), expected);
    assert_eq!(difference(&model, &inputs), None);
}
