//! Activations over their whole range.

use tandem_kernels::{Activation, InstructionSet};

use crate::reference;
use crate::values::{Sum, difference};

const ALL: [Activation; 7] = [
    Activation::None,
    Activation::Relu,
    Activation::Clip { low: -1.0, high: 1.5 },
    Activation::Sigmoid,
    Activation::Silu,
    Activation::HardSwish,
    Activation::Gelu,
];

#[test]
fn they_are_as_exact_as_their_documentation_says() {
    let x: Vec<f32> = (-4001..=4001).map(|i| i as f32 / 200.0).collect();
    for set in InstructionSet::available() {
        for activation in ALL {
            let mut got = x.clone();
            activation.apply(set, &mut got).unwrap();
            let expected: Vec<Sum> = x
                .iter()
                .map(|&x| {
                    let exact = Sum { value: f64::from(x), size: 0.0 };
                    Sum { size: f64::from(x).abs().max(1.0), ..reference::activate(activation, exact) }
                })
                .collect();
            let different = difference(&got, &expected, 1e-6);
            assert_eq!(different, None, "{set} {activation:?}");
        }
    }
}

#[test]
fn nan_stays_and_large_values_keep_their_sides() {
    for set in InstructionSet::available() {
        for activation in ALL {
            let mut values = [f32::NAN, 1e30, -1e30, f32::MAX, f32::MIN];
            activation.apply(set, &mut values).unwrap();
            assert!(values[0].is_nan(), "{set} {activation:?}");
            let [high, low] = match activation {
                Activation::None => [1e30, -1e30],
                Activation::Relu | Activation::Silu | Activation::HardSwish | Activation::Gelu => [1e30, 0.0],
                Activation::Clip { low, high } => [high, low],
                Activation::Sigmoid => [1.0, 0.0],
            };
            let near = |got: f32, expected: f32| (got - expected).abs() <= expected.abs() * 1e-5 + 1e-6;
            assert!(near(values[1], high) && near(values[2], low), "{set} {activation:?} {values:?}");
            assert!(values[3] >= values[1] && !values[4].is_nan(), "{set} {activation:?} {values:?}");
        }
    }
}
