//! Inverted residual blocks against the three convolutions one after another.

use proptest::prelude::*;
use tandem_kernels::{
    Activation, BlockConvs, Conv2d, ConvInput, ConvShape, InstructionSet, InvertedResidual, blocked_len,
    gate, global_average_blocked,
};

use crate::values::{cases, numbers, planar, poisoned, restored, room, same, same_on_threads};

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

/// What comes before the depthwise convolution of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
enum First {
    Nothing,
    Pointwise,
    /// A convolution of an image that has so many rows and columns for each of what it gives.
    Image(ConvInput, usize),
}

/// What a block has beside a depthwise and a last convolution.
#[derive(Clone, Copy, Debug)]
struct Form {
    first: First,
    /// Channels between the two convolutions of a squeeze and excitation.
    squeeze: Option<usize>,
    residual: bool,
}

fn check(batch: usize, channels: [usize; 3], depthwise: ConvShape, form: Form, seed: u64) {
    let [inputs, middle, outputs] = channels;
    let one = [1, 1];
    let pixels = |size: [usize; 2]| size[0] * size[1];
    let sizes = |channels: usize, size: [usize; 2]| [batch, channels, pixels(size)];
    let first = match form.first {
        First::Nothing => pointwise(batch, [middle, middle], depthwise.input),
        First::Pointwise => pointwise(batch, [inputs, middle], depthwise.input),
        First::Image(_, stride) => ConvShape {
            input: depthwise.input.map(|size| size * stride),
            kernel: [3, 3],
            stride: [stride, stride],
            padding: [1, 1],
            ..pointwise(batch, [inputs, middle], depthwise.input)
        },
    };
    let of_input = sizes(first.in_channels, first.input);
    let x = numbers(of_input.iter().product(), seed);
    let last = sizes(outputs, depthwise.output);
    let residual = numbers(last.iter().product(), seed + 1);
    for set in InstructionSet::available() {
        let build = |shape: ConvShape, index: u64, activation: Activation| {
            let input = match form.first {
                First::Image(input, _) if index == 0 => input,
                _ => ConvInput::Blocked,
            };
            let taps = pixels(shape.kernel) * shape.in_channels / shape.groups;
            let weights = numbers(shape.out_channels * taps, seed + 2 + index);
            let bias = numbers(shape.out_channels, seed + 8 + index);
            Conv2d::new(set, shape, input, &weights, Some(&bias), activation).unwrap()
        };
        let expand = (form.first != First::Nothing).then(|| build(first, 0, SIX));
        let squeeze = form.squeeze.map(|narrow| {
            let squeeze = build(pointwise(batch, [middle, narrow], one), 3, Activation::Relu);
            [squeeze, build(pointwise(batch, [narrow, middle], one), 4, Activation::Sigmoid)]
        });
        let depthwise_conv = build(depthwise, 1, Activation::HardSwish);
        let project = build(pointwise(batch, [middle, outputs], depthwise.output), 2, Activation::None);
        let mut own = poisoned(set, of_input, &x);
        let x = if matches!(form.first, First::Image(ConvInput::Planar, _)) { &x } else { &*own.get() };
        let residual = form.residual.then(|| {
            let mut own = vec![0.0; blocked_len(set, last[0], last[1], last[2]).unwrap()];
            tandem_kernels::to_blocked(set, last, &residual, &mut own).unwrap();
            own
        });
        // One after another.
        let mut expanded = room(set, sizes(middle, depthwise.input));
        let mut filtered = room(set, sizes(middle, depthwise.output));
        let (mut expected, mut out) = (room(set, last), room(set, last));
        match &expand {
            Some(expand) => expand.run(x, None, expanded.get()).unwrap(),
            None => expanded.get().copy_from_slice(x),
        }
        depthwise_conv.run(expanded.get(), None, filtered.get()).unwrap();
        if let Some([narrow, wide]) = &squeeze {
            let mut mean = room(set, sizes(middle, one));
            let mut squeezed = room(set, sizes(narrow.shape().out_channels, one));
            let mut gates = room(set, sizes(middle, one));
            let mut multiplied = room(set, sizes(middle, depthwise.output));
            let shape = sizes(middle, depthwise.output);
            global_average_blocked(set, shape, filtered.get(), mean.get()).unwrap();
            narrow.run(mean.get(), None, squeezed.get()).unwrap();
            wide.run(squeezed.get(), None, gates.get()).unwrap();
            gate(set, shape, Activation::None, [filtered.get(), gates.get()], multiplied.get()).unwrap();
            filtered = multiplied;
        }
        project.run(filtered.get(), residual.as_deref(), expected.get()).unwrap();
        let convs = BlockConvs { expand, depthwise: depthwise_conv, squeeze, project };
        let block = InvertedResidual::new(convs).unwrap();
        block.run(x, residual.as_deref(), out.get()).unwrap();
        same_on_threads(out.get(), |out| block.run(x, residual.as_deref(), out).unwrap());
        let again = restored(&block);
        same(out.get(), |out| again.run(x, residual.as_deref(), out).unwrap());
        let (expected, got) = (planar(set, last, expected.get()), planar(set, last, out.get()));
        let apart = got.iter().zip(&expected).position(|(a, b)| {
            let distance = (a - b).abs();
            distance.is_nan() || distance > 1e-4 * (1.0 + b.abs())
        });
        assert_eq!(apart, None, "{set}: {channels:?}, {depthwise:?}, {form:?}");
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
        first in prop::sample::select(vec![
            First::Nothing,
            First::Pointwise,
            First::Image(ConvInput::Planar, 1),
            First::Image(ConvInput::Planar, 2),
            First::Image(ConvInput::Blocked, 2),
        ]),
        residual in any::<bool>(),
        squeeze in prop::option::of(1_usize..20),
        seed in 0_u64..1000,
    ) {
        let shape = ConvShape { batch, ..depthwise(channels[1], input, kernel, stride, padding) };
        check(batch, channels, shape, Form { first, squeeze, residual }, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn blocks_of_many_bands() {
    let form = Form { first: First::Pointwise, squeeze: None, residual: true };
    for (size, stride) in [([112, 112], 2), ([57, 60], 1), ([56, 56], 2), ([40, 200], 1)] {
        check(1, [16, 96, 24], depthwise(96, size, 3, stride, 1), form, 3);
    }
    check(1, [24, 144, 24], depthwise(144, [33, 57], 5, 1, 2), Form { residual: false, ..form }, 3);
    for (first, squeeze) in [(First::Pointwise, Some(24)), (First::Nothing, None), (First::Nothing, Some(24))]
    {
        let form = Form { first, squeeze, residual: false };
        check(1, [16, 96, 24], depthwise(96, [57, 60], 3, 2, 1), form, 3);
    }
    for (squeeze, stride) in [(None, 1), (None, 2), (Some(8), 1)] {
        let form = Form { first: First::Image(ConvInput::Planar, 2), squeeze, residual: false };
        check(1, [3, 40, 16], depthwise(40, [112, 75], 3, stride, 1), form, 3);
    }
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
    let block = |first: ConvShape, second: ConvShape, third: ConvShape, squeeze: Option<[ConvShape; 2]>| {
        InvertedResidual::new(BlockConvs {
            expand: Some(conv(first)),
            depthwise: conv(second),
            squeeze: squeeze.map(|shapes| shapes.map(conv)),
            project: conv(third),
        })
    };
    let one = [1, 1];
    let gate = [pointwise(1, [32, 4], one), pointwise(1, [4, 32], one)];
    let good = block(expand, middle, project, Some(gate)).unwrap();
    assert!(good.run(&[0.0; 3], None, &mut [0.0; 3]).is_err());
    assert!(block(middle, middle, project, None).is_err());
    assert!(block(expand, expand, project, None).is_err());
    assert!(block(expand, middle, expand, None).is_err());
    let dilated = ConvShape { dilation: [2, 2], padding: [2, 2], ..middle };
    assert!(block(expand, dilated, project, None).is_err());
    let strided = ConvShape { stride: [2, 2], output: [4, 4], ..expand };
    assert!(block(strided, depthwise(32, [4, 4], 3, 1, 1), pointwise(1, [32, 16], [4, 4]), None).is_err());
    // Neither a sum over taps nor pointwise.
    assert!(block(ConvShape { groups: 2, ..expand }, middle, project, None).is_err());
    for wrong in [
        [gate[1], gate[0]],
        [gate[0], pointwise(1, [5, 32], one)],
        [gate[0], pointwise(1, [4, 31], one)],
        [pointwise(1, [32, 4], size), pointwise(1, [4, 32], size)],
        [pointwise(2, [32, 4], one), pointwise(2, [4, 32], one)],
    ] {
        assert!(block(expand, middle, project, Some(wrong)).is_err());
    }
}
