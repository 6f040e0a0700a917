//! Convolution: direct, depthwise, in groups and Winograd's.

use proptest::prelude::*;
use tandem_kernels::{Activation, Conv2d, ConvInput, ConvShape, InstructionSet};

use crate::reference;
use crate::values::{
    Sum, Unaligned, cases, difference, numbers, planar, poisoned, restored, room, same, same_on_threads,
};

fn output(input: usize, kernel: usize, stride: usize, dilation: usize, padding: [usize; 2]) -> Option<usize> {
    let reach = (kernel - 1) * dilation + 1;
    (input + padding[0] + padding[1]).checked_sub(reach).map(|left| left / stride + 1)
}

prop_compose! {
    fn axis(kernels: &'static [usize])(
        input in 1_usize..24,
        kernel in prop::sample::select(kernels),
        stride in 1_usize..4,
        dilation in 1_usize..3,
        before in 0_usize..4,
        after in 0_usize..4,
    ) -> Option<[usize; 6]> {
        let size = output(input, kernel, stride, dilation, [before, after])?;
        Some([input, kernel, stride, dilation, before, size])
    }
}

fn two(kernels: &'static [usize]) -> impl Strategy<Value = [[usize; 2]; 6]> {
    (axis(kernels), axis(kernels)).prop_filter_map("the window fits", |(rows, columns)| {
        let (rows, columns) = (rows?, columns?);
        Some(std::array::from_fn(|i| [rows[i], columns[i]]))
    })
}

fn shape(batch: usize, channels: [usize; 2], groups: usize, axes: [[usize; 2]; 6]) -> ConvShape {
    let [input, kernel, stride, dilation, padding, output] = axes;
    let [in_channels, out_channels] = channels;
    ConvShape { batch, in_channels, out_channels, groups, input, kernel, stride, dilation, padding, output }
}

pub(crate) fn activations() -> impl Strategy<Value = Activation> {
    prop_oneof![
        Just(Activation::None),
        Just(Activation::Relu),
        Just(Activation::Clip { low: 0.0, high: 6.0 }),
        Just(Activation::Clip { low: -0.25, high: 0.5 }),
        Just(Activation::Sigmoid),
        Just(Activation::Silu),
        Just(Activation::HardSwish),
        Just(Activation::Gelu),
    ]
}

/// Runs the kernel of every instruction set, and the exact one beside it, against the scalar twin.
fn check(shape: ConvShape, input: ConvInput, activation: Activation, extras: [bool; 2], seed: u64) {
    let pixels = [shape.input, shape.output].map(|[height, width]| height * width);
    let x = numbers(shape.batch * shape.in_channels * pixels[0], seed);
    let per_output = shape.in_channels / shape.groups * shape.kernel[0] * shape.kernel[1];
    let weights = numbers(shape.out_channels * per_output, seed + 1);
    let bias = extras[0].then(|| numbers(shape.out_channels, seed + 2));
    let out_shape = [shape.batch, shape.out_channels, pixels[1]];
    let residual = extras[1].then(|| numbers(out_shape.iter().product(), seed + 3));
    let (bias, residual) = (bias.as_deref(), residual.as_deref());
    let expected = reference::conv(&shape, &x, &weights, bias, residual, activation);
    // Winograd's tiles mix an output at the edge, which sums few terms, with its neighbours: its error is in proportion to
    // the layer's.
    let size = expected.iter().map(|sum| sum.size).fold(0.0, f64::max);
    let layer: Vec<_> = expected.iter().map(|sum| Sum { size, ..*sum }).collect();
    for set in InstructionSet::available() {
        let mut own = match input {
            ConvInput::Blocked => poisoned(set, [shape.batch, shape.in_channels, pixels[0]], &x),
            ConvInput::Planar => Unaligned::new(&x),
        };
        let mut added = residual.map(|residual| poisoned(set, out_shape, residual));
        let conv = Conv2d::new(set, shape, input, &weights, bias, activation).unwrap();
        let exact = Conv2d::exact(set, shape, input, &weights, bias, activation).unwrap();
        for (conv, tolerance) in [(conv, 1e-5), (exact, 3e-6)] {
            let mut out = room(set, out_shape);
            let residual = added.as_mut().map(|residual| &*residual.get());
            let x = &*own.get();
            conv.run(x, residual, out.get()).unwrap();
            same_on_threads(out.get(), |out| conv.run(x, residual, out).unwrap());
            let again = restored(&conv);
            same(out.get(), |out| again.run(x, residual, out).unwrap());
            let got = planar(set, out_shape, out.get());
            // The groups of a grouped one may be Winograd's.
            let mixed = conv.algorithm().starts_with("winograd") || conv.algorithm() == "grouped";
            let different = difference(&got, if mixed { &layer } else { &expected }, tolerance);
            assert_eq!(different, None, "{set}, {}, {shape:?}, {activation:?}", conv.algorithm());
        }
    }
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn blocked(
        batch in 1_usize..3,
        channels in [1_usize..40, 1_usize..70],
        axes in two(&[1, 2, 3, 5]),
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        check(shape(batch, channels, 1, axes), ConvInput::Blocked, activation, extras, seed);
    }

    #[test]
    fn planar_input(
        batch in 1_usize..3,
        channels in [1_usize..5, 1_usize..40],
        axes in two(&[1, 3, 7]),
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        check(shape(batch, channels, 1, axes), ConvInput::Planar, activation, extras, seed);
    }

    #[test]
    fn pointwise(
        batch in 1_usize..3,
        channels in [1_usize..70, 1_usize..140],
        input in [1_usize..16, 1_usize..16],
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        let axes = [input, [1, 1], [1, 1], [1, 1], [0, 0], input];
        check(shape(batch, channels, 1, axes), ConvInput::Blocked, activation, extras, seed);
    }

    #[test]
    fn depthwise(
        batch in 1_usize..3,
        channels in 2_usize..40,
        axes in two(&[1, 2, 3, 5, 7]),
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        check(shape(batch, [channels, channels], channels, axes), ConvInput::Blocked, activation, extras, seed);
    }

    #[test]
    fn grouped(
        batch in 1_usize..3,
        groups in 2_usize..9,
        channels in prop_oneof![
            (1_usize..9, 1_usize..9).prop_map(|(inputs, outputs)| [inputs, outputs]),
            (1_usize..4, 1_usize..4).prop_map(|(inputs, outputs)| [16 * inputs, 16 * outputs]),
        ],
        axes in two(&[1, 2, 3]),
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        let channels = channels.map(|channels| groups * channels);
        check(shape(batch, channels, groups, axes), ConvInput::Blocked, activation, extras, seed);
    }

    #[test]
    fn winograd(
        batch in 1_usize..3,
        channels in [32_usize..50, 32_usize..70],
        input in [5_usize..20, 5_usize..40],
        before in [0_usize..3, 0_usize..3],
        after in [0_usize..3, 0_usize..3],
        activation in activations(),
        extras: [bool; 2],
        seed in 0_u64..1000,
    ) {
        let output = std::array::from_fn(|i| input[i] + before[i] + after[i] - 2);
        let shape = shape(batch, channels, 1, [input, [3, 3], [1, 1], [1, 1], before, output]);
        check(shape, ConvInput::Blocked, activation, extras, seed);
    }
}

#[test]
#[cfg_attr(miri, ignore = "packs millions of weights")]
fn each_algorithm_is_chosen_where_it_pays() {
    for set in InstructionSet::available() {
        let names = [[64, 56], [128, 28], [256, 14], [512, 7]].map(|[channels, size]| {
            let axes = [[size; 2], [3, 3], [1, 1], [1, 1], [1, 1], [size; 2]];
            let weights = vec![0.0; channels * channels * 9];
            let shape = shape(1, [channels; 2], 1, axes);
            let conv = Conv2d::new(set, shape, ConvInput::Blocked, &weights, None, Activation::None);
            conv.unwrap().algorithm()
        });
        assert_eq!(
            names,
            ["winograd F(4,3)", "winograd F(4,3)", "winograd F(4,3)", "winograd F(2,3)"],
            "{set}"
        );
    }
}

#[test]
fn many_groups_of_few_channels_are_computed_together_or_refused() {
    for set in InstructionSet::available() {
        let algorithm = |groups: usize, own: usize| {
            let axes = [[8, 8], [3, 3], [1, 1], [1, 1], [1, 1], [8, 8]];
            let weights = vec![0.0; groups * own * own * 9];
            let shape = shape(1, [groups * own; 2], groups, axes);
            let conv = Conv2d::new(set, shape, ConvInput::Blocked, &weights, None, Activation::None);
            conv.map(|conv| conv.algorithm())
        };
        assert_eq!(algorithm(32, 4), Ok("grouped"), "{set}");
        assert_eq!(algorithm(3, 40), Ok("grouped"), "{set}");
        assert_eq!(algorithm(8, 3), Ok("grouped"), "{set}");
        let expected = "groups is 9 of 27 and 27 channels, the channels of at most 8 must fill blocks";
        assert_eq!(algorithm(9, 3).unwrap_err().to_string(), expected, "{set}");
    }
}

#[test]
fn windows_that_reach_far_beyond_the_image_are_refused() {
    let refused = |dilation: usize| {
        let axes = [[4, 4], [3, 3], [1, 1], [1, dilation], [1, dilation], [4, 4]];
        let conv = Conv2d::new(
            InstructionSet::best(),
            shape(1, [8, 8], 1, axes),
            ConvInput::Blocked,
            &[1.0; 576],
            None,
            Activation::None,
        );
        conv.err().map(|error| error.to_string())
    };
    assert_eq!(refused(1000), None);
    let expected =
        "a padded input is 8589934608 pixels, it must be at most 64 times the input and the output, or 65536";
    assert_eq!(refused(1 << 30).as_deref(), Some(expected));
}

#[test]
fn nan_and_infinity_reach_what_they_take_part_in() {
    for set in InstructionSet::available() {
        for (value, shown) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf")] {
            for activation in
                [Activation::None, Activation::Relu, Activation::Clip { low: -9.0, high: f32::INFINITY }]
            {
                let axes = [[1, 4], [1, 1], [1, 1], [1, 1], [0, 0], [1, 4]];
                let shape = shape(1, [1, 2], 1, axes);
                let conv = Conv2d::new(set, shape, ConvInput::Planar, &[1.0, 2.0], None, activation).unwrap();
                let mut out = room(set, [1, 2, 4]);
                conv.run(&[0.0, value, 1.0, 2.0], None, out.get()).unwrap();
                let got = planar(set, [1, 2, 4], out.get());
                let words: Vec<String> = got.iter().map(f32::to_string).collect();
                assert_eq!(words, ["0", shown, "1", "2", "0", shown, "2", "4"], "{set} {activation:?}");
            }
        }
    }
}
