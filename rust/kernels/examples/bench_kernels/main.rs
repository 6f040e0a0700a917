//! Measures kernels on one thread, each beside the processor's own peak.
//!
//! `cargo run --release -p tandem-kernels --example bench_kernels [-- SET]`
//!
//! SET is `avx512`, `avx2`, `neon` or `portable`, or for layers of bytes `avx512-vnni`, `avx-vnni`, `neon-dot` and so on; without
//! it the fastest of both. The peak is what a chain of multiply-adds in
//! registers reaches. Algorithms that save products (Winograd's) may pass it, because the direct sum's products count.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program prints, and stops where it cannot go on"
)]
#![allow(clippy::cast_precision_loss, reason = "counts of products")]

mod bytes;

use std::hint::black_box;
use std::time::Instant;

use tandem_kernels::{
    Activation, BlockConvs, ByteSet, Conv2d, ConvInput, ConvShape, InstructionSet, InvertedResidual,
    LayerNorm, MatMul, MatMulWeights, Pool2d, PoolKind, PoolShape, Recurrent, RecurrentCell,
    RecurrentDirection, RecurrentOutputs, RecurrentShape, RecurrentStart, RecurrentWeights, blocked_len,
    peak_products, softmax, to_blocked, to_planar,
};

/// The least of many runs, in seconds.
fn least(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut least = f64::MAX;
    let mut rounds = 0;
    while rounds < 5 || (begin.elapsed().as_secs_f64() < 0.15 && rounds < 1000) {
        let start = Instant::now();
        work();
        least = least.min(start.elapsed().as_secs_f64());
        rounds += 1;
    }
    least
}

/// A convolution of a square image that is padded by half of the kernel.
fn square(size: usize, channels: [usize; 2], kernel: usize, stride: usize, groups: usize) -> ConvShape {
    let padding = kernel / 2;
    let output = (size + 2 * padding - kernel) / stride + 1;
    ConvShape {
        batch: 1,
        in_channels: channels[0],
        out_channels: channels[1],
        groups,
        input: [size; 2],
        kernel: [kernel; 2],
        stride: [stride; 2],
        dilation: [1; 2],
        padding: [padding; 2],
        output: [output; 2],
    }
}

/// How many layers with so many bytes of weights have 64 MiB of them.
fn copies(bytes: usize) -> usize {
    (64_usize << 20).div_ceil(bytes)
}

struct Bench {
    set: InstructionSet,
    peak: f64,
}

impl Bench {
    /// Prints time, rate and share of the peak; `products` are multiply-adds.
    fn row(&self, name: &str, products: usize, seconds: f64) {
        let rate = 2.0 * products as f64 / seconds / 1e9;
        let share = 100.0 * rate / self.peak;
        println!("{name:44} {:9.1} µs {rate:7.1} GF/s {share:4.0} %", seconds * 1e6);
    }

    fn conv(
        &self,
        name: &str,
        shape: ConvShape,
        input: ConvInput,
        activation: Activation,
        with_residual: bool,
    ) {
        let set = self.set;
        let in_pixels = shape.input[0] * shape.input[1];
        let out_pixels = shape.output[0] * shape.output[1];
        let taps = shape.in_channels / shape.groups * shape.kernel[0] * shape.kernel[1];
        let weights: Vec<f32> =
            (0..shape.out_channels * taps).map(|i| (i % 7) as f32 * 0.01 - 0.03).collect();
        let conv = Conv2d::new(set, shape, input, &weights, None, activation).unwrap();
        let length = match input {
            ConvInput::Blocked => blocked_len(set, 1, shape.in_channels, in_pixels).unwrap(),
            ConvInput::Planar => shape.in_channels * in_pixels,
        };
        let x = vec![0.5; length];
        let mut out = vec![0.0; blocked_len(set, 1, shape.out_channels, out_pixels).unwrap()];
        let residual = with_residual.then(|| vec![0.1; out.len()]);
        let seconds = least(|| conv.run(black_box(&x), residual.as_deref(), black_box(&mut out)).unwrap());
        let name = format!("{name}, {}", conv.algorithm());
        self.row(&name, shape.out_channels * out_pixels * taps, seconds);
    }

    fn square(&self, size: usize, channels: [usize; 2], kernel: usize, stride: usize, groups: usize) {
        let shape = square(size, channels, kernel, stride, groups);
        let input = if channels[0] == 3 { ConvInput::Planar } else { ConvInput::Blocked };
        let relu6 = Activation::Clip { low: 0.0, high: 6.0 };
        let name = format!("{kernel}×{kernel}/{stride} {}→{} at {size}²", channels[0], channels[1]);
        self.conv(&name, shape, input, relu6, false);
    }

    /// A block that expands `channels[0]` to `channels[1]`, where these differ, filters and projects them. Three channels are a picture
    /// of twice the size, with a network's first convolution.
    fn block(&self, size: usize, channels: [usize; 3], kernel: usize, stride: usize) {
        let [from, wide, to] = channels;
        let conv = |shape: ConvShape, activation| {
            let taps = shape.in_channels / shape.groups * shape.kernel[0] * shape.kernel[1];
            let weights = vec![0.01; shape.out_channels * taps];
            let input = if shape.in_channels == 3 { ConvInput::Planar } else { ConvInput::Blocked };
            Conv2d::new(self.set, shape, input, &weights, None, activation).unwrap()
        };
        let relu6 = Activation::Clip { low: 0.0, high: 6.0 };
        let depthwise = square(size, [wide, wide], kernel, stride, wide);
        let small = depthwise.output[0];
        let first = if from == 3 {
            square(2 * size, [from, wide], 3, 2, 1)
        } else {
            square(size, [from, wide], 1, 1, 1)
        };
        let block = InvertedResidual::new(BlockConvs {
            expand: (from != wide).then(|| conv(first, relu6)),
            depthwise: conv(depthwise, relu6),
            squeeze: None,
            project: conv(square(small, [wide, to], 1, 1, 1), Activation::None),
        })
        .unwrap();
        let [input, output] = [(from, first.input[0]), (to, small)]
            .map(|(channels, size)| blocked_len(self.set, 1, channels, size * size).unwrap());
        let input = if from == 3 { 3 * first.input[0] * first.input[0] } else { input };
        let (x, mut out) = (vec![0.5; input], vec![0.0; output]);
        let seconds = least(|| block.run(black_box(&x), None, black_box(&mut out)).unwrap());
        let taps = first.kernel[0] * first.kernel[1];
        let expanded = if from == wide { 0 } else { from * wide * taps * size * size };
        let filtered = small * small * wide * (kernel * kernel + to);
        let name = format!("{from}→{wide}→{to} at {size}², {kernel}×{kernel}/{stride}");
        self.row(&name, expanded + filtered, seconds);
    }

    fn product(&self, rows: usize, sizes: [usize; 2], activation: Activation) {
        let weights = vec![0.01; sizes[0] * sizes[1]];
        let product = MatMul::new(self.set, sizes, MatMulWeights::Plain(&weights), None, activation).unwrap();
        let x = vec![0.5; rows * sizes[0]];
        let mut out = vec![0.0; rows * sizes[1]];
        let seconds = least(|| product.run(black_box(&x), None, black_box(&mut out)).unwrap());
        let name = format!("{rows}×{}×{} {activation:?}", sizes[0], sizes[1]);
        self.row(&name, rows * sizes[0] * sizes[1], seconds);
    }

    /// One after another, products whose weights are 64 MiB together, so that each finds its own in no cache of its core.
    fn products_in_turns(&self, rows: usize, sizes: [usize; 2]) {
        let weights = vec![0.01; sizes[0] * sizes[1]];
        let weights = MatMulWeights::Plain(&weights);
        let layers: Vec<MatMul> = (0..copies(4 * sizes[0] * sizes[1]))
            .map(|_| MatMul::new(self.set, sizes, weights, None, Activation::None).unwrap())
            .collect();
        let x = vec![0.5; rows * sizes[0]];
        let mut out = vec![0.0; rows * sizes[1]];
        let seconds = least(|| {
            for layer in &layers {
                layer.run(black_box(&x), None, black_box(&mut out)).unwrap();
            }
        });
        let name = format!("{rows}×{}×{}", sizes[0], sizes[1]);
        self.row(&name, rows * sizes[0] * sizes[1], seconds / layers.len() as f64);
    }

    /// The same with 3 × 3 convolutions of an image.
    fn convolutions_in_turns(&self, size: usize, channels: usize) {
        let shape = square(size, [channels; 2], 3, 1, 1);
        let weights = vec![0.01; 9 * channels * channels];
        let layers: Vec<Conv2d> = (0..copies(16 * 4 * channels * channels))
            .map(|_| {
                Conv2d::new(self.set, shape, ConvInput::Blocked, &weights, None, Activation::None).unwrap()
            })
            .collect();
        let x = vec![0.5; blocked_len(self.set, 1, channels, size * size).unwrap()];
        let mut out = x.clone();
        let seconds = least(|| {
            for layer in &layers {
                layer.run(black_box(&x), None, black_box(&mut out)).unwrap();
            }
        });
        let name = format!("3×3 {channels}→{channels} at {size}², {}", layers[0].algorithm());
        self.row(&name, 9 * channels * channels * size * size, seconds / layers.len() as f64);
    }

    fn recurrence(&self, cell: RecurrentCell, direction: RecurrentDirection, hidden: usize, steps: usize) {
        let shape = RecurrentShape { cell, direction, inputs: hidden, hidden };
        let weights = vec![0.01; direction.count() * cell.gates() * hidden * hidden];
        let weights = RecurrentWeights { input: &weights, recurrent: &weights, bias: None };
        let layer = Recurrent::new(self.set, shape, weights).unwrap();
        let x = vec![0.5; steps * hidden];
        let mut out = vec![0.0; steps * direction.count() * hidden];
        let seconds = least(|| {
            let out = RecurrentOutputs { steps: Some(black_box(&mut out)), ..RecurrentOutputs::default() };
            layer.run([steps, 1], black_box(&x), RecurrentStart::default(), out).unwrap();
        });
        let name = format!("{cell:?} of {hidden}, {steps} steps, {direction:?}");
        self.row(&name, layer.products(steps, 1), seconds);
    }
}

/// Layers of networks for phones.
fn mobile_networks(bench: &Bench) {
    println!("MobileNetV2");
    bench.square(224, [3, 32], 3, 2, 1);
    for (size, channels, wide, out) in [
        (112, 32, 32, 16),
        (56, 24, 144, 24),
        (28, 32, 192, 32),
        (14, 64, 384, 64),
        (14, 96, 576, 96),
        (7, 160, 960, 160),
    ] {
        bench.square(size, [channels, wide], 1, 1, 1);
        bench.square(size, [wide, wide], 3, 1, wide);
        bench.square(size, [wide, out], 1, 1, 1);
    }
    bench.square(112, [96, 96], 3, 2, 96);
    bench.square(28, [192, 192], 5, 1, 192);
    bench.product(1, [1280, 1000], Activation::None);
    println!("inverted residual blocks");
    for (size, channels, kernel, stride) in [
        (112, [3, 32, 16], 3, 1),
        (112, [32, 32, 16], 3, 1),
        (112, [16, 96, 24], 3, 2),
        (56, [24, 144, 24], 3, 1),
        (28, [32, 192, 32], 3, 1),
        (14, [96, 576, 96], 3, 1),
        (14, [96, 576, 160], 3, 2),
        (7, [160, 960, 160], 3, 1),
        (28, [40, 120, 40], 5, 1),
        (7, [160, 960, 160], 5, 1),
    ] {
        bench.block(size, channels, kernel, stride);
    }
    println!("vectors of channels that are no whole pairs");
    for (size, channels) in [
        (112, [16, 96]),
        (56, [96, 24]),
        (56, [24, 72]),
        (28, [120, 40]),
        (28, [40, 120]),
        (14, [200, 80]),
        (14, [80, 200]),
        (14, [112, 480]),
    ] {
        bench.square(size, channels, 1, 1, 1);
    }
}

fn main() {
    let name = std::env::args().nth(1);
    let set = name.as_deref().map_or(Ok(InstructionSet::best()), InstructionSet::named);
    let bytes = name.as_deref().map_or(Ok(ByteSet::best()), ByteSet::named);
    assert!(set.is_ok() || bytes.is_ok(), "no set of this processor: {name:?}");
    set.into_iter().for_each(floats);
    bytes.into_iter().for_each(bytes::all);
}

fn floats(set: InstructionSet) {
    let count = 1 << 20;
    let products = peak_products(set, 1);
    let peak = 2.0 * (products * count) as f64 / least(|| _ = black_box(peak_products(set, count))) / 1e9;
    println!("{set}: {peak:.1} GF/s at its peak, {} lanes", set.lanes());
    let bench = Bench { set, peak };
    mobile_networks(&bench);
    println!("ResNet");
    bench.square(224, [3, 64], 7, 2, 1);
    for (size, channels) in [(56, 64), (28, 128), (14, 256), (7, 512)] {
        bench.square(size, [channels; 2], 3, 1, 1);
    }
    bench.square(56, [64, 128], 3, 2, 1);
    bench.square(28, [128, 256], 3, 2, 1);
    bench.square(14, [256, 512], 3, 2, 1);
    bench.square(56, [256, 512], 1, 2, 1);
    bench.square(7, [2048, 512], 1, 1, 1);
    println!("MiniLM");
    for rows in [16, 128] {
        bench.product(rows, [384, 384], Activation::None);
        bench.product(rows, [384, 1536], Activation::Gelu);
        bench.product(rows, [1536, 384], Activation::None);
    }
    println!("layers whose weights lie in no cache");
    for (size, channels) in [(14, 256), (7, 512)] {
        bench.convolutions_in_turns(size, channels);
    }
    for (rows, sizes) in
        [(1, [1280, 1000]), (8, [384, 1536]), (16, [384, 1536]), (16, [1536, 384]), (49, [320, 1280])]
    {
        bench.products_in_turns(rows, sizes);
    }
    println!("recurrent layers, whose weights are read at every step");
    for hidden in [64, 128, 256] {
        bench.recurrence(RecurrentCell::Lstm, RecurrentDirection::Both, hidden, 64);
        for reset_after in [true, false] {
            bench.recurrence(RecurrentCell::Gru { reset_after }, RecurrentDirection::Forward, hidden, 64);
        }
    }
    println!("others: bytes read and written instead of products");
    let moved = |name: &str, floats: usize, seconds: f64| {
        println!("{name:44} {:9.1} µs {:7.1} GB/s", seconds * 1e6, floats as f64 * 4e-9 / seconds);
    };
    let shape = PoolShape {
        batch: 1,
        channels: 64,
        input: [112; 2],
        kernel: [3; 2],
        stride: [2; 2],
        dilation: [1; 2],
        padding: [1; 2],
        output: [56; 2],
    };
    let pool = Pool2d::new(set, shape, PoolKind::Max).unwrap();
    let (x, mut out) = (vec![0.5; 64 * 112 * 112], vec![0.0; 64 * 56 * 56]);
    moved(
        "max pool 3×3/2 of 64 at 112²",
        x.len() + out.len(),
        least(|| pool.run(black_box(&x), &mut out).unwrap()),
    );
    let mut blocked = vec![0.0; x.len()];
    let whole = [1, 64, 112 * 112];
    moved("to blocked", 2 * x.len(), least(|| to_blocked(set, whole, black_box(&x), &mut blocked).unwrap()));
    moved("to planar", 2 * x.len(), least(|| to_planar(set, whole, &x, black_box(&mut blocked)).unwrap()));
    let rows = vec![0.5; 12 * 128 * 128];
    let mut out = rows.clone();
    moved(
        "softmax of 1536 × 128",
        2 * rows.len(),
        least(|| softmax(set, 128, black_box(&rows), &mut out).unwrap()),
    );
    let norm = LayerNorm::new(set, &[1.0; 384], &[0.0; 384], 1e-5).unwrap();
    let rows = vec![0.5; 128 * 384];
    let mut out = rows.clone();
    moved(
        "layer norm of 128 × 384",
        2 * rows.len(),
        least(|| norm.run(black_box(&rows), None, &mut out).unwrap()),
    );
}
