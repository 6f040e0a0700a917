//! Layers of networks of bytes.

use std::hint::black_box;

use tandem_kernels::{
    ByteAdd, ByteConv2d, ByteMatMul, ByteMatrix, ByteSet, ConvShape, Quantization, Requantization,
    byte_global_average, pixel_bytes, quantize_to_pixels,
};

use super::{least, square};

/// Prints time, and products or elements in each nanosecond.
fn row(name: &str, count: usize, seconds: f64) {
    println!("{name:44} {:9.1} µs {:7.1} each ns", seconds * 1e6, count as f64 / seconds / 1e9);
}

/// What a layer's bytes stand for.
const QUANTIZATION: Quantization = Quantization { scale: 0.02, zero: 3 };

fn conv(set: ByteSet, shape: ConvShape, limits: [u8; 2]) {
    let taps = shape.in_channels / shape.groups * shape.kernel[0] * shape.kernel[1];
    let weights: Vec<i8> = (-3..=3).cycle().take(shape.out_channels * taps).collect();
    let scales = vec![0.01; shape.out_channels];
    let ends = Requantization { input: QUANTIZATION, weight_scales: &scales, output: QUANTIZATION };
    let conv = ByteConv2d::new(set, shape, &weights, &[], &ends, limits).unwrap();
    let length = |channels: usize, [height, width]: [usize; 2]| height * width * pixel_bytes(channels);
    let x: Vec<u8> = (0..=255).cycle().take(length(shape.in_channels, shape.input)).collect();
    let mut out = vec![0; length(shape.out_channels, shape.output)];
    let seconds = least(|| conv.run(black_box(&x), black_box(&mut out)).unwrap());
    let kind = if conv.is_depthwise() { ", depthwise" } else { "" };
    let held = if limits == [0, 255] { "" } else { ", held" };
    let [size, kernel, stride] = [shape.input[0], shape.kernel[0], shape.stride[0]];
    let channels = format!("{}→{} at {size}²", shape.in_channels, shape.out_channels);
    let name = format!("{kernel}×{kernel}/{stride} {channels}{kind}{held}");
    row(&name, shape.out_channels * shape.output[0] * shape.output[1] * taps, seconds);
}

pub(super) fn all(set: ByteSet) {
    println!("bytes, {set}");
    let all = [0, 255];
    conv(set, square(224, [3, 32], 3, 2, 1), all);
    for (size, channels, wide, out) in [
        (112, 32, 32, 16),
        (112, 16, 96, 16),
        (56, 24, 144, 24),
        (28, 32, 192, 32),
        (14, 64, 384, 64),
        (14, 96, 576, 96),
        (7, 160, 960, 160),
        (7, 320, 1280, 320),
    ] {
        conv(set, square(size, [channels, wide], 1, 1, 1), all);
        conv(set, square(size, [wide, wide], 3, 1, wide), all);
        conv(set, square(size, [wide, out], 1, 1, 1), all);
    }
    conv(set, square(112, [16, 96], 1, 1, 1), [3, 200]);
    conv(set, square(112, [96, 96], 3, 2, 96), all);
    conv(set, square(28, [192, 192], 5, 1, 192), all);
    for (size, channels) in [(56, 64), (28, 128), (14, 256), (7, 512)] {
        conv(set, square(size, [channels; 2], 3, 1, 1), all);
    }
    let (weights, scales) = (vec![3; 1280 * 1000], vec![0.01; 1000]);
    let ends = Requantization { input: QUANTIZATION, weight_scales: &scales, output: QUANTIZATION };
    let product = ByteMatMul::new(set, [1280, 1000], ByteMatrix::Plain(&weights), &[], &ends, all).unwrap();
    let (x, mut out) = (vec![5; 1280], vec![0; 1000]);
    row("1×1280×1000", 1_280_000, least(|| product.run(black_box(&x), &mut out).unwrap()));
    let count = 24 * 56 * 56;
    let (a, b, mut out) = (vec![7; count], vec![9; count], vec![0; count]);
    let add = ByteAdd::new(set, [QUANTIZATION; 2], QUANTIZATION, all).unwrap();
    row("sum of 24 at 56²", count, least(|| add.run(black_box(&a), &b, &mut out).unwrap()));
    let (x, mut out) = (vec![7; 49 * 1280], vec![0; 1280]);
    let average = least(|| {
        byte_global_average(set, [1, 1280, 49], [QUANTIZATION; 2], black_box(&x), &mut out).unwrap();
    });
    row("average of 1280 at 7²", x.len(), average);
    let shape = [1, 3, 224 * 224];
    let image: Vec<f32> = (0..3 * 224 * 224).map(|i| (i % 255) as f32 / 100.0).collect();
    let mut out = vec![0; 4 * 224 * 224];
    let quantize =
        least(|| quantize_to_pixels(set, shape, QUANTIZATION, black_box(&image), &mut out).unwrap());
    row("quantise 3 at 224²", image.len(), quantize);
}
