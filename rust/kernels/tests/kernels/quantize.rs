//! From numbers to bytes and back, against a division of each number.

use proptest::prelude::*;
use tandem_kernels::{ByteSet, Quantization, dequantize, pixel_bytes, quantize, quantize_to_pixels};

use crate::int8::{planar, quantization};
use crate::values::{cases, numbers, same_on_threads};

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn numbers_become_bytes_and_back(
        shape in [1_usize..3, 1_usize..40, 1_usize..150], to in quantization(), seed in 0_u64..1000,
    ) {
        let count = shape.iter().product();
        let x: Vec<f32> = numbers(count, seed).into_iter().map(|number| number * 150.0 * to.scale).collect();
        let expected: Vec<u8> = x.iter().map(|x| {
            let steps = f64::from((x / to.scale).round_ties_even());
            (steps + f64::from(to.zero)).clamp(0.0, 255.0) as u8
        }).collect();
        for set in ByteSet::available() {
            let mut out = vec![7; count];
            quantize(set, to, &x, &mut out).unwrap();
            same_on_threads(&out, |out| quantize(set, to, &x, out).unwrap());
            prop_assert_eq!(&out, &expected, "{}", set);
            let mut back = vec![f32::NAN; count];
            dequantize(set, to, &out, &mut back).unwrap();
            same_on_threads(&back, |back| dequantize(set, to, &out, back).unwrap());
            for (value, &byte) in back.iter().zip(&out) {
                prop_assert_eq!(*value, (f32::from(byte) - f32::from(to.zero)) * to.scale);
            }
        }
        for set in ByteSet::available() {
            let mut out = vec![7; shape[0] * shape[2] * pixel_bytes(shape[1])];
            quantize_to_pixels(set, shape, to, &x, &mut out).unwrap();
            prop_assert_eq!(planar(shape, &out), &expected[..], "{}", set);
        }
    }
}

#[test]
fn numbers_near_the_middle_of_two_bytes_become_what_a_division_gives() {
    let scales = [0.007_843_138, 0.1, 1.0 / 3.0, 0.018_658_448, 1.0, 1e-3, 7e5, 1.3e-38, 1e-40, 2.9e38];
    for (scale, zero) in scales.into_iter().flat_map(|scale| [0, 114, 255].map(|zero| (scale, zero))) {
        let near = |x: f32| [x.next_down().next_down(), x.next_down(), x, x.next_up(), x.next_up().next_up()];
        let halves = (-520..=520).map(|half: i16| f32::from(half) / 2.0 * scale);
        let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0];
        let x: Vec<f32> = halves.flat_map(near).chain(odd).collect();
        let byte = |x: &f32| ((x / scale).round_ties_even() + f32::from(zero)).clamp(0.0, 255.0) as u8;
        let expected: Vec<u8> = x.iter().map(byte).collect();
        for set in ByteSet::available() {
            let to = Quantization { scale, zero };
            let mut out = vec![7; x.len()];
            quantize(set, to, &x, &mut out).unwrap();
            assert_eq!(out, expected, "{set}, {scale}, {zero}");
            // One by one, and as the bytes of pixels.
            for (x, expected) in x.iter().zip(&expected).step_by(7) {
                quantize(set, to, &[*x], &mut out[..1]).unwrap();
                assert_eq!(out[0], *expected, "{set}, {x} / {scale}, {zero}");
            }
            let mut pixels = vec![7; 4 * x.len()];
            quantize_to_pixels(set, [1, 1, x.len()], to, &x, &mut pixels).unwrap();
            assert!(pixels.iter().step_by(4).eq(&expected), "{set}, {scale}, {zero}");
        }
    }
}
