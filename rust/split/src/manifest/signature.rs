//! Ed25519 signatures over a manifest.

use std::fmt;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::ManifestError;

/// Stands before the manifest in what is signed, so that the signature is good for nothing else.
const CONTEXT: &[u8] = b"tandem manifest 1\n";
/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// Bytes of a signature.
const SIGNATURE_BYTES: usize = 64;

/// The signature of a manifest as it stands in its file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signature {
    algorithm: Algorithm,
    value: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Ed25519,
}

/// An Ed25519 key by which a manifest's signature is checked: 32 bytes, shown and parsed as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// The key of these bytes. Whether they are a point of the curve shows when a signature is checked.
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn verify(&self, manifest: &[u8], signature: &Signature) -> Result<(), ManifestError> {
        let value = from_hex::<SIGNATURE_BYTES>(&signature.value).ok_or(ManifestError::BadSignature)?;
        let key = UnparsedPublicKey::new(&ED25519, self.0);
        key.verify(&signed(manifest), &value).map_err(|_| ManifestError::BadSignature)
    }
}

impl std::str::FromStr for PublicKey {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let detail = format!("expected {} hexadecimal digits", 2 * KEY_BYTES);
        from_hex(text.trim()).map(Self).ok_or(ManifestError::BadKey { kind: "public", detail })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// An Ed25519 key that signs manifests.
pub struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads a private key as `openssl genpkey -algorithm ed25519` writes it: PKCS #8, in PEM or DER.
    pub fn from_pkcs8(file: &[u8]) -> Result<Self, ManifestError> {
        let bad = |detail: String| ManifestError::BadKey { kind: "signing", detail };
        let der = match std::str::from_utf8(file) {
            Ok(text) if text.contains("-----BEGIN") => decode_pem(text).map_err(bad)?,
            _ => file.to_vec(),
        };
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der);
        pair.map(Self).map_err(|error| bad(format!("it is no ed25519 key in pkcs #8: {error}")))
    }

    /// The key by which devices check what this one signs.
    pub fn public_key(&self) -> PublicKey {
        let mut bytes = [0; KEY_BYTES];
        bytes.iter_mut().zip(self.0.public_key().as_ref()).for_each(|(byte, &public)| *byte = public);
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, manifest: &[u8]) -> Signature {
        let value = to_hex(self.0.sign(&signed(manifest)).as_ref());
        Signature { algorithm: Algorithm::Ed25519, value }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(of {})", self.public_key())
    }
}

fn signed(manifest: &[u8]) -> Vec<u8> {
    [CONTEXT, manifest].concat()
}

/// The bytes between the first pair of markers.
fn decode_pem(text: &str) -> Result<Vec<u8>, String> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    let start = text.find(BEGIN).ok_or_else(|| format!("there is no line {BEGIN:?}"))? + BEGIN.len();
    let length = text[start..].find("-----END").ok_or("there is no line that ends it")?;
    let digits: String = text[start..start + length].split_whitespace().collect();
    STANDARD.decode(digits).map_err(|error| error.to_string())
}

pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(bytes)
}
