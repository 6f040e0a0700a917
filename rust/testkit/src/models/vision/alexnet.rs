//! A network in the form of `AlexNet` with a narrow middle.

use tandem_onnx::{BuildError, DataType, ModelBuilder, ModelProto, dims};

use super::layers::{Conv, Layers};
use super::{VisionConfig, as_int};

/// In the form of `AlexNet` (Krizhevsky et al., `NeurIPS` 2012; channels as in torchvision's): early layers with large results, then a
/// narrow middle of 32 channels, then wide dense layers. Where a network is best cut is nowhere clearer.
///
/// `image` f32 `[batch, 3, resolution, resolution]` to `logits` `[batch, classes]`. The middle and half as wide dense layers are
/// not `AlexNet`'s: they keep the file below 50 MB.
pub fn alexnet(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    let mut layers = config.layers("alexnet");
    let mut last = "image".to_owned();
    let mut channels = 3;
    // Channels, kernel, stride, and whether a pool halves the picture after it.
    let convolutions =
        [(64, 11, 4, true), (192, 5, 1, true), (384, 3, 1, false), (256, 3, 1, false), (256, 3, 1, true)];
    for (index, (outputs, kernel, stride, pooled)) in convolutions.into_iter().enumerate() {
        let outputs = config.channels(outputs);
        let conv = Conv::new(channels, outputs, kernel).stride(stride);
        last = layers.conv_norm(&format!("conv{index}"), &last, conv, 1.0);
        last = layers.relu(&last);
        if pooled {
            last = layers.max_pool(&format!("pool{index}"), &last, 3, 2);
        }
        channels = outputs;
    }
    let narrow = config.channels(32);
    last = layers.conv_norm("narrow", &last, Conv::new(channels, narrow, 1), 1.0);
    last = layers.relu(&last);
    let side = config.resolution / 32;
    let wide = config.channels(2048);
    last = flatten(&mut layers, &last);
    let mut inputs = narrow * side * side;
    for name in ["dense0", "dense1"] {
        layers.dense(name, &last, inputs, wide);
        last = layers.relu(name);
        inputs = wide;
    }
    layers.dense("logits", &last, inputs, config.classes);
    layers.graph.output("logits", DataType::Float32, dims![&config.batch, config.classes]);
    ModelBuilder::new(layers.graph).build()
}

fn flatten(layers: &mut Layers, input: &str) -> String {
    layers.graph.node("Flatten", [input], ["flat"]).name("flat").attr("axis", as_int(1));
    "flat".to_owned()
}
