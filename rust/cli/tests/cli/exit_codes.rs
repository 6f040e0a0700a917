//! Each class of errors that can be reached ends with its own exit code.

use serde_json::{Value, json};
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
use tandem_testkit::faults::refused_url;
use tandem_testkit::models::slow;

use crate::support::{Folder, digits, pictures, run};

#[test]
fn each_class_ends_with_its_own_code() {
    let folder = Folder::new();
    let (digits, pictures) = (digits(), pictures());
    let (digits, picture) = (digits.to_str().unwrap(), pictures[0].0.to_str().unwrap());
    let garbage = folder.file("garbage.onnx", "this is no protobuf message");
    let zeros = "0".repeat(64);
    let mut graph = GraphBuilder::new("odd");
    graph.input("x", DataType::Float32, dims![1]);
    graph.node("Frobnicate", ["x"], ["y"]).domain("com.example").name("odd one");
    graph.output("y", DataType::Float32, dims![1]);
    let odd = folder.model("odd", &ModelBuilder::new(graph).opset_of("com.example", 1).build().unwrap());
    let slow = folder.model("slow", &slow::matmul_chain(400, 256).unwrap());
    let square = folder.file("square.bin", vec![0; 4 * 256 * 256]);
    let nobody = refused_url();
    let file = folder.file("file", "");
    let below_a_file = format!("{file}/out");

    let cases: &[(&[&str], i32, &str, &str)] = &[
        (&["predict", digits, picture, "--out", &below_a_file], 1, "output_failed", "cannot write"),
        (&["inspect", "/nowhere.onnx"], 10, "model_not_found", "no model at /nowhere.onnx"),
        (&["inspect", &garbage], 11, "invalid_model", "invalid model"),
        (&["inspect", digits, "--sha256", &zeros], 12, "integrity_mismatch", &zeros),
        (&["inspect", &odd], 13, "unsupported_operator", "Frobnicate"),
        (&["predict", digits, "/nowhere.png"], 14, "invalid_input", "/nowhere.png"),
        (
            &["run", digits, picture, "--endpoint", "a=http://a", "--endpoint", "a=http://b"],
            15,
            "invalid_argument",
            "two endpoints are named \"a\"",
        ),
        (&["inspect", digits, "--limit-nodes", "1"], 16, "resource_limit", "the limit is 1"),
        (&["inspect", digits, "--limit-model-bytes", "1k"], 16, "resource_limit", "the limit is 1024"),
        (&["predict", &slow, &square, "--timeout", "5ms"], 18, "deadline_exceeded", "deadline exceeded"),
        (&["offload", digits, picture, "--endpoint", &nobody], 19, "offline", "cannot be reached"),
        (&["offload", digits, picture], 19, "offline", "no endpoint"),
        (
            &["offload", digits, picture, "--endpoint", &nobody, "--sensitivity", "private"],
            20,
            "policy_denied",
            "may not leave the device",
        ),
    ];
    for (args, code, class, text) in cases {
        run(*args).fails(*code, class, text);
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let model = digits();
    let model = model.to_str().unwrap();
    let cases: &[&[&str]] = &[
        &[],
        &["juggle"],
        &["predict"],
        &["predict", model, "--no-such-option"],
        &["predict", model, "--timeout", "soon"],
        &["predict", model, "--resize", "8"],
        &["predict", model, "--scale", "0"],
        &["predict", model, "--shape", "x"],
        &["run", model, "--mode", "sometimes"],
        &["run", model, "--endpoint", "example.com"],
        &["offload", model, "--client-cert", "x"],
        &["serve", ".", "--workers", "0"],
        &["serve", ".", "--no-batching", "--batch-window", "1ms"],
        &["eval", model],
    ];
    for args in cases {
        let run = run(*args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.err);
        assert_eq!(run.out, "", "{args:?}");
        assert!(!run.err.is_empty(), "{args:?}");
    }
}

#[test]
fn errors_are_json_where_json_was_asked_for() {
    let model = digits();
    let error = |args: &[&str]| {
        let run = run(args);
        assert_eq!(run.out, "");
        let mut document: Value = serde_json::from_str(run.err.trim()).unwrap();
        assert_eq!(document["error"]["exit_code"].as_i64(), run.code.map(i64::from));
        document["error"].take()
    };
    let missing = error(&["inspect", "--json", "/nowhere.onnx"]);
    let fields: Vec<_> = missing.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(fields, ["code", "exit_code", "message", "retryable"]);
    assert_eq!((&missing["code"], &missing["exit_code"]), (&json!("model_not_found"), &json!(10)));
    let usage = error(&["predict", model.to_str().unwrap(), "--json", "--frobnicate"]);
    assert_eq!((&usage["code"], &usage["exit_code"]), (&json!("usage"), &json!(2)));
    assert!(usage["message"].as_str().unwrap().contains("--frobnicate"));
    let (nobody, picture) = (refused_url(), pictures()[0].0.clone());
    let offline = error(&[
        "offload",
        "--json",
        model.to_str().unwrap(),
        picture.to_str().unwrap(),
        "--endpoint",
        &nobody,
    ]);
    assert_eq!((&offline["code"], &offline["retryable"]), (&json!("offline"), &json!(true)));
}
