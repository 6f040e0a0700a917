//! A segmenter in the form of U-Net.

use tandem_onnx::{BuildError, DataType, ModelBuilder, ModelProto, dims};

use super::VisionConfig;
use super::layers::{Conv, Layers, as_float, as_int};

/// Channels of each level; the last is the bottom.
const LEVELS: [usize; 5] = [32, 64, 128, 256, 512];

/// How the decoder doubles the sides of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upsampling {
    /// A transposed convolution of 2 by 2, as in the paper.
    Transposed,
    /// Every pixel four times, then a pointwise convolution.
    Nearest,
    /// Between the pixels, then a pointwise convolution.
    Linear,
}

/// In the form of U-Net (Ronneberger et al., MICCAI 2015) with half its channels, padding, and the given upsampling.
///
/// `image` f32 `[batch, 3, resolution, resolution]` to `mask` `[batch, classes, resolution, resolution]`, from nought to one.
pub fn unet(config: &VisionConfig, upsampling: Upsampling) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers("unet");
    if upsampling != Upsampling::Transposed {
        layers.graph.initializer("scales", &[4], &[1.0_f32, 1.0, 2.0, 2.0]);
    }
    let mut channels = 3;
    let mut last = "image".to_owned();
    let mut skips = Vec::new();
    for (level, outputs) in LEVELS.into_iter().enumerate() {
        if level > 0 {
            skips.push((last.clone(), channels));
            last = half(&mut layers, &format!("down{level}.pool"), &last);
        }
        let outputs = config.channels(outputs);
        last = twice(&mut layers, &format!("down{level}"), &last, [channels, outputs]);
        channels = outputs;
    }
    for (level, (skip, outputs)) in skips.into_iter().enumerate().rev() {
        let name = format!("up{level}");
        let up = double(&mut layers, &name, &last, [channels, outputs], upsampling);
        let joined = layers.concat(&format!("{name}.concat"), &[skip, up]);
        last = twice(&mut layers, &name, &joined, [2 * outputs, outputs]);
        channels = outputs;
    }
    layers.conv_bias("logits", &last, Conv::new(channels, config.classes, 1), 1.0);
    layers.graph.node("Sigmoid", ["logits"], ["mask"]).name("mask");
    let side = config.resolution;
    layers.graph.output("mask", DataType::Float32, dims![&config.batch, config.classes, side, side]);
    ModelBuilder::new(layers.graph).build()
}

fn twice(layers: &mut Layers, name: &str, input: &str, [inputs, outputs]: [usize; 2]) -> String {
    let first = layers.conv_norm(&format!("{name}.conv1"), input, Conv::new(inputs, outputs, 3), 1.0);
    let first = layers.relu(&first);
    let second = layers.conv_norm(&format!("{name}.conv2"), &first, Conv::new(outputs, outputs, 3), 1.0);
    layers.relu(&second)
}

/// The largest of every four pixels.
fn half(layers: &mut Layers, name: &str, input: &str) -> String {
    layers
        .graph
        .node("MaxPool", [input], [name])
        .name(name)
        .attr("kernel_shape", [2_i64; 2])
        .attr("strides", [2_i64; 2]);
    name.to_owned()
}

fn double(
    layers: &mut Layers,
    name: &str,
    input: &str,
    [inputs, outputs]: [usize; 2],
    upsampling: Upsampling,
) -> String {
    let up = format!("{name}.up");
    let mode = match upsampling {
        Upsampling::Transposed => {
            let (weight, bias) = (format!("{up}.weight"), format!("{up}.bias"));
            let values = layers.random.floats(inputs * outputs * 4, (3.0 / as_float(inputs)).sqrt());
            layers.graph.initializer(&weight, &[inputs, outputs, 2, 2], &values);
            let values = layers.random.floats(outputs, 0.1);
            layers.graph.initializer(&bias, &[outputs], &values);
            layers
                .graph
                .node("ConvTranspose", [input, &weight, &bias], [&up])
                .name(&up)
                .attr("kernel_shape", [as_int(2); 2])
                .attr("strides", [as_int(2); 2]);
            return up;
        }
        Upsampling::Nearest => "nearest",
        Upsampling::Linear => "linear",
    };
    let node = layers.graph.node("Resize", [input, "", "scales"], [&up]).name(&up).attr("mode", mode);
    if upsampling == Upsampling::Nearest {
        // As PyTorch exports it.
        node.attr("coordinate_transformation_mode", "asymmetric").attr("nearest_mode", "floor");
    } else {
        node.attr("coordinate_transformation_mode", "half_pixel");
    }
    layers.conv_norm(&format!("{name}.narrow"), &up, Conv::new(inputs, outputs, 1), 1.0)
}
