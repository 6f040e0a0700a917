//! Kernels over bytes against plain loops: equal to the last bit, for every set of the processor.

use proptest::prelude::*;
use tandem_kernels::{
    ByteAdd, ByteConv2d, ByteMatMul, ByteMatrix, ByteMaxPool, ByteSet, ConvShape, KernelError, PoolShape,
    Quantization, Requantization, byte_global_average, pixel_bytes, quantize, to_pixels, to_planes,
};

use crate::values::{cases, numbers, restored, same, same_on_threads};

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    numbers(count, seed).into_iter().map(|number| (number * 128.0 + 128.0) as u8).collect()
}

/// All values, −128 among them.
fn weights(count: usize, seed: u64) -> Vec<i8> {
    bytes(count, seed).into_iter().map(u8::cast_signed).collect()
}

fn biases(count: usize, seed: u64) -> Vec<i32> {
    numbers(count, seed).into_iter().map(|number| (number * 20_000.0) as i32).collect()
}

fn scales(count: usize, seed: u64) -> Vec<f32> {
    numbers(count, seed).into_iter().map(|number| (number + 1.5) * 0.004).collect()
}

/// `round(float(sum) × scale) + zero` in the order that the kernels promise.
fn requantized(sum: i64, requantization: &Requantization<'_>, output: usize, limits: [u8; 2]) -> u8 {
    let scale =
        requantization.input.scale * requantization.weight_scales[output] / requantization.output.scale;
    let steps = (sum as f32 * scale).round_ties_even();
    let byte = (f64::from(steps) + f64::from(requantization.output.zero)).clamp(0.0, 255.0) as u8;
    byte.max(limits[0]).min(limits[1])
}

/// Interleaved, with bytes that no result may depend on beyond the channels.
fn interleaved(shape: [usize; 3], planar: &[u8]) -> Vec<u8> {
    let [batch, channels, pixels] = shape;
    let size = pixel_bytes(channels);
    let mut out = vec![0; batch * pixels * size];
    to_pixels(ByteSet::best(), shape, planar, &mut out).unwrap();
    for (index, byte) in out.iter_mut().enumerate() {
        if index % size >= channels {
            *byte = (index * 37 % 256) as u8;
        }
    }
    out
}

pub(crate) fn planar(shape: [usize; 3], interleaved: &[u8]) -> Vec<u8> {
    let mut out = vec![0; shape.iter().product()];
    to_planes(shape, interleaved, &mut out).unwrap();
    out
}

pub(crate) fn quantization() -> impl Strategy<Value = Quantization> {
    (0.001_f32..0.5, prop::sample::select(vec![0_u8, 1, 100, 128, 255]))
        .prop_map(|(scale, zero)| Quantization { scale, zero })
}

fn limits() -> impl Strategy<Value = [u8; 2]> {
    prop::sample::select(vec![[0, 255], [0, 255], [10, 200], [128, 255]])
}

fn convolve(
    shape: &ConvShape,
    x: &[u8],
    weights: &[i8],
    bias: &[i32],
    requantization: &Requantization<'_>,
    limits: [u8; 2],
) -> Vec<u8> {
    let [height, width] = shape.input;
    let (inputs, outputs) = (shape.in_channels / shape.groups, shape.out_channels / shape.groups);
    let mut out = Vec::new();
    for image in 0..shape.batch {
        for output in 0..shape.out_channels {
            for row in 0..shape.output[0] {
                for column in 0..shape.output[1] {
                    let mut sum = i64::from(bias.get(output).copied().unwrap_or(0));
                    for input in 0..inputs {
                        let channel = output / outputs * inputs + input;
                        for down in 0..shape.kernel[0] {
                            for across in 0..shape.kernel[1] {
                                let y = row * shape.stride[0] + down * shape.dilation[0];
                                let x_at = column * shape.stride[1] + across * shape.dilation[1];
                                let place = y.checked_sub(shape.padding[0]).filter(|&y| y < height);
                                let place =
                                    place.zip(x_at.checked_sub(shape.padding[1]).filter(|&at| at < width));
                                let Some((y, x_at)) = place else { continue };
                                let at = ((image * shape.in_channels + channel) * height + y) * width + x_at;
                                let tap = (output * inputs + input) * shape.kernel[0] * shape.kernel[1]
                                    + down * shape.kernel[1]
                                    + across;
                                let byte = i64::from(x[at]) - i64::from(requantization.input.zero);
                                sum += byte * i64::from(weights[tap]);
                            }
                        }
                    }
                    out.push(requantized(sum, requantization, output, limits));
                }
            }
        }
    }
    out
}

fn check_conv(shape: ConvShape, [input, output]: [Quantization; 2], limits: [u8; 2], seed: u64) {
    let pixels = [shape.input, shape.output].map(|[height, width]| height * width);
    let taps = shape.kernel[0] * shape.kernel[1];
    let x = bytes(shape.batch * shape.in_channels * pixels[0], seed);
    let weights = weights(shape.out_channels * shape.in_channels / shape.groups * taps, seed + 1);
    let bias = if seed.is_multiple_of(3) { vec![] } else { biases(shape.out_channels, seed + 2) };
    let scales = scales(shape.out_channels, seed + 3);
    let requantization = Requantization { input, weight_scales: &scales, output };
    let expected = convolve(&shape, &x, &weights, &bias, &requantization, limits);
    let x = interleaved([shape.batch, shape.in_channels, pixels[0]], &x);
    let shape_of_out = [shape.batch, shape.out_channels, pixels[1]];
    for set in ByteSet::available() {
        let conv = ByteConv2d::new(set, shape, &weights, &bias, &requantization, limits).unwrap();
        assert_eq!(conv.is_depthwise(), shape.groups > 1);
        let mut out = vec![7; shape.batch * pixels[1] * pixel_bytes(shape.out_channels)];
        conv.run(&x, &mut out).unwrap();
        same_on_threads(&out, |out| conv.run(&x, out).unwrap());
        let again = restored(&conv);
        same(&out, |out| again.run(&x, out).unwrap());
        assert!(
            planar(shape_of_out, &out) == expected,
            "{set}: {shape:?}, {input:?}, {output:?}, {limits:?}"
        );
    }
}

/// A convolution whose output has what its input and padding give.
fn conv_shape() -> impl Strategy<Value = ConvShape> {
    let sizes = ([1_usize..20, 1_usize..20], [1_usize..7, 1_usize..7], [1_usize..3, 1_usize..3]);
    let channels = (1_usize..40, 5_usize..80, any::<bool>(), 1_usize..3);
    (sizes, channels, [1_usize..3, 1_usize..3], [0_usize..3, 0_usize..3]).prop_map(
        |((input, kernel, stride), (inputs, outputs, depthwise, batch), dilation, padding)| {
            let mut output = [0; 2];
            for axis in 0..2 {
                let reach = (kernel[axis] - 1) * dilation[axis] + 1;
                let padded = input[axis] + 2 * padding[axis];
                output[axis] = padded.checked_sub(reach).map_or(1, |left| left / stride[axis] + 1);
            }
            let in_channels = if depthwise { outputs } else { inputs };
            let groups = if depthwise { outputs } else { 1 };
            ConvShape {
                batch,
                in_channels,
                out_channels: outputs,
                groups,
                input,
                kernel,
                stride,
                dilation,
                padding,
                output,
            }
        },
    )
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn convolutions(
        shape in conv_shape(), ends in [quantization(), quantization()], limits in limits(), seed in 0_u64..1000,
    ) {
        check_conv(shape, ends, limits, seed);
    }

    #[test]
    fn products(
        rows in 0_usize..40,
        [inputs, outputs] in [1_usize..80, 1_usize..120],
        [input, output] in [quantization(), quantization()],
        limits in limits(),
        transposed: bool,
        seed in 0_u64..1000,
    ) {
        let x = bytes(rows * inputs, seed);
        let matrix = weights(inputs * outputs, seed + 1);
        let bias = if seed.is_multiple_of(3) { vec![] } else { biases(outputs, seed + 2) };
        let scales = scales(outputs, seed + 3);
        let requantization = Requantization { input, weight_scales: &scales, output };
        let weight = |from: usize, to: usize| {
            i64::from(matrix[if transposed { to * inputs + from } else { from * outputs + to }])
        };
        let expected: Vec<u8> = (0..rows * outputs).map(|index| {
            let (row, to) = (index / outputs, index % outputs);
            let byte = |from: usize| i64::from(x[row * inputs + from]) - i64::from(input.zero);
            let sum: i64 = (0..inputs).map(|from| byte(from) * weight(from, to)).sum();
            let start = i64::from(bias.get(to).copied().unwrap_or(0));
            requantized(start + sum, &requantization, to, limits)
        }).collect();
        for set in ByteSet::available() {
            let own = if transposed { ByteMatrix::Transposed(&matrix) } else { ByteMatrix::Plain(&matrix) };
            let product = ByteMatMul::new(set, [inputs, outputs], own, &bias, &requantization, limits).unwrap();
            let mut out = vec![7; rows * outputs];
            product.run(&x, &mut out).unwrap();
            same_on_threads(&out, |out| product.run(&x, out).unwrap());
            let again = restored(&product);
            same(&out, |out| again.run(&x, out).unwrap());
            prop_assert!(out == expected, "{set}");
        }
    }

    #[test]
    fn sums(
        count in 0_usize..200,
        [a, b, to] in [quantization(), quantization(), quantization()],
        limits in limits(),
        seed in 0_u64..1000,
    ) {
        let (left, right) = (bytes(count, seed), bytes(count, seed + 1));
        let factors = [a.scale / to.scale, b.scale / to.scale];
        let constant = f32::from(to.zero) - (factors[0] * f32::from(a.zero) + factors[1] * f32::from(b.zero));
        let expected: Vec<u8> = left.iter().zip(&right).map(|(&left, &right)| {
            let sum = f32::from(left).mul_add(factors[0], f32::from(right).mul_add(factors[1], constant));
            (sum.round_ties_even().clamp(0.0, 255.0) as u8).max(limits[0]).min(limits[1])
        }).collect();
        for set in ByteSet::available() {
            let mut out = vec![7; count];
            let sum = ByteAdd::new(set, [a, b], to, limits).unwrap();
            sum.run(&left, &right, &mut out).unwrap();
            same_on_threads(&out, |out| sum.run(&left, &right, out).unwrap());
            let again = restored(&sum);
            same(&out, |out| again.run(&left, &right, out).unwrap());
            prop_assert_eq!(&out, &expected, "{}", set);
        }
    }

    #[test]
    fn pools(
        [batch, channels] in [1_usize..3, 1_usize..80],
        (input, kernel, stride) in ([1_usize..12, 1_usize..12], [1_usize..4, 1_usize..4], [1_usize..3, 1_usize..3]),
        padded: bool,
        ends in [quantization(), quantization()],
        seed in 0_u64..1000,
    ) {
        let pixels = input[0] * input[1];
        let x = bytes(batch * channels * pixels, seed);
        let own = interleaved([batch, channels, pixels], &x);
        let averages: Vec<u8> = x.chunks_exact(pixels).map(|plane| {
            let sum: i32 = plane.iter().map(|&byte| i32::from(byte) - i32::from(ends[0].zero)).sum();
            let steps = (sum as f32 * (ends[0].scale / (ends[1].scale * pixels as f32))).round_ties_even();
            (f64::from(steps) + f64::from(ends[1].zero)).clamp(0.0, 255.0) as u8
        }).collect();
        for set in ByteSet::available() {
            let mut out = vec![7; batch * pixel_bytes(channels)];
            byte_global_average(set, [batch, channels, pixels], ends, &own, &mut out).unwrap();
            prop_assert_eq!(planar([batch, channels, 1], &out), &averages[..], "{}", set);
        }
        let padding = if padded { [kernel[0] / 2, kernel[1] / 2] } else { [0, 0] };
        let size = |axis: usize| {
            let padded = input[axis] + 2 * padding[axis];
            padded.checked_sub(kernel[axis]).map(|left| left / stride[axis] + 1)
        };
        let Some(output) = size(0).zip(size(1)).map(|(height, width)| [height, width]) else { return Ok(()) };
        let shape = PoolShape { batch, channels, input, kernel, stride, dilation: [1, 1], padding, output };
        let mut expected = Vec::new();
        for plane in x.chunks_exact(pixels) {
            for index in 0..output[0] * output[1] {
                let mut largest = 0;
                for tap in 0..kernel[0] * kernel[1] {
                    let y = index / output[1] * stride[0] + tap / kernel[1];
                    let x_at = index % output[1] * stride[1] + tap % kernel[1];
                    let y = y.checked_sub(padding[0]).filter(|&y| y < input[0]);
                    let x_at = x_at.checked_sub(padding[1]).filter(|&at| at < input[1]);
                    if let Some((y, x_at)) = y.zip(x_at) {
                        largest = largest.max(plane[y * input[1] + x_at]);
                    }
                }
                expected.push(largest);
            }
        }
        for set in ByteSet::available() {
            let mut out = vec![7; batch * output[0] * output[1] * pixel_bytes(channels)];
            restored(&ByteMaxPool::new(set, shape).unwrap()).run(&own, &mut out).unwrap();
            prop_assert_eq!(planar([batch, channels, output[0] * output[1]], &out), &expected[..], "{}", set);
        }
    }
}

const ONE: Quantization = Quantization { scale: 1.0, zero: 0 };

fn plain(inputs: usize, outputs: usize, input: [usize; 2], kernel: usize, stride: usize) -> ConvShape {
    let padding = kernel / 2;
    ConvShape {
        batch: 1,
        in_channels: inputs,
        out_channels: outputs,
        groups: 1,
        input,
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1; 2],
        padding: [padding; 2],
        output: input.map(|size| (size + 2 * padding - kernel) / stride + 1),
    }
}

#[test]
#[cfg_attr(miri, ignore = "long")]
fn the_shapes_of_networks() {
    let ends = [Quantization { scale: 0.02, zero: 114 }, Quantization { scale: 0.05, zero: 0 }];
    for shape in [
        plain(3, 32, [32, 32], 3, 2),
        plain(3, 64, [30, 30], 7, 2),
        plain(64, 64, [28, 28], 3, 1),
        plain(512, 40, [7, 7], 3, 1),
        plain(40, 144, [14, 14], 1, 1),
        plain(64, 128, [14, 14], 1, 2),
        plain(1, 16, [5, 5], 5, 1),
    ] {
        check_conv(shape, ends, [0, 255], 5);
    }
    for channels in [16, 32, 48, 96, 144, 960] {
        for stride in [1, 2] {
            let shape = ConvShape {
                in_channels: channels,
                groups: channels,
                ..plain(1, channels, [9, 9], 3, stride)
            };
            check_conv(shape, ends, [0, 255], 5);
        }
    }
}

#[test]
fn sums_that_overflow_are_refused() {
    let shape = plain(9000, 5, [3, 3], 3, 1);
    let requantization = Requantization { input: ONE, weight_scales: &[1e-6; 5], output: ONE };
    let weights = vec![127; 9000 * 5 * 9];
    for set in ByteSet::available() {
        let built = ByteConv2d::new(set, shape, &weights, &[], &requantization, [0, 255]);
        assert!(matches!(built, Err(KernelError::Overflow { .. })), "{set}: {built:?}");
        let built = ByteMatMul::new(
            set,
            [1, 1],
            ByteMatrix::Plain(&[1]),
            &[i32::MAX],
            &Requantization { input: ONE, weight_scales: &[1.0], output: ONE },
            [0, 255],
        );
        assert!(matches!(built, Err(KernelError::Overflow { .. })), "{set}: {built:?}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let set = ByteSet::best();
    let shape = plain(8, 8, [3, 3], 1, 1);
    let weights = [1; 64];
    let good = Requantization { input: ONE, weight_scales: &[1.0; 8], output: ONE };
    assert!(ByteConv2d::new(set, shape, &weights, &[], &good, [0, 255]).is_ok());
    assert!(ByteConv2d::new(set, shape, &weights[1..], &[], &good, [0, 255]).is_err());
    assert!(ByteConv2d::new(set, shape, &weights, &[1], &good, [0, 255]).is_err());
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let input = Quantization { scale, zero: 0 };
        let bad = Requantization { input, ..good };
        assert!(ByteConv2d::new(set, shape, &weights, &[], &bad, [0, 255]).is_err(), "{scale}");
        assert!(ByteAdd::new(set, [ONE, input], ONE, [0, 255]).is_err(), "{scale}");
        assert!(quantize(set, input, &[1.0], &mut [0]).is_err(), "{scale}");
    }
    let beside = ConvShape { in_channels: 8, groups: 8, ..plain(1, 8, [4, 4], 5, 1) };
    let far = ConvShape { stride: [1, 1 << 30], padding: [2, 1 << 30], output: [4, 3], ..beside };
    assert!(ByteConv2d::new(set, beside, &[1; 200], &[], &good, [0, 255]).is_ok());
    let refused = ByteConv2d::new(set, far, &[1; 200], &[], &good, [0, 255]);
    assert!(matches!(refused, Err(KernelError::Overflow { .. })), "{refused:?}");
    let wide = ConvShape { in_channels: 8, groups: 8, ..plain(1, 8, [1, 300_000], 3, 1) };
    assert!(ByteConv2d::new(set, wide, &[1; 72], &[], &good, [0, 255]).is_ok());
    // What is copied is the image, not all that windows far from it reach.
    let far = ConvShape { stride: [1, 1 << 30], padding: [0, 1 << 30], output: [3, 3], ..shape };
    let refused = ByteConv2d::new(set, far, &weights, &[], &good, [0, 255]);
    assert!(matches!(refused, Err(KernelError::Parameter { .. })), "{refused:?}");
    // Their sum is beyond what all sets round alike.
    let [small, large] = [1e-3, 1e6].map(|scale| Quantization { scale, zero: 0 });
    assert!(ByteAdd::new(set, [small, large], small, [0, 255]).is_err());
    assert!(ByteAdd::new(set, [small, large], large, [0, 255]).is_ok());
    let grouped = ConvShape { groups: 2, ..shape };
    assert!(ByteConv2d::new(set, grouped, &weights[..32], &[], &good, [0, 255]).is_err());
    let conv = ByteConv2d::new(set, shape, &weights, &[], &good, [0, 255]).unwrap();
    assert!(conv.run(&[0; 9 * 16 - 1], &mut [0; 9 * 16]).is_err());
    assert!(conv.run(&[0; 9 * 16], &mut [0; 9 * 16 + 1]).is_err());
    assert!(ByteSet::named("abacus").is_err());
    for set in ByteSet::available() {
        assert_eq!(ByteSet::named(&set.to_string()).unwrap(), set);
    }
}
