//! Loading: what a model says of itself, and what is refused.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use common::{load, load_error, model, source, try_load};
use tandem_core::{
    DType, Dimension, Engine, ErrorCode, Limits, LoadError, LoadOptions, ModelSource, TensorInfo,
};
use tandem_engine::OnnxEngine;
use tandem_engine::source::sha256;
use tandem_onnx::{DataType, Dim, ModelProto, NodeProto, dims};
use tandem_testkit::models::arithmetic::{add, classifier};

fn node(op_type: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    NodeProto {
        op_type: op_type.to_owned(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: outputs.iter().map(ToString::to_string).collect(),
        ..NodeProto::default()
    }
}

/// `y = x` and then what `change` makes of it.
fn changed(change: impl FnOnce(&mut ModelProto)) -> ModelProto {
    let mut model = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![2]).output("y", DataType::Float32, dims![2]);
        builder.node("Identity", ["x"], ["y"]);
    });
    change(&mut model);
    model
}

#[test]
fn a_model_says_what_it_is() {
    let mut proto = add().unwrap();
    proto.producer_name = "maker".to_owned();
    proto.producer_version = "3".to_owned();
    proto.doc_string = "adds".to_owned();
    let model = load(&proto);
    let info = model.info();
    assert_eq!(info.name, "add");
    assert_eq!(info.opset, 17);
    assert_eq!(info.metadata["producer"], "maker 3");
    assert_eq!(info.metadata["description"], "adds");
    let shape = Some(vec![Dimension::Symbol("batch".to_owned()), Dimension::Fixed(3)]);
    assert_eq!(info.inputs[1], TensorInfo { name: "b".to_owned(), dtype: DType::F32, shape });
    let outputs: Vec<_> = info.outputs.iter().map(|output| output.name.as_str()).collect();
    assert_eq!(outputs, ["sum", "difference", "product"]);
}

#[test]
fn a_file_gives_its_name_and_the_options_a_better_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.v2.onnx");
    std::fs::write(&path, add().unwrap().encode_bytes()).unwrap();
    let engine = OnnxEngine::new();
    let model = engine.load(&ModelSource::from(&path), &LoadOptions::default()).unwrap();
    assert_eq!(model.info().name, "digits.v2");
    let options = LoadOptions { name: Some("other".to_owned()), ..LoadOptions::default() };
    assert_eq!(engine.load(&ModelSource::from(&path), &options).unwrap().info().name, "other");
}

#[test]
fn a_constant_that_is_listed_as_an_input_is_none() {
    let mut proto = classifier(1).unwrap();
    let graph = proto.graph.as_mut().unwrap();
    graph.input.push(tandem_onnx::ValueInfoProto::tensor("w", DataType::Float32, [8, 5]));
    assert_eq!(load(&proto).info().inputs.len(), 1);
}

#[test]
fn a_file_is_refused_as_its_bytes_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.onnx");
    let whole = classifier(1).unwrap().encode_bytes();
    let error = |source: &ModelSource| {
        let loaded = OnnxEngine::new().load(source, &LoadOptions::default());
        loaded.err().map(|error| error.to_string())
    };
    for end in [0, 1, whole.len() / 2, whole.len() - 1, whole.len()] {
        std::fs::write(&path, &whole[..end]).unwrap();
        let bytes = ModelSource::Bytes(whole[..end].to_vec().into());
        assert_eq!(error(&ModelSource::from(&path)), error(&bytes), "{end} bytes");
    }
}

/// Two products whose weights are read on their own while a file is decoded, and digested beside what else the load does.
fn large(rows: Dim) -> ModelProto {
    let weights: Vec<f32> = (0..u16::MAX).cycle().take(800 * 800).map(f32::from).collect();
    model(17, |builder| {
        builder.input("x", DataType::Float32, dims![rows.clone(), 800]);
        builder.output("y", DataType::Float32, dims![rows, 800]);
        builder.initializer("a", &[800, 800], &weights).initializer("b", &[800, 800], &weights);
        builder.node("MatMul", ["x", "a"], ["h"]);
        builder.node("MatMul", ["h", "b"], ["y"]);
    })
}

#[test]
fn the_digest_of_a_large_model_is_that_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    for rows in [Dim::Fixed(1), Dim::from("n")] {
        let bytes = large(rows).encode_bytes();
        std::fs::write(&path, &bytes).unwrap();
        let expected = sha256(&bytes, || Ok(())).unwrap();
        for source in [ModelSource::from(&path), ModelSource::Bytes(bytes.to_vec().into())] {
            let load = |sha256: Option<&str>| {
                let options = LoadOptions { sha256: sha256.map(str::to_owned), ..LoadOptions::default() };
                OnnxEngine::new().load(&source, &options)
            };
            for sha256 in [None, Some(expected.as_str())] {
                assert_eq!(load(sha256).unwrap().info().digest, expected);
            }
            let refused = load(Some(&"0".repeat(64))).err().unwrap();
            assert_eq!(refused.code(), ErrorCode::IntegrityMismatch);
        }
    }
}

#[test]
fn a_large_file_is_refused_as_its_bytes_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.onnx");
    let mut proto = large(Dim::Fixed(1));
    proto.graph.as_mut().unwrap().node[1].op_type = "Unknown".to_owned();
    let whole = proto.encode_bytes();
    for end in [1 << 20, whole.len() / 2, whole.len() - 1, whole.len()] {
        std::fs::write(&path, &whole[..end]).unwrap();
        let error = |source: &ModelSource| {
            OnnxEngine::new().load(source, &LoadOptions::default()).err().unwrap().to_string()
        };
        let bytes = ModelSource::Bytes(whole[..end].to_vec().into());
        assert_eq!(error(&ModelSource::from(&path)), error(&bytes), "{end} bytes");
    }
}

#[test]
fn the_digest_is_that_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.onnx");
    let proto = changed(|_| {});
    std::fs::write(&path, proto.encode_bytes()).unwrap();
    let from_file = OnnxEngine::new().load(&ModelSource::from(&path), &LoadOptions::default()).unwrap();
    let from_memory = load(&proto);
    assert_eq!(from_file.info().digest, from_memory.info().digest);
    assert_eq!(from_file.info().digest.len(), 64);
    assert!(from_file.info().digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
    let expected =
        LoadOptions { sha256: Some(from_memory.info().digest.to_uppercase()), ..LoadOptions::default() };
    assert!(try_load(&proto, &expected).is_ok());
    let other = LoadOptions { sha256: Some("0".repeat(64)), ..LoadOptions::default() };
    assert_eq!(try_load(&proto, &other).err().unwrap().code(), ErrorCode::IntegrityMismatch);
}

#[test]
fn what_is_no_file_is_not_found() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("none.onnx"), folder.path().to_owned()] {
        let loaded = OnnxEngine::new().load(&ModelSource::from(&path), &LoadOptions::default());
        assert_eq!(loaded.err().unwrap().code(), ErrorCode::ModelNotFound, "{path:?}");
    }
}

#[test]
fn garbage_is_no_model() {
    for bytes in [&b""[..], b"x", b"garbage that is long enough to be read", &[0xff; 200], &[0; 200]] {
        let source = ModelSource::Bytes(bytes.into());
        let loaded = OnnxEngine::new().load(&source, &LoadOptions::default());
        assert_eq!(loaded.err().unwrap().code(), ErrorCode::InvalidModel, "{bytes:?}");
    }
}

#[test]
fn limits_hold() {
    let proto = classifier(1).unwrap();
    let bytes = proto.encode_bytes().len() as u64;
    let cases = [
        (Limits { model_bytes: bytes - 1, ..Limits::default() }, "bytes"),
        (Limits { nodes: 1, ..Limits::default() }, "nodes"),
        (Limits { tensor_bytes: 159, ..Limits::default() }, "tensor bytes"),
        (Limits { inputs: 0, ..Limits::default() }, "inputs"),
    ];
    for (limits, counted) in cases {
        match try_load(&proto, &LoadOptions { limits, ..LoadOptions::default() }) {
            Err(LoadError::ResourceLimit { what, .. }) => assert_eq!(what, counted),
            other => panic!("{counted}: {:?}", other.err()),
        }
    }
    let just = Limits { model_bytes: bytes, nodes: 2, tensor_bytes: 160, inputs: 1 };
    assert!(try_load(&proto, &LoadOptions { limits: just, ..LoadOptions::default() }).is_ok());
}

#[test]
fn nodes_inside_branches_count() {
    let proto = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        let body = tandem_onnx::GraphProto {
            node: vec![node("Identity", &["x"], &["inner"]); 5],
            ..tandem_onnx::GraphProto::default()
        };
        graph.node[0].attribute.push(tandem_onnx::AttributeProto::new("body", body));
    });
    let limits = Limits { nodes: 5, ..Limits::default() };
    let refused = try_load(&proto, &LoadOptions { limits, ..LoadOptions::default() }).err().unwrap();
    assert_eq!(refused, LoadError::ResourceLimit { what: "nodes", got: 6, limit: 5 });
}

#[test]
fn a_tensor_made_while_loading_is_held_to_the_limit() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Float32, dims![1]).output("y", DataType::Float32, dims!["a", "b"]);
        builder.initializer("shape", &[2], &[1_000_000_i64, 1_000_000]);
        builder.node("ConstantOfShape", ["shape"], ["big"]);
        builder.node("Add", ["x", "big"], ["y"]);
    });
    let refused = load_error(&proto);
    assert_eq!(refused.code(), ErrorCode::ResourceLimit, "{refused}");
}

#[test]
fn graphs_that_make_no_sense_are_refused_with_the_reason() {
    let cases: [(&str, ModelProto); 8] = [
        ("it has no graph", changed(|model| model.graph = None)),
        ("no version of ONNX's operator set", changed(|model| model.opset_import.clear())),
        ("it has no outputs", changed(|model| model.graph.as_mut().unwrap().output.clear())),
        (
            "takes \"nowhere\", which nothing gives",
            changed(|model| model.graph.as_mut().unwrap().node[0].input[0] = "nowhere".to_owned()),
        ),
        (
            "nothing gives the output \"y\"",
            changed(|model| model.graph.as_mut().unwrap().node[0].output[0] = "z".to_owned()),
        ),
        (
            "\"y\" is defined twice",
            changed(|model| model.graph.as_mut().unwrap().node.push(node("Relu", &["x"], &["y"]))),
        ),
        (
            "\"x\" is defined twice",
            changed(|model| model.graph.as_mut().unwrap().node.push(node("Relu", &["y"], &["x"]))),
        ),
        (
            "depends on its own result",
            changed(|model| {
                let graph = model.graph.as_mut().unwrap();
                graph.node = vec![node("Add", &["x", "b"], &["y"]), node("Relu", &["y"], &["b"])];
            }),
        ),
    ];
    for (expected, proto) in cases {
        let error = load_error(&proto);
        assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
        assert!(error.to_string().contains(expected), "{error} should say {expected}");
    }
}

#[test]
fn nodes_may_stand_in_any_order() {
    let proto = changed(|model| {
        let graph = model.graph.as_mut().unwrap();
        graph.node = vec![node("Neg", &["a"], &["y"]), node("Abs", &["x"], &["a"])];
    });
    let outputs =
        common::run(load(&proto).as_ref(), &common::named([("x", common::floats(&[2], &[1.0, -2.0]))]));
    assert_eq!(outputs.unwrap().get("y").unwrap().to_vec::<f32>().unwrap(), [-1.0, -2.0]);
}

#[test]
fn an_operator_that_does_not_exist_is_named() {
    let error = load_error(&changed(|model| {
        let node = &mut model.graph.as_mut().unwrap().node[0];
        node.op_type = "Frobnicate".to_owned();
        node.name = "the one".to_owned();
    }));
    assert_eq!(error.code(), ErrorCode::UnsupportedOperator);
    assert!(
        error.to_string().starts_with("operator Frobnicate of node \"the one\" is not supported"),
        "{error}"
    );
}

#[test]
fn an_operator_of_a_domain_that_is_not_known_is_refused() {
    let error = load_error(&changed(|model| {
        model.graph.as_mut().unwrap().node[0].domain = "com.example".to_owned();
    }));
    assert_eq!(error.code(), ErrorCode::UnsupportedOperator, "{error}");
    assert!(error.to_string().contains("com.example.Identity"), "{error}");
}

#[test]
fn shapes_that_contradict_each_other_are_found_when_they_are_all_fixed() {
    let proto = model(17, |builder| {
        builder.input("a", DataType::Float32, dims![2, 3]).input("b", DataType::Float32, dims![4, 5]);
        builder.output("y", DataType::Float32, dims![2, 5]);
        builder.node("MatMul", ["a", "b"], ["y"]).name("product");
    });
    let error = load_error(&proto);
    assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
    assert!(error.to_string().contains("operator MatMul of node \"product\""), "{error}");
}

#[test]
fn an_axis_that_the_tensor_does_not_have_is_refused() {
    for (axis, dims) in [(-1_i64, vec![]), (-3, vec![2, 2]), (5, vec![2, 2])] {
        let proto = model(17, |builder| {
            builder.input("x", DataType::Float32, dims.clone()).input("scale", DataType::Float32, dims![2]);
            builder.output("y", DataType::Float32, dims.clone());
            builder.node("LayerNormalization", ["x", "scale"], ["y"]).attr("axis", axis);
        });
        let error = load_error(&proto);
        assert_eq!(error.code(), ErrorCode::InvalidModel, "{error}");
        assert!(error.to_string().contains(&format!("axis {axis} of a tensor")), "{error}");
    }
}

#[test]
fn types_that_no_tensor_holds_are_refused_by_name() {
    let proto = model(17, |builder| {
        builder.input("x", DataType::Bfloat16, dims![2]).output("y", DataType::Bfloat16, dims![2]);
        builder.node("Identity", ["x"], ["y"]);
    });
    let error = load_error(&proto);
    assert_eq!(error.code(), ErrorCode::UnsupportedOperator);
    assert_eq!(
        error.to_string(),
        "operator graph input of node \"x\" is not supported: a tensor of bfloat16"
    );
}

#[test]
fn bytes_and_file_give_the_same_model() {
    let proto = add().unwrap();
    let ModelSource::Bytes(bytes) = source(&proto) else { panic!("bytes") };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("add.onnx");
    std::fs::write(&path, &bytes).unwrap();
    let file = OnnxEngine::new().load(&ModelSource::from(path), &LoadOptions::default()).unwrap();
    assert_eq!(file.info(), load(&proto).info());
}
