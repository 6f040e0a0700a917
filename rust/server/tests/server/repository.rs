//! The repository: layout, configuration, and models that cannot be served.

use serde_json::json;
use tandem_onnx::dims;
use tandem_server::{Server, ServerError};
use tandem_testkit::models::{arithmetic, dtypes};

use crate::world::{ADD, ADD_PATH, Repository};

#[test]
fn a_model_that_cannot_be_served_is_named_with_the_reason_and_does_not_stop_the_others() {
    let add = arithmetic::add().unwrap();
    let world = Repository::usual()
        .file("broken/1/model.onnx", b"not a model")
        .file("empty/readme.txt", b"")
        .file("no_file/1/other.onnx", b"")
        .with("renamed", 1, &add)
        .config("renamed", r#"name: "another""#)
        .with("unreadable", 1, &add)
        .config("unreadable", "max_batch_size: {")
        .with("mismatch", 1, &add)
        .config("mismatch", r#"input [ { name: "a" data_type: TYPE_INT8 dims: [-1, 3] }, { name: "b" } ]"#)
        .with("foreign", 1, &add)
        .config("foreign", r#"backend: "tensorrt""#)
        .with("python", 1, &add)
        .config("python", r#"backend: "python""#)
        .serve();
    let index = world.post("/v2/repository/index", "").json();
    for (name, part) in [
        ("broken", "invalid model"),
        ("empty", "no version"),
        ("no_file", "no model.onnx"),
        ("renamed", "\"another\""),
        ("unreadable", "line 1"),
        ("mismatch", "TYPE_INT8"),
        ("foreign", "\"tensorrt\""),
    ] {
        let line = index.as_array().unwrap().iter().find(|line| line["name"] == name).unwrap();
        assert_eq!(line["state"], "UNAVAILABLE", "{line}");
        let reason = line["reason"].as_str().unwrap();
        assert!(reason.contains(part), "{name}: {reason}");
        let status = world.server.models().into_iter().find(|model| model.name == name).unwrap();
        assert_eq!(status.reason.as_deref(), Some(reason));
        for path in ["", "/ready", "/stats"] {
            let answer = world.get(&format!("/v2/models/{name}{path}"));
            assert_eq!(answer.status, 404);
            assert!(answer.error().contains(part), "{}", answer.error());
        }
    }
    let ready = json!([
        { "name": "add", "version": "1", "state": "READY" },
        { "name": "add", "version": "2", "state": "READY" },
        { "name": "classifier", "version": "1", "state": "READY" },
        { "name": "python", "version": "1", "state": "READY" },
    ]);
    assert_eq!(world.post("/v2/repository/index", r#"{"ready":true}"#).json(), ready);
    assert_eq!(world.post("/v2/repository/index", "[").status, 400);
    assert_eq!(world.post(ADD_PATH, ADD).status, 200);
}

#[test]
fn a_broken_newest_version_leaves_the_next_one_to_answer() {
    let world = Repository::usual().file("add/3/model.onnx", b"broken").serve();
    assert_eq!(world.post(ADD_PATH, ADD).json()["model_version"], "2");
    assert_eq!(world.get("/v2/models/add").json()["versions"], json!(["1", "2"]));
    let answer = world.post("/v2/models/add/versions/3/infer", ADD);
    assert_eq!(answer.status, 404);
    assert!(answer.error().contains("not ready"));
}

#[test]
fn the_version_policy_chooses_what_is_served() {
    let latest = Repository::usual().config("add", "version_policy { latest { num_versions: 1 } }").serve();
    assert_eq!(latest.get("/v2/models/add").json()["versions"], json!(["2"]));
    let specific = Repository::usual().config("add", "version_policy { specific { versions: 1 } }").serve();
    assert_eq!(specific.post(ADD_PATH, ADD).json()["model_version"], "1");
    assert_eq!(specific.post("/v2/models/add/versions/2/infer", ADD).status, 404);
}

#[test]
fn a_batch_above_the_configured_size_is_400() {
    let world = Repository::usual().config("add", "max_batch_size: 2").serve();
    let rows = |rows: usize| {
        let data = vec!["1"; rows * 3].join(",");
        let input =
            |name| format!(r#"{{"name":"{name}","shape":[{rows},3],"datatype":"FP32","data":[{data}]}}"#);
        world.post(ADD_PATH, &format!(r#"{{"inputs":[{},{}]}}"#, input("a"), input("b")))
    };
    assert_eq!(rows(2).status, 200);
    let answer = rows(3);
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("max_batch_size is 2"), "{}", answer.error());
}

#[test]
fn a_scalar_may_come_as_a_row_of_one_as_triton_has_it() {
    let scalar = dtypes::identity(tandem_core::DType::F32, &dims![]).unwrap();
    let config = r#"input { name: "x" data_type: TYPE_FP32 dims: [1] reshape { shape: [] } }"#;
    let world = Repository::new().with("scalar", 1, &scalar).config("scalar", config).serve();
    for shape in ["[]", "[1]"] {
        let body = format!(r#"{{"inputs":[{{"name":"x","shape":{shape},"datatype":"FP32","data":[2.5]}}]}}"#);
        let answer = world.post("/v2/models/scalar/infer", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json()["outputs"][0]["data"], json!([2.5]));
    }
}

#[test]
fn an_empty_repository_is_served() {
    let world = Repository::new().serve();
    assert_eq!(world.get("/v2/health/ready").status, 200);
    assert_eq!(world.post("/v2/repository/index", "").json(), json!([]));
    assert_eq!(world.get("/v2/models/stats").json(), json!({ "model_stats": [] }));
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let repository = Repository::usual();
    let with = |change: &dyn Fn(&mut tandem_server::ServerConfig)| {
        let mut config = repository.config_for();
        change(&mut config);
        Server::start(config).err().unwrap()
    };
    let missing = with(&|config| config.repository = repository.path().join("none"));
    assert!(matches!(missing, ServerError::Repository { .. }), "{missing}");
    let none = with(&|config| config.compute_threads = 0);
    assert_eq!(none.to_string(), "compute_threads is 0, expected 1 or more");
    let first = Server::start(repository.config_for()).unwrap();
    let taken = with(&|config| config.address = first.address());
    assert!(matches!(taken, ServerError::Listen { .. }), "{taken}");
}
