//! The endpoints of a runtime, and what is known of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tandem_core::{Endpoint, EndpointView, Error, Reachability, RemoteError};

/// How long an endpoint that could not be reached is taken for unreachable.
const MEMORY: Duration = Duration::from_secs(10);

pub(crate) struct Endpoints {
    configured: Vec<Endpoint>,
    names: Vec<String>,
    /// Until when an endpoint is taken for unreachable; one that answered has an entry in the past.
    shunned: Mutex<HashMap<String, Option<Instant>>>,
}

impl Endpoints {
    pub(crate) fn new(configured: Vec<Endpoint>) -> Result<Self, Error> {
        for (index, endpoint) in configured.iter().enumerate() {
            if endpoint.name.is_empty() {
                return Err(Error::InvalidArgument(format!("the endpoint at {} has no name", endpoint.url)));
            }
            if configured[..index].iter().any(|other| other.name == endpoint.name) {
                return Err(Error::InvalidArgument(format!("two endpoints are named {:?}", endpoint.name)));
            }
        }
        let names = configured.iter().map(|endpoint| endpoint.name.clone()).collect();
        Ok(Self { configured, names, shunned: Mutex::default() })
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.configured.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Endpoint, Error> {
        self.configured.iter().find(|endpoint| endpoint.name == name).ok_or_else(|| {
            let known: Vec<_> = self.configured.iter().map(|endpoint| endpoint.name.as_str()).collect();
            Error::InvalidArgument(format!(
                "there is no endpoint {name:?}, the runtime has [{}]",
                known.join(", ")
            ))
        })
    }

    /// The endpoints that a call may use: the named one, or all.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Result<Vec<&Endpoint>, Error> {
        match name {
            Some(name) => Ok(vec![self.get(name)?]),
            None => Ok(self.configured.iter().collect()),
        }
    }

    pub(crate) fn view(&self, endpoint: &Endpoint, now: Instant) -> EndpointView {
        let shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        let reachability = match shunned.get(&endpoint.name) {
            Some(None) => Reachability::Reachable,
            Some(Some(until)) if now < *until => Reachability::Unreachable,
            Some(Some(_)) | None => Reachability::Unknown,
        };
        EndpointView::new(endpoint, reachability)
    }

    /// Keeps in mind how an exchange with `endpoint` ended.
    pub(crate) fn learn<T>(&self, endpoint: &Endpoint, result: &Result<T, RemoteError>, now: Instant) {
        let until = match result {
            Ok(_) => None,
            Err(RemoteError::Unreachable { .. }) => Some(now + MEMORY),
            Err(RemoteError::Overloaded { retry_after: Some(wait), .. }) => Some(now + (*wait).min(MEMORY)),
            Err(_) => return,
        };
        let mut shunned = self.shunned.lock().unwrap_or_else(PoisonError::into_inner);
        shunned.insert(endpoint.name.clone(), until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoints() -> Endpoints {
        Endpoints::new(vec![Endpoint::new("a", "http://127.0.0.1:1")]).unwrap()
    }

    #[test]
    fn an_endpoint_that_could_not_be_reached_is_shunned_for_a_while() {
        let (endpoints, now) = (endpoints(), Instant::now());
        let endpoint = endpoints.get("a").unwrap();
        assert_eq!(endpoints.view(endpoint, now).reachability, Reachability::Unknown);

        let refused = RemoteError::Unreachable { endpoint: "a".into(), detail: "refused".into() };
        endpoints.learn::<()>(endpoint, &Err(refused), now);
        assert_eq!(endpoints.view(endpoint, now).reachability, Reachability::Unreachable);
        assert_eq!(endpoints.view(endpoint, now + MEMORY).reachability, Reachability::Unknown);

        endpoints.learn(endpoint, &Ok(()), now);
        assert_eq!(endpoints.view(endpoint, now).reachability, Reachability::Reachable);
    }

    #[test]
    fn an_overloaded_endpoint_is_left_alone_for_as_long_as_it_asks() {
        let (endpoints, now) = (endpoints(), Instant::now());
        let endpoint = endpoints.get("a").unwrap();
        let wait = Duration::from_secs(2);
        let overloaded = RemoteError::Overloaded {
            endpoint: "a".into(),
            status: 503,
            retry_after: Some(wait),
            detail: String::new(),
        };
        endpoints.learn::<()>(endpoint, &Err(overloaded), now);
        assert_eq!(endpoints.view(endpoint, now).reachability, Reachability::Unreachable);
        assert_eq!(endpoints.view(endpoint, now + wait).reachability, Reachability::Unknown);
    }

    #[test]
    fn names_that_are_empty_or_come_twice_are_refused() {
        let twice = vec![Endpoint::new("a", "http://127.0.0.1:1"), Endpoint::new("a", "http://127.0.0.1:2")];
        assert!(Endpoints::new(twice).is_err());
        assert!(Endpoints::new(vec![Endpoint::new("", "http://127.0.0.1:1")]).is_err());
    }
}
