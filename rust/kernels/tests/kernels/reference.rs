//! The scalar twins: what the kernels compute, as their definitions say it, in `f64`.

use tandem_kernels::{Activation, ConvShape, PoolKind, PoolShape};

use crate::values::Sum;

pub(crate) fn activate(activation: Activation, sum: Sum) -> Sum {
    let x = sum.value;
    let value = match activation {
        Activation::None => x,
        Activation::Relu => x.max(0.0),
        Activation::Clip { low, high } => x.max(f64::from(low)).min(f64::from(high)),
        Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Activation::Silu => x / (1.0 + (-x).exp()),
        Activation::HardSwish => x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        Activation::Gelu => x / 2.0 * (1.0 + erf(x / 2.0_f64.sqrt())),
    };
    // The curves are at most a little steeper than 1, and exact to some 1e-6 themselves.
    Sum { value, size: sum.size + 1.0 }
}

/// By its Taylor series near nought, by its continued fraction elsewhere (Abramowitz and Stegun 7.1.5, 7.1.14).
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() < 2.5 {
        let mut term = x;
        let mut sum = x;
        for n in 1..60 {
            term *= -x * x / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        return sum * 2.0 / std::f64::consts::PI.sqrt();
    }
    let size = x.abs();
    let fraction = (1..200).rev().fold(size, |fraction, n| size + f64::from(n) / 2.0 / fraction);
    x.signum() * (1.0 - (-size * size).exp() / (fraction * std::f64::consts::PI.sqrt()))
}

/// Where a tap of a window lies, if inside the image.
fn pixel(
    start: usize,
    stride: usize,
    tap: usize,
    dilation: usize,
    padding: usize,
    size: usize,
) -> Option<usize> {
    (start * stride + tap * dilation).checked_sub(padding).filter(|&pixel| pixel < size)
}

/// Planar input, weights as ONNX has them, planar residual and output.
pub(crate) fn conv(
    shape: &ConvShape,
    x: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    residual: Option<&[f32]>,
    activation: Activation,
) -> Vec<Sum> {
    let [height, width] = shape.input;
    let [out_height, out_width] = shape.output;
    let [kernel_height, kernel_width] = shape.kernel;
    let per_group = shape.in_channels / shape.groups;
    let outputs_per_group = shape.out_channels / shape.groups;
    let mut out = Vec::new();
    for n in 0..shape.batch {
        for output in 0..shape.out_channels {
            for oy in 0..out_height {
                for ox in 0..out_width {
                    let start = bias.map_or(0.0, |bias| f64::from(bias[output]));
                    let added = residual.map_or(0.0, |residual| f64::from(residual[out.len()]));
                    let mut sum = Sum { value: start + added, size: start.abs() + added.abs() };
                    for channel in 0..per_group {
                        let input = output / outputs_per_group * per_group + channel;
                        for ky in 0..kernel_height {
                            for kx in 0..kernel_width {
                                let y = pixel(
                                    oy,
                                    shape.stride[0],
                                    ky,
                                    shape.dilation[0],
                                    shape.padding[0],
                                    height,
                                );
                                let column = pixel(
                                    ox,
                                    shape.stride[1],
                                    kx,
                                    shape.dilation[1],
                                    shape.padding[1],
                                    width,
                                );
                                let (Some(y), Some(column)) = (y, column) else { continue };
                                let a = x[((n * shape.in_channels + input) * height + y) * width + column];
                                let b = weights[((output * per_group + channel) * kernel_height + ky)
                                    * kernel_width
                                    + kx];
                                sum.value += f64::from(a) * f64::from(b);
                                sum.size += (f64::from(a) * f64::from(b)).abs();
                            }
                        }
                    }
                    out.push(activate(activation, sum));
                }
            }
        }
    }
    out
}

pub(crate) fn pool(shape: &PoolShape, kind: PoolKind, x: &[f32]) -> Vec<Sum> {
    let [height, width] = shape.input;
    let mut out = Vec::new();
    for plane in x.chunks_exact(height * width) {
        for oy in 0..shape.output[0] {
            for ox in 0..shape.output[1] {
                let mut elements = Vec::new();
                for ky in 0..shape.kernel[0] {
                    for kx in 0..shape.kernel[1] {
                        let y = pixel(oy, shape.stride[0], ky, shape.dilation[0], shape.padding[0], height);
                        let column =
                            pixel(ox, shape.stride[1], kx, shape.dilation[1], shape.padding[1], width);
                        if let (Some(y), Some(column)) = (y, column) {
                            elements.push(f64::from(plane[y * width + column]));
                        }
                    }
                }
                let value = match kind {
                    PoolKind::Max => elements.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                    PoolKind::Average { count_padding: true } => {
                        elements.iter().sum::<f64>() / (shape.kernel[0] * shape.kernel[1]) as f64
                    }
                    PoolKind::Average { count_padding: false } => {
                        elements.iter().sum::<f64>() / elements.len() as f64
                    }
                };
                out.push(Sum { value, size: 1.0 });
            }
        }
    }
    out
}

pub(crate) fn matmul(
    [inputs, outputs]: [usize; 2],
    x: &[f32],
    weights: &[f32],
    bias: Option<&[f32]>,
    residual: Option<&[f32]>,
    activation: Activation,
) -> Vec<Sum> {
    let mut out = Vec::new();
    for row in x.chunks_exact(inputs) {
        for output in 0..outputs {
            let start = bias.map_or(0.0, |bias| f64::from(bias[output]));
            let added = residual.map_or(0.0, |residual| f64::from(residual[out.len()]));
            let mut sum = Sum { value: start + added, size: start.abs() + added.abs() };
            for (input, value) in row.iter().enumerate() {
                let product = f64::from(*value) * f64::from(weights[input * outputs + output]);
                sum.value += product;
                sum.size += product.abs();
            }
            out.push(activate(activation, sum));
        }
    }
    out
}

pub(crate) fn softmax(columns: usize, x: &[f32]) -> Vec<Sum> {
    let mut out = Vec::new();
    for row in x.chunks_exact(columns) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = row.iter().map(|x| (f64::from(*x) - f64::from(largest)).exp()).collect();
        let sum: f64 = powers.iter().sum();
        out.extend(powers.iter().map(|power| Sum { value: power / sum, size: power / sum }));
    }
    out
}

pub(crate) fn layer_norm(
    x: &[f32],
    residual: Option<&[f32]>,
    scale: &[f32],
    bias: &[f32],
    epsilon: f32,
) -> Vec<Sum> {
    let columns = scale.len();
    let mut out = Vec::new();
    for (row, x) in x.chunks_exact(columns).enumerate() {
        let added =
            |column: usize| residual.map_or(0.0, |residual| f64::from(residual[row * columns + column]));
        let x: Vec<f64> = x.iter().enumerate().map(|(column, x)| f64::from(*x) + added(column)).collect();
        let mean = x.iter().sum::<f64>() / columns as f64;
        let variance = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / columns as f64;
        let factor = 1.0 / (variance + f64::from(epsilon)).sqrt();
        let normal = |(column, x): (usize, &f64)| {
            let value = (x - mean) * factor * f64::from(scale[column]) + f64::from(bias[column]);
            // The subtraction of the mean rounds in proportion to the values.
            Sum { value, size: value.abs() + factor * (x.abs() + mean.abs()) + 1.0 }
        };
        out.extend(x.iter().enumerate().map(normal));
    }
    out
}
