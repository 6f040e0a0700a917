//! What goes into a model: from files and standard input to named tensors.

mod error;
mod json;
mod picture;
mod raw;
mod requests;
mod shape;
mod source;

pub(crate) use error::InputFileError;
pub(crate) use picture::PictureReader;
pub(crate) use requests::Requests;
pub(crate) use shape::ShapeHints;
pub(crate) use source::read_capped;
