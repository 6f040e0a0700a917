//! The commands, one module each.

mod answers;
mod cuts;
pub(crate) mod eval;
pub(crate) mod inspect;
pub(crate) mod offload;
pub(crate) mod plan;
pub(crate) mod predict;
pub(crate) mod profile;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod split;
