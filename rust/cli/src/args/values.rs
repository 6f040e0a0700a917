//! Values of options: durations, sizes, pairs, factors.

use std::str::FromStr;
use std::time::Duration;

/// A duration: `250ms`, `2s`, `1.5s`, `1m`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "us" | "µs" => 1e-6,
        "ms" => 1e-3,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{unit:?} is no unit of time, expected us, ms, s, m or h")),
    };
    let number: f64 = number.parse().map_err(|_| format!("{number:?} is not a number"))?;
    Duration::try_from_secs_f64(number * scale)
        .map_err(|_| format!("{text:?} is not a length of time, expected 250ms or 2s"))
}

/// A number of bytes: `1048576`, `64k`, `16M`, `2G`, in powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let shift = match unit.trim_end_matches("iB").trim_end_matches('B').to_ascii_lowercase().as_str() {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("{unit:?} is no unit of bytes, expected k, M, G or T")),
    };
    let number: u64 = number.parse().map_err(|_| format!("{number:?} is not a whole number"))?;
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text:?} is too large"))
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    text.split_at(end)
}

/// How many threads: from 1 to 64.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=64).contains(count));
    count.ok_or_else(|| format!("{text:?} is not a number of threads from 1 to 64"))
}

/// A name and what it stands for: `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named<T> {
    /// Before the first `=`.
    pub(crate) name: String,
    /// After it.
    pub(crate) value: T,
}

fn named<T>(text: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Named<T>, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok(Named { name: name.to_owned(), value: parse(value)? }),
        _ => Err(format!("{text:?} is not of the form NAME=VALUE")),
    }
}

/// The size of a symbolic dimension: `batch=4`.
pub(crate) fn symbol(text: &str) -> Result<Named<usize>, String> {
    named(text, |size| size.parse().map_err(|_| format!("{size:?} is not a size")))
}

/// The shape of an input: `image=1,3,224,224`.
pub(crate) fn shape(text: &str) -> Result<Named<Vec<usize>>, String> {
    named(text, |sizes| {
        if sizes.is_empty() {
            return Ok(Vec::new());
        }
        sizes
            .split(',')
            .map(|size| size.trim().parse().map_err(|_| format!("{size:?} is not a size")))
            .collect()
    })
}

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Columns.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
}

/// The most pixels along one side: what a picture decoder takes too.
pub(crate) const MAX_SIDE: u32 = 1 << 15;

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let side = |side: &str| {
            side.parse()
                .ok()
                .filter(|side| (1..=MAX_SIDE).contains(side))
                .ok_or_else(|| format!("{side:?} is not a number of pixels from 1 to {MAX_SIDE}"))
        };
        let (width, height) = text
            .split_once('x')
            .ok_or_else(|| format!("{text:?} is not WIDTHxHEIGHT, expected something like 224x224"))?;
        Ok(Self { width: side(width)?, height: side(height)? })
    }
}

/// A factor, kept as a fraction: a byte times 1 over 255 is rounded once, as other tools round it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Factor {
    over: f32,
    under: f32,
}

impl Factor {
    /// Changes nothing.
    pub(crate) const ONE: Self = Self { over: 1.0, under: 1.0 };
    /// From 0..255 to 0..1.
    pub(crate) const BYTE_TO_UNIT: Self = Self { over: 1.0, under: 255.0 };

    /// `value` times this factor.
    pub(crate) fn apply(self, value: f32) -> f32 {
        value * self.over / self.under
    }
}

/// A factor as a number or a fraction: `0.00392`, `1/255`.
pub(crate) fn factor(text: &str) -> Result<Factor, String> {
    let (over, under) = text.split_once('/').unwrap_or((text, "1"));
    let (over, under) = (nonzero(over)?, nonzero(under)?);
    if (over / under).is_finite() {
        Ok(Factor { over, under })
    } else {
        Err(format!("{text:?} is too large"))
    }
}

/// A finite number that is not zero.
pub(crate) fn nonzero(text: &str) -> Result<f32, String> {
    let value = finite(text)?;
    if value == 0.0 { Err("it is zero".to_owned()) } else { Ok(value) }
}

/// A finite number.
pub(crate) fn finite(text: &str) -> Result<f32, String> {
    let value: f32 = text.trim().parse().map_err(|_| format!("{text:?} is not a number"))?;
    if value.is_finite() { Ok(value) } else { Err(format!("{text:?} is not a finite number")) }
}

/// A number of zero or more.
pub(crate) fn tolerance(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| format!("{text:?} is not a number"))?;
    if value >= 0.0 && value.is_finite() { Ok(value) } else { Err(format!("{text:?} is not a tolerance")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_take_units_and_default_to_seconds() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("1m"), Ok(Duration::from_mins(1)));
        for wrong in ["", "s", "-1s", "1.2.3s", "1 fortnight", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn bytes_take_powers_of_1024() {
        assert_eq!(bytes("10"), Ok(10));
        assert_eq!(bytes("64k"), Ok(64 << 10));
        assert_eq!(bytes("16MiB"), Ok(16 << 20));
        assert_eq!(bytes("2G"), Ok(2 << 30));
        for wrong in ["", "k", "1.5k", "-1", "1x", "99999999999T"] {
            assert!(bytes(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn threads_are_counted_from_1_to_64() {
        assert_eq!([threads("1"), threads("64")], [Ok(1), Ok(64)]);
        for wrong in ["", "0", "65", "-1", "2.0", "all"] {
            assert!(threads(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn shapes_and_symbols_are_pairs() {
        assert_eq!(shape("x=1,3,8"), Ok(Named { name: "x".to_owned(), value: vec![1, 3, 8] }));
        assert_eq!(shape("x="), Ok(Named { name: "x".to_owned(), value: vec![] }));
        assert_eq!(symbol("batch=4"), Ok(Named { name: "batch".to_owned(), value: 4 }));
        for wrong in ["1,3", "=1", "x=1,,3", "x=-1", "x=a"] {
            assert!(shape(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_width_by_height() {
        assert_eq!("640x480".parse(), Ok(Size { width: 640, height: 480 }));
        for wrong in ["640", "x", "0x1", "1x", "-1x2", "99999x1"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn factors_may_be_fractions() {
        assert_eq!(factor("1/255"), Ok(Factor::BYTE_TO_UNIT));
        assert_eq!(factor("2").map(|factor| factor.apply(3.0)), Ok(6.0));
        for wrong in ["0", "1/0", "nan", "inf", "x", ""] {
            assert!(factor(wrong).is_err(), "{wrong:?}");
        }
    }
}
