//! Pooling.

use proptest::prelude::*;
use tandem_kernels::{InstructionSet, Pool2d, PoolKind, PoolShape, global_average};

use crate::reference;
use crate::values::{
    Sum, cases, difference, numbers, planar, poisoned, restored, room, same, same_on_threads,
};

prop_compose! {
    /// Input, kernel, stride, dilation, padding and output, so that every window meets the image.
    fn axis()(
        input in 3_usize..20,
        kernel in 1_usize..4,
        stride in 1_usize..4,
        dilation in 1_usize..2,
    )(
        input in Just(input), kernel in Just(kernel), stride in Just(stride), dilation in Just(dilation),
        before in 0..kernel,
        after in 0..kernel,
    ) -> [usize; 6] {
        let reach = (kernel - 1) * dilation + 1;
        [input, kernel, stride, dilation, before, (input + before + after - reach) / stride + 1]
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn windows(
        batch in 1_usize..3,
        channels in 1_usize..40,
        rows in axis(),
        columns in axis(),
        kind in prop::sample::select(vec![
            PoolKind::Max,
            PoolKind::Average { count_padding: true },
            PoolKind::Average { count_padding: false },
        ]),
        seed in 0_u64..1000,
    ) {
        let [input, kernel, stride, dilation, padding, output] = std::array::from_fn(|i| [rows[i], columns[i]]);
        let shape = PoolShape { batch, channels, input, kernel, stride, dilation, padding, output };
        let x = numbers(batch * channels * input[0] * input[1], seed);
        let expected = reference::pool(&shape, kind, &x);
        let out_shape = [batch, channels, output[0] * output[1]];
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, channels, input[0] * input[1]], &x);
            let mut out = room(set, out_shape);
            let (x, pool) = (&*own.get(), Pool2d::new(set, shape, kind).unwrap());
            pool.run(x, out.get()).unwrap();
            same_on_threads(out.get(), |out| pool.run(x, out).unwrap());
            let again = restored(&pool);
            same(out.get(), |out| again.run(x, out).unwrap());
            prop_assert_eq!(difference(&planar(set, out_shape, out.get()), &expected, 1e-6), None, "{} {:?}", set, kind);
        }
    }

    #[test]
    fn means(batch in 1_usize..3, channels in 1_usize..40, pixels in 1_usize..60, seed in 0_u64..1000) {
        let x = numbers(batch * channels * pixels, seed);
        let mean = |plane: &[f32]| Sum {
            value: plane.iter().map(|x| f64::from(*x)).sum::<f64>() / plane.len() as f64,
            size: 1.0,
        };
        let expected: Vec<Sum> = x.chunks_exact(pixels).map(mean).collect();
        for set in InstructionSet::available() {
            let mut own = poisoned(set, [batch, channels, pixels], &x);
            let mut out = vec![f32::NAN; batch * channels];
            global_average(set, [batch, channels, pixels], own.get(), &mut out).unwrap();
            prop_assert_eq!(difference(&out, &expected, 1e-6), None, "{}", set);
        }
    }
}
