//! Requests put together: the answers stay what they are alone, and there are fewer runs than requests.

use serde_json::{Value, json};
use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, ModelProto, dims};
use tandem_testkit::models::arithmetic;

use crate::http::Connection;
use crate::world::{Repository, Running};

/// Waits for eight, or for a fifth of a second.
const CONFIG: &str =
    "max_batch_size: 8 dynamic_batching { preferred_batch_size: 8 max_queue_delay_microseconds: 200000 }";

/// A row of its own for each caller.
fn row(caller: u16, size: usize) -> Vec<f32> {
    (0..size)
        .map(|index| f32::from(caller) * 0.125 - f32::from(u16::try_from(index).unwrap()) * 0.5)
        .collect()
}

fn body(caller: u16) -> String {
    json!({
        "id": caller.to_string(),
        "inputs": [{ "name": "x", "shape": [1, 8], "datatype": "FP32", "data": row(caller, 8) }],
    })
    .to_string()
}

/// What each of `callers` callers at the same time is answered.
fn at_once(
    world: &Running,
    path: &str,
    callers: u16,
    body: impl Fn(u16) -> String + Sync,
) -> Vec<(u16, Value)> {
    std::thread::scope(|scope| {
        let callers = (0..callers).map(|caller| {
            let (address, body) = (world.address(), &body);
            scope.spawn(move || {
                let answer = Connection::open(address).post(path, &body(caller));
                (answer.status, answer.json())
            })
        });
        let callers: Vec<_> = callers.collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    })
}

#[test]
fn callers_at_the_same_time_share_runs_and_get_what_they_would_alone() {
    let path = "/v2/models/classifier/infer";
    let alone = Repository::usual().serve_with(|config| config.max_batch_size = 1);
    let together = Repository::usual().config("classifier", CONFIG).serve();
    let expected: Vec<_> = (0..32).map(|caller| alone.post(path, &body(caller)).json()).collect();
    for (caller, (status, answer)) in at_once(&together, path, 32, body).into_iter().enumerate() {
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["id"], caller.to_string());
        assert_eq!(answer["outputs"][0]["shape"], json!([1, 5]));
        let numbers = |answer: &Value| {
            let data = answer["outputs"][0]["data"].as_array().unwrap();
            data.iter().map(|number| number.as_f64().unwrap()).collect::<Vec<_>>()
        };
        for (one, other) in numbers(&expected[caller]).iter().zip(numbers(&answer)) {
            assert!((one - other).abs() < 1e-6, "{one} and {other}");
        }
    }
    assert_eq!(alone.count("classifier", "inference_count"), 32);
    assert_eq!(alone.count("classifier", "execution_count"), 32);
    assert_eq!(together.count("classifier", "inference_count"), 32);
    let executions = together.count("classifier", "execution_count");
    assert!(executions < 32, "{executions} runs");
}

#[test]
fn what_waits_behind_a_run_is_put_together_without_any_configuration() {
    let world = Repository::usual().serve_with(|config| {
        config.compute_threads = 1;
        config.batch_delay = std::time::Duration::from_millis(100);
    });
    for _ in 0..50 {
        let answers = at_once(&world, "/v2/models/classifier/infer", 16, body);
        assert!(answers.iter().all(|(status, _)| *status == 200));
        if world.count("classifier", "execution_count") < world.count("classifier", "inference_count") {
            return;
        }
    }
    panic!("800 requests, 16 at a time, never met");
}

#[test]
fn only_equal_shapes_and_wanted_outputs_share_a_run() {
    let world = Repository::usual().config("add", CONFIG).serve();
    let body = |caller: u16| {
        let rows = usize::from(caller % 3) + 1;
        let data: Vec<f32> = row(caller, rows * 3);
        let input = |name| json!({ "name": name, "shape": [rows, 3], "datatype": "FP32", "data": data });
        let output = if caller.is_multiple_of(2) { "sum" } else { "product" };
        json!({ "inputs": [input("a"), input("b")], "outputs": [{ "name": output }] }).to_string()
    };
    for (caller, (status, answer)) in (0..).zip(at_once(&world, "/v2/models/add/infer", 24, body)) {
        assert_eq!(status, 200, "{answer}");
        let rows = usize::from(caller % 3) + 1;
        let outputs = answer["outputs"].as_array().unwrap();
        assert_eq!(outputs.len(), 1);
        assert_eq!(outputs[0]["shape"], json!([rows, 3]));
        let even = u16::is_multiple_of(caller, 2);
        assert_eq!(outputs[0]["name"], if even { "sum" } else { "product" });
        for (value, got) in row(caller, rows * 3).iter().zip(outputs[0]["data"].as_array().unwrap()) {
            let expected = if even { value + value } else { value * value };
            assert!((f64::from(expected) - got.as_f64().unwrap()).abs() < 1e-5);
        }
    }
}

/// `y = table[index]`: an index out of range fails while the model runs.
fn lookup() -> ModelProto {
    let mut graph = GraphBuilder::new("lookup");
    graph.input("index", DataType::Int64, dims!["batch"]);
    graph.initializer("table", &[4], &[10.0_f32, 11.0, 12.0, 13.0]);
    graph.node("Gather", ["table", "index"], ["y"]).attr("axis", 0_i64);
    graph.output("y", DataType::Float32, dims!["batch"]);
    ModelBuilder::new(graph).build().unwrap()
}

#[test]
fn a_request_that_fails_while_it_runs_fails_alone() {
    let world = Repository::new().with("lookup", 1, &lookup()).config("lookup", CONFIG).serve();
    let body = |caller: u16| {
        let index = if caller == 3 { 99 } else { i64::from(caller % 4) };
        json!({ "inputs": [{ "name": "index", "shape": [1], "datatype": "INT64", "data": [index] }] })
            .to_string()
    };
    for (caller, (status, answer)) in (0..).zip(at_once(&world, "/v2/models/lookup/infer", 8, body)) {
        if caller == 3 {
            assert!(status >= 400, "{answer}");
        } else {
            assert_eq!(status, 200, "{answer}");
            assert_eq!(answer["outputs"][0]["data"][0], 10.0 + f64::from(caller % 4));
        }
    }
}

/// `y = softmax(x)` over the first axis: rows depend on each other.
fn normalised_over_rows() -> ModelProto {
    let mut graph = GraphBuilder::new("rows");
    graph.input("x", DataType::Float32, dims!["n", 8]);
    graph.node("Softmax", ["x"], ["y"]).attr("axis", 0_i64);
    graph.output("y", DataType::Float32, dims!["n", 8]);
    ModelBuilder::new(graph).build().unwrap()
}

#[test]
fn rows_that_depend_on_each_other_are_never_put_together() {
    let world = Repository::new().with("rows", 1, &normalised_over_rows()).serve_with(|config| {
        config.compute_threads = 1;
        config.batch_delay = std::time::Duration::from_millis(50);
    });
    for (_, answer) in at_once(&world, "/v2/models/rows/infer", 16, body) {
        let data = answer["outputs"][0]["data"].as_array().unwrap().clone();
        assert!(data.iter().all(|value| *value == 1.0), "one row alone is all of its axis: {data:?}");
    }
    assert_eq!(world.count("rows", "execution_count"), 16);
}

#[test]
fn a_caller_who_has_gone_takes_nobody_along() {
    let config =
        "max_batch_size: 4 dynamic_batching { preferred_batch_size: 4 max_queue_delay_microseconds: 300000 }";
    let repository = Repository::new().with("m", 1, &arithmetic::classifier(2).unwrap()).config("m", config);
    let world = repository.serve();
    let request = crate::http::request_bytes("POST", "/v2/models/m/infer", &[], body(1).as_bytes());
    let mut stays = world.connect();
    for _ in 0..2 {
        let mut goes = world.connect();
        goes.send(&request).unwrap();
        drop(goes);
    }
    assert_eq!(stays.post("/v2/models/m/infer", &body(2)).status, 200);
}
