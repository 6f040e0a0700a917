//! Sums, products, gates and activations, element by element.

use proptest::prelude::*;
use tandem_kernels::{
    Activation, Combination, InstructionSet, activate, blocked_len, combine, gate, global_average_blocked,
};

use crate::reference;
use crate::values::{Sum, Unaligned, cases, difference, numbers, planar, poisoned, room, same_on_threads};

fn activation() -> impl Strategy<Value = Activation> {
    prop::sample::select(vec![
        Activation::None,
        Activation::Relu,
        Activation::Clip { low: -0.25, high: 0.5 },
        Activation::Sigmoid,
        Activation::Silu,
        Activation::HardSwish,
        Activation::Gelu,
    ])
}

/// `operation` of each two numbers, and the activation of that.
fn expected(activation: Activation, x: &[f32], y: &[f32], operation: impl Fn(f64, f64) -> f64) -> Vec<Sum> {
    let pairs = x.iter().zip(y).map(|(x, y)| operation(f64::from(*x), f64::from(*y)));
    pairs.map(|value| reference::activate(activation, Sum { value, size: value.abs() })).collect()
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn flat(length in 0_usize..3000, activation in activation(), seed in 0_u64..1000) {
        let (x, y) = (numbers(length, seed), numbers(length, seed + 1));
        let (mut own, mut other) = (Unaligned::new(&x), Unaligned::new(&y));
        for set in InstructionSet::available() {
            let mut out = Unaligned::new(&vec![f32::NAN; length]);
            activate(set, activation, own.get(), out.get()).unwrap();
            let alone = expected(activation, &x, &y, |x, _| x);
            prop_assert_eq!(difference(out.get(), &alone, 1e-6), None, "{} {:?}", set, activation);
            for (combination, operation) in [
                (Combination::Add, (|x, y| x + y) as fn(f64, f64) -> f64),
                (Combination::Multiply, |x, y| x * y),
            ] {
                let inputs = [&*own.get(), &*other.get()];
                combine(set, combination, activation, inputs, out.get()).unwrap();
                same_on_threads(out.get(), |out| combine(set, combination, activation, inputs, out).unwrap());
                let expected = expected(activation, &x, &y, operation);
                prop_assert_eq!(difference(out.get(), &expected, 1e-6), None, "{} {:?}", set, combination);
            }
        }
    }

    #[test]
    fn gates(
        batch in 1_usize..3,
        channels in 1_usize..40,
        pixels in 1_usize..150,
        activation in activation(),
        seed in 0_u64..1000,
    ) {
        let shape = [batch, channels, pixels];
        let (x, factors) = (numbers(shape.iter().product(), seed), numbers(batch * channels, seed + 1));
        let spread: Vec<f32> = factors.iter().flat_map(|&factor| vec![factor; pixels]).collect();
        let expected = expected(activation, &x, &spread, |x, y| x * y);
        for set in InstructionSet::available() {
            let mut own = poisoned(set, shape, &x);
            let mut factors = poisoned(set, [batch, channels, 1], &factors);
            let mut out = room(set, shape);
            let inputs = [&*own.get(), &*factors.get()];
            gate(set, shape, activation, inputs, out.get()).unwrap();
            same_on_threads(out.get(), |out| gate(set, shape, activation, inputs, out).unwrap());
            prop_assert_eq!(difference(&planar(set, shape, out.get()), &expected, 1e-6), None, "{}", set);
        }
    }

    #[test]
    fn means_in_blocks(batch in 1_usize..3, channels in 1_usize..40, pixels in 1_usize..60, seed in 0_u64..1000) {
        let x = numbers(batch * channels * pixels, seed);
        let mean = |plane: &[f32]| Sum {
            value: plane.iter().map(|x| f64::from(*x)).sum::<f64>() / plane.len() as f64,
            size: 1.0,
        };
        let expected: Vec<Sum> = x.chunks_exact(pixels).map(mean).collect();
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, channels, pixels], &x);
            let mut out = room(set, [batch, channels, 1]);
            global_average_blocked(set, [batch, channels, pixels], own.get(), out.get()).unwrap();
            let means = planar(set, [batch, channels, 1], out.get());
            prop_assert_eq!(difference(&means, &expected, 1e-6), None, "{}", set);
        }
    }
}

#[test]
fn other_lengths_and_limits_are_refused() {
    let set = InstructionSet::best();
    let (x, y, mut out) = ([0.0; 4], [0.0; 3], [0.0; 4]);
    assert!(activate(set, Activation::None, &y, &mut out).is_err());
    assert!(combine(set, Combination::Add, Activation::None, [&x, &y], &mut out).is_err());
    assert!(combine(set, Combination::Add, Activation::None, [&y, &x], &mut out).is_err());
    let crossed = Activation::Clip { low: 1.0, high: 0.0 };
    assert!(activate(set, crossed, &x, &mut out).is_err());
    assert!(combine(set, Combination::Add, crossed, [&x, &x], &mut out).is_err());
    let image = vec![0.0; blocked_len(set, 1, 3, 2).unwrap()];
    let (factors, mut out) = (vec![0.0; blocked_len(set, 1, 3, 1).unwrap()], image.clone());
    gate(set, [1, 3, 2], Activation::None, [&image, &factors], &mut out).unwrap();
    assert!(gate(set, [1, 3, 2], crossed, [&image, &factors], &mut out).is_err());
    assert!(gate(set, [1, 3, 2], Activation::None, [&image, &factors[1..]], &mut out).is_err());
    assert!(gate(set, [1, 3, 3], Activation::None, [&image, &factors], &mut out).is_err());
    assert!(global_average_blocked(set, [1, 3, 2], &image, &mut out).is_err());
    assert!(global_average_blocked(set, [1, 3, 0], &[], &mut out[..factors.len()]).is_err());
}
