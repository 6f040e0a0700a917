//! Residual networks.

use tandem_onnx::{BuildError, ModelProto};

use super::VisionConfig;
use super::layers::{Conv, Layers};

/// Width of the four stages before expansion.
const WIDTHS: [usize; 4] = [64, 128, 256, 512];
/// What a block adds is small, or the signal grows with the depth.
const RESIDUAL_GAIN: f32 = 0.2;

/// ResNet-18: `image` f32 `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`.
pub fn resnet18(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    resnet("resnet18", config, [2, 2, 2, 2], Block::Basic)
}

/// ResNet-50, with the stride in the 3 by 3 convolution: `image` f32
/// `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`.
pub fn resnet50(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    resnet("resnet50", config, [3, 4, 6, 3], Block::Bottleneck)
}

#[derive(Clone, Copy)]
enum Block {
    /// Two convolutions of 3 by 3.
    Basic,
    /// 1 by 1, 3 by 3, and 1 by 1 to four times the width.
    Bottleneck,
}

fn resnet(
    name: &str,
    config: &VisionConfig,
    repeats: [usize; 4],
    block: Block,
) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers(name);
    let mut channels = config.channels(64);
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 7).stride(2), 1.0);
    let stem = layers.relu(&stem);
    let mut last = layers.max_pool("stem.pool", &stem, 3, 2);
    for (stage, (width, repeats)) in WIDTHS.into_iter().zip(repeats).enumerate() {
        let width = config.channels(width);
        for index in 0..repeats {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let name = format!("layer{}.{index}", stage + 1);
            (last, channels) = block.add_to(&mut layers, &name, &last, channels, width, stride);
        }
    }
    config.finish(layers, &last, channels)
}

impl Block {
    /// The block's result and its number of channels.
    fn add_to(
        self,
        layers: &mut Layers,
        name: &str,
        input: &str,
        inputs: usize,
        width: usize,
        stride: usize,
    ) -> (String, usize) {
        let (outputs, convs) = match self {
            Self::Basic => {
                (width, vec![Conv::new(inputs, width, 3).stride(stride), Conv::new(width, width, 3)])
            }
            Self::Bottleneck => {
                let middle = Conv::new(width, width, 3).stride(stride);
                (4 * width, vec![Conv::new(inputs, width, 1), middle, Conv::new(width, 4 * width, 1)])
            }
        };
        let mut last = input.to_owned();
        let end = convs.len();
        for (index, conv) in convs.into_iter().enumerate() {
            let name = format!("{name}.conv{}", index + 1);
            if index + 1 < end {
                last = layers.conv_norm(&name, &last, conv, 1.0);
                last = layers.relu(&last);
            } else {
                last = layers.conv_norm(&name, &last, conv, RESIDUAL_GAIN);
            }
        }
        let shortcut = if stride == 1 && inputs == outputs {
            input.to_owned()
        } else {
            let conv = Conv::new(inputs, outputs, 1).stride(stride);
            layers.conv_norm(&format!("{name}.shortcut"), input, conv, 1.0)
        };
        let sum = layers.add(&format!("{name}.add"), &last, &shortcut);
        (layers.relu(&sum), outputs)
    }
}
