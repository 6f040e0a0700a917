//! The matrix product.

use proptest::prelude::*;
use tandem_kernels::{Activation, FeedForward, InstructionSet, MatMul, MatMulWeights};

use crate::conv::activations;
use crate::reference;
use crate::values::{Unaligned, cases, difference, numbers, restored, same, same_on_threads};

fn check(rows: usize, sizes: [usize; 2], activation: Activation, extras: [bool; 3], seed: u64) {
    let [inputs, outputs] = sizes;
    let x = numbers(rows * inputs, seed);
    let weights = numbers(inputs * outputs, seed + 1);
    let turned: Vec<f32> =
        (0..outputs * inputs).map(|i| weights[i % inputs * outputs + i / inputs]).collect();
    let bias = extras[0].then(|| numbers(outputs, seed + 2));
    let residual = extras[1].then(|| numbers(rows * outputs, seed + 3));
    let (bias, residual) = (bias.as_deref(), residual.as_deref());
    let expected = reference::matmul(sizes, &x, &weights, bias, residual, activation);
    for set in InstructionSet::available() {
        let own = if extras[2] { MatMulWeights::Transposed(&turned) } else { MatMulWeights::Plain(&weights) };
        let product = MatMul::new(set, sizes, own, bias, activation).unwrap();
        let mut x = Unaligned::new(&x);
        let mut out = Unaligned::new(&vec![f32::NAN; rows * outputs]);
        let x = &*x.get();
        product.run(x, residual, out.get()).unwrap();
        same_on_threads(out.get(), |out| product.run(x, residual, out).unwrap());
        let again = restored(&product);
        same(out.get(), |out| again.run(x, residual, out).unwrap());
        // A row by itself goes another way, to the same bits.
        for row in 0..rows.min(2) {
            let residual = residual.map(|residual| &residual[row * outputs..][..outputs]);
            let x = &x[row * inputs..][..inputs];
            same(&out.get()[row * outputs..][..outputs], |out| product.run(x, residual, out).unwrap());
        }
        assert_eq!(
            difference(out.get(), &expected, 3e-6),
            None,
            "{set}: {rows} rows, {sizes:?}, {activation:?}"
        );
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn products(
        rows in 0_usize..40,
        sizes in [1_usize..80, 1_usize..120],
        activation in activations(),
        extras: [bool; 3],
        seed in 0_u64..1000,
    ) {
        check(rows, sizes, activation, extras, seed);
    }

    #[test]
    fn one_row(
        sizes in [1_usize..80, 1_usize..400],
        activation in activations(),
        extras: [bool; 3],
        seed in 0_u64..1000,
    ) {
        check(1, sizes, activation, extras, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn long_sums_are_computed_in_parts() {
    for sizes in [[384, 33], [385, 64], [1000, 40], [1537, 170]] {
        check(30, sizes, Activation::Gelu, [true, true, false], 7);
    }
}

/// A layer of two products gives what they give one after the other.
fn check_layer(rows: usize, sizes: [usize; 3], activations: [Activation; 2], residual: bool, seed: u64) {
    let [inputs, hidden, outputs] = sizes;
    let x = numbers(rows * inputs, seed);
    let weights = [numbers(inputs * hidden, seed + 1), numbers(hidden * outputs, seed + 2)];
    let bias = [numbers(hidden, seed + 3), numbers(outputs, seed + 4)];
    let residual = residual.then(|| numbers(rows * outputs, seed + 5));
    let residual = residual.as_deref();
    for set in InstructionSet::available() {
        let product = |index: usize, sizes: [usize; 2]| {
            let weights = MatMulWeights::Plain(&weights[index]);
            MatMul::new(set, sizes, weights, Some(&bias[index]), activations[index]).unwrap()
        };
        let (first, second) = (product(0, [inputs, hidden]), product(1, [hidden, outputs]));
        let (mut between, mut expected) = (vec![f32::NAN; rows * hidden], vec![f32::NAN; rows * outputs]);
        first.run(&x, None, &mut between).unwrap();
        second.run(&between, residual, &mut expected).unwrap();
        let layer = FeedForward::new(first, second).unwrap();
        assert_eq!(layer.sizes(), [inputs, outputs]);
        let mut x = Unaligned::new(&x);
        let x = &*x.get();
        same(&expected, |out| layer.run(x, residual, out).unwrap());
        same_on_threads(&expected, |out| layer.run(x, residual, out).unwrap());
        let again = restored(&layer);
        same(&expected, |out| again.run(x, residual, out).unwrap());
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn layers_of_two_products(
        rows in 0_usize..40,
        sizes in [1_usize..60, 1_usize..100, 1_usize..60],
        activations in [activations(), activations()],
        residual: bool,
        seed in 0_u64..1000,
    ) {
        check_layer(rows, sizes, activations, residual, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn long_layers_are_computed_in_parts() {
    check_layer(30, [385, 1000, 40], [Activation::Gelu, Activation::None], true, 3);
}
