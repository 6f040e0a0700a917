//! Options of what a planner decides by: the cuts of a model, and the state of the device.

use std::path::PathBuf;

use clap::Args;
use tandem::{DeviceState, ManifestOptions};

use super::endpoint::read;
use crate::error::CliError;

/// The cuts of a model, and the state of the device.
#[derive(Args, Debug)]
#[command(next_help_heading = "What the planner knows")]
pub(crate) struct PlanningArgs {
    /// The manifest that `tandem split` wrote: the model may be cut where it says
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,

    /// The Ed25519 key that must have signed the manifest, as 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "manifest", value_parser = public_key)]
    manifest_key: Option<[u8; 32]>,

    /// How far the outputs of a split run may lie from the whole model's, as a share of their root mean square
    #[arg(long, value_name = "SHARE", requires = "manifest", default_value_t = 1e-3)]
    max_error: f64,

    /// The state of the device as JSON, or a file with it: `{"network": "cellular_4g", "uplink_bps": 5000000}`.
    /// What is left out is unknown
    #[arg(long, value_name = "JSON|FILE")]
    device: Option<String>,
}

impl PlanningArgs {
    /// The manifest, where one is named.
    pub(crate) fn manifest(&self) -> Option<ManifestOptions> {
        self.manifest.as_ref().map(|path| ManifestOptions {
            public_key: self.manifest_key,
            max_relative_error: self.max_error,
            ..ManifestOptions::new(path)
        })
    }

    /// The state of the device; what nothing is said of is unknown.
    pub(crate) fn device(&self) -> Result<DeviceState, CliError> {
        let Some(text) = &self.device else {
            return Ok(DeviceState::default());
        };
        let json = if text.trim_start().starts_with('{') {
            text.clone().into_bytes()
        } else {
            read("--device", text.as_ref())?
        };
        serde_json::from_slice(&json).map_err(|error| CliError::Usage(format!("--device {text}: {error}")))
    }
}

fn public_key(text: &str) -> Result<[u8; 32], String> {
    let wrong = || format!("expected 64 hexadecimal digits, got {} characters", text.chars().count());
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| format!("{pair:?} is not hexadecimal"))?;
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sixty_four_digits() {
        let key = public_key(&"0f".repeat(32)).unwrap();
        assert_eq!(key, [0x0f; 32]);
        for text in ["", "0f", &"0g".repeat(32), &"é".repeat(32)] {
            assert!(public_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_state_is_read_from_text_or_said_to_be_wrong() {
        let args = |device: &str| PlanningArgs {
            manifest: None,
            manifest_key: None,
            max_error: 0.0,
            device: Some(device.to_owned()),
        };
        let state = args(r#"{"network": "wifi", "metered": false}"#).device().unwrap();
        assert_eq!(state.metered, Some(false));
        for text in ["{", r#"{"network": "pigeon"}"#, "/no/such/file"] {
            assert!(args(text).device().is_err(), "{text}");
        }
    }
}
