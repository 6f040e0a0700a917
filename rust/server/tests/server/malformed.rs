//! What the caller does wrong in JSON: 400, and named.

use crate::world::{ADD, ADD_PATH, Repository};

#[test]
fn everything_that_is_wrong_with_the_json_is_400_and_named() {
    let world = Repository::usual().serve();
    let mut connection = world.connect();
    let a = r#"{"name":"a","shape":[1,3],"datatype":"FP32","data":[1,2,3]}"#;
    let b = r#"{"name":"b","shape":[1,3],"datatype":"FP32","data":[[10,20,30]]}"#;
    for (what, body, part) in [
        ("empty", String::new(), "malformed"),
        ("not JSON", "{".into(), "malformed"),
        ("not an object", "[]".into(), "malformed"),
        ("no inputs", "{}".into(), "inputs"),
        ("bytes that are not text", "\u{0}".into(), "malformed"),
        ("an input is missing", format!(r#"{{"inputs":[{a}]}}"#), "input \"b\" is missing"),
        ("an input comes twice", format!(r#"{{"inputs":[{a},{a}]}}"#), "\"a\" comes twice"),
        (
            "an unknown input",
            format!(r#"{{"inputs":[{a},{b},{}]}}"#, a.replace("\"a\"", "\"c\"")),
            "no input \"c\"",
        ),
        ("too few elements", ADD.replace("[1,2,3]", "[1,2]"), "3 elements"),
        ("too many elements", ADD.replace("[1,2,3]", "[1,2,3,4]"), "3 elements"),
        (
            "a shape that the model does not take",
            ADD.replacen("[1,3]", "[3]", 1),
            "input \"a\" has shape [3], expected [batch, 3]",
        ),
        ("a negative size", ADD.replacen("[1,3]", "[-1,3]", 1), "dimension 0 is -1"),
        ("a size beyond all memory", ADD.replacen("[1,3]", "[9223372036854775807,9]", 1), "\"a\""),
        (
            "two sizes for one symbol",
            ADD.replacen("[1,3]", "[2,3]", 1).replace("[1,2,3]", "[1,2,3,4,5,6]"),
            "batch",
        ),
        ("another datatype", ADD.replacen("FP32", "INT64", 1), "expected f32"),
        ("an unknown datatype", ADD.replacen("FP32", "FP33", 1), "\"FP33\" is not known"),
        ("a datatype without JSON", ADD.replacen("FP32", "FP16", 1), "no form in JSON"),
        ("a datatype that we do not have", ADD.replacen("FP32", "BF16", 1), "\"BF16\" is not known"),
        ("NaN", ADD.replace("[1,2,3]", "[NaN,2,3]"), "NaN"),
        ("a text for a number", ADD.replace("[1,2,3]", r#"["1",2,3]"#), "element 0"),
        ("null for a number", ADD.replace("[1,2,3]", "[null,2,3]"), "element 0"),
        ("wrong nesting", ADD.replace("[[10,20,30]]", "[[10,20],[30]]"), "nested"),
        ("no data", ADD.replace(r#","data":[1,2,3]"#, ""), "data"),
        (
            "a binary size without a binary part",
            ADD.replace(r#""data":[1,2,3]"#, r#""parameters":{"binary_data_size":12}"#),
            "no header length",
        ),
        (
            "shared memory",
            ADD.replace(r#""data":[1,2,3]"#, r#""parameters":{"shared_memory_region":"r"}"#),
            "shared memory",
        ),
        ("an id that is not a text", ADD.replace("\"7\"", "7"), "malformed"),
        ("two documents", format!("{ADD}{ADD}"), "malformed"),
        ("arrays without end", format!(r#"{{"inputs":{}"#, "[".repeat(100_000)), "malformed"),
    ] {
        let answer = connection.post(ADD_PATH, &body);
        assert_eq!(answer.status, 400, "{what}: {}", String::from_utf8_lossy(&answer.body));
        let error = answer.error();
        assert!(error.contains(part), "{what}: {error}");
        assert!(error.len() < 1000, "{what}: {error}");
    }
    assert_eq!(connection.post(ADD_PATH, ADD).status, 200, "the server goes on");
}

#[test]
fn an_integer_out_of_range_is_400_and_never_wrapped() {
    use tandem_core::DType;
    use tandem_onnx::dims;
    use tandem_testkit::models::dtypes::identity;

    let world = Repository::new().with("u8", 1, &identity(DType::U8, &dims![1]).unwrap()).serve();
    let ask = |value: &str| {
        let body =
            format!(r#"{{"inputs":[{{"name":"x","shape":[1],"datatype":"UINT8","data":[{value}]}}]}}"#);
        world.post("/v2/models/u8/infer", &body)
    };
    for value in ["300", "-1", "1.5", "1e3", "true"] {
        let answer = ask(value);
        assert_eq!(answer.status, 400, "{value}");
        assert!(answer.error().contains("not a value of u8"), "{value}: {}", answer.error());
    }
    assert_eq!(ask("255").json()["outputs"][0]["data"][0], 255);
}

#[test]
fn an_answer_without_a_form_in_json_names_the_form_to_ask_for() {
    use tandem_core::DType;
    use tandem_onnx::{DataType, GraphBuilder, ModelBuilder, dims};
    use tandem_testkit::models::dtypes::identity;

    let mut graph = GraphBuilder::new("log");
    graph.input("x", DataType::Float32, dims![1]);
    graph.node("Log", ["x"], ["y"]);
    graph.output("y", DataType::Float32, dims![1]);
    let world = Repository::new()
        .with("log", 1, &ModelBuilder::new(graph).build().unwrap())
        .with("f16", 1, &identity(DType::F16, &dims![1]).unwrap())
        .serve();

    let body = r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[-1]}]}"#;
    let answer = world.post("/v2/models/log/infer", body);
    assert_eq!(answer.status, 400);
    assert!(
        answer.error().contains("not finite") && answer.error().contains("binary_data"),
        "{}",
        answer.error()
    );

    let json =
        r#"{"inputs":[{"name":"x","shape":[1],"datatype":"FP16","parameters":{"binary_data_size":2}}]}"#;
    let mut body = json.as_bytes().to_vec();
    body.extend([0x00, 0x3c]);
    let headers = [("inference-header-content-length", json.len().to_string())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = world.connect().request("POST", "/v2/models/f16/infer", &headers, &body);
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("f16"), "{}", answer.error());
}
