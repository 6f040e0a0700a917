//! What comes out of a model, for people and for scripts.

mod answer;
mod bars;
mod batch;
mod document;
mod files;
mod plot;
mod scores;
mod single;
mod table;
mod text;

pub(crate) use answer::Answer;
pub(crate) use bars::bars;
pub(crate) use batch::BatchView;
#[cfg(test)]
pub(crate) use document::TensorDocument;
pub(crate) use document::{AnswerDocument, nanoseconds};
pub(crate) use files::OutputFolder;
pub(crate) use plot::{Mark, plot};
pub(crate) use scores::Scores;
pub(crate) use single::write_answer;
pub(crate) use table::{Align, Table};
pub(crate) use text::{bytes, printable, significant, time};
