//! Inverted residual blocks against the three convolutions one after another.

use proptest::prelude::*;
use tandem_kernels::{
    Activation, Conv2d, ConvInput, ConvShape, InstructionSet, InvertedResidual, blocked_len,
};

use crate::values::{cases, numbers, planar, poisoned, room, same_on_threads};

const SIX: Activation = Activation::Clip { low: 0.0, high: 6.0 };

fn pointwise(batch: usize, [inputs, outputs]: [usize; 2], size: [usize; 2]) -> ConvShape {
    ConvShape {
        batch,
        in_channels: inputs,
        out_channels: outputs,
        groups: 1,
        input: size,
        kernel: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [0, 0],
        output: size,
    }
}

fn check(batch: usize, channels: [usize; 3], depthwise: ConvShape, with_residual: bool, seed: u64) {
    let [inputs, middle, outputs] = channels;
    let shapes = [
        pointwise(batch, [inputs, middle], depthwise.input),
        depthwise,
        pointwise(batch, [middle, outputs], depthwise.output),
    ];
    let pixels = |size: [usize; 2]| size[0] * size[1];
    let [first, last] =
        [[batch, inputs, pixels(depthwise.input)], [batch, outputs, pixels(depthwise.output)]];
    let between = [[batch, middle, pixels(depthwise.input)], [batch, middle, pixels(depthwise.output)]];
    let x = numbers(first.iter().product(), seed);
    let residual = numbers(last.iter().product(), seed + 1);
    for set in InstructionSet::available() {
        let build = |index: usize, activation: Activation| {
            let shape = shapes[index];
            let taps = pixels(shape.kernel) * shape.in_channels / shape.groups;
            let weights = numbers(shape.out_channels * taps, seed + 2 + index as u64);
            let bias = numbers(shape.out_channels, seed + 5 + index as u64);
            Conv2d::new(set, shape, ConvInput::Blocked, &weights, Some(&bias), activation).unwrap()
        };
        let convs = [build(0, SIX), build(1, Activation::Relu), build(2, Activation::None)];
        let mut x = poisoned(set, first, &x);
        let residual = with_residual.then(|| {
            let mut own = vec![0.0; blocked_len(set, last[0], last[1], last[2]).unwrap()];
            tandem_kernels::to_blocked(set, last, &residual, &mut own).unwrap();
            own
        });
        let (mut one, mut two) = (room(set, between[0]), room(set, between[1]));
        let (mut expected, mut out) = (room(set, last), room(set, last));
        convs[0].run(x.get(), None, one.get()).unwrap();
        convs[1].run(one.get(), None, two.get()).unwrap();
        convs[2].run(two.get(), residual.as_deref(), expected.get()).unwrap();
        let [expand, depthwise, project] = convs;
        let block = InvertedResidual::new(expand, depthwise, project).unwrap();
        let x = &*x.get();
        block.run(x, residual.as_deref(), out.get()).unwrap();
        same_on_threads(out.get(), |out| block.run(x, residual.as_deref(), out).unwrap());
        let (expected, got) = (planar(set, last, expected.get()), planar(set, last, out.get()));
        let apart = got.iter().zip(&expected).position(|(a, b)| (a - b).abs() > 1e-4 * (1.0 + b.abs()));
        assert_eq!(apart, None, "{set}: {channels:?}, {shapes:?}");
    }
}

fn depthwise(channels: usize, input: [usize; 2], kernel: usize, stride: usize, padding: usize) -> ConvShape {
    ConvShape {
        batch: 1,
        in_channels: channels,
        out_channels: channels,
        groups: channels,
        input,
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1, 1],
        padding: [padding; 2],
        output: input.map(|size| (size + 2 * padding - kernel) / stride + 1),
    }
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn small_blocks(
        batch in 1_usize..3,
        channels in [1_usize..30, 2_usize..60, 1_usize..30],
        input in [5_usize..16, 5_usize..16],
        (kernel, stride, padding) in (prop::sample::select(vec![3_usize, 5]), 1_usize..3, 0_usize..3),
        with_residual: bool,
        seed in 0_u64..1000,
    ) {
        let shape = ConvShape { batch, ..depthwise(channels[1], input, kernel, stride, padding) };
        check(batch, channels, shape, with_residual, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn blocks_of_many_bands() {
    for (size, stride) in [([112, 112], 2), ([57, 60], 1), ([56, 56], 2), ([40, 200], 1)] {
        check(1, [16, 96, 24], depthwise(96, size, 3, stride, 1), true, 3);
    }
    check(1, [24, 144, 24], depthwise(144, [33, 57], 5, 1, 2), false, 3);
}

#[test]
fn what_does_not_fit_is_refused() {
    let set = InstructionSet::best();
    let conv = |shape: ConvShape| {
        let taps = shape.kernel[0] * shape.kernel[1] * shape.in_channels / shape.groups;
        let weights = vec![0.5; shape.out_channels * taps];
        Conv2d::new(set, shape, ConvInput::Blocked, &weights, None, Activation::None).unwrap()
    };
    let size = [8, 8];
    let (expand, project) = (pointwise(1, [16, 32], size), pointwise(1, [32, 16], size));
    let middle = depthwise(32, size, 3, 1, 1);
    let block = |first: ConvShape, second: ConvShape, third: ConvShape| {
        InvertedResidual::new(conv(first), conv(second), conv(third))
    };
    let good = block(expand, middle, project).unwrap();
    assert!(good.run(&[0.0; 3], None, &mut [0.0; 3]).is_err());
    assert!(block(middle, middle, project).is_err());
    assert!(block(expand, expand, project).is_err());
    assert!(block(expand, middle, expand).is_err());
    assert!(block(expand, ConvShape { dilation: [2, 2], padding: [2, 2], ..middle }, project).is_err());
    let strided = ConvShape { stride: [2, 2], output: [4, 4], ..expand };
    assert!(block(strided, depthwise(32, [4, 4], 3, 1, 1), pointwise(1, [32, 16], [4, 4])).is_err());
}
