//! The TLS settings of an endpoint, as rustls wants them.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use tandem_core::EndpointTls;

/// Makes the settings, or says in one sentence what is wrong with them.
pub(crate) fn client_config(tls: &EndpointTls) -> Result<Arc<ClientConfig>, String> {
    let roots = match &tls.trust_anchors {
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        Some(pem) => trust_anchors(pem)?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots);
    let mut config = match (&tls.client_certificate, &tls.client_key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(chain), Some(key)) => {
            let chain = certificates("client certificate", chain)?;
            // What the parser says of a key is not repeated.
            let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
                .map_err(|_| "the client key is not a PEM private key")?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client certificate and key cannot be used: {error}"))?
        }
        (Some(_), None) => return Err("the client certificate comes without its key".to_owned()),
        (None, Some(_)) => return Err("the client key comes without its certificate".to_owned()),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn trust_anchors(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("trust anchors", pem)? {
        roots.add(certificate).map_err(|error| format!("the trust anchors cannot be used: {error}"))?;
    }
    Ok(roots)
}

/// The certificates in `pem`; none at all is an error.
fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(format!("the {what} hold no PEM certificate")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("the {what} are not PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::Secret;

    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let key = Some(Secret::new("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"));
        for (tls, expected) in [
            (EndpointTls { trust_anchors: text(""), ..EndpointTls::default() }, "hold no PEM certificate"),
            (
                EndpointTls { trust_anchors: text("junk"), ..EndpointTls::default() },
                "hold no PEM certificate",
            ),
            (
                EndpointTls {
                    trust_anchors: text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
                    ..EndpointTls::default()
                },
                "trust anchors cannot be used",
            ),
            (
                EndpointTls {
                    trust_anchors: text("-----BEGIN CERTIFICATE-----\n!"),
                    ..EndpointTls::default()
                },
                "trust anchors are not PEM",
            ),
            (EndpointTls { client_certificate: text("x"), ..EndpointTls::default() }, "without its key"),
            (EndpointTls { client_key: key.clone(), ..EndpointTls::default() }, "without its certificate"),
            (
                EndpointTls {
                    client_certificate: text(
                        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                    ),
                    client_key: key,
                    ..EndpointTls::default()
                },
                "client certificate and key cannot be used",
            ),
        ] {
            let error = client_config(&tls).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("secret") && !error.contains("c2VjcmV0"), "{error}");
        }
        client_config(&EndpointTls::default()).unwrap();
    }
}
