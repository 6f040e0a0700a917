use proptest::prelude::*;

use super::*;

struct Unaligned(Vec<u8>);

impl TensorStorage for Unaligned {
    fn bytes(&self) -> &[u8] {
        &self.0[1..]
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

#[test]
fn values_of_the_wrong_count_are_refused_with_both_counts() {
    let error = Tensor::from_vec([2, 3], vec![0.0_f32; 5]).unwrap_err();
    assert_eq!(error.to_string(), "shape [2, 3] has 6 elements, got 5");
}

#[test]
fn bytes_of_the_wrong_length_are_refused_with_both_lengths() {
    let error = Tensor::from_bytes(DType::I64, [2], &[0; 15]).unwrap_err();
    assert_eq!(error.to_string(), "a tensor of i64 [2] takes 16 bytes, got 15");
}

#[test]
fn a_shape_beyond_the_address_space_is_refused() {
    for shape in [vec![usize::MAX, 2], vec![usize::MAX, 0, 2], vec![1 << 62, 8]] {
        let error = Tensor::from_bytes(DType::F32, shape.clone(), &[]).unwrap_err();
        assert!(matches!(error, TensorError::TooLarge { .. }), "{shape:?}: {error}");
    }
}

#[test]
fn a_bool_byte_above_one_is_refused_where_it_stands() {
    let error = Tensor::from_bytes(DType::Bool, [3], &[0, 1, 2]).unwrap_err();
    assert_eq!(error, TensorError::NotBool { index: 2, got: 2 });
}

#[test]
fn reading_as_another_type_names_both() {
    let tensor = Tensor::from_vec([1], vec![1_i32]).unwrap();
    let error = tensor.to_vec::<f32>().unwrap_err();
    assert_eq!(error.to_string(), "expected a tensor of f32, got one of i32");
}

#[test]
fn scalars_and_empty_tensors_have_one_and_no_element() {
    assert_eq!(Tensor::from_vec([], vec![7_u8]).unwrap().element_count(), 1);
    assert_eq!(Tensor::from_vec::<u8>([3, 0], vec![]).unwrap().element_count(), 0);
}

#[test]
fn strings_are_not_bytes() {
    let tensor = Tensor::from_strings([2], vec!["a".into(), "ü".into()]).unwrap();
    assert_eq!(tensor.bytes(), None);
    assert_eq!(tensor.byte_len(), 3);
    assert_eq!(Tensor::from_bytes(DType::String, [1], b"a").unwrap_err(), TensorError::NotBytes);
}

#[test]
fn a_clone_and_a_reshape_share_the_memory() {
    let tensor = Tensor::from_vec([4], vec![1_u8, 2, 3, 4]).unwrap();
    let reshaped = tensor.clone().reshape([2, 2]).unwrap();
    assert_eq!(reshaped.bytes().unwrap().as_ptr(), tensor.bytes().unwrap().as_ptr());
}

proptest! {
    #[test]
    fn bytes_round_trip_whatever_their_alignment(values in prop::collection::vec(any::<u32>(), 0..50)) {
        let aligned: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
        let copied = Tensor::from_bytes(DType::U32, [values.len()], &aligned).unwrap();
        prop_assert_eq!(&copied.to_vec::<u32>().unwrap(), &values);

        let shifted = Unaligned(std::iter::once(0).chain(aligned).collect());
        let shared = Tensor::from_storage(DType::U32, [values.len()], Arc::new(shifted)).unwrap();
        prop_assert_eq!(&shared.to_vec::<u32>().unwrap(), &values);
        prop_assert_eq!(shared, copied);
    }
}
