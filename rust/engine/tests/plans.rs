//! Plans for given shapes give what a fresh load gives.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod common;

use common::{load, run, try_load};
use proptest::prelude::*;
use tandem_core::{Control, LoadOptions, NamedTensors, Tensor};
use tandem_testkit::Random;
use tandem_testkit::models::arithmetic::{add, classifier};
use tandem_testkit::models::random_inputs;
use tandem_testkit::models::slow::matmul_chain;
use tandem_testkit::models::transformer::{TransformerConfig, transformer_block};

fn rows(rows: usize, seed: u64) -> NamedTensors {
    let values = Random::new(seed).floats(rows * 8, 2.0);
    NamedTensors::new([("x", Tensor::from_vec([rows, 8], values).unwrap())]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever was run before, and whatever plans had to make room.
    #[test]
    fn a_plan_answers_as_a_fresh_load_does(batches in prop::collection::vec((0_usize..6, any::<u64>()), 1..8)) {
        let proto = classifier(9).unwrap();
        let two_plans = LoadOptions { plans: 2, ..LoadOptions::default() };
        let model = try_load(&proto, &two_plans).unwrap();
        for (batch, seed) in batches {
            let inputs = rows(batch, seed);
            prop_assert_eq!(run(model.as_ref(), &inputs).unwrap(), run(load(&proto).as_ref(), &inputs).unwrap());
        }
    }

    #[test]
    fn a_batch_gives_what_its_rows_give(batch in 1_usize..5, seed in any::<u64>()) {
        let model = load(&add().unwrap());
        let mut random = Random::new(seed);
        let (a, b) = (random.floats(batch * 3, 1.0), random.floats(batch * 3, 1.0));
        let pair = |a: &[f32], b: &[f32]| {
            let shape = [a.len() / 3, 3];
            NamedTensors::new([
                ("a", Tensor::from_vec(shape, a.to_vec()).unwrap()),
                ("b", Tensor::from_vec(shape, b.to_vec()).unwrap()),
            ])
            .unwrap()
        };
        let together = run(model.as_ref(), &pair(&a, &b)).unwrap();
        let mut rows = Vec::new();
        for (a, b) in a.chunks(3).zip(b.chunks(3)) {
            let row = run(model.as_ref(), &pair(a, b)).unwrap();
            rows.extend(row.get("product").unwrap().to_vec::<f32>().unwrap());
        }
        prop_assert_eq!(together.get("product").unwrap().to_vec::<f32>().unwrap(), rows);
    }
}

#[test]
fn one_plan_is_enough_for_many_shapes() {
    let proto = transformer_block(&TransformerConfig::small()).unwrap();
    let model = try_load(&proto, &LoadOptions { plans: 1, ..LoadOptions::default() }).unwrap();
    let inputs = random_inputs(&proto, &[], 1).unwrap();
    let first = run(model.as_ref(), &inputs).unwrap();
    let (name, tensor) = inputs.iter().next().unwrap();
    let single: usize = tensor.shape()[1..].iter().product();
    let row = tensor.to_vec::<f32>().unwrap()[..single].to_vec();
    let mut shape = tensor.shape().to_vec();
    shape[0] = 1;
    let one = NamedTensors::new([(name, Tensor::from_vec(shape, row).unwrap())]).unwrap();
    assert!(run(model.as_ref(), &one).is_ok());
    assert_eq!(run(model.as_ref(), &inputs).unwrap(), first);
}

#[test]
fn a_plan_at_hand_tells_its_multiply_adds() {
    let fixed = load(&matmul_chain(12, 16).unwrap());
    assert_eq!(fixed.multiply_adds(&[vec![16, 16]]), Some(12 * 16 * 16 * 16));
    assert_eq!(fixed.multiply_adds(&[vec![2, 16]]), None);
    let open = load(&classifier(9).unwrap());
    assert_eq!(open.multiply_adds(&[vec![3, 8]]), None);
    open.run(&rows(3, 1), &[], &Control::default()).unwrap();
    let three = open.multiply_adds(&[vec![3, 8]]).unwrap();
    open.run(&rows(6, 1), &[], &Control::default()).unwrap();
    assert_eq!(open.multiply_adds(&[vec![6, 8]]), Some(2 * three));
    assert_eq!(open.multiply_adds(&[]), None);
}
