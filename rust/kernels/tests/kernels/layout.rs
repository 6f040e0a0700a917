//! Blocked and planar.

use proptest::prelude::*;
use tandem_kernels::{InstructionSet, to_blocked};

use crate::values::{cases, numbers, planar, room, same_on_threads};

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn there_and_back(batch in 0_usize..3, channels in 1_usize..50, pixels in 0_usize..70) {
        let shape = [batch, channels, pixels];
        let x = numbers(batch * channels * pixels, 1);
        for set in InstructionSet::available() {
            let mut blocked = room(set, shape);
            to_blocked(set, shape, &x, blocked.get()).unwrap();
            same_on_threads(blocked.get(), |out| to_blocked(set, shape, &x, out).unwrap());
            // Every place is written, those without a channel too.
            prop_assert!(blocked.get().iter().all(|value| !value.is_nan()));
            prop_assert_eq!(&planar(set, shape, blocked.get()), &x);
        }
    }
}

#[test]
fn channels_lie_side_by_side() {
    for set in InstructionSet::available() {
        let lanes = set.lanes();
        let x: Vec<f32> = (0..(lanes + 1) * 2).map(|i| i as f32).collect();
        let mut blocked = room(set, [1, lanes + 1, 2]);
        to_blocked(set, [1, lanes + 1, 2], &x, blocked.get()).unwrap();
        let first: Vec<f32> = (0..lanes).map(|channel| (channel * 2) as f32).collect();
        assert_eq!(blocked.get()[..lanes], first, "{set}");
        assert_eq!(blocked.get()[2 * lanes..2 * lanes + 2], [(2 * lanes) as f32, 0.0], "{set}");
    }
}
