//! What nodes say to one another, over gRPC.
//!
//! Both sides prove the cluster key before the first byte of HTTP/2 ([`handshake`]), and each call names its cluster, its
//! sender and its receiver ([`guard`]).

pub(crate) mod admission;
pub(crate) mod connector;
pub(crate) mod guard;
pub(crate) mod handshake;
pub(crate) mod introductions;
pub(crate) mod link;
pub(crate) mod peers;
pub(crate) mod repeated;
pub(crate) mod rpc;
pub(crate) mod secret;
pub(crate) mod server;
pub(crate) mod snapshot;
pub(crate) mod sockets;

use std::time::Duration;

/// How long a connection to a peer may take to establish.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// A connection on which the peer is silent is probed this often ...
pub(crate) const PROBE_INTERVAL: Duration = Duration::from_millis(500);
/// ... and given up after this long, so that a healed network is used again at once.
pub(crate) const PROBE_TIMEOUT: Duration = Duration::from_millis(1000);
/// HTTP/2 flow control: what a peer may send ahead on one call, and on one connection.
pub(crate) const CALL_WINDOW_BYTES: u32 = 1024 * 1024;
pub(crate) const CONNECTION_WINDOW_BYTES: u32 = 8 * 1024 * 1024;

/// Metadata of a call: the id of the caller's cluster.
pub(crate) const CLUSTER_KEY: &str = "keyraft-cluster";
/// Metadata of a call: the caller's node id.
pub(crate) const NODE_KEY: &str = "keyraft-node";
/// Metadata of a call: the node that it is for.
pub(crate) const TO_KEY: &str = "keyraft-to";
