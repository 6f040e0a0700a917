//! `tandem inspect`, `tandem plan`, `--help`.

use tandem_testkit::models::arithmetic;

use crate::support::{Folder, digits, run};

#[test]
fn the_table_shows_identity_inputs_and_outputs() {
    let run = run(["inspect", digits().to_str().unwrap()]).ok();
    for text in
        ["name    digits\n", "sha256  ", "opset   17\n", "labels", "[batch, 1, 8, 8]", "probabilities  f32"]
    {
        assert!(run.out.contains(text), "{text:?} in {}", run.out);
    }
}

#[test]
fn the_json_has_the_documented_fields() {
    let document = run(["inspect", "--json", digits().to_str().unwrap()]).document();
    let fields: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["digest", "inputs", "metadata", "name", "opset", "outputs"]);
    assert_eq!(document["inputs"][0]["shape"], serde_json::json!(["batch", 1, 8, 8]));
    assert_eq!(document["inputs"][0]["dtype"], "f32");
    assert_eq!(document["digest"].as_str().unwrap().len(), 64);
}

#[test]
fn a_plan_gives_every_candidate_its_reason() {
    let model = digits();
    let plan = |args: &[&str]| run([["plan", "--json", model.to_str().unwrap()].as_slice(), args].concat());
    let endpoints = ["--endpoint", "a=http://127.0.0.1:1", "--endpoint", "b=http://127.0.0.1:2"];
    let document = plan(&[endpoints.as_slice(), &["--mode", "prefer-in-cloud"]].concat()).document();
    assert_eq!(document["order"][0], serde_json::json!({ "kind": "in_cloud", "endpoint": "a" }));
    let reasons: Vec<_> =
        document["candidates"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, ["not_first", "mode_prefers", "not_first"]);

    let private = plan(&[endpoints.as_slice(), &["--sensitivity", "private"]].concat()).document();
    assert_eq!(private["order"], serde_json::json!([{ "kind": "on_device" }]));
    assert_eq!(private["candidates"][1]["reason"], "sensitivity_forbids");
    let nowhere = run(["plan", model.to_str().unwrap(), "--mode", "only-in-cloud"]);
    nowhere.fails(19, "offline", "the runtime has no endpoint");

    let table = run(["plan", model.to_str().unwrap(), "--endpoint", "http://127.0.0.1:1"]).ok();
    assert!(table.out.contains("in cloud (127.0.0.1:1)"), "{}", table.out);
}

#[test]
fn help_lists_the_exit_codes() {
    let run = run(["--help"]).ok();
    assert!(run.out.contains("Exit codes:\n   0  ok "), "{}", run.out);
    assert!(run.out.contains("14  invalid_input "), "{}", run.out);
}

#[test]
fn names_from_a_model_do_not_steer_the_terminal() {
    let folder = Folder::new();
    let mut model = arithmetic::add().unwrap();
    model.doc_string = "red \u{1b}[31m".to_owned();
    let run = run(["inspect", &folder.model("add", &model)]).ok();
    assert!(!run.out.contains('\u{1b}'), "{:?}", run.out);
}
