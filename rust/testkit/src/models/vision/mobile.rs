//! Networks of inverted residual blocks with squeeze and excitation, other curves and larger kernels.

use tandem_onnx::{BuildError, ModelProto};

use super::VisionConfig;
use super::gates::{Curve, Gate};
use super::layers::{Conv, Layers};

/// Kernel, expanded channels, channels, squeeze and excitation, `HardSwish`, and stride of each block of `MobileNetV3-Large`.
const MOBILENET_V3: [(usize, usize, usize, bool, bool, usize); 15] = [
    (3, 16, 16, false, false, 1),
    (3, 64, 24, false, false, 2),
    (3, 72, 24, false, false, 1),
    (5, 72, 40, true, false, 2),
    (5, 120, 40, true, false, 1),
    (5, 120, 40, true, false, 1),
    (3, 240, 80, false, true, 2),
    (3, 200, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 184, 80, false, true, 1),
    (3, 480, 112, true, true, 1),
    (3, 672, 112, true, true, 1),
    (5, 672, 160, true, true, 2),
    (5, 960, 160, true, true, 1),
    (5, 960, 160, true, true, 1),
];

/// Expansion, kernel, stride, channels and repeats of each stage of `EfficientNet-B0` and `-Lite0`.
const EFFICIENTNET: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
];

/// In the form of `MobileNetV3-Large` (Howard et al., ICCV 2019; channels as in torchvision's): squeeze and excitation with
/// `HardSigmoid`, `HardSwish`. `image` f32 `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`.
pub fn mobilenet_v3(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers("mobilenet_v3");
    let mut channels = config.channels(16);
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 3).stride(2), 1.4);
    let mut last = layers.curve(Curve::HardSwish, &stem);
    for (index, (kernel, hidden, outputs, squeeze, swish, stride)) in MOBILENET_V3.into_iter().enumerate() {
        let hidden = config.channels(hidden);
        let block = Block {
            inputs: channels,
            hidden,
            outputs: config.channels(outputs),
            kernel,
            stride,
            curve: if swish { Curve::HardSwish } else { Curve::Relu },
            squeeze: squeeze.then(|| (config.channels(hidden / 4), Curve::Relu, Gate::HardSigmoid)),
        };
        last = block.add_to(&mut layers, &format!("block{index}"), &last);
        channels = block.outputs;
    }
    let wide = config.channels(960);
    let head = layers.conv_norm("head", &last, Conv::new(channels, wide, 1), 1.4);
    let head = layers.curve(Curve::HardSwish, &head);
    let pooled = layers.global_pool(&head);
    let inner = config.channels(1280);
    layers.dense("dense", &pooled, wide, inner);
    let features = layers.curve(Curve::HardSwish, "dense");
    config.classify(layers, &features, inner)
}

/// In the form of `EfficientNet-Lite0`: Relu6, no squeeze and excitation. `image` f32
/// `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`.
pub fn efficientnet_lite0(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    efficientnet("efficientnet_lite0", config, Curve::Relu6, false)
}

/// In the form of `EfficientNet-B0` (Tan and Le, ICML 2019): `SiLU`, squeeze and excitation with `Sigmoid`. `image` f32
/// `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`.
pub fn efficientnet_b0(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    efficientnet("efficientnet_b0", config, Curve::Silu, true)
}

fn efficientnet(
    name: &str,
    config: &VisionConfig,
    curve: Curve,
    squeeze: bool,
) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers(name);
    if curve == Curve::Relu6 {
        layers.relu6_constants();
    }
    let mut channels = config.channels(32);
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 3).stride(2), 1.0);
    let mut last = layers.curve(curve, &stem);
    for (stage, (expansion, kernel, stride, outputs, repeats)) in EFFICIENTNET.into_iter().enumerate() {
        for index in 0..repeats {
            let block = Block {
                inputs: channels,
                hidden: channels * expansion,
                outputs: config.channels(outputs),
                kernel,
                stride: if index == 0 { stride } else { 1 },
                curve,
                squeeze: squeeze.then_some((channels / 4, Curve::Silu, Gate::Sigmoid)),
            };
            last = block.add_to(&mut layers, &format!("stage{stage}.{index}"), &last);
            channels = block.outputs;
        }
    }
    let wide = config.channels(1280);
    let head = layers.conv_norm("head", &last, Conv::new(channels, wide, 1), 1.0);
    let head = layers.curve(curve, &head);
    config.finish(layers, &head, wide)
}

/// An inverted residual block.
struct Block {
    inputs: usize,
    hidden: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    curve: Curve,
    /// Channels between the two convolutions of the squeeze and excitation, and the curves behind them.
    squeeze: Option<(usize, Curve, Gate)>,
}

impl Block {
    fn add_to(&self, layers: &mut Layers, name: &str, input: &str) -> String {
        let mut last = input.to_owned();
        if self.hidden != self.inputs {
            let expand = Conv::new(self.inputs, self.hidden, 1);
            last = layers.conv_norm(&format!("{name}.expand"), &last, expand, 1.0);
            last = layers.curve(self.curve, &last);
        }
        let depthwise = Conv::new(self.hidden, self.hidden, self.kernel).stride(self.stride).depthwise();
        last = layers.conv_norm(&format!("{name}.depthwise"), &last, depthwise, 1.0);
        last = layers.curve(self.curve, &last);
        let mut gain = 1.0;
        if let Some((squeezed, curve, gate)) = self.squeeze {
            let sizes = [self.hidden, squeezed.max(1)];
            last = layers.squeeze_excite(&format!("{name}.squeeze"), &last, sizes, (curve, gate));
            // The gates are about a half.
            gain = 2.0;
        }
        let residual = self.stride == 1 && self.inputs == self.outputs;
        if residual {
            // What is added many times over must be small, or the signal grows with the depth.
            gain *= 0.5;
        }
        let project = Conv::new(self.hidden, self.outputs, 1);
        last = layers.conv_norm(&format!("{name}.project"), &last, project, gain);
        if residual {
            last = layers.add(&format!("{name}.add"), &last, input);
        }
        last
    }
}
