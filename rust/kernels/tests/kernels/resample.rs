//! Resizing.

use proptest::prelude::*;
use tandem_kernels::{InstructionSet, Resample2d, Tap};

use crate::values::{
    Sum, cases, difference, numbers, planar, poisoned, restored, room, same, same_on_threads,
};

/// Up to twenty rows or columns of an input of that size.
fn taps(size: usize) -> impl Strategy<Value = Vec<Tap>> {
    let tap = (0..size, 0..size, -1.0_f32..1.0, prop::sample::select(vec![0_u8, 1, 2]));
    let tap = tap.prop_map(|(first, second, weight, kind)| match kind {
        0 => Tap::copy(first),
        1 => Tap { first, second, weights: [weight, 0.0] },
        _ => Tap { first, second, weights: [weight, 1.0 - weight] },
    });
    prop::collection::vec(tap, 1..20)
}

fn expected([height, width]: [usize; 2], [rows, columns]: [&[Tap]; 2], x: &[f32]) -> Vec<Sum> {
    let mut out = Vec::new();
    for plane in x.chunks_exact(height * width) {
        for row in rows {
            for column in columns {
                let mut sum = Sum { value: 0.0, size: 0.0 };
                for (y, down) in [row.first, row.second].into_iter().zip(row.weights) {
                    for (x, across) in [column.first, column.second].into_iter().zip(column.weights) {
                        let term = f64::from(down) * f64::from(across) * f64::from(plane[y * width + x]);
                        sum.value += term;
                        sum.size += term.abs();
                    }
                }
                out.push(sum);
            }
        }
    }
    out
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn rows_and_columns_are_weighted(
        (batch, channels) in (1_usize..3, 1_usize..40),
        (size, rows, columns) in (1_usize..12, 1_usize..12)
            .prop_flat_map(|(height, width)| (Just([height, width]), taps(height), taps(width))),
        seed in 0_u64..1000,
    ) {
        let x = numbers(batch * channels * size[0] * size[1], seed);
        let expected = expected(size, [&rows, &columns], &x);
        let out_shape = [batch, channels, rows.len() * columns.len()];
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, channels, size[0] * size[1]], &x);
            let mut out = room(set, out_shape);
            let resample = Resample2d::new(set, [batch, channels], size, [rows.clone(), columns.clone()]).unwrap();
            let x = &*own.get();
            resample.run(x, out.get()).unwrap();
            same_on_threads(out.get(), |out| resample.run(x, out).unwrap());
            let again = restored(&resample);
            same(out.get(), |out| again.run(x, out).unwrap());
            prop_assert_eq!(difference(&planar(set, out_shape, out.get()), &expected, 1e-6), None, "{}", set);
        }
    }
}

#[test]
fn what_is_not_weighted_is_not_read() {
    for set in InstructionSet::available() {
        let taps =
            || vec![Tap { second: 1, ..Tap::copy(0) }, Tap { first: 0, second: 1, weights: [0.5, 0.0] }];
        let resample = Resample2d::new(set, [1, 1], [2, 2], [taps(), taps()]).unwrap();
        let mut x = poisoned(set, [1, 1, 4], &[1.0, f32::NAN, f32::INFINITY, f32::NAN]);
        let mut out = room(set, [1, 1, 4]);
        resample.run(x.get(), out.get()).unwrap();
        assert_eq!(planar(set, [1, 1, 4], out.get()), [1.0, 0.5, 0.5, 0.25]);
    }
}

#[test]
fn taps_outside_and_other_lengths_are_refused() {
    let set = InstructionSet::best();
    let build = |row: Tap, column: Tap| Resample2d::new(set, [1, 1], [2, 3], [vec![row], vec![column]]);
    let good = build(Tap::copy(1), Tap::copy(2)).unwrap();
    assert!(good.run(&[0.0; 5], &mut [0.0; 1]).is_err());
    assert!(build(Tap::copy(2), Tap::copy(2)).is_err());
    assert!(build(Tap::copy(1), Tap { second: 3, ..Tap::copy(0) }).is_err());
    assert!(Resample2d::new(set, [usize::MAX / 2, 1], [2, 3], [vec![], vec![]]).is_err());
}
