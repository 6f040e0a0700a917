use proptest::prelude::*;
use tandem::{DType, Dimension};

use super::*;

fn info(dtype: DType, shape: Option<&[usize]>) -> TensorInfo {
    let shape = shape.map(|sizes| sizes.iter().map(|&size| Dimension::Fixed(size)).collect());
    TensorInfo { name: "x".to_owned(), dtype, shape }
}

fn read(text: &str, input: &TensorInfo) -> Result<Tensor, JsonError> {
    match parse(text.as_bytes())? {
        Document::Tensor(text) => tensor(text, input, &ShapeHints::default()),
        Document::Named(fields) => match fields.first() {
            Some((_, first)) => tensor(first, input, &ShapeHints::default()),
            None => Err(JsonError::Form("an object without fields".to_owned())),
        },
    }
}

#[test]
fn an_object_without_fields_names_nothing() {
    assert!(matches!(parse(b"{}"), Ok(Document::Named(fields)) if fields.is_empty()));
}

#[test]
fn the_nesting_is_the_shape() {
    let tensor = read(" [ [1, 2,3],\n[4,5, 6] ] ", &info(DType::I32, None)).unwrap();
    assert_eq!(tensor.shape(), [2, 3]);
    assert_eq!(tensor.to_vec::<i32>().unwrap(), [1, 2, 3, 4, 5, 6]);
    let scalar = read("7", &info(DType::U8, None)).unwrap();
    assert_eq!((scalar.shape(), scalar.to_vec::<u8>().unwrap()), ([].as_slice(), vec![7]));
    assert_eq!(read("[[], []]", &info(DType::U8, None)).unwrap().shape(), [2, 0]);
}

#[test]
fn a_flat_list_takes_the_shape_that_the_model_fixes() {
    assert_eq!(read("[1, 2, 3, 4]", &info(DType::F32, Some(&[1, 2, 2]))).unwrap().shape(), [1, 2, 2]);
    assert_eq!(read("[1, 2, 3]", &info(DType::F32, Some(&[1, 2, 2]))).unwrap().shape(), [3]);
}

#[test]
fn an_object_states_its_shape() {
    let text = r#"{"dtype": "f32", "shape": [2, 1], "data": [1.5, "NaN"]}"#;
    let tensor = read(text, &info(DType::F32, None)).unwrap();
    assert_eq!(tensor.shape(), [2, 1]);
    assert!(tensor.to_vec::<f32>().unwrap()[1].is_nan());
}

#[test]
fn an_object_without_shape_and_data_is_inputs_by_name() {
    let Ok(Document::Named(fields)) = parse(br#"{"a": [1], "b": 2, "a": 3}"#) else {
        panic!("expected names");
    };
    let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a", "b", "a"]);
}

#[test]
fn strings_keep_their_escapes_and_brackets() {
    let tensor = read(r#"["a\"]", "[\\", "\u00e9,"]"#, &info(DType::String, None)).unwrap();
    assert_eq!(tensor.strings().unwrap(), ["a\"]", "[\\", "é,"]);
}

#[test]
fn each_fault_is_named() {
    let error = |text: &str, dtype| read(text, &info(dtype, None)).unwrap_err().to_string();
    assert_eq!(error("[[1, 2], [3]]", DType::F32), "a row at depth 1 has 1 elements, those before it 2");
    assert_eq!(error("[1, [2]]", DType::F32), "a number and a row stand side by side at depth 0");
    assert_eq!(error("[[1], 2]", DType::F32), "a number and a row stand side by side at depth 0");
    assert_eq!(error("[[[1]], [2]]", DType::F32), "a number and a row stand side by side at depth 1");
    assert_eq!(error("[1, 256]", DType::U8), "element 1 is 256, expected u8");
    assert_eq!(error("[1.5]", DType::I64), "element 0 is 1.5, expected i64");
    assert_eq!(error("[1e39]", DType::F32), "element 0 is 1e39, expected f32");
    assert_eq!(error("[1e5]", DType::F16), "element 0 is 1e5, expected f16");
    assert_eq!(error("[null]", DType::F32), "element 0 is null, expected f32");
    assert_eq!(error("[\"1\"]", DType::F32), "element 0 is \"1\", expected f32");
    assert_eq!(error("[1]", DType::String), "element 0 is 1, expected string");
    assert_eq!(error("[1]", DType::Bool), "element 0 is 1, expected bool");
    assert!(error("[1,", DType::F32).starts_with("EOF while parsing"));
    assert!(error("[{}]", DType::F32).starts_with("expected nested arrays"));
    assert!(
        error(r#"{"shape": [3], "data": [1]}"#, DType::F32).starts_with("shape [3] has 3 elements, got 1")
    );
    assert_eq!(error(&("[".repeat(70) + &"]".repeat(70)), DType::F32), "it is nested more than 64 deep");
}

proptest! {
    #[test]
    fn what_is_printed_as_json_is_read_back(bits in prop::collection::vec(any::<u32>(), 0..20), wide in prop::collection::vec(any::<u64>(), 0..20)) {
        let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_ne_bytes()).collect();
        let wide_bytes: Vec<u8> = wide.iter().flat_map(|bits| bits.to_ne_bytes()).collect();
        let tensors = [
            Tensor::from_bytes(DType::F32, [bits.len()], &bytes).unwrap(),
            Tensor::from_bytes(DType::F16, [2 * bits.len()], &bytes).unwrap(),
            Tensor::from_bytes(DType::I32, [bits.len()], &bytes).unwrap(),
            Tensor::from_bytes(DType::F64, [wide.len()], &wide_bytes).unwrap(),
            Tensor::from_bytes(DType::I64, [wide.len()], &wide_bytes).unwrap(),
            Tensor::from_bytes(DType::U64, [wide.len()], &wide_bytes).unwrap(),
        ];
        for tensor in tensors {
            let text = serde_json::to_string(&crate::output::TensorDocument::new("x", &tensor)).unwrap();
            let again = read(&text, &info(tensor.dtype(), None)).unwrap();
            prop_assert_eq!(again.shape(), tensor.shape());
            let difference = crate::compare::difference(&tensor, &again);
            prop_assert!(difference.is_some_and(|difference| difference.differing == 0));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "[\\[\\]{}:,0-9eE.\"\\\\ a-z-]{0,40}") {
        for dtype in DType::ALL {
            let _ = read(&text, &info(dtype, None));
        }
    }
}
