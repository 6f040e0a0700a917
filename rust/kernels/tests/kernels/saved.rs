//! Packing on several threads, and what is refused when kernels come back from bytes.

use tandem_kernels::{
    Activation, Conv2d, ConvInput, ConvShape, InstructionSet, KernelError, MatMul, MatMulWeights, Restorer,
    Save, Saver, Threads,
};

use crate::values::numbers;

fn saved(kernel: &impl Save) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut saver = Saver::default();
    kernel.save(&mut saver);
    let (parameters, packed) = saver.into_parts();
    (parameters, packed.iter().map(|packed| packed.as_bytes().to_vec()).collect())
}

fn conv(set: InstructionSet, channels: [usize; 2], kernel: usize, size: usize) -> Conv2d {
    let [in_channels, out_channels] = channels;
    let shape = ConvShape {
        batch: 1,
        in_channels,
        out_channels,
        groups: 1,
        input: [size; 2],
        kernel: [kernel; 2],
        stride: [1, 1],
        dilation: [1, 1],
        padding: [kernel / 2; 2],
        output: [size; 2],
    };
    let weights = numbers(in_channels * out_channels * kernel * kernel, 1);
    let bias = numbers(out_channels, 2);
    Conv2d::new(set, shape, ConvInput::Blocked, &weights, Some(&bias), Activation::Relu).unwrap()
}

#[test]
#[cfg_attr(miri, ignore = "packs thousands of weights")]
fn threads_pack_what_one_packs() {
    for set in InstructionSet::available() {
        for (channels, kernel, size) in
            [([67, 70], 1, 5), ([40, 70], 3, 20), ([33, 97], 5, 7), ([64, 64], 3, 7)]
        {
            let alone = saved(&conv(set, channels, kernel, size));
            let shared = Threads::with_grain(3, 1).run(|| saved(&conv(set, channels, kernel, size)));
            assert!(alone == shared, "{set}: {channels:?}, {kernel}, {size}");
        }
        let weights = numbers(70 * 90, 1);
        for own in [MatMulWeights::Plain(&weights), MatMulWeights::Transposed(&weights)] {
            let product = || saved(&MatMul::new(set, [70, 90], own, None, Activation::None).unwrap());
            assert!(product() == Threads::with_grain(3, 1).run(product), "{set}: {own:?}");
        }
    }
}

#[test]
fn a_kernel_of_another_processor_is_refused() {
    let product =
        MatMul::new(InstructionSet::best(), [1, 1], MatMulWeights::Plain(&[1.0]), None, Activation::None)
            .unwrap();
    let mut saver = Saver::default();
    product.save(&mut saver);
    let (mut parameters, packed) = saver.into_parts();
    // The set's name, behind its length.
    parameters[8] = b'x';
    let refused = MatMul::restore(&mut Restorer::new(&parameters, &packed)).unwrap_err();
    assert!(matches!(refused, KernelError::Unavailable { .. }), "{refused}");
}

#[test]
fn an_algorithm_that_does_not_suit_the_shape_is_refused() {
    let (parameters, packed) = {
        let mut saver = Saver::default();
        conv(InstructionSet::best(), [4, 4], 1, 4).save(&mut saver);
        saver.into_parts()
    };
    // Behind the name of the set and sixteen sizes.
    let at = 8 + InstructionSet::best().name().len() + 16 * 8;
    for (algorithm, known) in [(0, true), (2, false), (3, false), (9, false)] {
        let mut changed = parameters.clone();
        changed[at] = algorithm;
        assert_eq!(Conv2d::restore(&mut Restorer::new(&changed, &packed)).is_ok(), known, "{algorithm}");
    }
}
