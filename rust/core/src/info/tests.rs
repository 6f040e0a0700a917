use super::*;
use crate::NamedTensors;

fn info() -> ModelInfo {
    let input = |name: &str, shape| TensorInfo { name: name.into(), dtype: DType::F32, shape };
    let batch = || Dimension::Symbol("batch".into());
    ModelInfo {
        name: "m".into(),
        digest: "0".repeat(64),
        opset: 17,
        metadata: BTreeMap::new(),
        inputs: vec![
            input("a", Some(vec![batch(), Dimension::Fixed(3)])),
            input("b", Some(vec![batch(), Dimension::Unknown])),
        ],
        outputs: vec![input("y", None), input("z", None)],
    }
}

fn zeros(shape: [usize; 2]) -> Tensor {
    Tensor::from_vec(shape, vec![0.0_f32; shape[0] * shape[1]]).unwrap()
}

fn message(inputs: Vec<(&str, Tensor)>) -> String {
    info().check_inputs(&NamedTensors::new(inputs).unwrap()).unwrap_err().to_string()
}

#[test]
fn inputs_in_any_order_fit() {
    let inputs = NamedTensors::new([("b", zeros([2, 9])), ("a", zeros([2, 3]))]).unwrap();
    assert_eq!(info().check_inputs(&inputs), Ok(()));
}

#[test]
fn what_does_not_fit_is_named_with_expected_and_got() {
    assert_eq!(message(vec![("c", zeros([1, 1]))]), "the model has no input \"c\", it has a, b");
    assert_eq!(message(vec![("a", zeros([1, 3]))]), "input \"b\" is missing");
    assert_eq!(
        message(vec![("a", zeros([1, 4])), ("b", zeros([1, 1]))]),
        "input \"a\" has shape [1, 4], expected [batch, 3]"
    );
    assert_eq!(
        message(vec![("a", zeros([1, 3])), ("b", zeros([2, 1]))]),
        "symbol \"batch\" is 1 in input \"a\" and 2 in input \"b\""
    );
    let wrong = Tensor::from_vec([1, 3], vec![0_i32; 3]).unwrap();
    assert_eq!(
        message(vec![("a", wrong), ("b", zeros([1, 1]))]),
        "input \"a\" is a tensor of i32, expected f32"
    );
}

#[test]
fn no_wanted_output_means_all_and_an_unknown_one_is_refused() {
    assert_eq!(info().wanted_outputs(&[]).unwrap(), ["y", "z"]);
    assert_eq!(info().wanted_outputs(&["z".into()]).unwrap(), ["z"]);
    let error = info().wanted_outputs(&["q".into()]).unwrap_err();
    assert_eq!(error.to_string(), "the model has no output \"q\", it has y, z");
    let error = info().wanted_outputs(&["y".into(), "y".into()]).unwrap_err();
    assert_eq!(error.to_string(), "output \"y\" was asked for twice");
}
