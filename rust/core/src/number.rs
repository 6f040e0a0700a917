//! Whole numbers as floats.

/// A count or a number of bytes as a float: as near as a float comes, which is 16 digits.
#[expect(clippy::cast_precision_loss, reason = "what is estimated from it is not known to 16 digits")]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}
