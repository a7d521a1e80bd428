//! Values that are addresses, checked when they are read.

use std::fmt;
use std::net::IpAddr;

use axum::http::Uri;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A host, by name or address, and a port: `10.0.0.1:5100`, `node-1.example:5100`, `[::1]:5100`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPort(String);

/// The URL of a server, without a trailing slash: `https://keystone.example:5000`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseUrl(String);

/// A network (`10.0.0.0/8`) or a single address (`10.0.0.1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

impl HostPort {
    /// `host:port`, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HostPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is not of the form host:port: {why}");
        let (host, port) = text.rsplit_once(':').ok_or_else(|| wrong("the port is missing"))?;
        match port.parse::<u16>() {
            Ok(0) | Err(_) => return Err(wrong("the port is not a number from 1 to 65535")),
            Ok(_) => {}
        }
        let name = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_host = match name {
            Some(inside) => inside.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)),
        };
        if is_host { Ok(Self(text)) } else { Err(wrong("that is no host name or address")) }
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |why: &str| format!("{text:?} is not a URL such as https://keystone.example:5000: {why}");
        let uri: Uri = text.parse().map_err(|_| wrong("it does not parse"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(wrong("it does not start with http:// or https://"));
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("it names no host"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("it may hold neither a query nor a fragment"));
        }
        let bare = text.trim_end_matches('/');
        if bare.ends_with("/v3") {
            return Err(wrong("leave out /v3"));
        }
        Ok(Self(bare.to_owned()))
    }
}

impl Network {
    /// Whether `address` lies in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        parsed.map(Self).ok_or_else(|| {
            format!("{text:?} is neither an address such as 10.0.0.1 nor a network such as 10.0.0.0/8")
        })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<HostPort> for String {
    fn from(address: HostPort) -> Self {
        address.0
    }
}

impl From<BaseUrl> for String {
    fn from(url: BaseUrl) -> Self {
        url.0
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_ports_are_taken() {
        for good in ["a:1", "node-1.example:5100", "10.0.0.1:65535", "[::1]:5100"] {
            assert!(HostPort::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["a", ":1", "a:0", "a:65536", "::1:5100", "http://a:1", "[a]:1", "a b:1"] {
            assert!(HostPort::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn base_urls_lose_their_trailing_slash() {
        let url = BaseUrl::try_from("https://k.example:5000/identity/".to_owned()).unwrap();
        assert_eq!(url.to_string(), "https://k.example:5000/identity");
        for bad in ["k.example", "ftp://a", "http://", "http://a/?q=1", "http://a/v3", "http://a/v3/", "/v3"]
        {
            assert!(BaseUrl::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_network_contains_its_addresses_also_when_mapped_to_ipv6() {
        let network = Network::try_from("10.0.0.0/8".to_owned()).unwrap();
        assert!(network.contains("10.1.2.3".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("11.0.0.1".parse().unwrap()));
        let one = Network::try_from("192.0.2.1".to_owned()).unwrap();
        assert!(one.contains("192.0.2.1".parse().unwrap()) && !one.contains("192.0.2.2".parse().unwrap()));
        assert!(Network::try_from("proxy.example".to_owned()).is_err());
    }
}
