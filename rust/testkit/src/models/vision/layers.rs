//! Layers of convolutional networks, with random weights that keep signals in range.

use tandem_onnx::GraphBuilder;

use crate::random::Random;

const EPSILON: f32 = 1e-5;

/// A square convolution.
#[derive(Clone, Copy)]
pub(super) struct Conv {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) groups: usize,
}

impl Conv {
    pub(super) fn new(inputs: usize, outputs: usize, kernel: usize) -> Self {
        Self { inputs, outputs, kernel, stride: 1, groups: 1 }
    }

    pub(super) fn stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// One kernel for each channel.
    pub(super) fn depthwise(self) -> Self {
        Self { groups: self.inputs, ..self }
    }
}

/// A network being built. Every layer is named, and its result has the layer's name.
pub(super) struct Layers {
    pub(super) graph: GraphBuilder,
    pub(super) random: Random,
    fold_batch_norm: bool,
}

impl Layers {
    pub(super) fn new(name: &str, seed: u64, fold_batch_norm: bool) -> Self {
        Self { graph: GraphBuilder::new(name), random: Random::new(seed), fold_batch_norm }
    }

    /// A convolution and its batch normalisation, whose scale is about `gain`; folded, the convolution
    /// alone, with weights and bias that compute the same.
    pub(super) fn conv_norm(&mut self, name: &str, input: &str, conv: Conv, gain: f32) -> String {
        let fan_in = conv.inputs / conv.groups * conv.kernel * conv.kernel;
        let mut weight = self.random.floats(conv.outputs * fan_in, (6.0 / as_float(fan_in)).sqrt());
        let norm = Norm::random(conv.outputs, gain, &mut self.random);
        if self.fold_batch_norm {
            let bias = norm.fold_into(&mut weight, fan_in);
            self.conv(name, input, name, conv, &weight, Some(&bias));
        } else {
            let raw = format!("{name}.conv");
            self.conv(name, input, &raw, conv, &weight, None);
            self.normalise(name, &raw, &norm);
        }
        name.to_owned()
    }

    /// A convolution with a bias and no normalisation.
    pub(super) fn conv_bias(&mut self, name: &str, input: &str, conv: Conv, gain: f32) -> String {
        let fan_in = conv.inputs / conv.groups * conv.kernel * conv.kernel;
        let weight = self.random.floats(conv.outputs * fan_in, gain * (6.0 / as_float(fan_in)).sqrt());
        let bias = self.random.floats(conv.outputs, 0.1);
        self.conv(name, input, name, conv, &weight, Some(&bias));
        name.to_owned()
    }

    fn conv(
        &mut self,
        name: &str,
        input: &str,
        output: &str,
        conv: Conv,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) {
        let weight_name = format!("{name}.weight");
        let shape = [conv.outputs, conv.inputs / conv.groups, conv.kernel, conv.kernel];
        self.graph.initializer(&weight_name, &shape, weight);
        let mut inputs = vec![input.to_owned(), weight_name];
        if let Some(bias) = bias {
            let bias_name = format!("{name}.bias");
            self.graph.initializer(&bias_name, &[conv.outputs], bias);
            inputs.push(bias_name);
        }
        self.graph
            .node("Conv", inputs, [output])
            .name(output)
            .attr("kernel_shape", [as_int(conv.kernel); 2])
            .attr("strides", [as_int(conv.stride); 2])
            .attr("pads", [as_int(conv.kernel / 2); 4])
            .attr("group", as_int(conv.groups));
    }

    fn normalise(&mut self, name: &str, input: &str, norm: &Norm) {
        let mut inputs = vec![input.to_owned()];
        let parts = [
            ("scale", &norm.scale),
            ("shift", &norm.shift),
            ("mean", &norm.mean),
            ("variance", &norm.variance),
        ];
        for (part, values) in parts {
            let part = format!("{name}.{part}");
            self.graph.initializer(&part, &[values.len()], values);
            inputs.push(part);
        }
        self.graph.node("BatchNormalization", inputs, [name]).name(name).attr("epsilon", EPSILON);
    }

    pub(super) fn relu(&mut self, input: &str) -> String {
        self.unary("Relu", "relu", input)
    }

    /// Values cut to 0 and 6.
    pub(super) fn relu6(&mut self, input: &str) -> String {
        let output = format!("{input}.relu6");
        self.graph.node("Clip", [input, "zero", "six"], [&output]).name(&output);
        output
    }

    /// The constants of [`relu6`](Self::relu6).
    pub(super) fn relu6_constants(&mut self) {
        self.graph.initializer("zero", &[], &[0.0_f32]).initializer("six", &[], &[6.0_f32]);
    }

    pub(super) fn add(&mut self, name: &str, left: &str, right: &str) -> String {
        self.graph.node("Add", [left, right], [name]).name(name);
        name.to_owned()
    }

    /// Channels of several results side by side.
    pub(super) fn concat(&mut self, name: &str, inputs: &[String]) -> String {
        self.graph.node("Concat", inputs, [name]).name(name).attr("axis", 1_i64);
        name.to_owned()
    }

    pub(super) fn max_pool(&mut self, name: &str, input: &str, kernel: usize, stride: usize) -> String {
        self.graph
            .node("MaxPool", [input], [name])
            .name(name)
            .attr("kernel_shape", [as_int(kernel); 2])
            .attr("strides", [as_int(stride); 2])
            .attr("pads", [as_int(kernel / 2); 4]);
        name.to_owned()
    }

    /// The mean of each channel, as `[batch, channels]`.
    pub(super) fn global_pool(&mut self, input: &str) -> String {
        let pooled = self.unary("GlobalAveragePool", "pool", input);
        self.graph.node("Flatten", [&pooled], ["features"]).name("features").attr("axis", 1_i64);
        "features".to_owned()
    }

    pub(super) fn dense(&mut self, name: &str, input: &str, inputs: usize, outputs: usize) -> String {
        let (weight, bias) = (format!("{name}.weight"), format!("{name}.bias"));
        let values = self.random.floats(inputs * outputs, (3.0 / as_float(inputs)).sqrt());
        self.graph.initializer(&weight, &[outputs, inputs], &values);
        self.graph.initializer(&bias, &[outputs], &self.random.floats(outputs, 0.1));
        self.graph.node("Gemm", [input, &weight, &bias], [name]).name(name).attr("transB", 1_i64);
        name.to_owned()
    }

    pub(super) fn unary(&mut self, operator: &str, suffix: &str, input: &str) -> String {
        let output = format!("{input}.{suffix}");
        self.graph.node(operator, [input], [&output]).name(&output);
        output
    }
}

/// The numbers of a batch normalisation, as training would leave them.
struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
    mean: Vec<f32>,
    variance: Vec<f32>,
}

impl Norm {
    fn random(channels: usize, gain: f32, random: &mut Random) -> Self {
        let mut around = |middle: f32, bound: f32| -> Vec<f32> {
            (0..channels).map(|_| middle + random.float(bound)).collect()
        };
        Self {
            scale: around(gain, 0.1 * gain),
            shift: around(0.0, 0.1),
            mean: around(0.0, 0.1),
            variance: around(1.0, 0.2),
        }
    }

    /// Scales the weights of each channel and gives the bias that is left.
    fn fold_into(&self, weight: &mut [f32], fan_in: usize) -> Vec<f32> {
        let mut bias = Vec::with_capacity(self.scale.len());
        for (channel, weights) in weight.chunks_exact_mut(fan_in).enumerate() {
            let factor = self.scale[channel] / (self.variance[channel] + EPSILON).sqrt();
            for weight in weights {
                *weight *= factor;
            }
            bias.push(self.shift[channel] - self.mean[channel] * factor);
        }
        bias
    }
}

#[allow(clippy::cast_precision_loss, reason = "layer sizes are far below 2²⁴")]
pub(in crate::models) fn as_float(size: usize) -> f32 {
    size as f32
}

pub(in crate::models) fn as_int(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
