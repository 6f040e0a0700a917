//! TLS of the listener.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::{ServerError, TlsConfig};

/// An acceptor of TLS 1.2 and 1.3 that offers HTTP/1.1.
pub(crate) fn acceptor(config: &TlsConfig) -> Result<TlsAcceptor, ServerError> {
    let wrong = |detail: String| ServerError::Tls { detail };
    let chain = CertificateDer::pem_slice_iter(&config.certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(format!("certificate: {error}")))?;
    if chain.is_empty() {
        return Err(wrong("the PEM holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(config.key.reveal().as_bytes())
        .map_err(|error| wrong(format!("key: {error}")))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(error.to_string()))?;
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(server)))
}

#[cfg(test)]
mod tests {
    use tandem_core::Secret;

    use super::*;

    #[test]
    fn what_is_not_a_certificate_with_its_key_is_refused() {
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        let accepts = |certificate: &str, key: &str| {
            acceptor(&TlsConfig { certificate: certificate.into(), key: Secret::new(key) }).is_ok()
        };
        assert!(accepts(&certificate, &key));
        assert!(!accepts("", &key));
        assert!(!accepts(&certificate, ""));
        assert!(!accepts(&certificate, &other));
        assert!(!accepts(&key, &certificate));
    }
}
