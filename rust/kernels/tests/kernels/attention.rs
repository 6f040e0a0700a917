//! Attention.

use proptest::prelude::*;
use tandem_kernels::{Attention, AttentionShape, InstructionSet};

use crate::values::{Sum, Unaligned, cases, difference, numbers, restored, same, same_on_threads};

fn at([sequence, head, row]: [usize; 3], strides: [usize; 3]) -> usize {
    sequence * strides[0] + head * strides[1] + row * strides[2]
}

fn reference(
    shape: &AttentionShape,
    [q, k, v]: [&[f32]; 3],
    mask: Option<&[f32]>,
    length: usize,
) -> Vec<Sum> {
    let mut out = vec![Sum { value: 7.0, size: 1.0 }; length];
    for place in (0..shape.batch * shape.heads * shape.queries).map(|index| {
        let row = index % shape.queries;
        [index / shape.queries / shape.heads, index / shape.queries % shape.heads, row]
    }) {
        let [sequence, head, _] = place;
        let scores: Vec<f64> = (0..shape.keys)
            .map(|key| {
                let query = &q[at(place, shape.query_strides)..];
                let own = &k[at([sequence, head, key], shape.key_strides)..];
                let product: f64 = (0..shape.depth).map(|i| f64::from(query[i]) * f64::from(own[i])).sum();
                let mask = mask.map_or(0.0, |mask| mask[at(place, shape.mask_strides) + key]);
                product * f64::from(shape.scale) + f64::from(mask)
            })
            .collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        for i in 0..shape.width {
            let value = |key: usize| f64::from(v[at([sequence, head, key], shape.value_strides) + i]);
            let value: f64 = powers.iter().enumerate().map(|(key, power)| power / sum * value(key)).sum();
            out[at(place, shape.out_strides) + i] = Sum { value, size: 1.0 };
        }
    }
    out
}

/// Strides of `[batch][row][head][element]` or of `[batch][head][row][element]`.
fn strides(together: bool, heads: usize, rows: usize, elements: usize) -> [usize; 3] {
    let sequence = heads * rows * elements;
    if together { [sequence, elements, heads * elements] } else { [sequence, rows * elements, elements] }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn attentions(
        [batch, heads] in [1_usize..3, 1_usize..4],
        [queries, keys] in [1_usize..40, 1_usize..70],
        [depth, width] in [1_usize..40, 1_usize..70],
        together: [bool; 4],
        masked in 0_u8..4,
        seed in 0_u64..1000,
    ) {
        let mask_strides = [[0, 0, 0], [keys, 0, 0], [queries * keys, 0, keys], [heads * keys, keys, 0]];
        let shape = AttentionShape {
            batch,
            heads,
            queries,
            keys,
            depth,
            width,
            scale: 1.0 / (depth as f32).sqrt(),
            query_strides: strides(together[0], heads, queries, depth),
            key_strides: strides(together[1], heads, keys, depth),
            value_strides: strides(together[2], heads, keys, width),
            mask_strides: mask_strides[usize::from(masked)],
            out_strides: strides(together[3], heads, queries, width),
        };
        let all = batch * heads;
        let q = numbers(all * queries * depth, seed);
        let k = numbers(all * keys * depth, seed + 1);
        let v = numbers(all * keys * width, seed + 2);
        // Each row keeps a key: beside −10,000 alone a score has no digits left, in any order of the sums.
        let mask: Vec<f32> = numbers(all * queries * keys, seed + 3).into_iter().enumerate().map(|(index, number)| {
            if number > 0.5 && index % keys > 0 { -10_000.0 } else { number }
        }).collect();
        let mask = (masked > 0).then_some(&mask[..]);
        let length = all * queries * width;
        let expected = reference(&shape, [&q, &k, &v], mask, length);
        for set in InstructionSet::available() {
            let mut out = Unaligned::new(&vec![f32::NAN; length]);
            let attention = Attention::new(set, shape).unwrap();
            attention.run(Unaligned::new(&q).get(), &k, &v, mask, out.get()).unwrap();
            same_on_threads(out.get(), |out| attention.run(&q, &k, &v, mask, out).unwrap());
            let again = restored(&attention);
            same(out.get(), |out| again.run(&q, &k, &v, mask, out).unwrap());
            prop_assert_eq!(difference(out.get(), &expected, 3e-6), None, "{}: {:?}", set, shape);
        }
    }
}

#[test]
fn what_does_not_reach_is_refused() {
    let shape = AttentionShape {
        batch: 1,
        heads: 1,
        queries: 2,
        keys: 3,
        depth: 4,
        width: 4,
        scale: 1.0,
        query_strides: [8, 8, 4],
        key_strides: [12, 12, 4],
        value_strides: [12, 12, 4],
        mask_strides: [0, 0, 3],
        out_strides: [8, 8, 4],
    };
    let set = InstructionSet::best();
    let attention = Attention::new(set, shape).unwrap();
    let (q, k, mask) = ([0.0; 8], [0.0; 12], [0.0; 6]);
    assert!(attention.run(&q, &k, &k, Some(&mask), &mut [0.0; 8]).is_ok());
    assert!(attention.run(&q[1..], &k, &k, Some(&mask), &mut [0.0; 8]).is_err());
    assert!(attention.run(&q, &k[1..], &k, Some(&mask), &mut [0.0; 8]).is_err());
    assert!(attention.run(&q, &k, &k[1..], Some(&mask), &mut [0.0; 8]).is_err());
    assert!(attention.run(&q, &k, &k, Some(&mask[1..]), &mut [0.0; 8]).is_err());
    assert!(attention.run(&q, &k, &k, None, &mut [0.0; 7]).is_err());
    assert!(Attention::new(set, AttentionShape { heads: 0, ..shape }).is_err());
    assert!(Attention::new(set, AttentionShape { scale: f32::NAN, ..shape }).is_err());
    assert!(Attention::new(set, AttentionShape { query_strides: [0, 0, usize::MAX], ..shape }).is_err());
    assert!(Attention::new(set, AttentionShape { keys: usize::MAX, ..shape }).is_err());
}

#[test]
fn nan_reaches_its_own_row_alone() {
    let shape = AttentionShape {
        batch: 1,
        heads: 1,
        queries: 2,
        keys: 3,
        depth: 1,
        width: 1,
        scale: 1.0,
        query_strides: [2, 2, 1],
        key_strides: [3, 3, 1],
        value_strides: [3, 3, 1],
        mask_strides: [0; 3],
        out_strides: [2, 2, 1],
    };
    for set in InstructionSet::available() {
        let mut out = [0.0; 2];
        let attention = Attention::new(set, shape).unwrap();
        attention.run(&[f32::NAN, 1.0], &[1.0, 2.0, 3.0], &[1.0, 1.0, 1.0], None, &mut out).unwrap();
        assert!(out[0].is_nan() && (out[1] - 1.0).abs() < 1e-6, "{set}: {out:?}");
    }
}
