//! Where a client reached this node, and from where: links are made of the one, the access log names the other.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};

use super::server::Peer;
use crate::app::App;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Where a client reached this node, and from where; found out once for each request.
#[derive(Clone, Debug)]
pub struct Origin {
    /// This node's URL as the client knows it, without `/v3`: what links begin with.
    pub base_url: Arc<str>,
    /// The client's address, as far as it is known.
    pub client: Option<String>,
}

impl Origin {
    /// What the request shows. Forwarding headers count only from trusted proxies, and the URL of a request only where
    /// `node.public_endpoint` is not set.
    #[must_use]
    pub fn of(app: &App, headers: &HeaderMap, peer: Option<&Peer>) -> Self {
        let is_trusted = peer.is_some_and(|peer| {
            app.config.http.trusted_proxies.iter().any(|network| network.contains(peer.address.ip()))
        });
        let said = if is_trusted { Said::by_proxy(headers) } else { Said::default() };
        let of_request = || said.base_url(headers.get(header::HOST).and_then(|host| host.to_str().ok()));
        let base_url = match app.config.node.public_endpoint {
            Some(_) => None,
            None => of_request(),
        };
        let base_url = base_url.map_or_else(|| Arc::from(app.public_endpoint.as_str()), Arc::from);
        Self { base_url, client: said.client.or_else(|| peer.map(|peer| peer.address.to_string())) }
    }
}

/// What a proxy says of the request that it forwards.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    scheme: Option<String>,
    host: Option<String>,
    client: Option<String>,
    /// What the proxy took off the path.
    prefix: Option<String>,
}

impl Said {
    /// Reads `Forwarded` (RFC 7239), of which the first proxy counts; without it, `X-Forwarded-*`.
    fn by_proxy(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let prefix = text(&FORWARDED_PREFIX).map(ToOwned::to_owned);
        let standard = text(&header::FORWARDED).filter(|value| !value.is_empty());
        let said = match standard {
            Some(value) => Self::by_first(value),
            None => Self {
                scheme: text(&FORWARDED_PROTO).map(ToOwned::to_owned),
                host: text(&FORWARDED_HOST).map(ToOwned::to_owned),
                client: text(&FORWARDED_FOR).map(ToOwned::to_owned),
                prefix: None,
            },
        };
        Self { prefix, ..said }
    }

    fn by_first(forwarded: &str) -> Self {
        let mut said = Self::default();
        for pair in split_unquoted(split_unquoted(forwarded, ',').next().unwrap_or_default(), ';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = Some(unquoted(value.trim()));
            match name.trim().to_ascii_lowercase().as_str() {
                "proto" => said.scheme = value,
                "host" => said.host = value,
                "for" => said.client = value,
                _ => {}
            }
        }
        said
    }

    /// The URL that the client used, if all of it can stand in a URL. A scheme's standard port is left out.
    fn base_url(&self, own_host: Option<&str>) -> Option<String> {
        let scheme = self.scheme.as_deref().unwrap_or("http").to_ascii_lowercase();
        let standard_port = match scheme.as_str() {
            "http" => ":80",
            "https" => ":443",
            _ => return None,
        };
        let host = self.host.as_deref().or(own_host).filter(|host| is_host(host))?;
        let host = host.strip_suffix(standard_port).unwrap_or(host);
        let prefix = self.prefix.as_deref().filter(|prefix| is_path(prefix)).unwrap_or_default();
        let prefix = prefix.trim_end_matches('/');
        let prefix = prefix.strip_suffix("/v3").unwrap_or(prefix);
        Some(format!("{scheme}://{host}{prefix}"))
    }
}

/// The parts between separators that stand in no quotes.
fn split_unquoted(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |character| {
        is_quoted ^= character == '"';
        character == separator && !is_quoted
    })
}

fn unquoted(text: &str) -> String {
    let inside = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inside.map_or_else(|| text.to_owned(), |inside| inside.replace('\\', ""))
}

/// Whether a host and port hold nothing that could break out of a URL.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
}

/// The same for a path.
fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/.-_~%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base_url(headers: &[(&'static str, &'static str)]) -> Option<String> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let own = headers.get(header::HOST).map(|host| host.to_str().unwrap().to_owned());
        Said::by_proxy(&headers).base_url(own.as_deref())
    }

    type Case = (&'static [(&'static str, &'static str)], Option<&'static str>);
    const CASES: &[Case] = &[
        (&[("host", "k:5000")], Some("http://k:5000")),
        (&[("host", "k:80")], Some("http://k")),
        (&[("host", "k"), ("x-forwarded-proto", "https")], Some("https://k")),
        (
            &[("host", "k"), ("x-forwarded-proto", "HTTPS"), ("x-forwarded-host", "id.example:443")],
            Some("https://id.example"),
        ),
        (&[("host", "k"), ("x-forwarded-prefix", "/identity/")], Some("http://k/identity")),
        (&[("host", "k"), ("x-forwarded-prefix", "/identity/v3")], Some("http://k/identity")),
        (
            &[("host", "k"), ("forwarded", "for=192.0.2.1;proto=https;host=a, proto=http;host=b")],
            Some("https://a"),
        ),
        (
            &[("host", "k"), ("forwarded", "Host=\"[2001:db8::1]:8443\"; Proto=https")],
            Some("https://[2001:db8::1]:8443"),
        ),
        (&[("host", "k"), ("forwarded", "for=\"a,b;host=c\"")], Some("http://k")),
        // `Forwarded` goes before the others.
        (&[("host", "k"), ("forwarded", "host=a"), ("x-forwarded-proto", "https")], Some("http://a")),
        (&[("host", "k"), ("x-forwarded-proto", "gopher")], None),
        (&[("host", "k\"><x")], None),
        (&[("host", "k"), ("x-forwarded-prefix", "//evil?")], Some("http://k")),
        (&[], None),
    ];

    #[test]
    fn links_begin_with_the_url_that_the_client_used() {
        for (headers, url) in CASES {
            assert_eq!(base_url(headers).as_deref(), *url, "{headers:?}");
        }
    }

    #[test]
    fn the_client_is_the_one_that_the_first_proxy_saw() {
        let mut headers = HeaderMap::new();
        headers.insert(header::FORWARDED, "for=\"[2001:db8::1]:4711\", for=10.0.0.1".parse().unwrap());
        assert_eq!(Said::by_proxy(&headers).client.as_deref(), Some("[2001:db8::1]:4711"));
    }
}
