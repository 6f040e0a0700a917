//! Layers of transformers, written as `PyTorch` exports them.

use tandem_onnx::{DataType, GraphBuilder};

use super::TransformerConfig;
use crate::models::vision::{as_float, as_int};
use crate::random::Random;

/// A network being built. Every layer is named, and its result has the layer's name.
pub(super) struct Layers<'config> {
    pub(super) graph: GraphBuilder,
    config: &'config TransformerConfig,
    random: Random,
}

impl<'config> Layers<'config> {
    pub(super) fn new(name: &str, config: &'config TransformerConfig) -> Self {
        let mut graph = GraphBuilder::new(name);
        let head = config.hidden / config.heads.max(1);
        graph
            .initializer("one", &[], &[1.0_f32])
            .initializer("half", &[], &[0.5_f32])
            .initializer("sqrt2", &[], &[std::f32::consts::SQRT_2])
            .initializer("sqrt_head", &[], &[as_float(head).sqrt()])
            .initializer("split_heads", &[4], &[0, 0, as_int(config.heads), as_int(head)])
            .initializer("join_heads", &[3], &[0, 0, as_int(config.hidden)]);
        Self { graph, config, random: Random::new(config.seed) }
    }

    /// Attention, feed-forward part, and the layer norms behind them.
    pub(super) fn block(&mut self, name: &str, input: &str, mask: Option<&str>) -> String {
        let (hidden, wide) = (self.config.hidden, self.config.feed_forward);
        let attention = self.attention(&format!("{name}.attention"), input, mask);
        let sum = self.node("Add", &format!("{name}.attention.sum"), &[&attention, input]);
        let middle = self.layer_norm(&format!("{name}.attention.norm"), &sum);
        let up = self.dense(&format!("{name}.up"), &middle, hidden, wide);
        let active = self.gelu(&up);
        let down = self.dense(&format!("{name}.down"), &active, wide, hidden);
        let sum = self.node("Add", &format!("{name}.sum"), &[&down, &middle]);
        self.layer_norm(&format!("{name}.norm"), &sum)
    }

    fn attention(&mut self, name: &str, input: &str, mask: Option<&str>) -> String {
        let query = self.heads(&format!("{name}.query"), input, [0, 2, 1, 3]);
        let key = self.heads(&format!("{name}.key"), input, [0, 2, 3, 1]);
        let value = self.heads(&format!("{name}.value"), input, [0, 2, 1, 3]);
        let scores = self.node("MatMul", &format!("{name}.scores"), &[&query, &key]);
        let mut scores = self.node("Div", &format!("{name}.scaled"), &[&scores, "sqrt_head"]);
        if let Some(mask) = mask {
            scores = self.node("Add", &format!("{name}.masked"), &[&scores, mask]);
        }
        let weights = format!("{name}.softmax");
        self.graph.node("Softmax", [scores], [&weights]).name(&weights).attr("axis", -1_i64);
        let context = self.node("MatMul", &format!("{name}.context"), &[&weights, &value]);
        let turned = self.transpose(&format!("{name}.turned"), &context, [0, 2, 1, 3]);
        let joined = self.node("Reshape", &format!("{name}.joined"), &[&turned, "join_heads"]);
        self.dense(&format!("{name}.output"), &joined, self.config.hidden, self.config.hidden)
    }

    /// A dense layer cut into heads.
    fn heads(&mut self, name: &str, input: &str, order: [i64; 4]) -> String {
        let all = self.dense(name, input, self.config.hidden, self.config.hidden);
        let cut = self.node("Reshape", &format!("{name}.heads"), &[&all, "split_heads"]);
        self.transpose(&format!("{name}.turned"), &cut, order)
    }

    fn dense(&mut self, name: &str, input: &str, inputs: usize, outputs: usize) -> String {
        let (weight, bias, product) =
            (format!("{name}.weight"), format!("{name}.bias"), format!("{name}.product"));
        let values = self.random.floats(inputs * outputs, (3.0 / as_float(inputs)).sqrt());
        self.graph.initializer(&weight, &[inputs, outputs], &values);
        self.graph.initializer(&bias, &[outputs], &self.random.floats(outputs, 0.1));
        self.node("MatMul", &product, &[input, &weight]);
        self.node("Add", name, &[&product, &bias])
    }

    fn layer_norm(&mut self, name: &str, input: &str) -> String {
        let hidden = self.config.hidden;
        let (scale, shift) = (format!("{name}.scale"), format!("{name}.shift"));
        let scales: Vec<f32> = (0..hidden).map(|_| 1.0 + self.random.float(0.1)).collect();
        self.graph.initializer(&scale, &[hidden], &scales);
        self.graph.initializer(&shift, &[hidden], &self.random.floats(hidden, 0.1));
        self.graph
            .node("LayerNormalization", [input, &scale, &shift], [name])
            .name(name)
            .attr("axis", -1_i64)
            .attr("epsilon", 1e-5_f32);
        name.to_owned()
    }

    /// `x · (1 + erf(x / √2)) · ½`.
    fn gelu(&mut self, input: &str) -> String {
        let scaled = self.node("Div", &format!("{input}.scaled"), &[input, "sqrt2"]);
        let erf = self.node("Erf", &format!("{input}.erf"), &[&scaled]);
        let sum = self.node("Add", &format!("{input}.one_more"), &[&erf, "one"]);
        let product = self.node("Mul", &format!("{input}.gated"), &[input, &sum]);
        self.node("Mul", &format!("{input}.gelu"), &[&product, "half"])
    }

    /// Vectors of the tokens and of their places, added and normalised. The places come from the shape of `ids`.
    pub(super) fn embedding(&mut self, ids: &str) -> String {
        let (vocabulary, positions, hidden) =
            (self.config.vocabulary, self.config.positions, self.config.hidden);
        let words = self.random.floats(vocabulary * hidden, 1.0);
        let places = self.random.floats(positions * hidden, 1.0);
        self.graph
            .initializer("embedding.words.weight", &[vocabulary, hidden], &words)
            .initializer("embedding.places.weight", &[positions, hidden], &places)
            .initializer("first", &[1], &[0_i64])
            .initializer("second", &[1], &[1_i64]);
        let words = self.node("Gather", "embedding.words", &["embedding.words.weight", ids]);
        let shape = self.node("Shape", "embedding.shape", &[ids]);
        let length = self.node("Gather", "embedding.length", &[&shape, "second"]);
        let places = ["embedding.places.weight", "first", &length, "first"];
        let places = self.node("Slice", "embedding.places", &places);
        let sum = self.node("Add", "embedding.sum", &[&words, &places]);
        self.layer_norm("embedding.norm", &sum)
    }

    /// What is added to the scores: 0 where a token counts, -10,000 where it does not, as
    /// `[batch, 1, 1, sequence]`.
    pub(super) fn mask(&mut self, mask: &str) -> String {
        self.graph.initializer("heads_and_queries", &[2], &[1_i64, 2]).initializer(
            "excluded",
            &[],
            &[-10_000.0_f32],
        );
        let wide = self.node("Unsqueeze", "mask.wide", &[mask, "heads_and_queries"]);
        let float = self.cast_to_float("mask.float", &wide);
        let absent = self.node("Sub", "mask.absent", &["one", &float]);
        self.node("Mul", "mask.bias", &[&absent, "excluded"])
    }

    /// The mean of the tokens that count, brought to length 1.
    pub(super) fn mean_of_tokens(&mut self, tokens: &str, mask: &str, output: &str) {
        self.graph
            .initializer("last_axis", &[1], &[-1_i64])
            .initializer("token_axis", &[1], &[1_i64])
            .initializer("tiny", &[], &[1e-9_f32]);
        let float = self.cast_to_float("pool.float", mask);
        let mask = self.node("Unsqueeze", "pool.mask", &[&float, "last_axis"]);
        let kept = self.node("Mul", "pool.kept", &[tokens, &mask]);
        let sum = self.reduce("ReduceSum", "pool.sum", &kept);
        let count = self.reduce("ReduceSum", "pool.count", &mask);
        let count = self.node("Max", "pool.at_least", &[&count, "tiny"]);
        let mean = self.node("Div", "pool.mean", &[&sum, &count]);
        self.graph
            .node("LpNormalization", [mean], [output])
            .name(output)
            .attr("axis", -1_i64)
            .attr("p", 2_i64);
    }

    fn reduce(&mut self, operator: &str, name: &str, input: &str) -> String {
        self.graph.node(operator, [input, "token_axis"], [name]).name(name).attr("keepdims", 0_i64);
        name.to_owned()
    }

    fn cast_to_float(&mut self, name: &str, input: &str) -> String {
        let float = i64::from(DataType::Float32.number());
        self.graph.node("Cast", [input], [name]).name(name).attr("to", float);
        name.to_owned()
    }

    fn transpose(&mut self, name: &str, input: &str, order: [i64; 4]) -> String {
        self.graph.node("Transpose", [input], [name]).name(name).attr("perm", order);
        name.to_owned()
    }

    fn node(&mut self, operator: &str, name: &str, inputs: &[&str]) -> String {
        self.graph.node(operator, inputs.iter().copied(), [name]).name(name);
        name.to_owned()
    }
}
