//! Profiles: every node once, and sums that add up.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use common::load;
use tandem_core::Control;
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::slow::matmul_chain;
use tandem_testkit::models::vision::{VisionConfig, branchy};

#[test]
fn the_nodes_take_no_longer_than_the_whole() {
    let proto = branchy(&VisionConfig::small()).unwrap();
    let profile = load(&proto).profile(&random_inputs(&proto, &[], 1).unwrap(), &Control::default()).unwrap();
    assert!(!profile.nodes.is_empty());
    let sum: std::time::Duration = profile.nodes.iter().map(|node| node.time).sum();
    assert!(sum <= profile.total, "{sum:?} of {:?}", profile.total);
    let largest = profile.nodes.iter().map(|node| node.output_bytes).max().unwrap();
    let all: u64 = profile.nodes.iter().map(|node| node.output_bytes).sum();
    assert!((largest..=all).contains(&profile.peak_bytes), "{largest} to {all}: {}", profile.peak_bytes);
    assert!(profile.nodes.iter().all(|node| !node.name.is_empty() && !node.operator.is_empty()));
}

#[test]
fn a_chain_keeps_only_a_node_and_its_input_alive() {
    let (length, width) = (12, 16);
    let proto = matmul_chain(length, width).unwrap();
    let profile = load(&proto).profile(&random_inputs(&proto, &[], 1).unwrap(), &Control::default()).unwrap();
    // Two products in a row are one operator.
    assert!(profile.nodes.len() >= length / 2, "{}", profile.nodes.len());
    let matrix = 4 * (width * width) as u64;
    // Packed for multiplication, a matrix takes somewhat more.
    assert!((2 * matrix..4 * matrix).contains(&profile.peak_bytes), "{}", profile.peak_bytes);
}
