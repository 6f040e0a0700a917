//! What the server counts, in Triton's form and for Prometheus.

use crate::world::{ADD, ADD_PATH, Repository};

#[test]
fn statistics_have_the_form_of_triton() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for _ in 0..3 {
        assert_eq!(connection.post(ADD_PATH, ADD).status, 200);
    }
    assert_eq!(connection.post(ADD_PATH, "{}").status, 400);

    let stats = connection.get("/v2/models/add/versions/2/stats").json();
    let stats = &stats["model_stats"][0];
    assert_eq!((stats["name"].as_str(), stats["version"].as_str()), (Some("add"), Some("2")));
    assert_eq!(stats["inference_count"], 3);
    assert_eq!(stats["execution_count"], 3);
    assert!(stats["last_inference"].as_u64().unwrap() > 1_600_000_000_000, "milliseconds since 1970");
    for (part, count) in [
        ("success", 3),
        ("fail", 1),
        ("queue", 3),
        ("compute_input", 3),
        ("compute_infer", 3),
        ("compute_output", 3),
        ("cache_hit", 0),
        ("cache_miss", 0),
    ] {
        let tally = &stats["inference_stats"][part];
        assert_eq!(tally["count"], count, "{part}");
        assert_eq!(tally["ns"].as_u64().unwrap() > 0, count > 0, "{part}");
    }
    let batches = stats["batch_stats"].as_array().unwrap();
    assert_eq!(batches.len(), 1);
    assert_eq!(batches[0]["batch_size"], 1);
    assert_eq!(batches[0]["compute_infer"]["count"], 3);

    let lines = |path: &str| world.get(path).json()["model_stats"].as_array().unwrap().len();
    assert_eq!(lines("/v2/models/stats"), 3);
    assert_eq!(lines("/v2/models/add/stats"), 2);
}

#[test]
fn metrics_count_answers_by_model_and_status() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for _ in 0..2 {
        assert_eq!(connection.post(ADD_PATH, ADD).status, 200);
    }
    assert_eq!(connection.post(ADD_PATH, "{}").status, 400);
    let answer = connection.get("/metrics");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = String::from_utf8(answer.body).unwrap();
    for line in [
        r#"tandem_requests_total{model="add",version="2",status="200"} 2"#,
        r#"tandem_requests_total{model="add",version="2",status="400"} 1"#,
        r#"tandem_queue_depth{model="classifier",version="1"} 0"#,
        r#"tandem_request_duration_seconds_count{model="add",version="2"} 3"#,
        r#"tandem_batch_size_bucket{model="add",version="2",le="1"} 2"#,
    ] {
        assert!(text.lines().any(|it| it == line), "{line} is not in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}
