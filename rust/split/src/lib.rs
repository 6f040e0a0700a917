//! Cuts ONNX graphs between device and cloud.
//!
//! A cut is made on the protobuf, where names survive. The head runs on the device, its crossing tensors travel
//! in a [`WireForm`], and the tail, a plain ONNX model whose first nodes undo that form, runs on any server that
//! serves ONNX.
//!
//! - [`Graph`] reads a model as a graph of values and nodes.
//! - [`Cuts`] finds the places where it may be cut, with compute and bytes.
//! - [`extract()`] takes a model apart at a [`Boundary`]: head and tail, each a model of its own.
//! - [`encode`] turns the head's results into what is sent; [`deploy`] puts the inverse into the tail.
//! - [`split()`] does all of it: it chooses the cuts worth a tail, measures each form, and gives what
//!   [`write_repository`] writes in Triton's layout.
//! - [`kept()`] says which tensors stay on the device.
//! - [`head_shares`] says what the heads took in a profiled run of the whole model.
//! - [`Manifest`] is what the device reads: the cuts on offer, checked and signed.
//!
//! Models are run through [`tandem_core::Engine`] only; nothing here opens a connection.

#![forbid(unsafe_code)]

mod boundary;
mod choose;
mod cost;
mod cuts;
mod dtype;
mod error;
mod external;
mod extract;
mod graph;
mod kept;
mod manifest;
mod measure;
mod original;
mod profiled;
mod repository;
mod split;
mod survey;
mod types;
mod wire_form;

pub use boundary::{Boundary, CrossingTensor};
pub use choose::choose;
pub use cuts::{Cut, CutKind, CutOptions, Cuts, Place};
pub use error::SplitError;
pub use extract::{Halves, extract, extract_from};
pub use graph::{Graph, Node, Origin, Value};
pub use kept::kept;
pub use manifest::{
    Accuracy, CutEntry, FormEntry, FormError, Manifest, ManifestError, ModelEntry, MultiplyAdds, PublicKey,
    SigningKey, TimeShares,
};
pub use measure::{Labelled, best_class};
pub use original::Original;
pub use profiled::head_shares;
pub use repository::{Backend, RepositoryError, write_repository};
pub use split::{DeployedModel, FormKind, Split, SplitOptions, UnknownForm, split};
pub use survey::placeholder_inputs;
pub use wire_form::{Affine, EncodeError, WireForm, deploy, encode, wire_tensors};
