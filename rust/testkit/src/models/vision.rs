//! Convolutional networks with the topology of well-known ones and random weights.

mod alexnet;
mod gates;
mod layers;
mod mobile;
mod resnet;
mod ssd;
mod unet;

use tandem_onnx::{BuildError, DataType, Dim, ModelBuilder, ModelProto, dims};

pub use alexnet::alexnet;
use layers::{Conv, Layers};
pub(super) use layers::{as_float, as_int};
pub use mobile::{efficientnet_b0, efficientnet_lite0, mobilenet_v3};
pub use resnet::{resnet18, resnet50};
pub use ssd::ssd;
pub use unet::{Upsampling, unet};

/// Size and form of a network. The default is the published one, over a symbolic batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisionConfig {
    /// Height and width of the input, a multiple of 32 that is not nought.
    pub resolution: usize,
    /// Every number of channels is divided by this and brought to a multiple of eight.
    pub channel_divisor: usize,
    /// Number of classes.
    pub classes: usize,
    /// The first dimension.
    pub batch: Dim,
    /// Whether batch normalisations are folded into the convolutions before them, as exporters do.
    /// Either way the network computes the same.
    pub fold_batch_norm: bool,
    /// Of the weights.
    pub seed: u64,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            resolution: 224,
            channel_divisor: 1,
            classes: 1000,
            batch: Dim::from("batch"),
            fold_batch_norm: true,
            seed: 1,
        }
    }
}

impl VisionConfig {
    /// A network of the same topology that runs in milliseconds: 32 by 32 pixels, an eighth of the channels,
    /// ten classes.
    pub fn small() -> Self {
        Self { resolution: 32, channel_divisor: 8, classes: 10, ..Self::default() }
    }

    fn channels(&self, published: usize) -> usize {
        (published / self.channel_divisor.max(1)).div_ceil(8).max(1) * 8
    }

    fn layers(&self, name: &str) -> Layers {
        let mut layers = Layers::new(name, self.seed, self.fold_batch_norm);
        let dims = dims![&self.batch, 3, self.resolution, self.resolution];
        layers.graph.input("image", DataType::Float32, dims);
        layers
    }

    /// Pooling, the classifier and the output `logits`.
    fn finish(&self, mut layers: Layers, last: &str, channels: usize) -> Result<ModelProto, BuildError> {
        let features = layers.global_pool(last);
        self.classify(layers, &features, channels)
    }

    /// The classifier over that many features, and the output `logits`.
    fn classify(&self, mut layers: Layers, features: &str, count: usize) -> Result<ModelProto, BuildError> {
        layers.dense("logits", features, count, self.classes);
        layers.graph.output("logits", DataType::Float32, dims![&self.batch, self.classes]);
        ModelBuilder::new(layers.graph).build()
    }
}

/// Expansion, channels, repeats and stride of each stage of `MobileNetV2`.
const MOBILENET_V2: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// `MobileNetV2`: `image` f32 `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`. Any resolution will do.
pub fn mobilenet_v2(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers("mobilenet_v2");
    layers.relu6_constants();
    let mut channels = config.channels(32);
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 3).stride(2), 1.0);
    let mut last = layers.relu6(&stem);
    for (stage, (expansion, outputs, repeats, stride)) in MOBILENET_V2.into_iter().enumerate() {
        for block in 0..repeats {
            let inputs = channels;
            channels = config.channels(outputs);
            let shape = InvertedResidual {
                inputs,
                outputs: channels,
                expansion,
                stride: if block == 0 { stride } else { 1 },
            };
            last = shape.add_to(&mut layers, &format!("stage{stage}.{block}"), &last);
        }
    }
    let wide = config.channels(1280);
    let head = layers.conv_norm("head", &last, Conv::new(channels, wide, 1), 1.0);
    let head = layers.relu6(&head);
    config.finish(layers, &head, wide)
}

struct InvertedResidual {
    inputs: usize,
    outputs: usize,
    expansion: usize,
    stride: usize,
}

impl InvertedResidual {
    fn add_to(&self, layers: &mut Layers, name: &str, input: &str) -> String {
        let hidden = self.inputs * self.expansion;
        let mut last = input.to_owned();
        if self.expansion != 1 {
            let expand = Conv::new(self.inputs, hidden, 1);
            last = layers.conv_norm(&format!("{name}.expand"), &last, expand, 1.0);
            last = layers.relu6(&last);
        }
        let depthwise = Conv::new(hidden, hidden, 3).stride(self.stride).depthwise();
        last = layers.conv_norm(&format!("{name}.depthwise"), &last, depthwise, 1.0);
        last = layers.relu6(&last);
        let residual = self.stride == 1 && self.inputs == self.outputs;
        // What is added many times over must be small, or the signal grows with the depth.
        let gain = if residual { 0.5 } else { 1.0 };
        last = layers.conv_norm(&format!("{name}.project"), &last, Conv::new(hidden, self.outputs, 1), gain);
        if residual {
            last = layers.add(&format!("{name}.add"), &last, input);
        }
        last
    }
}

/// A branchy network: two inception blocks of four branches, each with a residual connection around it.
///
/// `image` f32 `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]` and `features`
/// `[batch, 64]` (64 divided by the divisor).
pub fn branchy(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers("branchy");
    let quarter = config.channels(16);
    let channels = 4 * quarter;
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 3).stride(2), 1.0);
    let mut last = layers.relu(&stem);
    for block in 0..2 {
        last = inception(&mut layers, &format!("block{block}"), &last, quarter);
    }
    layers.graph.output("features", DataType::Float32, dims![&config.batch, channels]);
    config.finish(layers, &last, channels)
}

/// Branches of 1, 3 and 5 pixels and of a pool, side by side, added to what came in.
fn inception(layers: &mut Layers, name: &str, input: &str, quarter: usize) -> String {
    let channels = 4 * quarter;
    let mut branches =
        vec![layers.conv_norm(&format!("{name}.one"), input, Conv::new(channels, quarter, 1), 0.5)];
    for (branch, kernel) in [("three", 3), ("five", 5)] {
        let narrow = Conv::new(channels, quarter, 1);
        let narrow = layers.conv_norm(&format!("{name}.{branch}.narrow"), input, narrow, 1.0);
        let narrow = layers.relu(&narrow);
        let wide = Conv::new(quarter, quarter, kernel);
        branches.push(layers.conv_norm(&format!("{name}.{branch}"), &narrow, wide, 0.5));
    }
    let pooled = layers.max_pool(&format!("{name}.pool"), input, 3, 1);
    let project = Conv::new(channels, quarter, 1);
    branches.push(layers.conv_norm(&format!("{name}.pooled"), &pooled, project, 0.5));
    let joined = layers.concat(&format!("{name}.concat"), &branches);
    let sum = layers.add(&format!("{name}.add"), &joined, input);
    layers.relu(&sum)
}
