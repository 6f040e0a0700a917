//! Images one behind another, and with their channels last.

use proptest::prelude::*;
use tandem_kernels::{InstructionSet, join_channels, to_channels_last};

use crate::values::{cases, numbers, planar, poisoned, room, same_on_threads};

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn channels_lie_behind_channels(
        batch in 1_usize..3,
        pixels in 1_usize..50,
        blocks in prop::collection::vec(1_usize..4, 0..4),
        last in 1_usize..40,
        seed in 0_u64..1000,
    ) {
        for set in InstructionSet::available() {
            let counts: Vec<usize> = blocks.iter().map(|count| count * set.lanes()).chain([last]).collect();
            let parts: Vec<Vec<f32>> =
                (seed..).zip(&counts).map(|(seed, count)| numbers(batch * count * pixels, seed)).collect();
            let mut expected = Vec::new();
            for image in 0..batch {
                for (count, part) in counts.iter().zip(&parts) {
                    expected.extend_from_slice(&part[image * count * pixels..][..count * pixels]);
                }
            }
            let mut own: Vec<_> =
                counts.iter().zip(&parts).map(|(&count, part)| poisoned(set, [batch, count, pixels], part)).collect();
            let parts: Vec<(usize, &[f32])> =
                counts.iter().copied().zip(own.iter_mut().map(|part| &*part.get())).collect();
            let shape = [batch, counts.iter().sum(), pixels];
            let mut out = room(set, shape);
            join_channels(set, [batch, pixels], &parts, out.get()).unwrap();
            prop_assert_eq!(planar(set, shape, out.get()), expected, "{}", set);
        }
    }

    #[test]
    fn channels_come_last(batch in 1_usize..3, channels in 1_usize..40, pixels in 1_usize..50, seed in 0_u64..1000) {
        let x = numbers(batch * channels * pixels, seed);
        let mut expected = Vec::new();
        for image in x.chunks_exact(channels * pixels) {
            for pixel in 0..pixels {
                expected.extend(image.chunks_exact(pixels).map(|plane| plane[pixel]));
            }
        }
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, channels, pixels], &x);
            let (x, mut out) = (&*own.get(), vec![f32::NAN; x.len()]);
            to_channels_last(set, [batch, channels, pixels], x, &mut out).unwrap();
            same_on_threads(&out, |out| to_channels_last(set, [batch, channels, pixels], x, out).unwrap());
            prop_assert_eq!(&out, &expected, "{}", set);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let set = InstructionSet::best();
    let lanes = set.lanes();
    let (part, mut out) = (vec![0.0; 2 * lanes], vec![0.0; 4 * lanes]);
    let join = |parts: &[(usize, &[f32])], out: &mut [f32]| join_channels(set, [1, 2], parts, out);
    join(&[(lanes, &part), (1, &part)], &mut out).unwrap();
    assert!(join(&[(1, &part), (lanes, &part)], &mut out).is_err());
    assert!(join(&[(lanes, &part), (1, &part[1..])], &mut out).is_err());
    assert!(join(&[(lanes, &part), (1, &part)], &mut out[1..]).is_err());
    assert!(to_channels_last(set, [1, 1, 2], &part, &mut out).is_err());
    assert!(to_channels_last(set, [1, 1, 2], &part[1..], &mut out[..2]).is_err());
}
