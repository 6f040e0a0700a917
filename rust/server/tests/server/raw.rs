//! The binary extension by hand: what goes well and what is 400.

use crate::http::{Answer, Connection};
use crate::world::{ADD_PATH, Repository};

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn values(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap())).collect()
}

fn post(connection: &mut Connection, path: &str, length: &str, json: &str, binary: &[u8]) -> Answer {
    let body = [json.as_bytes(), binary].concat();
    connection.request("POST", path, &[("Inference-Header-Content-Length", length)], &body)
}

const JSON: &str = r#"{"id":"b","inputs":[
    {"name":"a","shape":[1,3],"datatype":"FP32","parameters":{"binary_data_size":12}},
    {"name":"b","shape":[1,3],"datatype":"FP32","data":[10,20,30]}],
    "outputs":[{"name":"product"},{"name":"sum","parameters":{"binary_data":true}}]}"#;

#[test]
fn binary_and_json_mix_within_a_message_both_ways() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let length = JSON.len().to_string();
    let answer = post(&mut connection, ADD_PATH, &length, JSON, &bytes(&[1.0, 2.0, 3.0]));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), Some("application/octet-stream"));
    let header: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&answer.body[..header]).unwrap();
    assert_eq!(json["id"], "b");
    assert_eq!(json["outputs"][0]["data"], serde_json::json!([10.0, 40.0, 90.0]));
    assert_eq!(json["outputs"][1]["parameters"]["binary_data_size"], 12);
    assert_eq!(values(&answer.body[header..]), [11.0, 22.0, 33.0]);
}

#[test]
fn binary_inputs_alone_are_answered_in_json() {
    let world = Repository::usual().serve();
    let json = JSON.replace(r#","parameters":{"binary_data":true}"#, "");
    let answer =
        post(&mut world.connect(), ADD_PATH, &json.len().to_string(), &json, &bytes(&[1.0, 2.0, 3.0]));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("inference-header-content-length"), None);
    assert_eq!(answer.json()["outputs"][1]["data"], serde_json::json!([11.0, 22.0, 33.0]));
}

#[test]
fn the_parameter_of_the_request_makes_all_outputs_binary_and_that_of_an_output_wins() {
    let world = Repository::usual().serve();
    let json = JSON
        .replacen('{', r#"{"parameters":{"binary_data_output":true},"#, 1)
        .replace(r#"{"binary_data":true}"#, r#"{"binary_data":false}"#);
    let answer =
        post(&mut world.connect(), ADD_PATH, &json.len().to_string(), &json, &bytes(&[1.0, 2.0, 3.0]));
    let header: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
    assert_eq!(values(&answer.body[header..]), [10.0, 40.0, 90.0]);
    let json: serde_json::Value = serde_json::from_slice(&answer.body[..header]).unwrap();
    assert_eq!(json["outputs"][1]["data"], serde_json::json!([11.0, 22.0, 33.0]));
}

#[test]
fn a_body_that_is_nothing_but_the_input_is_answered_binary() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    for rows in [1, 3] {
        let answer =
            post(&mut connection, "/v2/models/classifier/infer", "0", "", &bytes(&vec![0.5; 8 * rows]));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let header: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
        let probabilities = values(&answer.body[header..]);
        assert_eq!(probabilities.len(), 5 * rows);
        assert!((probabilities[..5].iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    for (path, body) in [("/v2/models/classifier/infer", vec![0; 31]), (ADD_PATH, vec![0; 12])] {
        let answer = post(&mut connection, path, "0", "", &body);
        assert_eq!(answer.status, 400);
        assert!(
            answer.error().contains("one tensor") || answer.error().contains("bytes"),
            "{}",
            answer.error()
        );
    }
}

#[test]
fn lengths_that_do_not_come_out_even_are_400_and_named() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let tensor = bytes(&[1.0, 2.0, 3.0]);
    let length = JSON.len().to_string();
    let long = (JSON.len() + 13).to_string();
    let larger = JSON.replace(r#""binary_data_size":12"#, r#""binary_data_size":16"#);
    let smaller = JSON.replace(r#""binary_data_size":12"#, r#""binary_data_size":8"#);
    let negative = JSON.replace(r#""binary_data_size":12"#, r#""binary_data_size":-4"#);
    let both = JSON.replace(
        r#""parameters":{"binary_data_size":12}"#,
        r#""parameters":{"binary_data_size":12},"data":[1,2,3]"#,
    );
    for (what, length, json, binary, part) in [
        ("longer than the body", long.as_str(), JSON, &tensor[..], "the body has"),
        ("negative", "-1", JSON, &tensor, "not a number"),
        ("not a number", "x", JSON, &tensor, "not a number"),
        ("too large for any number", "99999999999999999999999", JSON, &tensor, "not a number"),
        ("within the JSON", "10", JSON, &tensor, "malformed"),
        ("truncated", &length, JSON, &tensor[..8], "8 are left"),
        ("trailing bytes", &length, JSON, &[&tensor[..], &[0]].concat(), "1 bytes follow"),
        (
            "announced larger",
            &larger.len().to_string(),
            &larger,
            &[&tensor[..], &[0; 4]].concat(),
            "12 bytes, got 16",
        ),
        ("announced smaller", &smaller.len().to_string(), &smaller, &tensor[..8], "12 bytes, got 8"),
        ("announced negative", &negative.len().to_string(), &negative, &tensor, "malformed"),
        ("twice", &both.len().to_string(), &both, &tensor, "both"),
    ] {
        let answer = post(&mut connection, ADD_PATH, length, json, binary);
        assert_eq!(answer.status, 400, "{what}");
        assert!(answer.error().contains(part), "{what}: {}", answer.error());
    }
    let headers = [("inference-header-content-length", "1"), ("inference-header-content-length", "2")];
    let answer = connection.request("POST", ADD_PATH, &headers, JSON.as_bytes());
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("twice"));
}

#[test]
fn nan_travels_in_binary() {
    let world = Repository::usual().serve();
    let answer =
        post(&mut world.connect(), ADD_PATH, &JSON.len().to_string(), JSON, &bytes(&[f32::NAN, 2.0, 3.0]));
    assert_eq!(answer.status, 400, "the product is asked for in JSON");
    let json = JSON.replace(r#"{"name":"product"},"#, "");
    let answer =
        post(&mut world.connect(), ADD_PATH, &json.len().to_string(), &json, &bytes(&[f32::NAN, 2.0, 3.0]));
    let header: usize = answer.header("inference-header-content-length").unwrap().parse().unwrap();
    assert!(values(&answer.body[header..])[0].is_nan());
}
