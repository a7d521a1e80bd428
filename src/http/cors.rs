//! Cross-origin resource sharing: which pages of other origins may call the API from a browser.
//!
//! The answers are those of oslo.middleware: OPTIONS is answered as ever, and a preflight that is allowed gets its
//! headers besides; there is no refusal, the browser refuses when the headers are missing.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::config::Cors;

/// Request headers that are always allowed.
const SIMPLE_HEADERS: [&str; 8] = [
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cache-Control",
    "Content-Language",
    "Expires",
    "Last-Modified",
    "Pragma",
];

/// Headers that an answer gets besides its own.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sharing {
    added: Vec<(HeaderName, HeaderValue)>,
    is_preflight: bool,
}

impl Sharing {
    /// What is to be added to the answer of such a request; nothing for an origin that may not share.
    #[must_use]
    pub fn of(cors: &Cors, method: &Method, request: &HeaderMap) -> Self {
        Self::allowed(cors, method, request).unwrap_or_default()
    }

    fn allowed(cors: &Cors, method: &Method, request: &HeaderMap) -> Option<Self> {
        let text = |name: HeaderName| request.get(name).and_then(|value| value.to_str().ok());
        let given = text(header::ORIGIN)?;
        let is_allowed = |origin: &str| cors.allowed_origin.iter().any(|allowed| allowed == origin);
        let origin = [given, "*"].into_iter().find(|origin| is_allowed(origin))?;
        let mut sharing = Self { added: Vec::new(), is_preflight: method == Method::OPTIONS };
        sharing.add(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if cors.allow_credentials {
            sharing.add(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        }
        if !sharing.is_preflight {
            if !cors.expose_headers.is_empty() {
                sharing.add(header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers.join(","));
            }
            return Some(sharing);
        }
        let asked_method = text(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        let asked_headers = text(header::ACCESS_CONTROL_REQUEST_HEADERS).unwrap_or_default();
        let asked_headers: Vec<&str> =
            asked_headers.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        let allows_header = |asked: &&str| {
            let configured = cors.allow_headers.iter().map(String::as_str);
            configured.chain(SIMPLE_HEADERS).any(|allowed| allowed.eq_ignore_ascii_case(asked))
        };
        let allows_method = cors.allow_methods.iter().any(|allowed| allowed == asked_method);
        if !allows_method || !asked_headers.iter().all(allows_header) {
            return None;
        }
        if cors.max_age_s > 0 {
            sharing.add(header::ACCESS_CONTROL_MAX_AGE, &cors.max_age_s.to_string());
        }
        sharing.add(header::ACCESS_CONTROL_ALLOW_METHODS, asked_method);
        if !asked_headers.is_empty() {
            sharing.add(header::ACCESS_CONTROL_ALLOW_HEADERS, &asked_headers.join(","));
        }
        Some(sharing)
    }

    fn add(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.added.push((name, value));
        }
    }

    /// Adds the headers to an answer, which then varies with the origin.
    pub fn apply(self, answer: &mut HeaderMap) {
        if self.added.is_empty() {
            return;
        }
        let vary = match answer.get(header::VARY).and_then(|vary| vary.to_str().ok()) {
            Some(vary) if !self.is_preflight => HeaderValue::from_str(&format!("{vary},Origin")).ok(),
            _ => None,
        };
        answer.insert(header::VARY, vary.unwrap_or(HeaderValue::from_static("Origin")));
        answer.extend(self.added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(cors: &Cors, method: Method, request: &[(HeaderName, &str)]) -> Vec<(String, String)> {
        let request: HeaderMap =
            request.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        let mut answer = HeaderMap::new();
        answer.insert(header::VARY, HeaderValue::from_static("X-Auth-Token"));
        Sharing::of(cors, &method, &request).apply(&mut answer);
        let shown = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.to_string().replace("access-control-", ""), value.to_str().unwrap().to_owned())
        };
        answer.iter().map(shown).collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn cors(origin: &str) -> Cors {
        Cors { allowed_origin: vec![origin.to_owned()], ..Cors::default() }
    }

    const PAGE: &str = "https://horizon.example";

    #[test]
    fn an_answer_is_shared_with_an_allowed_origin_only() {
        let unshared = pairs(&[("vary", "X-Auth-Token")]);
        let of_page = [(header::ORIGIN, PAGE)];
        assert_eq!(shared(&Cors::default(), Method::GET, &of_page), unshared);
        assert_eq!(shared(&cors("https://other.example"), Method::GET, &of_page), unshared);
        assert_eq!(shared(&cors(PAGE), Method::GET, &[]), unshared);
        let exposed = "X-Auth-Token,X-Openstack-Request-Id,X-Subject-Token,Openstack-Auth-Receipt";
        assert_eq!(
            shared(&cors(PAGE), Method::GET, &of_page),
            pairs(&[
                ("vary", "X-Auth-Token,Origin"),
                ("allow-origin", PAGE),
                ("allow-credentials", "true"),
                ("expose-headers", exposed),
            ])
        );
        let anybody = shared(&cors("*"), Method::GET, &of_page);
        assert!(anybody.contains(&("allow-origin".to_owned(), "*".to_owned())), "{anybody:?}");
    }

    #[test]
    fn a_preflight_is_allowed_when_its_method_and_headers_are() {
        let ask = |method: &str, headers: &str| {
            let request = [
                (header::ORIGIN, PAGE),
                (header::ACCESS_CONTROL_REQUEST_METHOD, method),
                (header::ACCESS_CONTROL_REQUEST_HEADERS, headers),
            ];
            shared(&cors(PAGE), Method::OPTIONS, &request)
        };
        assert_eq!(
            ask("PATCH", "x-auth-token, content-type"),
            pairs(&[
                ("vary", "Origin"),
                ("allow-origin", PAGE),
                ("allow-credentials", "true"),
                ("max-age", "3600"),
                ("allow-methods", "PATCH"),
                ("allow-headers", "x-auth-token,content-type"),
            ])
        );
        let refused = pairs(&[("vary", "X-Auth-Token")]);
        assert_eq!(ask("TRACE", ""), refused);
        assert_eq!(ask("GET", "x-evil"), refused);
        assert_eq!(shared(&cors(PAGE), Method::OPTIONS, &[(header::ORIGIN, PAGE)]), refused);
    }
}
