//! Softmax and layer normalisation.

use proptest::prelude::*;
use tandem_kernels::{InstructionSet, LayerNorm, softmax};

use crate::reference;
use crate::values::{Unaligned, cases, difference, numbers, restored, same, same_on_threads};

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn softmax_rows(rows in 0_usize..40, columns in 1_usize..70, scale in 0.1_f32..40.0, seed in 0_u64..1000) {
        let x: Vec<f32> = numbers(rows * columns, seed).iter().map(|x| x * scale).collect();
        let expected = reference::softmax(columns, &x);
        for set in InstructionSet::available() {
            let mut own = Unaligned::new(&x);
            let mut out = Unaligned::new(&vec![f32::NAN; x.len()]);
            let x = &*own.get();
            softmax(set, columns, x, out.get()).unwrap();
            same_on_threads(out.get(), |out| softmax(set, columns, x, out).unwrap());
            prop_assert_eq!(difference(out.get(), &expected, 1e-5), None, "{}", set);
        }
    }

    #[test]
    fn layer_norm_rows(
        rows in 0_usize..5,
        columns in 1_usize..70,
        offset in -3.0_f32..3.0,
        with_residual: bool,
        seed in 0_u64..1000,
    ) {
        let x: Vec<f32> = numbers(rows * columns, seed).iter().map(|x| x + offset).collect();
        let (scale, bias) = (numbers(columns, seed + 1), numbers(columns, seed + 2));
        let residual = with_residual.then(|| numbers(rows * columns, seed + 3));
        let residual = residual.as_deref();
        let expected = reference::layer_norm(&x, residual, &scale, &bias, 1e-3);
        for set in InstructionSet::available() {
            let mut own = Unaligned::new(&x);
            let mut out = Unaligned::new(&vec![f32::NAN; x.len()]);
            let x = &*own.get();
            let norm = LayerNorm::new(set, &scale, &bias, 1e-3).unwrap();
            norm.run(x, residual, out.get()).unwrap();
            same_on_threads(out.get(), |out| norm.run(x, residual, out).unwrap());
            let again = restored(&norm);
            same(out.get(), |out| again.run(x, residual, out).unwrap());
            prop_assert_eq!(difference(out.get(), &expected, 1e-5), None, "{}", set);
        }
    }
}

#[test]
fn masked_places_get_nothing() {
    for set in InstructionSet::available() {
        let mut out = [f32::NAN; 3];
        softmax(set, 3, &[f32::NEG_INFINITY, 1.0, 1.0], &mut out).unwrap();
        assert_eq!(out, [0.0, 0.5, 0.5], "{set}");
        softmax(set, 3, &[f32::NEG_INFINITY; 3], &mut out).unwrap();
        assert!(out.iter().all(|value| value.is_nan()), "{set}: {out:?}");
        softmax(set, 3, &[f32::NAN, 1.0, 1.0], &mut out).unwrap();
        assert!(out.iter().all(|value| value.is_nan()), "{set}: {out:?}");
    }
}
