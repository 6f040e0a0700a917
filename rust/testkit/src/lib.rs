//! Tiny models, fakes and the conformance loader: for tests only.

pub mod conformance;
