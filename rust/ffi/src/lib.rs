//! UniFFI facade of Tandem: conversions only.
