//! Convolutions that are pooled at once against the two kernels one after the other.

use proptest::prelude::*;
use tandem_kernels::{
    Activation, Conv2d, ConvInput, ConvShape, InstructionSet, KernelError, Pool2d, PoolKind, PoolShape,
    PooledConv2d, blocked_len,
};

use crate::values::{cases, numbers, poisoned, restored, room, same, same_on_threads};

/// Kernel, stride, dilation and padding.
type Window = [[usize; 2]; 4];

fn output(input: [usize; 2], [kernel, stride, dilation, padding]: Window) -> [usize; 2] {
    std::array::from_fn(|axis| {
        let reach = (kernel[axis] - 1) * dilation[axis] + 1;
        (input[axis] + 2 * padding[axis]).saturating_sub(reach) / stride[axis] + 1
    })
}

fn shapes(
    [batch, inputs, outputs]: [usize; 3],
    input: [usize; 2],
    conv: Window,
    pool: Window,
) -> (ConvShape, PoolShape) {
    let [kernel, stride, dilation, padding] = conv;
    let between = output(input, conv);
    let conv = ConvShape {
        batch,
        in_channels: inputs,
        out_channels: outputs,
        groups: 1,
        input,
        kernel,
        stride,
        dilation,
        padding,
        output: between,
    };
    let [kernel, stride, dilation, padding] = pool;
    let output = output(between, pool);
    (conv, PoolShape { batch, channels: outputs, input: between, kernel, stride, dilation, padding, output })
}

fn conv(set: InstructionSet, shape: ConvShape, input: ConvInput, seed: u64) -> Conv2d {
    let taps = shape.kernel[0] * shape.kernel[1] * shape.in_channels / shape.groups;
    let weights = numbers(shape.out_channels * taps, seed);
    let bias = numbers(shape.out_channels, seed + 1);
    Conv2d::exact(set, shape, input, &weights, Some(&bias), Activation::Relu).unwrap()
}

fn check((shape, pool_shape): (ConvShape, PoolShape), input: ConvInput, kind: PoolKind, seed: u64) {
    let pixels = |[height, width]: [usize; 2]| height * width;
    let x = numbers(shape.batch * shape.in_channels * pixels(shape.input), seed + 2);
    for set in InstructionSet::available() {
        let (conv, pool) = (conv(set, shape, input, seed), Pool2d::new(set, pool_shape, kind).unwrap());
        let mut blocked = poisoned(set, [shape.batch, shape.in_channels, pixels(shape.input)], &x);
        let x = if input == ConvInput::Blocked { &*blocked.get() } else { &*x };
        let mut between = room(set, [shape.batch, shape.out_channels, pixels(shape.output)]);
        let mut expected = room(set, [shape.batch, shape.out_channels, pixels(pool_shape.output)]);
        conv.run(x, None, between.get()).unwrap();
        pool.run(between.get(), expected.get()).unwrap();
        let pooled = PooledConv2d::new(conv, pool).unwrap();
        assert_eq!((*pooled.conv_shape(), *pooled.pool_shape()), (shape, pool_shape));
        same(expected.get(), |out| pooled.run(x, out).unwrap());
        same_on_threads(expected.get(), |out| pooled.run(x, out).unwrap());
        let again = restored(&pooled);
        same(expected.get(), |out| again.run(x, out).unwrap());
    }
}

prop_compose! {
    fn window(most: usize)(
        kernel in [1..=most, 1..=most],
        stride in [1_usize..4, 1..4],
        dilation in [1_usize..3, 1..3],
    )(
        padding in [0..kernel[0], 0..kernel[1]],
        kernel in Just(kernel), stride in Just(stride), dilation in Just(dilation),
    ) -> Window {
        [kernel, stride, dilation, padding]
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn small_images(
        channels in [1_usize..3, 1_usize..20, 1_usize..40],
        input in [3_usize..24, 3_usize..24],
        conv in window(5),
        pool in window(3),
        planar in any::<bool>(),
        kind in prop::sample::select(vec![PoolKind::Max, PoolKind::Average { count_padding: true }]),
        seed in 0_u64..1000,
    ) {
        let shapes = shapes(channels, input, conv, pool);
        prop_assume!(conv[0] != [1, 1] && shapes.1.input.iter().zip(pool[0]).all(|(&size, kernel)| size >= 2 * kernel));
        let input = if planar { ConvInput::Planar } else { ConvInput::Blocked };
        check(shapes, input, kind, seed);
    }
}

/// As networks for images begin: 7 × 7 of stride 2, then the largest of 3 × 3.
#[test]
#[cfg_attr(miri, ignore = "long")]
fn images_of_many_bands() {
    let pool = [[3, 3], [2, 2], [1, 1], [1, 1]];
    check(
        shapes([1, 3, 64], [60, 224], [[7, 7], [2, 2], [1, 1], [3, 3]], pool),
        ConvInput::Planar,
        PoolKind::Max,
        1,
    );
    let valid = [[2, 2], [2, 2], [1, 1], [0, 0]];
    check(
        shapes([2, 5, 70], [41, 150], [[3, 3], [1, 1], [1, 1], [1, 1]], valid),
        ConvInput::Blocked,
        PoolKind::Max,
        2,
    );
    // Rows between the windows of the pooling are read by none of them.
    let apart = [[2, 2], [5, 3], [1, 1], [0, 0]];
    check(
        shapes([1, 3, 64], [90, 200], [[3, 3], [1, 1], [1, 1], [0, 0]], apart),
        ConvInput::Planar,
        PoolKind::Max,
        3,
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let set = InstructionSet::best();
    let (three, two) = ([[3, 3], [1, 1], [1, 1], [1, 1]], [[2, 2], [2, 2], [1, 1], [0, 0]]);
    let (shape, pool) = shapes([1, 4, 8], [12, 12], three, two);
    let pooled = |shape: ConvShape, pool: PoolShape| {
        let pool = Pool2d::new(set, pool, PoolKind::Max).unwrap();
        PooledConv2d::new(conv(set, shape, ConvInput::Blocked, 1), pool)
    };
    assert!(pooled(shape, pool).is_ok());
    for other in [
        PoolShape { channels: 9, ..pool },
        PoolShape { batch: 2, ..pool },
        PoolShape { input: [12, 13], ..pool },
    ] {
        assert!(matches!(pooled(shape, other), Err(KernelError::Parameter { .. })), "{other:?}");
    }
    let pointwise = ConvShape { kernel: [1, 1], padding: [0, 0], ..shape };
    assert!(matches!(pooled(pointwise, pool), Err(KernelError::Parameter { .. })));
    let depthwise = ConvShape { groups: 8, in_channels: 8, ..shape };
    assert!(matches!(pooled(depthwise, pool), Err(KernelError::Parameter { .. })));
    let kernel = pooled(shape, pool).unwrap();
    let x = vec![0.0; blocked_len(set, 1, 4, 12 * 12).unwrap()];
    let mut out = vec![0.0; blocked_len(set, 1, 8, 6 * 6).unwrap()];
    kernel.run(&x, &mut out).unwrap();
    assert!(matches!(kernel.run(&x[1..], &mut out), Err(KernelError::Length { what: "x", .. })));
    assert!(matches!(kernel.run(&x, &mut out[1..]), Err(KernelError::Length { what: "out", .. })));
}
