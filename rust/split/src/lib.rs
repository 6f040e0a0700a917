//! Cuts ONNX graphs between device and cloud.
//!
//! A cut is made on the protobuf, where names survive. The head runs on the device, its crossing tensors travel in a
//! [`WireForm`], and the tail, a plain ONNX model whose first nodes undo that form, runs on any server that serves ONNX.
//!
//! - [`Graph`] reads a model as a graph of values and nodes.
//! - [`extract`] takes a model apart at a [`Boundary`]: head and tail, each a model of its own.
//! - [`encode`] turns the head's results into what is sent; [`deploy`] puts the inverse into the tail.
//! - [`Manifest`] is what the device reads: the cuts on offer, checked and signed.
//!
//! Models are run through [`tandem_core::Engine`] only; nothing here opens a connection.

#![forbid(unsafe_code)]

mod boundary;
mod dtype;
mod error;
mod external;
mod extract;
mod graph;
mod manifest;
mod wire_form;

pub use boundary::{Boundary, CrossingTensor};
pub use error::SplitError;
pub use extract::{Halves, extract, extract_from};
pub use graph::{Graph, Node, Origin, Value};
pub use manifest::{
    Accuracy, CutEntry, FormEntry, FormError, Manifest, ManifestError, ModelEntry, MultiplyAdds, PublicKey,
    SigningKey, TimeShares,
};
pub use wire_form::{Affine, EncodeError, WireForm, deploy, encode, wire_tensors};
