//! Packing on several threads, and what is refused when kernels come back from bytes.

use tandem_kernels::{
    Activation, Conv2d, ConvInput, ConvShape, InstructionSet, KernelError, MatMul, MatMulWeights, Recurrent,
    RecurrentCell, RecurrentDirection, RecurrentShape, RecurrentWeights, Resample2d, Restorer, Save, Saver,
    Tap, Threads, UpConv2d, UpShape,
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

/// What a kernel fails with when it comes back with another size in the place of one of its own, which is `at` sizes behind what
/// `before` takes: the name of the set is before that.
fn resized<K: Save>(kernel: &K, before: usize, at: usize, size: u64) -> Option<KernelError> {
    let mut saver = Saver::default();
    kernel.save(&mut saver);
    let (mut parameters, packed) = saver.into_parts();
    let at = 8 + InstructionSet::best().name().len() + before + 8 * at;
    parameters[at..at + 8].copy_from_slice(&size.to_le_bytes());
    K::restore(&mut Restorer::new(&parameters, &packed)).err()
}

#[test]
fn sizes_that_do_not_suit_the_packed_weights_are_refused() {
    let set = InstructionSet::best();
    let shape = UpShape { batch: 1, in_channels: 2, out_channels: 3, input: [2, 2], kernel: [2, 2] };
    let conv = UpConv2d::new(set, shape, &[0.0; 24], None, Activation::None).unwrap();
    // Channels of the input, channels of the output, the kernel's height and width.
    for (at, size) in [(1, 3), (2, 1 + set.lanes() as u64), (5, 3), (6, 3), (6, 5), (1, 0), (1, u64::MAX / 2)]
    {
        assert!(resized(&conv, 0, at, size).is_some(), "{size} at {at}");
    }
    let shape = RecurrentShape {
        cell: RecurrentCell::Lstm,
        direction: RecurrentDirection::Forward,
        inputs: 2,
        hidden: 3,
    };
    let weights = RecurrentWeights { input: &[0.0; 24], recurrent: &[0.0; 36], bias: None };
    let layer = Recurrent::new(set, shape, weights).unwrap();
    // Behind cell and direction: inputs and units.
    for (at, size) in [(0, 3), (1, 4), (1, 1 + set.lanes() as u64), (1, 0), (0, u64::MAX / 2)] {
        assert!(resized(&layer, 2, at, size).is_some(), "{size} at {at}");
    }
    let resample = Resample2d::new(set, [1, 1], [2, 2], [vec![Tap::copy(1)], vec![Tap::copy(1)]]).unwrap();
    // The size of the image, how many rows there are, and where the first comes from.
    for (at, size) in [(2, 1), (3, 1), (4, u64::MAX), (5, 2), (6, 2)] {
        assert!(resized(&resample, 0, at, size).is_some(), "{size} at {at}");
    }
}
