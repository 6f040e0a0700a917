//! What scripts read: the stable form of results as JSON.
//!
//! Times are whole nanoseconds under names that end in `_ns`. Elements are numbers with every digit, flat in row-major
//! order beside their shape; what JSON has no number for is `"NaN"`, `"Infinity"` or `"-Infinity"`.

use std::time::Duration;

use half::f16;
use serde::ser::{Serialize, Serializer};
use tandem::{Candidate, DType, Decision, Element, RemoteTiming, Tensor, Timing};

use super::{Answer, Scores};
use crate::compare::Difference;
use crate::labels::ClassNames;

/// A tensor.
#[derive(Debug, serde::Serialize)]
pub(crate) struct TensorDocument<'a> {
    name: &'a str,
    dtype: &'static str,
    shape: &'a [usize],
    data: Elements<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top: Vec<ClassDocument<'a>>,
}

/// One of the classes with the highest scores.
#[derive(Debug, serde::Serialize)]
struct ClassDocument<'a> {
    class: usize,
    name: Option<&'a str>,
    score: f64,
}

impl<'a> TensorDocument<'a> {
    /// The tensor alone.
    pub(crate) fn new(name: &'a str, tensor: &'a Tensor) -> Self {
        let (dtype, shape) = (tensor.dtype().name(), tensor.shape());
        Self { name, dtype, shape, data: Elements(tensor), top: Vec::new() }
    }

    /// The tensor and, where it looks like a classifier's output, its best classes.
    pub(crate) fn with_classes(name: &'a str, tensor: &'a Tensor, top: usize, names: &'a ClassNames) -> Self {
        let best = Scores::new(tensor).map(|scores| scores.top(top)).unwrap_or_default();
        let class = |(class, score)| ClassDocument { class, name: names.name(class), score };
        Self { top: best.into_iter().map(class).collect(), ..Self::new(name, tensor) }
    }
}

/// The elements of a tensor.
#[derive(Debug)]
struct Elements<'a>(&'a Tensor);

/// A floating-point number, or the name of one that JSON cannot write.
#[derive(Clone, Copy, Debug)]
struct Float<T>(T);

impl<T: Serialize + Copy + Into<f64>> Serialize for Float<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.into() {
            value if value.is_finite() => self.0.serialize(serializer),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl Serialize for Elements<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        fn plain<T: Element + Serialize, S: Serializer>(
            tensor: &Tensor,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(tensor.values::<T>().map_err(serde::ser::Error::custom)?.iter())
        }
        let tensor = self.0;
        let custom = serde::ser::Error::custom;
        match tensor.dtype() {
            DType::Bool => serializer.collect_seq(tensor.to_bools().map_err(custom)?),
            DType::U8 => plain::<u8, S>(tensor, serializer),
            DType::U16 => plain::<u16, S>(tensor, serializer),
            DType::U32 => plain::<u32, S>(tensor, serializer),
            DType::U64 => plain::<u64, S>(tensor, serializer),
            DType::I8 => plain::<i8, S>(tensor, serializer),
            DType::I16 => plain::<i16, S>(tensor, serializer),
            DType::I32 => plain::<i32, S>(tensor, serializer),
            DType::I64 => plain::<i64, S>(tensor, serializer),
            // An f32 holds every f16, and its shortest text reads back as the same.
            DType::F16 => serializer.collect_seq(
                tensor.values::<f16>().map_err(custom)?.iter().map(|value| Float(value.to_f32())),
            ),
            DType::F32 => {
                serializer.collect_seq(tensor.values::<f32>().map_err(custom)?.iter().copied().map(Float))
            }
            DType::F64 => {
                serializer.collect_seq(tensor.values::<f64>().map_err(custom)?.iter().copied().map(Float))
            }
            _ => serializer.collect_seq(tensor.strings().unwrap_or_default()),
        }
    }
}

/// Whole nanoseconds; a time that no `u64` holds is the largest.
pub(crate) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How long a run took.
#[derive(Debug, serde::Serialize)]
struct TimingDocument {
    total_ns: u64,
    device_ns: Option<u64>,
    remote: Option<RemoteDocument>,
}

/// How long the parts of an exchange took.
#[derive(Debug, serde::Serialize)]
struct RemoteDocument {
    encode_ns: u64,
    connect_ns: u64,
    upload_ns: u64,
    wait_ns: u64,
    download_ns: u64,
    decode_ns: u64,
    server_ns: Option<u64>,
    request_bytes: u64,
    answer_bytes: u64,
}

impl TimingDocument {
    fn new(timing: &Timing) -> Self {
        Self {
            total_ns: nanoseconds(timing.total),
            device_ns: timing.device.map(nanoseconds),
            remote: timing.remote.as_ref().map(RemoteDocument::new),
        }
    }
}

impl RemoteDocument {
    fn new(timing: &RemoteTiming) -> Self {
        Self {
            encode_ns: nanoseconds(timing.encode),
            connect_ns: nanoseconds(timing.connect),
            upload_ns: nanoseconds(timing.upload),
            wait_ns: nanoseconds(timing.wait),
            download_ns: nanoseconds(timing.download),
            decode_ns: nanoseconds(timing.decode),
            server_ns: timing.server.map(nanoseconds),
            request_bytes: timing.request_bytes,
            answer_bytes: timing.answer_bytes,
        }
    }
}

/// Where a run happened and why.
#[derive(Debug, serde::Serialize)]
struct DecisionDocument<'a> {
    placement: &'a tandem::Placement,
    reason: tandem::Reason,
    candidates: &'a [Candidate],
    fallback_cause: Option<&'a str>,
}

impl<'a> DecisionDocument<'a> {
    fn new(decision: &'a Decision) -> Self {
        Self {
            placement: &decision.placement,
            reason: decision.reason,
            candidates: &decision.candidates,
            fallback_cause: decision.fallback_cause.as_deref(),
        }
    }
}

/// How far an output on the endpoint is from the same output on this device.
#[derive(Debug, serde::Serialize)]
struct DifferenceDocument<'a> {
    output: &'a str,
    /// Whether both have one type and shape; the rest is null where not.
    comparable: bool,
    largest: Option<Float<f64>>,
    scaled: Option<Float<f64>>,
    differing: Option<usize>,
}

/// One run.
#[derive(Debug, serde::Serialize)]
pub(crate) struct AnswerDocument<'a> {
    model: &'a str,
    file: Option<&'a str>,
    decision: DecisionDocument<'a>,
    timing: TimingDocument,
    outputs: Vec<TensorDocument<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    differences: Option<Vec<DifferenceDocument<'a>>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    written: &'a [String],
}

impl<'a> AnswerDocument<'a> {
    /// One run, with so many of the best classes.
    pub(crate) fn new(answer: &'a Answer, model: &'a str, top: usize, names: &'a ClassNames) -> Self {
        let Answer { file, prediction, differences, written } = answer;
        let difference = |(output, difference): &'a (String, Option<Difference>)| DifferenceDocument {
            output,
            comparable: difference.is_some(),
            largest: difference.map(|difference| Float(difference.largest)),
            scaled: difference.map(|difference| Float(difference.scaled)),
            differing: difference.map(|difference| difference.differing),
        };
        Self {
            model,
            file: file.as_deref(),
            decision: DecisionDocument::new(&prediction.decision),
            timing: TimingDocument::new(&prediction.timing),
            outputs: prediction
                .outputs
                .iter()
                .map(|(name, tensor)| TensorDocument::with_classes(name, tensor, top, names))
                .collect(),
            differences: differences.as_ref().map(|differences| differences.iter().map(difference).collect()),
            written,
        }
    }
}
