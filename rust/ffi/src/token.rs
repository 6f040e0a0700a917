//! Bearer tokens from the host.

use std::sync::{Arc, PoisonError, RwLock};

use tandem::{Secret, TokenError, TokenSource};

use crate::HostFailure;

/// Gives the bearer token for a request. Implemented by the host.
#[uniffi::export(foreign)]
pub trait TokenProvider: Send + Sync {
    /// The token; a new one where `refresh` is set, because the endpoint has refused the last. Called on a worker
    /// thread; may block.
    fn token(&self, refresh: bool) -> Result<String, HostFailure>;
}

/// Where the bearer token of an endpoint comes from.
#[derive(Clone, uniffi::Enum)]
pub enum EndpointToken {
    /// Always the same.
    Fixed {
        /// The token.
        value: String,
    },
    /// From the host, for every request.
    Provided {
        /// Who gives it.
        provider: Arc<dyn TokenProvider>,
    },
}

/// The host's provider as the core's source, until it is let go.
///
/// A provider often refers to the host's runtime, which refers to this: closing the runtime breaks the cycle.
pub(crate) struct HostTokens {
    provider: RwLock<Option<Arc<dyn TokenProvider>>>,
}

impl HostTokens {
    pub(crate) fn new(provider: Arc<dyn TokenProvider>) -> Self {
        Self { provider: RwLock::new(Some(provider)) }
    }

    pub(crate) fn let_go(&self) {
        self.provider.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl TokenSource for HostTokens {
    fn token(&self, refresh: bool) -> Result<Secret, TokenError> {
        // Cloned out of the lock: the host may take long, and letting go must not wait for it.
        let provider = self.provider.read().unwrap_or_else(PoisonError::into_inner).clone();
        let provider = provider.ok_or_else(|| TokenError("the runtime is closed".to_owned()))?;
        provider.token(refresh).map(Secret::new).map_err(|failure| TokenError(failure.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Result<&'static str, &'static str>);

    impl TokenProvider for Fixed {
        fn token(&self, refresh: bool) -> Result<String, HostFailure> {
            match self.0 {
                Ok(token) => Ok(format!("{token}-{refresh}")),
                Err(detail) => Err(HostFailure::Failed { detail: detail.to_owned() }),
            }
        }
    }

    #[test]
    fn a_token_and_the_wish_for_a_new_one_pass_through() {
        let tokens = HostTokens::new(Arc::new(Fixed(Ok("abc"))));
        assert_eq!(tokens.token(false).unwrap().reveal(), "abc-false");
        assert_eq!(tokens.token(true).unwrap().reveal(), "abc-true");
    }

    #[test]
    fn what_the_host_failed_with_is_in_the_error() {
        let tokens = HostTokens::new(Arc::new(Fixed(Err("signed out"))));
        assert_eq!(tokens.token(false).unwrap_err().to_string(), "no bearer token: signed out");
    }

    #[test]
    fn a_provider_that_was_let_go_is_dropped() {
        let provider = Arc::new(Fixed(Ok("abc")));
        let weak = Arc::downgrade(&provider);
        let tokens = HostTokens::new(provider);
        tokens.let_go();
        assert!(weak.upgrade().is_none());
        assert_eq!(tokens.token(false).unwrap_err().to_string(), "no bearer token: the runtime is closed");
    }
}
