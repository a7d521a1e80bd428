//! `[http]`

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::Network;
use super::error::{Invalid, within};

/// The public API.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Where the API listens, over plain HTTP.
    pub listen: SocketAddr,
    /// Larger request bodies get 413. Keystone: `[oslo_middleware] max_request_body_size`.
    pub max_request_body_bytes: u64,
    /// Seconds in which a request body has to arrive; later ones get 408.
    pub body_timeout_s: u64,
    /// Seconds that a node that is to stop goes on serving, while `/ready` returns 503.
    pub shutdown_delay_s: u64,
    /// Proxies whose `Forwarded` and `X-Forwarded-*` headers are believed; nobody else's are.
    pub trusted_proxies: Vec<Network>,
    /// Rows of a list without `?limit`; unset: all. Keystone: `[DEFAULT] list_limit`.
    pub list_limit: Option<u64>,
    /// The most rows that `?limit` may ask for. Keystone: `[DEFAULT] max_db_limit`.
    pub max_db_limit: u64,
    /// Whether a 401 and a 500 tell the client why. Keystone: `[DEFAULT] insecure_debug`.
    pub insecure_debug: bool,
}

/// The most entries of `http.trusted_proxies`.
const MAX_TRUSTED_PROXIES: usize = 256;

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 5000)),
            max_request_body_bytes: 114_688,
            body_timeout_s: 30,
            shutdown_delay_s: 1,
            trusted_proxies: Vec::new(),
            list_limit: None,
            max_db_limit: 1000,
            insecure_debug: false,
        }
    }
}

impl Http {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        within("http.max_request_body_bytes", self.max_request_body_bytes, 1024..=64 * 1024 * 1024)?;
        within("http.body_timeout_s", self.body_timeout_s, 1..=3600)?;
        within("http.shutdown_delay_s", self.shutdown_delay_s, 0..=3600)?;
        within("http.max_db_limit", self.max_db_limit, 1..=1_000_000)?;
        if let Some(limit) = self.list_limit {
            within("http.list_limit", limit, 1..=1_000_000)?;
        }
        if self.trusted_proxies.len() > MAX_TRUSTED_PROXIES {
            let reason = format!("more than {MAX_TRUSTED_PROXIES} entries");
            return Err(Invalid::new("http.trusted_proxies", reason));
        }
        Ok(())
    }
}
