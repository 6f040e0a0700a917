//! Times as seconds: how predictions are computed, and how plans are written.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A time from seconds: what is no number or negative is nothing, and what is too long the longest.
#[expect(clippy::cast_possible_truncation, reason = "it saturates")]
pub(crate) const fn duration(seconds: f64) -> Duration {
    let nanos = (seconds * 1e9) as i64;
    Duration::from_nanos(if nanos > 0 { nanos.cast_unsigned() } else { 0 })
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map(duration))
}

/// The same for a time that is always there.
pub(crate) mod plain {
    use super::{Deserialize, Deserializer, Duration, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        time.as_secs_f64().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        f64::deserialize(deserializer).map(super::duration)
    }
}
