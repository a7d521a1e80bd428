//! `[cors]`

use axum::http::{HeaderName, Method};
use serde::{Deserialize, Serialize};

use super::address::BaseUrl;
use super::error::{Invalid, within};

/// Which web pages may call the API from a browser.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// The origins of those pages (`https://horizon.example`), or `*`; none: nothing is shared.
    pub allowed_origin: Vec<String>,
    /// Whether they may send credentials.
    pub allow_credentials: bool,
    /// Headers of answers that they may read.
    pub expose_headers: Vec<String>,
    /// How long a browser may keep the answer of a preflight.
    pub max_age_s: u64,
    /// Methods that they may use.
    pub allow_methods: Vec<String>,
    /// Headers that they may send, besides the simple ones.
    pub allow_headers: Vec<String>,
}

/// The most entries of a list.
const MAX_ENTRIES: usize = 256;

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

impl Default for Cors {
    fn default() -> Self {
        Self {
            allowed_origin: Vec::new(),
            allow_credentials: true,
            expose_headers: texts(&[
                "X-Auth-Token",
                "X-Openstack-Request-Id",
                "X-Subject-Token",
                "Openstack-Auth-Receipt",
            ]),
            max_age_s: 3600,
            allow_methods: texts(&["GET", "PUT", "POST", "DELETE", "PATCH"]),
            allow_headers: texts(&[
                "X-Auth-Token",
                "X-Openstack-Request-Id",
                "X-Subject-Token",
                "X-Project-Id",
                "X-Project-Name",
                "X-Project-Domain-Id",
                "X-Project-Domain-Name",
                "X-Domain-Id",
                "X-Domain-Name",
                "Openstack-Auth-Receipt",
            ]),
        }
    }
}

impl Cors {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let is_origin = |text: &str| {
            text == "*" || BaseUrl::try_from(text.to_owned()).is_ok_and(|url| url.to_string() == text)
        };
        let is_header = |text: &str| HeaderName::try_from(text).is_ok();
        let is_method = |text: &str| Method::try_from(text).is_ok();
        check_each(
            "cors.allowed_origin",
            &self.allowed_origin,
            "no origin such as https://horizon.example",
            is_origin,
        )?;
        check_each("cors.expose_headers", &self.expose_headers, "no name of a header", is_header)?;
        check_each("cors.allow_methods", &self.allow_methods, "no method", is_method)?;
        check_each("cors.allow_headers", &self.allow_headers, "no name of a header", is_header)?;
        within("cors.max_age_s", self.max_age_s, 0..=86_400)
    }
}

fn check_each(
    key: &'static str,
    texts: &[String],
    reason: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<(), Invalid> {
    if texts.len() > MAX_ENTRIES {
        return Err(Invalid::new(key, format!("more than {MAX_ENTRIES} entries")));
    }
    match texts.iter().find(|text| !is_valid(text)) {
        Some(text) => Err(Invalid::new(key, format!("{text:?} is {reason}"))),
        None => Ok(()),
    }
}
