//! Transposed convolutions.

use proptest::prelude::*;
use tandem_kernels::{Activation, InstructionSet, UpConv2d, UpShape};

use crate::reference;
use crate::values::{
    Sum, cases, difference, numbers, planar, poisoned, restored, room, same, same_on_threads,
};

fn expected(shape: &UpShape, x: &[f32], weights: &[f32], bias: &[f32], activation: Activation) -> Vec<Sum> {
    let ([height, width], [tall, wide]) = (shape.input, shape.kernel);
    let [rows, columns] = shape.output();
    let mut out = Vec::new();
    for image in x.chunks_exact(shape.in_channels * height * width) {
        for output in 0..shape.out_channels {
            for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
                let bias = f64::from(bias[output]);
                let mut sum = Sum { value: bias, size: bias.abs() };
                for input in 0..shape.in_channels {
                    let pixel = image[(input * height + row / tall) * width + column / wide];
                    let tap =
                        ((input * shape.out_channels + output) * tall + row % tall) * wide + column % wide;
                    let term = f64::from(pixel) * f64::from(weights[tap]);
                    sum.value += term;
                    sum.size += term.abs();
                }
                out.push(reference::activate(activation, sum));
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn pixels_become_rectangles(
        batch in 1_usize..3,
        (in_channels, out_channels) in (1_usize..40, 1_usize..40),
        input in [1_usize..9, 1_usize..40],
        kernel in [1_usize..4, 1_usize..5],
        activation in prop::sample::select(vec![Activation::None, Activation::Relu, Activation::HardSwish]),
        seed in 0_u64..1000,
    ) {
        let shape = UpShape { batch, in_channels, out_channels, input, kernel };
        let pixels = |size: [usize; 2]| size[0] * size[1];
        let x = numbers(batch * in_channels * pixels(input), seed);
        let weights = numbers(in_channels * out_channels * pixels(kernel), seed + 1);
        let bias = numbers(out_channels, seed + 2);
        let expected = expected(&shape, &x, &weights, &bias, activation);
        let out_shape = [batch, out_channels, pixels(shape.output())];
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, in_channels, pixels(input)], &x);
            let mut out = room(set, out_shape);
            let conv = UpConv2d::new(set, shape, &weights, Some(&bias), activation).unwrap();
            let x = &*own.get();
            conv.run(x, out.get()).unwrap();
            same_on_threads(out.get(), |out| conv.run(x, out).unwrap());
            let again = restored(&conv);
            same(out.get(), |out| again.run(x, out).unwrap());
            prop_assert_eq!(difference(&planar(set, out_shape, out.get()), &expected, 1e-6), None, "{}", set);
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn images_of_several_bands() {
    let shape = UpShape { batch: 1, in_channels: 70, out_channels: 20, input: [30, 129], kernel: [2, 2] };
    let x = numbers(70 * 30 * 129, 1);
    let (weights, bias) = (numbers(70 * 20 * 4, 2), numbers(20, 3));
    let expected = expected(&shape, &x, &weights, &bias, Activation::None);
    for set in InstructionSet::available() {
        let (mut x, mut out) = (poisoned(set, [1, 70, 30 * 129], &x), room(set, [1, 20, 60 * 258]));
        let conv = UpConv2d::new(set, shape, &weights, Some(&bias), Activation::None).unwrap();
        conv.run(x.get(), out.get()).unwrap();
        assert_eq!(difference(&planar(set, [1, 20, 60 * 258], out.get()), &expected, 1e-6), None, "{set}");
    }
}

#[test]
fn what_no_tile_holds_is_refused() {
    let set = InstructionSet::best();
    let shape = UpShape { batch: 1, in_channels: 2, out_channels: 3, input: [2, 2], kernel: [2, 2] };
    let build = |shape: UpShape, weights: usize, bias: usize| {
        UpConv2d::new(set, shape, &vec![0.0; weights], Some(&vec![0.0; bias]), Activation::None)
    };
    let good = build(shape, 24, 3).unwrap();
    assert_eq!(good.shape().output(), [4, 4]);
    assert!(good.run(&[0.0; 3], &mut [0.0; 3]).is_err());
    assert!(build(shape, 23, 3).is_err());
    assert!(build(shape, 24, 2).is_err());
    assert!(build(UpShape { kernel: [2, 5], ..shape }, 60, 3).is_err());
    assert!(build(UpShape { kernel: [0, 2], ..shape }, 0, 3).is_err());
    assert!(build(UpShape { batch: usize::MAX / 2, ..shape }, 24, 3).is_err());
    let crossed = Activation::Clip { low: 1.0, high: 0.0 };
    assert!(UpConv2d::new(set, shape, &[0.0; 24], None, crossed).is_err());
}
