//! A small single-shot detector.

use tandem_onnx::{BuildError, DataType, ModelBuilder, ModelProto, dims};

use super::layers::{Conv, Layers};
use super::{VisionConfig, as_int};

/// Channels and stride of each depthwise separable convolution of the trunk, and the boxes at each of its pixels where a head
/// looks at it.
const TRUNK: [(usize, usize, usize); 13] = [
    (32, 1, 0),
    (32, 2, 0),
    (32, 1, 0),
    (64, 2, 0),
    (64, 1, 0),
    (64, 1, 0),
    (64, 1, 3),
    (128, 2, 0),
    (128, 1, 0),
    (128, 1, 2),
    (256, 2, 0),
    (256, 1, 2),
    (256, 2, 3),
];

/// A detector in the form of those that find faces on phones: a narrow trunk of depthwise separable convolutions, and at four
/// sizes two heads that each give a few boxes for every pixel.
///
/// `image` f32 `[batch, 3, resolution, resolution × 4 ÷ 3]` to `scores` `[batch, boxes, classes]`, of which those of a box sum
/// to one, and `boxes` `[batch, boxes, 4]`. The resolution is a multiple of 48; 240 gives 4,420 boxes.
pub fn ssd(config: &VisionConfig) -> Result<ModelProto, BuildError> {
    let mut layers = Layers::new("ssd", config.seed, config.fold_batch_norm);
    let dims = dims![&config.batch, 3, config.resolution, config.resolution / 3 * 4];
    layers.graph.input("image", DataType::Float32, dims);
    let mut channels = config.channels(16);
    let stem = layers.conv_norm("stem", "image", Conv::new(3, channels, 3).stride(2), 1.0);
    let mut last = layers.relu(&stem);
    let mut heads = [Vec::new(), Vec::new()];
    for (index, (outputs, stride, boxes)) in TRUNK.into_iter().enumerate() {
        let name = format!("trunk{index}");
        if index + 1 == TRUNK.len() {
            let narrow = config.channels(64);
            let squeeze = layers.conv_norm("extra", &last, Conv::new(channels, narrow, 1), 1.0);
            (last, channels) = (layers.relu(&squeeze), narrow);
        }
        let outputs = config.channels(outputs);
        let depthwise = Conv::new(channels, channels, 3).stride(stride).depthwise();
        let filtered = layers.conv_norm(&format!("{name}.depthwise"), &last, depthwise, 1.0);
        let filtered = layers.relu(&filtered);
        let mixed = layers.conv_norm(&name, &filtered, Conv::new(channels, outputs, 1), 1.0);
        (last, channels) = (layers.relu(&mixed), outputs);
        if boxes > 0 {
            for (head, (kind, size)) in heads.iter_mut().zip([("score", config.classes), ("box", 4)]) {
                let name = format!("{kind}{index}");
                head.push(add_head(&mut layers, &name, &last, channels, [boxes, size]));
            }
        }
    }
    let [scores, boxes] = heads;
    layers.graph.node("Concat", scores, ["logits"]).name("logits").attr("axis", 1_i64);
    layers.graph.node("Softmax", ["logits"], ["scores"]).name("scores").attr("axis", 2_i64);
    layers.graph.node("Concat", boxes, ["boxes"]).name("boxes").attr("axis", 1_i64);
    layers.graph.output("scores", DataType::Float32, dims![&config.batch, "boxes", config.classes]);
    layers.graph.output("boxes", DataType::Float32, dims![&config.batch, "boxes", 4]);
    ModelBuilder::new(layers.graph).build()
}

/// `size` numbers for each of `boxes` at every pixel: `[batch, pixels × boxes, size]`.
fn add_head(
    layers: &mut Layers,
    name: &str,
    input: &str,
    channels: usize,
    [boxes, size]: [usize; 2],
) -> String {
    let depthwise = Conv::new(channels, channels, 3).depthwise();
    let filtered = layers.conv_bias(&format!("{name}.depthwise"), input, depthwise, 1.0);
    let filtered = layers.relu(&filtered);
    let mixed =
        layers.conv_bias(&format!("{name}.conv"), &filtered, Conv::new(channels, boxes * size, 1), 1.0);
    let (last, shape, out) = (format!("{name}.last"), format!("{name}.shape"), format!("{name}.rows"));
    layers.graph.node("Transpose", [&mixed], [&last]).name(&last).attr("perm", vec![0_i64, 2, 3, 1]);
    layers.graph.initializer(&shape, &[3], &[0, -1, as_int(size)]);
    layers.graph.node("Reshape", [&last, &shape], [&out]).name(&out);
    out
}
