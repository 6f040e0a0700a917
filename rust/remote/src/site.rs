//! What is kept about an endpoint between calls: its settings made ready, its connections, what it can do.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use tandem_core::{Endpoint, EndpointTls};
use tandem_wire::Form;
use tokio::sync::OnceCell;

use crate::address::Address;
use crate::lane::Lanes;
use crate::tls::client_config;

/// An endpoint's address and TLS settings, and what belongs to exactly those.
pub(crate) struct Site {
    url: String,
    settings: EndpointTls,
    pub(crate) address: Address,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) lanes: Lanes,
    /// The form that the endpoint was found to speak.
    pub(crate) form: OnceCell<Form>,
}

impl Site {
    fn new(endpoint: &Endpoint) -> Result<Self, String> {
        let address = Address::parse(&endpoint.url)?;
        Ok(Self {
            url: endpoint.url.clone(),
            settings: endpoint.tls.clone(),
            tls: address.tls.then(|| client_config(&endpoint.tls)).transpose()?,
            address,
            lanes: Lanes::default(),
            form: OnceCell::new(),
        })
    }

    fn is_of(&self, endpoint: &Endpoint) -> bool {
        self.url == endpoint.url
            && self.settings.trust_anchors == endpoint.tls.trust_anchors
            && self.settings.client_certificate == endpoint.tls.client_certificate
            && self.settings.client_key == endpoint.tls.client_key
    }
}

/// The sites of all endpoints seen lately.
#[derive(Default)]
pub(crate) struct Sites(Mutex<Vec<Arc<Site>>>);

impl Sites {
    /// No more than this many are kept; the one that was made first goes first.
    const MOST: usize = 64;

    /// The site of an endpoint; what is wrong with the endpoint's settings where there can be none.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Result<Arc<Site>, String> {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.iter().find(|site| site.is_of(endpoint)) {
            return Ok(site.clone());
        }
        let site = Arc::new(Site::new(endpoint)?);
        if sites.len() == Self::MOST {
            sites.remove(0);
        }
        sites.push(site.clone());
        Ok(site)
    }
}
