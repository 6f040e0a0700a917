//! What a run gives back.

use std::sync::Arc;
use std::time::Duration;

use tandem::NamedTensors;

use crate::tensor::{Tensor, TensorView, strings};
use crate::{DType, Decision, TandemFailure};

/// Name, type, shape and place of one output.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Output {
    /// The output's name.
    pub name: String,
    /// The element type.
    pub dtype: DType,
    /// The size of every dimension; empty for a scalar.
    pub shape: Vec<u64>,
    /// Where the elements lie, row-major in native byte order, of any alignment. Good for as long as the prediction's
    /// `memory` is held. Not to be read where `byte_len` is 0, as it is for strings.
    pub address: u64,
    /// Bytes that the elements take.
    pub byte_len: u64,
}

/// How long the parts of an exchange with an endpoint took, and how many bytes travelled.
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct RemoteTiming {
    /// Making the request's bytes from the tensors.
    pub encode_ns: u64,
    /// Making the connection, TLS included; zero where one was open.
    pub connect_ns: u64,
    /// From the first byte of the request to the last.
    pub upload_ns: u64,
    /// From the last byte of the request to the answer's head.
    pub wait_ns: u64,
    /// From the answer's head to its last byte.
    pub download_ns: u64,
    /// Checking the answer and making tensors from it.
    pub decode_ns: u64,
    /// What the server says it computed.
    pub server_ns: Option<u64>,
    /// How long the server says that the request waited there for its turn.
    pub queue_ns: Option<u64>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub answer_bytes: u64,
}

impl From<tandem::RemoteTiming> for RemoteTiming {
    fn from(timing: tandem::RemoteTiming) -> Self {
        Self {
            encode_ns: nanos(timing.encode),
            connect_ns: nanos(timing.connect),
            upload_ns: nanos(timing.upload),
            wait_ns: nanos(timing.wait),
            download_ns: nanos(timing.download),
            decode_ns: nanos(timing.decode),
            server_ns: timing.server.map(nanos),
            queue_ns: timing.queue.map(nanos),
            request_bytes: timing.request_bytes,
            answer_bytes: timing.answer_bytes,
        }
    }
}

/// How long a run took.
#[derive(Clone, Copy, Debug, uniffi::Record)]
pub struct Timing {
    /// From the call to the result.
    pub total_ns: u64,
    /// Computing on this device.
    pub device_ns: Option<u64>,
    /// The exchange with the endpoint.
    pub remote: Option<RemoteTiming>,
}

impl From<tandem::Timing> for Timing {
    fn from(timing: tandem::Timing) -> Self {
        Self {
            total_ns: nanos(timing.total),
            device_ns: timing.device.map(nanos),
            remote: timing.remote.map(Into::into),
        }
    }
}

/// What a run gives back. Everything but the elements is here; those are copied from `memory`.
#[derive(Clone, Debug, uniffi::Record)]
pub struct Prediction {
    /// The outputs, in the order of the options.
    pub outputs: Vec<Output>,
    /// Holds the elements of the outputs.
    pub memory: Arc<Outputs>,
    /// Where it ran and why.
    pub decision: Decision,
    /// How long it took.
    pub timing: Timing,
}

impl TryFrom<tandem::Prediction> for Prediction {
    type Error = TandemFailure;

    fn try_from(prediction: tandem::Prediction) -> Result<Self, TandemFailure> {
        let output = |(name, tensor): (&str, &tandem::Tensor)| {
            let TensorView { dtype, shape, address, byte_len } = TensorView::of(tensor)?;
            Ok(Output { name: name.to_owned(), dtype, shape, address, byte_len })
        };
        Ok(Self {
            outputs: prediction.outputs.iter().map(output).collect::<Result<_, TandemFailure>>()?,
            memory: Arc::new(Outputs { tensors: prediction.outputs }),
            decision: prediction.decision.try_into()?,
            timing: prediction.timing.into(),
        })
    }
}

/// The elements of a prediction's outputs. Never changes, so its addresses may be read until the handle is let go.
#[derive(Debug, uniffi::Object)]
pub struct Outputs {
    tensors: NamedTensors,
}

#[uniffi::export]
impl Outputs {
    /// The elements of an output of strings.
    pub fn strings(&self, index: u32) -> Result<Vec<String>, TandemFailure> {
        strings(self.get(index)?)
    }

    /// An output as a tensor that can be an input again; shares the memory.
    pub fn tensor(&self, index: u32) -> Result<Arc<Tensor>, TandemFailure> {
        Ok(Arc::new(Tensor { inner: self.get(index)?.clone() }))
    }
}

impl Outputs {
    fn get(&self, index: u32) -> Result<&tandem::Tensor, TandemFailure> {
        let found = usize::try_from(index).ok().and_then(|index| self.tensors.iter().nth(index));
        found.map(|(_, tensor)| tensor).ok_or_else(|| {
            let count = self.tensors.len();
            TandemFailure::invalid_argument(format!("there is no output {index}, the prediction has {count}"))
        })
    }
}

pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
