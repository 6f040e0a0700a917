//! What is refused, before anything is computed.

use tandem_kernels::{
    Activation, Conv2d, ConvInput, ConvShape, FeedForward, InstructionSet, KernelError, LayerNorm, MatMul,
    MatMulWeights, Pool2d, PoolKind, PoolShape, global_average, softmax, to_blocked,
};

const SHAPE: ConvShape = ConvShape {
    batch: 1,
    in_channels: 2,
    out_channels: 3,
    groups: 1,
    input: [4, 4],
    kernel: [3, 3],
    stride: [1, 1],
    dilation: [1, 1],
    padding: [1, 1],
    output: [4, 4],
};

fn refusal(shape: ConvShape) -> String {
    let count = shape.out_channels.saturating_mul(shape.in_channels).saturating_mul(9).min(1 << 12);
    let weights = vec![0.0; count];
    let conv =
        Conv2d::new(InstructionSet::best(), shape, ConvInput::Blocked, &weights, None, Activation::None);
    conv.err().map_or_else(String::new, |error| error.to_string())
}

#[test]
fn parameters_that_no_convolution_has() {
    let cases = [
        (ConvShape { stride: [0, 1], ..SHAPE }, "stride is 0 and 1, both must be at least 1"),
        (ConvShape { dilation: [1, 0], ..SHAPE }, "dilation is 1 and 0, both must be at least 1"),
        (ConvShape { kernel: [0, 3], ..SHAPE }, "kernel is 0 and 3, both must be at least 1"),
        (ConvShape { input: [4, 0], ..SHAPE }, "input is 4 and 0, both must be at least 1"),
        (ConvShape { out_channels: 0, ..SHAPE }, "channels is 2 and 0, both must be at least 1"),
        (ConvShape { groups: 2, ..SHAPE }, "groups is 2 of 2 and 3 channels, it must divide both"),
        (ConvShape { groups: 0, ..SHAPE }, "groups is 0 of 2 and 3 channels, it must divide both"),
        (ConvShape { kernel: [2, 2], ..SHAPE }, "weights has 54 elements, expected 24"),
        (ConvShape { padding: [usize::MAX, 0], ..SHAPE }, "the size of a window's reach overflows"),
        (ConvShape { stride: [usize::MAX / 2, 1], ..SHAPE }, "the size of a window's reach overflows"),
        (ConvShape { batch: usize::MAX / 2, ..SHAPE }, "the size of a blocked image overflows"),
        (ConvShape { output: [usize::MAX / 256, 64], ..SHAPE }, "the size of the output overflows"),
    ];
    for (shape, expected) in cases {
        assert_eq!(refusal(shape), expected);
    }
}

#[test]
fn slices_of_other_lengths() {
    let set = InstructionSet::best();
    let weights = vec![0.0; 54];
    let conv = Conv2d::new(set, SHAPE, ConvInput::Planar, &weights, None, Activation::None).unwrap();
    let mut out = vec![0.0; 16 * set.lanes()];
    let length = |what, got, expected| Err(KernelError::Length { what, got, expected });
    assert_eq!(conv.run(&[0.0; 31], None, &mut out), length("x", 31, 32));
    assert_eq!(conv.run(&[0.0; 32], Some(&[0.0]), &mut out), length("residual", 1, 16 * set.lanes()));
    out.pop();
    assert_eq!(conv.run(&[0.0; 32], None, &mut out), length("out", out.len(), out.len() + 1));
    let product = MatMul::new(set, [2, 3], MatMulWeights::Plain(&[0.0; 6]), None, Activation::None).unwrap();
    assert_eq!(product.run(&[0.0; 3], None, &mut [0.0; 3]), length("x", 3, 2));
    assert_eq!(product.run(&[0.0; 4], None, &mut [0.0; 3]), length("out", 3, 6));
    assert!(MatMul::new(set, [2, 0], MatMulWeights::Plain(&[]), None, Activation::None).is_err());
    assert!(MatMul::new(set, [2, 3], MatMulWeights::Plain(&[0.0; 5]), None, Activation::None).is_err());
    assert!(
        MatMul::new(set, [2, 3], MatMulWeights::Plain(&[0.0; 6]), Some(&[0.0]), Activation::None).is_err()
    );
    assert_eq!(to_blocked(set, [1, 2, 3], &[0.0; 5], &mut []), length("x", 5, 6));
    assert!(to_blocked(set, [usize::MAX, 2, 3], &[0.0; 5], &mut []).is_err());
    assert!(softmax(set, 3, &[0.0; 5], &mut [0.0; 5]).is_err());
    assert!(softmax(set, 0, &[0.0; 5], &mut [0.0; 5]).is_err());
    assert_eq!(softmax(set, 5, &[0.0; 5], &mut [0.0; 4]), length("out", 4, 5));
    assert!(LayerNorm::new(set, &[0.0], &[], 0.0).is_err());
    assert!(LayerNorm::new(set, &[], &[], 0.0).is_err());
    assert!(
        LayerNorm::new(set, &[1.0; 2], &[0.0; 2], 0.0).unwrap().run(&[0.0; 3], None, &mut [0.0; 3]).is_err()
    );
    assert!(global_average(set, [1, 1, 0], &[], &mut [0.0]).is_err());
}

#[test]
fn activations_and_pools() {
    let set = InstructionSet::best();
    for [low, high] in [[1.0, 0.0], [f32::NAN, 1.0], [0.0, f32::NAN]] {
        assert!(Activation::Clip { low, high }.apply(set, &mut []).is_err());
    }
    let shape = PoolShape {
        batch: 1,
        channels: 1,
        input: [4, 4],
        kernel: [2, 2],
        stride: [0, 2],
        dilation: [1, 1],
        padding: [0, 0],
        output: [2, 2],
    };
    assert!(Pool2d::new(set, shape, PoolKind::Max).is_err());
    assert!(InstructionSet::named("altivec").is_err());
    for set in InstructionSet::available() {
        assert_eq!(InstructionSet::named(set.name()).unwrap(), set);
    }
}

#[test]
fn nothing_at_all_is_no_error() {
    let set = InstructionSet::best();
    for shape in [ConvShape { batch: 0, ..SHAPE }, ConvShape { output: [0, 4], ..SHAPE }] {
        let conv = Conv2d::new(set, shape, ConvInput::Planar, &[0.0; 54], None, Activation::None).unwrap();
        assert_eq!(conv.run(&vec![0.0; 32 * shape.batch], None, &mut []), Ok(()));
    }
}

#[test]
fn layers_of_products_that_do_not_meet() {
    let product = |set, sizes: [usize; 2]| {
        let weights = vec![0.0; sizes[0] * sizes[1]];
        MatMul::new(set, sizes, MatMulWeights::Plain(&weights), None, Activation::None).unwrap()
    };
    let best = InstructionSet::best();
    let refused = FeedForward::new(product(best, [2, 3]), product(best, [4, 2])).err().unwrap();
    assert!(refused.to_string().contains("4 inputs behind 3 outputs"), "{refused}");
    for other in InstructionSet::available().into_iter().filter(|&set| set != best) {
        assert!(FeedForward::new(product(best, [2, 3]), product(other, [3, 2])).is_err(), "{other}");
    }
    let layer = FeedForward::new(product(best, [2, 3]), product(best, [3, 2])).unwrap();
    let length = |what, got, expected| Err(KernelError::Length { what, got, expected });
    assert_eq!(layer.run(&[0.0; 3], None, &mut [0.0; 2]), length("x", 3, 2));
    assert_eq!(layer.run(&[0.0; 4], None, &mut [0.0; 3]), length("out", 3, 4));
    assert_eq!(layer.run(&[0.0; 4], Some(&[0.0]), &mut [0.0; 4]), length("residual", 1, 4));
    assert_eq!(layer.run(&[], None, &mut []), Ok(()));
}
