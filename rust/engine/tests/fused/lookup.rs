//! Rows of constant tables.

use tandem_core::{Control, Engine, ErrorCode, LoadOptions, ModelSource, NamedTensors, Tensor};
use tandem_engine::OnnxEngine;
use tandem_onnx::{DataType, GraphBuilder, ModelProto, dims};

use crate::compare::{answers_from_cache, difference, load, model, operators};

fn values(count: usize) -> Vec<f32> {
    (0..u32::try_from(count).unwrap())
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes())
        .map(|[high, low, ..]| f32::from(u16::from_be_bytes([high, low])) / 65_536.0 - 0.5)
        .collect()
}

fn numbered(numbers: &[i64]) -> NamedTensors {
    NamedTensors::new([("at", Tensor::from_vec([2, numbers.len() / 2], numbers.to_vec()).unwrap())]).unwrap()
}

/// Two rows of words from a table of these sizes, and a bias.
fn words(sizes: [usize; 2], dtype: DataType) -> ModelProto {
    let [_, columns] = sizes;
    model(|graph| {
        graph.input("at", dtype, dims![2, 3]).output("y", DataType::Float32, dims![2, 3, columns]);
        graph.initializer("table", &sizes, &values(sizes.iter().product()));
        graph.initializer("bias", &[columns], &values(columns));
        graph.node("Gather", ["table", "at"], ["rows"]).attr("axis", 0_i64);
        graph.node("Add", ["rows", "bias"], ["y"]);
    })
}

#[test]
fn rows_are_those_of_the_table() {
    // Within the message, read on their own, and with pages of their own.
    for sizes in [[5, 7], [1, 1], [400, 50], [700, 100]] {
        let last = i64::try_from(sizes[0]).unwrap() - 1;
        let inputs = numbered(&[0, last, -1, last / 2, -1 - last, 0]);
        let network = words(sizes, DataType::Int64);
        assert_eq!(difference(&network, &inputs), None, "{sizes:?}");
        assert_eq!(operators(&network, &inputs).get("Gather"), Some(&1), "{sizes:?}");
        assert!(answers_from_cache(&network, &inputs), "{sizes:?}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.onnx");
        std::fs::write(&path, network.encode_bytes()).unwrap();
        let from_file = OnnxEngine::new().load(&ModelSource::from(&path), &LoadOptions::default()).unwrap();
        let run = |model: &dyn tandem_core::LocalModel| model.run(&inputs, &[], &Control::default()).unwrap();
        assert_eq!(run(&*from_file), run(&*load(&network, true)), "{sizes:?}");
    }
}

#[test]
fn numbers_may_be_of_i32() {
    let network = words([6, 4], DataType::Int32);
    let inputs = Tensor::from_vec([2, 3], vec![0_i32, 5, -1, 2, -6, 3]).unwrap();
    let inputs = NamedTensors::new([("at", inputs)]).unwrap();
    assert_eq!(difference(&network, &inputs), None);
    assert_eq!(operators(&network, &inputs).get("Gather"), Some(&1));
}

#[test]
fn a_row_that_is_not_there_is_an_input_that_does_not_fit() {
    let model = load(&words([6, 4], DataType::Int64), true);
    for number in [6, -7, i64::MIN] {
        let refused = model.run(&numbered(&[0, 1, 2, 3, number, 5]), &[], &Control::default()).unwrap_err();
        assert_eq!(refused.code(), ErrorCode::InvalidInput, "{refused}");
        assert!(refused.to_string().contains(&number.to_string()), "{refused}");
    }
    assert!(model.run(&numbered(&[0; 6]), &[], &Control::default()).is_ok());
}

#[test]
fn tables_that_are_read_otherwise_too_are_tracts() {
    type Build = fn(&mut GraphBuilder);
    let others: [(&str, usize, Build); 5] = [
        ("an output", 3, |graph| {
            graph.initializer("table", &[6, 4], &values(24)).node("Gather", ["table", "at"], ["y"]);
            graph.output("table", DataType::Float32, dims![6, 4]);
        }),
        ("a product", 3, |graph| {
            graph.initializer("table", &[6, 6], &values(36)).node("Gather", ["table", "at"], ["rows"]);
            graph.node("MatMul", ["rows", "table"], ["y"]);
        }),
        ("another axis", 3, |graph| {
            graph.initializer("table", &[6, 6], &values(36));
            graph.node("Gather", ["table", "at"], ["y"]).attr("axis", 1_i64);
        }),
        ("three axes", 4, |graph| {
            graph.initializer("table", &[6, 2, 2], &values(24)).node("Gather", ["table", "at"], ["y"]);
        }),
        ("integers", 3, |graph| {
            graph.initializer("table", &[6, 2], &[1_i64, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
            graph.node("Gather", ["table", "at"], ["whole"]);
            graph.node("Cast", ["whole"], ["y"]).attr("to", i64::from(DataType::Float32.number()));
        }),
    ];
    for (what, axes, build) in others {
        let network = model(|graph| {
            graph.input("at", DataType::Int64, dims![2, 1]);
            build(graph);
            graph.output("y", DataType::Float32, ["a", "b", "c", "d"].into_iter().take(axes));
        });
        let inputs = numbered(&[5, -2]);
        assert_eq!(difference(&network, &inputs), None, "{what}");
        assert_eq!(operators(&network, &inputs).get("Gather"), None, "{what}");
    }
}

#[test]
fn rows_of_constant_numbers_are_a_constant() {
    let network = model(|graph| {
        graph.input("x", DataType::Float32, dims![2, 4]).output("y", DataType::Float32, dims![2, 4]);
        graph.initializer("table", &[6, 4], &values(24)).initializer("at", &[2], &[5_i64, -6]);
        graph.node("Gather", ["table", "at"], ["rows"]);
        graph.node("Add", ["x", "rows"], ["y"]);
    });
    let inputs = NamedTensors::new([("x", Tensor::from_vec([2, 4], values(8)).unwrap())]).unwrap();
    assert_eq!(difference(&network, &inputs), None);
    assert_eq!(operators(&network, &inputs).get("Gather"), None);
}

#[test]
fn a_model_of_open_shapes_has_one_table_for_all_plans() {
    let network = model(|graph| {
        graph.input("at", DataType::Int64, dims![2, "n"]).output("y", DataType::Float32, dims![2, "n", 9]);
        graph.initializer("table", &[30, 9], &values(270));
        graph.node("Gather", ["table", "at"], ["y"]);
    });
    let (fused, plain) = (load(&network, true), load(&network, false));
    for numbers in [&[1, 2][..], &[29, 3, -30, 0], &[], &[7; 6], &[1, 2]] {
        let run = |model: &dyn tandem_core::LocalModel| {
            model.run(&numbered(numbers), &[], &Control::default()).unwrap()
        };
        assert_eq!(run(&*fused), run(&*plain), "{numbers:?}");
    }
}
