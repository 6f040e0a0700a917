//! Every path of the protocol, and what notes on real servers say about each: like Triton, only stricter.

use serde_json::{Value, json};

use crate::http::Connection;
use crate::world::{ADD, ADD_PATH, Repository};

#[test]
fn the_server_tells_what_it_is_with_and_without_a_slash() {
    let world = Repository::usual().serve();
    for path in ["/v2", "/v2/"] {
        let answer = world.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let metadata = answer.json();
        assert_eq!(metadata["name"], "tandem");
        assert!(metadata["extensions"].as_array().unwrap().contains(&json!("binary_tensor_data")));
    }
}

#[test]
fn health_is_the_status_with_a_body_for_humans() {
    let world = Repository::usual().serve();
    for (path, body) in [
        ("/v2/health/live", json!({ "live": true })),
        ("/v2/health/ready", json!({ "ready": true })),
        ("/v2/models/add/ready", json!({ "name": "add", "ready": true })),
        ("/v2/models/add/versions/1/ready", json!({ "name": "add", "ready": true })),
    ] {
        let answer = world.get(path);
        assert_eq!((answer.status, answer.json()), (200, body), "{path}");
    }
    assert_eq!(world.get("/v2/models/none/ready").status, 404);
    assert_eq!(world.get("/v2/models/add/versions/9/ready").status, 404);
}

#[test]
fn models_are_listed_and_described() {
    let world = Repository::usual().serve();
    assert_eq!(world.get("/v2/models").json(), json!({ "models": ["add", "classifier"] }));
    for path in ["/v2/models/add", "/v2/models/add/versions/1"] {
        let expected = json!({
            "name": "add",
            "versions": ["1", "2"],
            "platform": "tandem_onnx",
            "inputs": [
                { "name": "a", "datatype": "FP32", "shape": [-1, 3] },
                { "name": "b", "datatype": "FP32", "shape": [-1, 3] },
            ],
            "outputs": [
                { "name": "sum", "datatype": "FP32", "shape": [-1, 3] },
                { "name": "difference", "datatype": "FP32", "shape": [-1, 3] },
                { "name": "product", "datatype": "FP32", "shape": [-1, 3] },
            ],
        });
        assert_eq!(world.get(path).json(), expected, "{path}");
    }
}

#[test]
fn the_newest_version_answers_and_says_which_it_is() {
    let world = Repository::usual().serve();
    for (path, version) in [(ADD_PATH, "2"), ("/v2/models/add/versions/1/infer", "1")] {
        let answer = world.post(path, ADD);
        assert_eq!(answer.status, 200, "{answer:?}");
        let answer = answer.json();
        assert_eq!((&answer["model_name"], &answer["model_version"]), (&json!("add"), &json!(version)));
    }
}

#[test]
fn json_is_answered_in_json_with_the_id_of_the_request() {
    let world = Repository::usual().serve();
    let answer = world.post(ADD_PATH, ADD);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let answer = answer.json();
    assert_eq!(answer["id"], "7");
    let sum = json!({ "name": "sum", "shape": [1, 3], "datatype": "FP32", "data": [11.0, 22.0, 33.0] });
    assert_eq!(answer["outputs"][0], sum);
    assert_eq!(answer["outputs"].as_array().unwrap().len(), 3);

    let without = world.post(ADD_PATH, &ADD.replace(r#""id":"7","#, "")).json();
    assert_eq!(without.get("id"), None);
}

#[test]
fn outputs_come_as_they_are_asked_for() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let mut ask = |outputs: &str| {
        let request = ADD.replacen('{', &format!(r#"{{"outputs":{outputs},"#), 1);
        connection.post(ADD_PATH, &request)
    };
    let names = |answer: &Value| {
        let outputs = answer["outputs"].as_array().unwrap();
        outputs.iter().map(|output| output["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&ask(r#"[{"name":"product"},{"name":"sum"}]"#).json()), ["product", "sum"]);
    assert_eq!(names(&ask("[]").json()).len(), 3);

    let unknown = ask(r#"[{"name":"none"}]"#);
    assert_eq!(unknown.status, 400);
    assert!(unknown.error().contains("no output \"none\""), "{}", unknown.error());
    let classes = ask(r#"[{"name":"sum","parameters":{"classification":3}}]"#);
    assert_eq!(classes.status, 400);
    assert!(classes.error().contains("classification"), "{}", classes.error());
}

#[test]
fn what_is_not_there_is_404_and_named() {
    let world = Repository::usual().serve();
    for (method, path, part) in [
        ("GET", "/", "\"/\""),
        ("GET", "/v1", "\"/v1\""),
        ("GET", "/v2/health", "\"/v2/health\""),
        ("GET", "/v2/models/add/", "\"/v2/models/add/\""),
        ("GET", "/v2/models/none", "no model \"none\""),
        ("POST", "/v2/models/none/infer", "no model \"none\""),
        ("GET", "/v2/models/none/stats", "no model \"none\""),
        ("GET", "/v2/models/add/versions/9", "no version \"9\""),
        ("POST", "/v2/models/add/versions/9/infer", "no version \"9\""),
        ("POST", "/v2/models/add/versions/01/infer", "no version \"01\""),
        ("POST", "/v2/models/add/versions/x/infer", "no version \"x\""),
        ("POST", "/v2/models/..%2fadd/infer", "no model \"../add\""),
        ("POST", "/v2/repository/models/add/reload", "\"reload\""),
    ] {
        let answer = world.connect().request(method, path, &[], ADD.as_bytes());
        assert_eq!(answer.status, 404, "{method} {path}");
        assert!(answer.error().contains(part), "{method} {path}: {}", answer.error());
    }
}

#[test]
fn another_method_is_405_and_says_which_are_allowed() {
    let world = Repository::usual().serve();
    for (method, path, allowed) in [
        ("POST", "/v2", "GET"),
        ("GET", ADD_PATH, "POST"),
        ("DELETE", "/v2/models/add", "GET"),
        ("PUT", "/metrics", "GET"),
    ] {
        let answer = world.connect().request(method, path, &[], b"");
        assert_eq!(answer.status, 405, "{method} {path}");
        assert!(answer.error().contains(method));
        assert!(answer.header("allow").unwrap_or_default().contains(allowed), "{method} {path}: {answer:?}");
    }
}

#[test]
fn a_path_that_is_not_text_is_400() {
    let world = Repository::usual().serve();
    let answer = world.get("/v2/models/%ff");
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("path"));
}

#[test]
fn the_repository_is_read_only() {
    let world = Repository::usual().serve();
    for action in ["load", "unload"] {
        let answer = world.post(&format!("/v2/repository/models/add/{action}"), "");
        assert_eq!(answer.status, 403);
        assert!(answer.error().contains("read-only"));
    }
}

#[test]
fn a_body_in_an_encoding_is_415_and_named() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for encoding in ["gzip", "deflate", "br", "gzip, identity", "x"] {
        let headers = [("content-encoding", encoding)];
        let answer = connection.request("POST", ADD_PATH, &headers, ADD.as_bytes());
        assert_eq!(answer.status, 415, "{encoding}");
        assert!(answer.error().contains(encoding));
    }
    let identity = connection.request("POST", ADD_PATH, &[("content-encoding", "identity")], ADD.as_bytes());
    assert_eq!(identity.status, 200);
}

#[test]
fn the_content_type_does_not_matter() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for headers in [&[][..], &[("content-type", "application/json")], &[("content-type", "text/plain")]] {
        assert_eq!(connection.request("POST", ADD_PATH, headers, ADD.as_bytes()).status, 200);
    }
}

#[test]
fn every_answer_says_how_long_its_parts_took() {
    let world = Repository::usual().serve();
    let answer = world.post(ADD_PATH, ADD);
    let timing = answer.header("server-timing").unwrap();
    let time =
        |metric| tandem_wire::parse_server_timing(timing, metric).unwrap_or_else(|| panic!("{timing}"));
    assert!(time("queue") + time("compute") <= time("total"), "{timing}");
}

#[test]
fn one_connection_carries_many_requests_and_refusals() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for round in 0..20 {
        assert_eq!(connection.post(ADD_PATH, ADD).status, 200, "{round}");
        assert_eq!(connection.post(ADD_PATH, "{").status, 400, "{round}");
        assert_eq!(connection.post("/v2/models/none/infer", ADD).status, 404, "{round}");
        assert_eq!(connection.get("/v2/health/live").status, 200, "{round}");
    }
}

#[test]
fn requests_in_a_row_are_answered_in_their_order() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let mut requests = Vec::new();
    for id in 0..10 {
        let body = ADD.replace(r#""id":"7""#, &format!(r#""id":"{id}""#));
        requests.extend(crate::http::request_bytes("POST", ADD_PATH, &[], body.as_bytes()));
    }
    connection.send(&requests).unwrap();
    for id in 0..10 {
        assert_eq!(connection.answer().unwrap().json()["id"], id.to_string());
    }
}

#[test]
fn callers_at_the_same_time_get_each_their_own_answer() {
    let world = Repository::usual().serve();
    std::thread::scope(|scope| {
        for caller in 0..16_u16 {
            let address = world.address();
            scope.spawn(move || {
                let mut connection = Connection::open(address);
                for round in 0..20_u16 {
                    let value = f64::from(caller) * 100.0 + f64::from(round);
                    let body = ADD.replace("[1,2,3]", &format!("[{value},2,3]"));
                    let answer = connection.post(ADD_PATH, &body);
                    assert_eq!(answer.status, 200, "{answer:?}");
                    assert_eq!(answer.json()["outputs"][0]["data"][0], value + 10.0);
                }
            });
        }
    });
    assert_eq!(world.count("add/versions/2", "inference_stats/success/count"), 320);
}
