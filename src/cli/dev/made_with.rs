//! What a folder was made with. Number and ports of the nodes cannot change, because they remember one another's
//! addresses; options are the operator's once they are in the configurations of nodes.

use std::net::{Ipv4Addr, SocketAddr};

use keyraft::config::MAX_PEERS;
use serde::{Deserialize, Serialize};

use super::super::failure::Failure;
use super::options::NodeOptions;

/// The options of the command line; `None`, or no option, where the folder or a default decides.
#[derive(Clone, Debug)]
pub struct MadeWith {
    pub nodes: Option<u16>,
    pub http_port: Option<u16>,
    pub options: NodeOptions,
}

/// The contents of `dev.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    nodes: u16,
    http_port: u16,
    /// So that a node whose folder is gone comes back with the options of the others.
    #[serde(default, rename = "set", skip_serializing_if = "NodeOptions::is_empty")]
    pub options: NodeOptions,
}

/// Number of nodes and ports of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub nodes: u16,
    pub http_port: u16,
}

/// The cluster's ports follow the API's at this distance.
const CLUSTER_PORT_OFFSET: u16 = 100;
/// The last port of the last node still is a port.
pub const MAX_HTTP_PORT: i64 = 65_535 - CLUSTER_PORT_OFFSET as i64 - MAX_PEERS as i64 + 1;

impl MadeWith {
    /// What a folder is made with whose `dev.toml` records `recorded`, if it was made before.
    ///
    /// # Errors
    /// It was made with something else than is asked for.
    pub fn record(self, recorded: Option<Record>) -> Result<Record, Failure> {
        let Some(recorded) = recorded else {
            let default = Shape::default();
            return Ok(Record {
                nodes: self.nodes.unwrap_or(default.nodes),
                http_port: self.http_port.unwrap_or(default.http_port),
                options: self.options,
            });
        };
        let (nodes, http_port) = (recorded.nodes, recorded.http_port);
        if self.nodes.is_some_and(|asked| asked != nodes)
            || self.http_port.is_some_and(|asked| asked != http_port)
        {
            return Err(Failure::usage(format_args!(
                "it was made with --nodes {nodes} --http-port {http_port}; give the same, none, or another \
                 --data-dir"
            )));
        }
        if let Some(missing) = self.options.missing_in(&recorded.options) {
            return Err(Failure::usage(format_args!(
                "it was made without {missing}; change node-*/config.toml, or give another --data-dir"
            )));
        }
        Ok(recorded)
    }
}

impl Record {
    pub fn shape(&self) -> Shape {
        Shape { nodes: self.nodes, http_port: self.http_port }
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self { nodes: 3, http_port: 5000 }
    }
}

impl Shape {
    /// The numbers of the nodes.
    pub fn numbers(self) -> std::ops::Range<u16> {
        0..self.nodes
    }

    /// Where a node serves its API.
    pub fn http_address(self, number: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.http_port + number))
    }

    /// Where a node serves the other nodes.
    pub fn cluster_address(self, number: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.http_port + CLUSTER_PORT_OFFSET + number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(texts: &[&str]) -> NodeOptions {
        NodeOptions::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn asked(nodes: Option<u16>, http_port: Option<u16>, texts: &[&str]) -> MadeWith {
        MadeWith { nodes, http_port, options: options(texts) }
    }

    fn made() -> Record {
        Record { nodes: 5, http_port: 7000, options: options(&["token.expiration_s=15", "log.level=warn"]) }
    }

    #[test]
    fn a_new_folder_takes_what_is_asked_or_the_default() {
        let record = asked(None, Some(6000), &["log.level=warn"]).record(None).unwrap();
        assert_eq!(record.shape(), Shape { nodes: 3, http_port: 6000 });
        assert_eq!(record.options, options(&["log.level=warn"]));
    }

    #[test]
    fn a_folder_made_before_decides_what_is_not_asked() {
        for asked in [asked(Some(5), None, &[]), asked(None, None, &["log.level=warn"])] {
            assert_eq!(asked.record(Some(made())).unwrap(), made());
        }
    }

    #[test]
    fn another_shape_than_the_folder_has_is_refused() {
        for asked in [asked(Some(3), None, &[]), asked(None, Some(5000), &[])] {
            let error = asked.record(Some(made())).unwrap_err().to_string();
            assert!(error.contains("--nodes 5 --http-port 7000"), "{error}");
        }
    }

    #[test]
    fn an_option_that_the_folder_was_not_made_with_is_refused() {
        for option in ["token.expiration_s=16", "http.list_limit=3"] {
            let error = asked(None, None, &[option]).record(Some(made())).unwrap_err().to_string();
            assert!(error.contains(&format!("it was made without --set {option};")), "{error}");
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_one_of_before_has_no_options() {
        let text = toml::to_string(&made()).unwrap();
        assert_eq!(toml::from_str::<Record>(&text).unwrap(), made(), "{text}");
        let before: Record = toml::from_str("nodes = 5\nhttp_port = 7000\n").unwrap();
        assert_eq!(before, Record { options: NodeOptions::default(), ..made() });
        assert_eq!(toml::to_string(&before).unwrap(), "nodes = 5\nhttp_port = 7000\n");
    }

    #[test]
    fn every_allowed_port_has_room_for_all_nodes() {
        let largest = Shape {
            nodes: u16::try_from(MAX_PEERS).unwrap(),
            http_port: u16::try_from(MAX_HTTP_PORT).unwrap(),
        };
        assert_eq!(largest.cluster_address(largest.nodes - 1).port(), 65_535);
    }
}
