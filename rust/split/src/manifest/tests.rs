use proptest::prelude::*;
use tandem_core::{DType, Dimension};

use super::*;
use crate::{Affine, CrossingTensor};

/// Made by `openssl genpkey -algorithm ed25519` for these tests alone.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f
-----END PRIVATE KEY-----
";

fn manifest() -> Manifest {
    let tensor = |name: &str, dtype| CrossingTensor {
        name: name.to_owned(),
        dtype,
        shape: vec![Dimension::Symbol("batch".into()), Dimension::Fixed(8)],
        depends_on: vec!["x".to_owned()],
    };
    let form = |name: &str, tensors| FormEntry {
        name: name.to_owned(),
        model: format!("net-tail-{name}"),
        sha256: "ab".repeat(32),
        tensors,
        request_bytes: 64,
        error: Some(FormError {
            samples: 3,
            max_abs: 0.01,
            relative_rms: 1e-3,
            accuracy: Some(Accuracy { samples: 10, whole: 0.9, split: 0.9 }),
        }),
    };
    Manifest {
        version: Manifest::VERSION,
        model: ModelEntry { name: "net".into(), sha256: "0f".repeat(32) },
        sizes: [("batch".to_owned(), 2)].into(),
        cuts: vec![CutEntry {
            id: "0123456789abcdef".into(),
            boundary: Boundary {
                crossing: vec![tensor("h", DType::F32), tensor("mask", DType::I64)],
                head_outputs: vec!["early".into()],
            },
            multiply_adds: MultiplyAdds { head: 10, tail: 20 },
            time: Some(TimeShares { head: 0.25, tail: 0.8, full_ms: 3.5 }),
            reply_bytes: 12,
            forms: vec![
                form("f32", vec![WireForm::Native, WireForm::Native]),
                form("u8", vec![WireForm::U8(Affine::per_tensor(0.1, 3.0)), WireForm::Native]),
                form("dynamic", vec![WireForm::U8PerRequest, WireForm::Native]),
            ],
        }],
    }
}

fn key() -> SigningKey {
    SigningKey::from_pkcs8(KEY.as_bytes()).unwrap()
}

#[test]
fn what_is_written_is_read_again() {
    let manifest = manifest();
    assert_eq!(Manifest::parse(&manifest.to_bytes(None).unwrap(), None).unwrap(), manifest);
    assert_eq!(manifest.cut("0123456789abcdef").unwrap().form("u8").unwrap().request_bytes, 64);
    assert_eq!(manifest.cut("0").unwrap_err(), ManifestError::UnknownCut("0".into()));
}

#[test]
fn signatures_hold_for_their_key_and_their_bytes_alone() {
    let manifest = manifest();
    let key = key();
    let signed = manifest.to_bytes(Some(&key)).unwrap();
    // The public key that belongs to the secret of bytes 0 to 31.
    let public: PublicKey =
        "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8".parse().unwrap();
    assert_eq!(key.public_key(), public);
    assert_eq!(Manifest::parse(&signed, Some(&public)).unwrap(), manifest);
    assert_eq!(Manifest::parse(&signed, None).unwrap(), manifest);
    let unsigned = manifest.to_bytes(None).unwrap();
    assert_eq!(Manifest::parse(&unsigned, Some(&public)), Err(ManifestError::Unsigned));
    let other = PublicKey::new([7; 32]);
    assert_eq!(Manifest::parse(&signed, Some(&other)), Err(ManifestError::BadSignature));
    let changed = String::from_utf8(signed).unwrap().replace("\"tail\": 20", "\"tail\": 21");
    assert_eq!(Manifest::parse(changed.as_bytes(), Some(&public)), Err(ManifestError::BadSignature));
    assert!(Manifest::parse(changed.as_bytes(), None).is_ok());
}

#[test]
fn keys_that_are_none_are_refused() {
    for text in ["", "00", &"0g".repeat(32), &"é".repeat(32)] {
        assert!(matches!(text.parse::<PublicKey>(), Err(ManifestError::BadKey { kind: "public", .. })));
    }
    for file in ["", "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n!\n-----END"] {
        let error = SigningKey::from_pkcs8(file.as_bytes()).unwrap_err();
        assert!(matches!(error, ManifestError::BadKey { kind: "signing", .. }));
    }
}

#[test]
fn other_versions_models_and_nonsense_are_told_apart() {
    let text = String::from_utf8(manifest().to_bytes(None).unwrap()).unwrap();
    let parse = |from: &str, to: &str| Manifest::parse(text.replacen(from, to, 1).as_bytes(), None);
    assert_eq!(
        parse("\"version\": 1", "\"version\": 2, \"news\": 1"),
        Err(ManifestError::Version { got: 2, expected: 1 })
    );
    assert!(matches!(
        parse("\"version\": 1", "\"version\": 1, \"news\": 1"),
        Err(ManifestError::Malformed(_))
    ));
    let wrong = [
        ("\"net\"", "\"../net\""),
        ("\"net-tail-f32\"", "\".hidden\""),
        ("0123456789abcdef", "0123456789ABCDEF"),
        ("\"max_abs\": 0.01", "\"max_abs\": -1"),
        ("0.1", "0"),
        ("\"name\": \"u8\"", "\"name\": \"f32\""),
        ("\"mask\"", "\"h\""),
        ("\"kind\": \"u8_per_request\"", "\"kind\": \"u4\""),
    ];
    for (from, to) in wrong {
        assert!(parse(from, to).is_err(), "{from} to {to}");
    }
    let manifest = manifest();
    assert!(manifest.check_model(&"0F".repeat(32)).is_ok());
    assert!(matches!(manifest.check_model("00"), Err(ManifestError::Digest { .. })));
    let large = vec![b' '; Manifest::MAX_BYTES + 1];
    assert!(matches!(Manifest::parse(&large, None), Err(ManifestError::TooLarge { .. })));
}

proptest! {
    #[test]
    fn damaged_manifests_never_panic(place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut file = manifest().to_bytes(Some(&key())).unwrap();
        let place = place.index(file.len());
        file[place] = byte;
        if cut {
            file.truncate(place);
        }
        let _ = Manifest::parse(&file, None);
        let signed = Manifest::parse(&file, Some(&key().public_key()));
        prop_assert!(signed.map_or(true, |read| read == manifest()));
    }

    #[test]
    fn arbitrary_bytes_never_panic(file in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Manifest::parse(&file, None).is_err());
    }
}
