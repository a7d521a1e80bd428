//! What a folder was made with: it cannot change, because the nodes remember one another's addresses.

use std::net::{Ipv4Addr, SocketAddr};

use keyraft::config::MAX_PEERS;
use serde::{Deserialize, Serialize};

use super::super::failure::Failure;

/// What the user asks for; `None` where the folder, or a default, decides.
#[derive(Clone, Copy, Debug)]
pub struct MadeWith {
    pub nodes: Option<u16>,
    pub http_port: Option<u16>,
}

/// Number of nodes and ports of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    pub nodes: u16,
    pub http_port: u16,
}

/// The cluster's ports follow the API's at this distance.
const CLUSTER_PORT_OFFSET: u16 = 100;
/// The last port of the last node still is a port.
pub const MAX_HTTP_PORT: i64 = 65_535 - CLUSTER_PORT_OFFSET as i64 - MAX_PEERS as i64 + 1;

const DEFAULT: Shape = Shape { nodes: 3, http_port: 5000 };

impl MadeWith {
    /// The shape of a cluster whose folder was made with `recorded`, if it was made before.
    pub fn shape(self, recorded: Option<Shape>) -> Result<Shape, Failure> {
        let base = recorded.unwrap_or(DEFAULT);
        let asked = Shape {
            nodes: self.nodes.unwrap_or(base.nodes),
            http_port: self.http_port.unwrap_or(base.http_port),
        };
        if recorded.is_some() && asked != base {
            return Err(Failure::usage(format_args!(
                "it was made with --nodes {} --http-port {}; give the same, none, or another --data-dir",
                base.nodes, base.http_port
            )));
        }
        Ok(asked)
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

    const MADE: Shape = Shape { nodes: 5, http_port: 7000 };

    #[test]
    fn a_new_folder_takes_what_is_asked_or_the_default() {
        let asked = MadeWith { nodes: None, http_port: Some(6000) };
        assert_eq!(asked.shape(None).unwrap(), Shape { nodes: 3, http_port: 6000 });
    }

    #[test]
    fn a_folder_made_before_decides_what_is_not_asked() {
        let asked = MadeWith { nodes: Some(5), http_port: None };
        assert_eq!(asked.shape(Some(MADE)).unwrap(), MADE);
    }

    #[test]
    fn another_shape_than_the_folder_has_is_refused() {
        for asked in
            [MadeWith { nodes: Some(3), http_port: None }, MadeWith { nodes: None, http_port: Some(5000) }]
        {
            let error = asked.shape(Some(MADE)).unwrap_err().to_string();
            assert!(error.contains("--nodes 5 --http-port 7000"), "{error}");
        }
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
