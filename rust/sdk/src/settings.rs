//! The planner's settings as JSON, and whether they can be reckoned with.

use serde_json::Value;
use tandem_core::{Error, PlannerSettings};

/// Settings as JSON take no more than this.
const MAX_BYTES: usize = 64 << 10;

/// `settings` with what `json` replaces, by the names of [`PlannerSettings`]; times in seconds.
pub(crate) fn replaced(settings: &PlannerSettings, json: &str) -> Result<PlannerSettings, Error> {
    if json.len() > MAX_BYTES {
        let got = json.len();
        return Err(refused(&format!("take {got} bytes, at most {MAX_BYTES} are read")));
    }
    let unreadable = |error: serde_json::Error| refused(&format!("cannot be read: {error}"));
    let mut all = serde_json::to_value(settings).map_err(unreadable)?;
    replace(&mut all, serde_json::from_str(json).map_err(unreadable)?, "")?;
    check_numbers(&all, "")?;
    serde_json::from_value(all).map_err(unreadable)
}

/// Refuses numbers that are negative, infinite or none.
pub(crate) fn check(settings: &PlannerSettings) -> Result<(), Error> {
    let all = serde_json::to_value(settings).map_err(|error| refused(&format!("cannot be read: {error}")))?;
    check_numbers(&all, "")
}

fn replace(into: &mut Value, from: Value, name: &str) -> Result<(), Error> {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => from.into_iter().try_for_each(|(key, value)| {
            let name = joined(name, &key);
            let into = into.get_mut(&key).ok_or_else(|| refused(&format!("have no `{name}`")))?;
            replace(into, value, &name)
        }),
        (into @ Value::Number(_), from @ Value::Number(_))
        | (into @ Value::Bool(_), from @ Value::Bool(_)) => {
            *into = from;
            Ok(())
        }
        (into, from) => {
            let (expected, got) = (kind(into), kind(&from));
            Err(refused(&format!("have {got} at `{name}`, expected {expected}")))
        }
    }
}

fn check_numbers(value: &Value, name: &str) -> Result<(), Error> {
    match value {
        Value::Object(fields) => {
            fields.iter().try_for_each(|(key, value)| check_numbers(value, &joined(name, key)))
        }
        Value::Number(number) if number.as_f64().is_some_and(|number| number >= 0.0) => Ok(()),
        Value::Bool(_) => Ok(()),
        // What is infinite or no number is written as null.
        Value::Null => Err(refused(&format!("have no finite number at `{name}`"))),
        value => Err(refused(&format!("have {value} at `{name}`, expected a number of at least 0"))),
    }
}

fn joined(name: &str, key: &str) -> String {
    if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn refused(what: &str) -> Error {
    Error::InvalidArgument(format!("the planner's settings {what}"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn text(json: &str) -> String {
        match replaced(&PlannerSettings::default(), json) {
            Err(Error::InvalidArgument(text)) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn json_replaces_what_it_names_and_nothing_else() {
        let json = r#"{"energy":{"wifi":{"tail_watts":0.5}},"probes":{"enabled":false,"interval":1.5},"metered_bytes":7}"#;
        let mut expected = PlannerSettings { metered_bytes: 7, ..PlannerSettings::default() };
        expected.energy.wifi.tail_watts = 0.5;
        expected.probes.enabled = false;
        expected.probes.interval = Duration::from_millis(1_500);
        assert_eq!(replaced(&PlannerSettings::default(), json), Ok(expected));
        assert_eq!(replaced(&expected, "{}"), Ok(expected));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_name() {
        assert!(text("").contains("cannot be read"));
        assert_eq!(text("7"), "the planner's settings have a number at ``, expected an object");
        assert!(text(r#"{"energy":{"wi":1}}"#).ends_with("have no `energy.wi`"));
        assert!(
            text(r#"{"probes":{"enabled":1}}"#)
                .ends_with("have a number at `probes.enabled`, expected true or false")
        );
        assert!(
            text(r#"{"probes":{"share":-1}}"#)
                .ends_with("have -1 at `probes.share`, expected a number of at least 0")
        );
        assert!(text(r#"{"metered_bytes":1.5}"#).contains("cannot be read"));
        assert!(text(&"[".repeat(MAX_BYTES)).contains("cannot be read"));
        assert!(text(&" ".repeat(MAX_BYTES + 1)).contains("at most 65536 are read"));
    }

    #[test]
    fn numbers_of_a_program_are_checked_too() {
        assert_eq!(check(&PlannerSettings::default()), Ok(()));
        for number in [f64::NAN, f64::INFINITY, -1.0] {
            let settings = PlannerSettings { seconds_per_joule: number, ..PlannerSettings::default() };
            assert!(
                matches!(check(&settings), Err(Error::InvalidArgument(text)) if text.contains("seconds_per_joule"))
            );
        }
    }
}
