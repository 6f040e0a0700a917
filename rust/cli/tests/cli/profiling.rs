//! `tandem profile`.

use serde_json::json;
use tandem_testkit::models::{arithmetic, transformer};

use crate::support::{Folder, digits, pictures, run};

#[test]
fn every_node_is_measured_and_the_slowest_comes_first() {
    let (picture, _) = &pictures()[0];
    let model = digits();
    let document =
        run(["profile", "--json", model.to_str().unwrap(), picture.to_str().unwrap(), "--runs", "3"])
            .document();
    let fields: Vec<_> = document.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["model", "nodes", "nodes_ns", "peak_bytes", "runs", "total_ns"]);
    assert_eq!(document["runs"], json!(3));
    let nodes = document["nodes"].as_array().unwrap();
    let fields: Vec<_> = nodes[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["index", "median_ns", "name", "operator", "output_bytes"]);
    let times: Vec<_> = nodes.iter().map(|node| node["median_ns"].as_u64().unwrap()).collect();
    assert!(times.is_sorted_by(|one, other| one >= other));
    assert_eq!(times.iter().sum::<u64>(), document["nodes_ns"].as_u64().unwrap());

    let table = run(["profile", model.to_str().unwrap(), "--top", "2"]).ok();
    assert!(table.out.contains("median of 5 runs: "), "{}", table.out);
    assert_eq!(table.out.lines().count(), 5, "{}", table.out);
}

#[test]
fn random_inputs_take_the_sizes_that_are_given() {
    let folder = Folder::new();
    let model = folder.model("add", &arithmetic::add().unwrap());
    let bytes = |args: &[&str]| {
        let document =
            run([["profile", "--json", &model, "--runs", "1"].as_slice(), args].concat()).document();
        document["nodes"].as_array().unwrap().iter().map(|node| node["output_bytes"].as_u64().unwrap()).max()
    };
    assert_eq!(bytes(&[]), Some(12));
    assert_eq!(bytes(&["--symbol", "batch=50"]), Some(600));
}

#[test]
fn random_inputs_fit_models_that_look_words_up() {
    let folder = Folder::new();
    let config = transformer::TransformerConfig::small();
    let model = folder.model("minilm", &transformer::minilm(&config).unwrap());
    run(["profile", &model, "--runs", "1"]).ok();
}

#[test]
fn several_sets_of_inputs_are_refused() {
    let (picture, _) = &pictures()[0];
    let picture = picture.to_str().unwrap();
    run(["profile", digits().to_str().unwrap(), picture, picture]).fails(
        2,
        "usage",
        "profile takes one set of inputs, got 2",
    );
}
