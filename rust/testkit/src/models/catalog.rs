//! Every model by name.

use tandem_core::{DType, NamedTensors, Tensor, TensorError};
use tandem_onnx::{BuildError, ModelProto, dims};

use super::arithmetic::{add, classifier, mixed};
use super::dtypes::identity;
use super::functions::layers;
use super::inputs::{InputsError, random_inputs};
use super::runtime_shapes::CASES;
use super::slow::matmul_chain;
use super::tagger::{TaggerConfig, tagger};
use super::transformer::{TransformerConfig, minilm, transformer_block};
use super::vision::{
    Upsampling, VisionConfig, alexnet, branchy, efficientnet_b0, efficientnet_lite0, mobilenet_v2,
    mobilenet_v3, resnet18, resnet50, ssd, unet,
};

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Tests: less than two megabytes, runs in milliseconds.
    Test,
    /// Benchmarks: of real size, up to 100 MB.
    Bench,
}

type Build = Box<dyn Fn() -> Result<ModelProto, BuildError> + Send + Sync>;

/// A model of the [`catalog()`].
pub struct Entry {
    name: String,
    suite: Suite,
    build: Build,
    given: Vec<(&'static str, Tensor)>,
}

impl Entry {
    fn new(
        name: impl Into<String>,
        suite: Suite,
        build: impl Fn() -> Result<ModelProto, BuildError> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), suite, build: Box::new(build), given: Vec::new() }
    }

    fn given(self, given: Vec<(&'static str, Tensor)>) -> Self {
        Self { given, ..self }
    }

    /// Name of the model, fit for a file and a server. Unique.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the model is for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// The model, made anew.
    pub fn model(&self) -> Result<ModelProto, BuildError> {
        (self.build)()
    }

    /// Inputs to try `model` on, the same for the same seed; `model` is this entry's.
    pub fn inputs(&self, model: &ModelProto, seed: u64) -> Result<NamedTensors, InputsError> {
        random_inputs(model, &self.given, seed)
    }
}

/// Every model, the small ones first.
pub fn catalog() -> Result<Vec<Entry>, TensorError> {
    let mut entries = small()?;
    entries.extend([
        Entry::new("mobilenet_v2", Suite::Bench, || mobilenet_v2(&VisionConfig::default())),
        Entry::new("resnet18", Suite::Bench, || resnet18(&VisionConfig::default())),
        Entry::new("resnet50", Suite::Bench, || resnet50(&VisionConfig::default())),
        Entry::new("alexnet", Suite::Bench, || alexnet(&VisionConfig::default())),
        Entry::new("mobilenet_v3", Suite::Bench, || mobilenet_v3(&VisionConfig::default())),
        Entry::new("efficientnet_lite0", Suite::Bench, || efficientnet_lite0(&VisionConfig::default())),
        Entry::new("efficientnet_b0", Suite::Bench, || efficientnet_b0(&VisionConfig::default())),
        Entry::new("ssd", Suite::Bench, || ssd(&detector(VisionConfig::default(), 240))),
        Entry::new("unet", Suite::Bench, || {
            unet(&segmenter(VisionConfig::default()), Upsampling::Transposed)
        }),
        Entry::new("unet_bilinear", Suite::Bench, || {
            unet(&segmenter(VisionConfig::default()), Upsampling::Linear)
        }),
        Entry::new("minilm", Suite::Bench, || minilm(&TransformerConfig::default())).given(padded_text()?),
        Entry::new("tagger", Suite::Bench, || tagger(&TaggerConfig::default())),
    ]);
    Ok(entries)
}

fn small() -> Result<Vec<Entry>, TensorError> {
    let unfolded = VisionConfig { fold_batch_norm: false, ..VisionConfig::small() };
    let unfolded_too = unfolded.clone();
    let mut entries: Vec<Entry> = DType::ALL
        .into_iter()
        .map(|dtype| {
            Entry::new(format!("identity_{dtype}"), Suite::Test, move || {
                identity(dtype, &dims!["rows", "columns"])
            })
        })
        .collect();
    entries.extend([
        Entry::new("add", Suite::Test, add),
        Entry::new("mixed", Suite::Test, mixed),
        Entry::new("classifier", Suite::Test, || classifier(1)),
        Entry::new("functions", Suite::Test, layers),
        Entry::new("matmul_chain", Suite::Test, || matmul_chain(16, 16)),
        Entry::new("branchy", Suite::Test, || branchy(&VisionConfig::small())),
        Entry::new("mobilenet_v2_small", Suite::Test, || mobilenet_v2(&VisionConfig::small())),
        Entry::new("mobilenet_v2_unfolded", Suite::Test, move || mobilenet_v2(&unfolded)),
        Entry::new("resnet18_small", Suite::Test, || resnet18(&VisionConfig::small())),
        Entry::new("alexnet_small", Suite::Test, || alexnet(&VisionConfig::small())),
        Entry::new("mobilenet_v3_small", Suite::Test, || mobilenet_v3(&VisionConfig::small())),
        Entry::new("mobilenet_v3_unfolded", Suite::Test, move || mobilenet_v3(&unfolded_too)),
        Entry::new("efficientnet_lite0_small", Suite::Test, || efficientnet_lite0(&VisionConfig::small())),
        Entry::new("efficientnet_b0_small", Suite::Test, || efficientnet_b0(&VisionConfig::small())),
        Entry::new("ssd_small", Suite::Test, || ssd(&detector(VisionConfig::small(), 48))),
        Entry::new("unet_small", Suite::Test, || unet(&VisionConfig::small(), Upsampling::Transposed)),
        Entry::new("unet_nearest_small", Suite::Test, || unet(&VisionConfig::small(), Upsampling::Nearest)),
        Entry::new("unet_bilinear_small", Suite::Test, || unet(&VisionConfig::small(), Upsampling::Linear)),
        Entry::new("resnet50_small", Suite::Test, || resnet50(&VisionConfig::small())),
        Entry::new("transformer_block", Suite::Test, || transformer_block(&TransformerConfig::small())),
        Entry::new("minilm_small", Suite::Test, || minilm(&TransformerConfig::small())).given(padded_text()?),
        Entry::new("tagger_small", Suite::Test, || tagger(&TaggerConfig::small())),
    ]);
    for case in CASES {
        let entry = Entry::new(format!("runtime_{}", case.name), Suite::Test, || case.model());
        entries.push(entry.given(case.given()?));
    }
    Ok(entries)
}

/// For a picture of that height; two classes: something and nothing.
fn detector(config: VisionConfig, resolution: usize) -> VisionConfig {
    VisionConfig { resolution, classes: 2, ..config }
}

/// One mask.
fn segmenter(config: VisionConfig) -> VisionConfig {
    VisionConfig { classes: 1, ..config }
}

/// The mask of two texts, the second filled up.
fn padded_text() -> Result<Vec<(&'static str, Tensor)>, TensorError> {
    let mask = [[1_i64; 7], [1, 1, 1, 1, 0, 0, 0]].concat();
    Ok(vec![("attention_mask", Tensor::from_vec([2, 7], mask)?)])
}
