//! A tagger: a label for each word of a text, by recurrent layers.

use tandem_onnx::{BuildError, DataType, Dim, GraphBuilder, ModelBuilder, ModelProto, dims};

use super::vision::{as_float, as_int};
use crate::random::Random;

/// Size of a tagger. The default is that of usual taggers of names and parts of speech: 1.7 million weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggerConfig {
    /// Number of known words.
    pub vocabulary: usize,
    /// Length of the vector of each word.
    pub embedding: usize,
    /// Units of each direction, and of the layer above.
    pub hidden: usize,
    /// Number of labels.
    pub tags: usize,
    /// The first dimension.
    pub batch: Dim,
    /// The second dimension: words of a text.
    pub tokens: Dim,
    /// Of the weights.
    pub seed: u64,
}

impl Default for TaggerConfig {
    fn default() -> Self {
        Self {
            vocabulary: 10_000,
            embedding: 128,
            hidden: 128,
            tags: 37,
            batch: Dim::from("batch"),
            tokens: Dim::from("tokens"),
            seed: 1,
        }
    }
}

impl TaggerConfig {
    /// A tagger of the same topology that runs in milliseconds: ten numbers for each of a hundred words, nine units.
    pub fn small() -> Self {
        Self { vocabulary: 100, embedding: 10, hidden: 9, tags: 5, ..Self::default() }
    }
}

/// Word vectors, a bidirectional LSTM, a GRU, a dense layer and softmax, written as `PyTorch` exports them:
/// `input_ids` i64 `[batch, tokens]` to `tags` f32 `[batch, tokens, tags]`, the share of each label.
pub fn tagger(config: &TaggerConfig) -> Result<ModelProto, BuildError> {
    let TaggerConfig { vocabulary, embedding, hidden, tags, .. } = *config;
    let mut random = Random::new(config.seed);
    let mut graph = GraphBuilder::new("tagger");
    graph.input("input_ids", DataType::Int64, dims![&config.batch, &config.tokens]);
    graph
        .initializer("words.weight", &[vocabulary, embedding], &random.floats(vocabulary * embedding, 1.0))
        .initializer("join_directions", &[3], &[0, 0, as_int(2 * hidden)])
        .initializer("second", &[1], &[1_i64]);
    graph.node("Transpose", ["input_ids"], ["by_step"]).attr("perm", [1_i64, 0]);
    graph.node("Gather", ["words.weight", "by_step"], ["words"]);
    let weights = recurrent_weights(&mut graph, &mut random, "lstm", [2, 4, hidden, embedding]);
    graph
        .node("LSTM", ["words", &weights[0], &weights[1], &weights[2]], ["lstm"])
        .name("lstm")
        .attr("hidden_size", as_int(hidden))
        .attr("direction", "bidirectional");
    graph.node("Transpose", ["lstm"], ["lstm.turned"]).attr("perm", [0_i64, 2, 1, 3]);
    graph.node("Reshape", ["lstm.turned", "join_directions"], ["lstm.joined"]);
    let weights = recurrent_weights(&mut graph, &mut random, "gru", [1, 3, hidden, 2 * hidden]);
    graph
        .node("GRU", ["lstm.joined", &weights[0], &weights[1], &weights[2]], ["gru"])
        .name("gru")
        .attr("hidden_size", as_int(hidden))
        .attr("linear_before_reset", 1_i64);
    graph.node("Squeeze", ["gru", "second"], ["gru.states"]);
    graph.node("Transpose", ["gru.states"], ["by_text"]).attr("perm", [1_i64, 0, 2]);
    let bound = (3.0 / as_float(hidden)).sqrt();
    graph.initializer("dense.weight", &[hidden, tags], &random.floats(hidden * tags, bound)).initializer(
        "dense.bias",
        &[tags],
        &random.floats(tags, 0.1),
    );
    graph.node("MatMul", ["by_text", "dense.weight"], ["dense.product"]);
    graph.node("Add", ["dense.product", "dense.bias"], ["dense"]);
    graph.node("Softmax", ["dense"], ["tags"]).attr("axis", -1_i64);
    graph.output("tags", DataType::Float32, dims![&config.batch, &config.tokens, tags]);
    ModelBuilder::new(graph).build()
}

/// The names of the weights of inputs and state and of the biases, for so many directions, gates, units and inputs.
fn recurrent_weights(
    graph: &mut GraphBuilder,
    random: &mut Random,
    layer: &str,
    [directions, gates, hidden, inputs]: [usize; 4],
) -> [String; 3] {
    let names = ["weight", "state", "bias"].map(|part| format!("{layer}.{part}"));
    let bound = as_float(hidden).sqrt().recip();
    let sums = gates * hidden;
    for (name, shape) in names.iter().zip([
        &[directions, sums, inputs][..],
        &[directions, sums, hidden],
        &[directions, 2 * sums],
    ]) {
        graph.initializer(name, shape, &random.floats(shape.iter().product(), bound));
    }
    names
}
