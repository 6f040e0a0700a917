use proptest::prelude::*;

use super::*;

fn named(tensors: Vec<(&str, Tensor)>) -> NamedTensors {
    NamedTensors::new(tensors).unwrap()
}

fn request(rows: usize, seed: u16) -> NamedTensors {
    let numbers =
        (0..rows * 3).map(|index| seed.wrapping_mul(31).wrapping_add(u16::try_from(index).unwrap()));
    let strings = (0..rows).map(|index| format!("{seed}-{index}"));
    named(vec![
        ("numbers", Tensor::from_vec([rows, 3], numbers.collect()).unwrap()),
        ("strings", Tensor::from_strings([rows], strings.collect()).unwrap()),
    ])
}

proptest! {
    #[test]
    fn what_is_put_together_comes_apart_again(parts in proptest::collection::vec((1..5_usize, any::<u16>()), 1..6)) {
        let requests: Vec<_> = parts.iter().map(|&(rows, seed)| request(rows, seed)).collect();
        let counts: Vec<_> = parts.iter().map(|&(rows, _)| rows).collect();
        prop_assert_eq!(requests.iter().map(rows).collect::<Option<Vec<_>>>(), Some(counts.clone()));
        let whole = concatenate(&requests.iter().collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(rows(&whole), Some(counts.iter().sum()));
        prop_assert_eq!(split(&whole, &counts), Some(requests));
    }
}

#[test]
fn inputs_in_another_order_are_put_under_those_of_the_same_name() {
    let one = request(1, 1);
    let other =
        named(request(2, 2).into_iter().rev().map(|(name, tensor)| (&*name.leak(), tensor)).collect());
    assert!(fit_together(&one, &other));
    let whole = concatenate(&[&one, &other]).unwrap();
    assert_eq!(split(&whole, &[1, 2]).unwrap()[1].get("numbers"), other.get("numbers"));
}

#[test]
fn other_names_types_and_sizes_do_not_fit() {
    let tensor = |name: &'static str, tensor: Tensor| named(vec![(name, tensor)]);
    let one = tensor("x", Tensor::from_vec([1, 2], vec![0_u8; 2]).unwrap());
    assert!(fit_together(&one, &tensor("x", Tensor::from_vec([3, 2], vec![0_u8; 6]).unwrap())));
    for other in [
        tensor("y", Tensor::from_vec([1, 2], vec![0_u8; 2]).unwrap()),
        tensor("x", Tensor::from_vec([1, 2], vec![0_i8; 2]).unwrap()),
        tensor("x", Tensor::from_vec([1, 3], vec![0_u8; 3]).unwrap()),
        tensor("x", Tensor::from_vec([2], vec![0_u8; 2]).unwrap()),
        request(1, 0),
    ] {
        assert!(!fit_together(&one, &other), "{other:?}");
    }
}

#[test]
fn tensors_without_common_rows_have_none() {
    let vector = |size: usize| Tensor::from_vec([size], vec![0_u8; size]).unwrap();
    let scalar = Tensor::from_vec([], vec![0_u8]).unwrap();
    assert_eq!(rows(&named(vec![("a", vector(2)), ("b", vector(2))])), Some(2));
    assert_eq!(rows(&named(vec![("a", vector(2)), ("b", vector(3))])), None);
    assert_eq!(rows(&named(vec![("a", vector(2)), ("b", scalar)])), None);
    assert_eq!(rows(&named(vec![("a", vector(0))])), None);
    assert_eq!(rows(&NamedTensors::default()), None);
}

#[test]
fn an_output_with_another_number_of_rows_is_not_split() {
    let whole = named(vec![("y", Tensor::from_vec([3], vec![0_u8; 3]).unwrap())]);
    assert_eq!(split(&whole, &[1, 1]), None);
    assert!(split(&whole, &[1, 2]).is_some());
}
