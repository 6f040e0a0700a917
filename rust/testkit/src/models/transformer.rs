//! Transformers: one block over vectors, and a whole sentence encoder over token ids.

mod layers;

use tandem_onnx::{BuildError, DataType, Dim, ModelBuilder, ModelProto, dims};

use layers::Layers;

/// Size of a transformer. The default is `all-MiniLM-L6`: 22.6 million weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransformerConfig {
    /// Number of blocks.
    pub layers: usize,
    /// Length of the vector of each token; a multiple of `heads`.
    pub hidden: usize,
    /// Attention heads.
    pub heads: usize,
    /// Length of the vectors inside the feed-forward part.
    pub feed_forward: usize,
    /// Number of known tokens.
    pub vocabulary: usize,
    /// Tokens of the longest text.
    pub positions: usize,
    /// The first dimension.
    pub batch: Dim,
    /// The second dimension: tokens of a text.
    pub sequence: Dim,
    /// Of the weights.
    pub seed: u64,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            layers: 6,
            hidden: 384,
            heads: 12,
            feed_forward: 1536,
            vocabulary: 30_522,
            positions: 512,
            batch: Dim::from("batch"),
            sequence: Dim::from("sequence"),
            seed: 1,
        }
    }
}

impl TransformerConfig {
    /// A transformer of the same topology that runs in milliseconds: two blocks, 32 numbers for each of a
    /// hundred tokens.
    pub fn small() -> Self {
        Self {
            layers: 2,
            hidden: 32,
            heads: 4,
            feed_forward: 64,
            vocabulary: 100,
            positions: 16,
            ..Self::default()
        }
    }

    fn tokens(&self) -> [Dim; 2] {
        dims![&self.batch, &self.sequence]
    }

    fn vectors(&self) -> [Dim; 3] {
        dims![&self.batch, &self.sequence, self.hidden]
    }
}

/// One encoder block (attention without a mask, GELU through `Erf`, layer norms after the sums):
/// `x` f32 `[batch, sequence, hidden]` to `y` of the same shape. `layers`, `vocabulary` and `positions` have no part in it.
pub fn transformer_block(config: &TransformerConfig) -> Result<ModelProto, BuildError> {
    let mut layers = Layers::new("transformer_block", config);
    layers.graph.input("x", DataType::Float32, config.vectors());
    let last = layers.block("block", "x", None);
    layers.graph.node("Identity", [last], ["y"]);
    layers.graph.output("y", DataType::Float32, config.vectors());
    ModelBuilder::new(layers.graph).build()
}

/// A sentence encoder like `MiniLM`.
///
/// `input_ids` and `attention_mask` (1 where a token counts, 0 where the text is filled up), both i64
/// `[batch, sequence]`, to `last_hidden_state` f32 `[batch, sequence, hidden]` and `sentence_embedding`
/// `[batch, hidden]`: the mean over the tokens that count, of length 1.
pub fn minilm(config: &TransformerConfig) -> Result<ModelProto, BuildError> {
    let mut layers = Layers::new("minilm", config);
    layers.graph.input("input_ids", DataType::Int64, config.tokens()).input(
        "attention_mask",
        DataType::Int64,
        config.tokens(),
    );
    let mut last = layers.embedding("input_ids");
    let mask = layers.mask("attention_mask");
    for index in 0..config.layers {
        last = layers.block(&format!("layer{index}"), &last, Some(&mask));
    }
    layers.graph.node("Identity", [&last], ["last_hidden_state"]);
    layers.mean_of_tokens(&last, "attention_mask", "sentence_embedding");
    layers.graph.output("last_hidden_state", DataType::Float32, config.vectors()).output(
        "sentence_embedding",
        DataType::Float32,
        dims![&config.batch, config.hidden],
    );
    ModelBuilder::new(layers.graph).build()
}
