//! What an operator decides for one node, with defaults.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use crate::network::secret::ClusterSecret;
use crate::types::NodeId;

/// A member of the cluster, as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its number.
    pub node_id: NodeId,
    /// `host:port` of its cluster service, as seen from this node.
    pub address: String,
}

/// The configuration of one node.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// This node's number; the first is 0.
    pub node_id: NodeId,
    /// Where the cluster service listens.
    pub listen: SocketAddr,
    /// All members, this node among them. Empty: a cluster of this node alone.
    pub peers: Vec<Peer>,
    /// The secret that nodes prove to one another. Only a node without peers needs none.
    pub secret: Option<ClusterSecret>,
    /// Where clients reach this node; shown in the status, otherwise unused.
    pub public_url: String,
    /// The node's files.
    pub directory: PathBuf,
    /// How often a leader is heard when nothing is written.
    pub heartbeat_ms: u64,
    /// The shortest random wait before a candidacy.
    pub election_timeout_min_ms: u64,
    /// The longest random wait before a candidacy; also how long a leader must have been silent.
    pub election_timeout_max_ms: u64,
    /// Whether nodes are granted the right to answer reads by themselves. Without it every read asks the
    /// leader. The same on all nodes.
    pub leases: bool,
    /// Whether this node, while a learner, wants that right too. Every write then waits for it.
    pub learner_leases: bool,
    /// How long a leader answers reads after a majority was last known to follow it; the same on all nodes.
    pub leader_lease_ms: u64,
    /// How long any other node answers reads after it was last granted that; the same on all nodes. Also how
    /// long writes stall when such a node dies.
    pub follower_lease_ms: u64,
    /// How long a read waits for a leader.
    pub read_timeout_ms: u64,
    /// How long a write is tried.
    pub write_timeout_ms: u64,
    /// The largest command.
    pub max_command_bytes: usize,
    /// The most requests in one log entry.
    pub batch_max_requests: usize,
    /// A log entry takes no further request once its commands have reached this size.
    pub batch_max_bytes: usize,
    /// How many log entries of clients a leader has under way at a time.
    pub entries_in_flight: usize,
    /// How many writes of its own clients a node has under way at a time.
    pub requests_in_flight: usize,
    /// How many requests wait at a leader for their log entry.
    pub proposer_queue: usize,
    /// How many reads wait for one round to the leader.
    pub reads_waiting: usize,
    /// A snapshot is taken when the log since the last one is longer than this ...
    pub snapshot_min_log_bytes: u64,
    /// ... and than this share of the last snapshot.
    pub snapshot_log_percent: u64,
    /// Number of log entries below a snapshot that are kept, so that a short absence needs no snapshot.
    pub log_entries_kept: u64,
    /// Greatest size of these entries in bytes: a start reads them all.
    pub log_bytes_kept: u64,
    /// How often the leader has the digests of all nodes compared.
    pub digest_interval_ms: u64,
    /// Time for which a learner has to keep up with the leader before it becomes a voter.
    pub promotion_delay_ms: u64,
    /// Threads for consensus alone. 0: it runs on the runtime that starts the node, as a simulation needs.
    pub consensus_threads: usize,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            node_id: 0,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5001)),
            peers: Vec::new(),
            secret: None,
            public_url: String::new(),
            directory: PathBuf::from("keyraft-data"),
            heartbeat_ms: 100,
            election_timeout_min_ms: 250,
            election_timeout_max_ms: 450,
            leases: true,
            learner_leases: false,
            leader_lease_ms: 300,
            follower_lease_ms: 1_800,
            read_timeout_ms: 5_000,
            write_timeout_ms: 10_000,
            max_command_bytes: 1024 * 1024,
            batch_max_requests: 256,
            batch_max_bytes: 512 * 1024,
            entries_in_flight: 4,
            requests_in_flight: 1024,
            proposer_queue: 4096,
            reads_waiting: 65_536,
            snapshot_min_log_bytes: 4 * 1024 * 1024,
            snapshot_log_percent: 50,
            log_entries_kept: 5_000,
            log_bytes_kept: 64 * 1024 * 1024,
            digest_interval_ms: 30_000,
            promotion_delay_ms: 10_000,
            consensus_threads: 3,
        }
    }
}

/// A value that the configuration may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ConfigError {
    /// The field of [`NodeConfig`].
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

impl NodeConfig {
    /// Checks every value that has a bound.
    ///
    /// # Errors
    /// The first field at fault.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let fault = |key, reason: String| Err(ConfigError { key, reason });
        let ids: BTreeSet<NodeId> = self.peers.iter().map(|peer| peer.node_id).collect();
        if ids.len() != self.peers.len() {
            return fault("peers", "every member needs its own node id".into());
        }
        if !ids.is_empty() && !ids.contains(&self.node_id) {
            return fault("peers", format!("node {} itself is missing", self.node_id));
        }
        if self.secret.is_none() && !self.other_members().is_empty() {
            return fault("secret", "nodes that have peers need one".into());
        }
        if let Some(peer) = self.peers.iter().find(|peer| !peer.address.contains(':')) {
            return fault("peers", format!("the address {:?} is not host:port", peer.address));
        }
        if self.heartbeat_ms == 0 || self.election_timeout_min_ms <= self.heartbeat_ms {
            return fault("election_timeout_min_ms", "must be longer than heartbeat_ms".into());
        }
        if self.election_timeout_max_ms <= self.election_timeout_min_ms {
            return fault("election_timeout_max_ms", "must be longer than election_timeout_min_ms".into());
        }
        if self.leases {
            self.check_leases()?;
        }
        let positive = [
            ("read_timeout_ms", self.read_timeout_ms),
            ("write_timeout_ms", self.write_timeout_ms),
            ("max_command_bytes", self.max_command_bytes as u64),
            ("batch_max_requests", self.batch_max_requests as u64),
            ("batch_max_bytes", self.batch_max_bytes as u64),
            ("entries_in_flight", self.entries_in_flight as u64),
            ("requests_in_flight", self.requests_in_flight as u64),
            ("proposer_queue", self.proposer_queue as u64),
            ("reads_waiting", self.reads_waiting as u64),
            ("digest_interval_ms", self.digest_interval_ms),
            ("promotion_delay_ms", self.promotion_delay_ms),
        ];
        match positive.iter().find(|(_, value)| *value == 0) {
            Some((key, _)) => fault(key, "must be 1 or more".into()),
            None => Ok(()),
        }
    }

    /// Followers read on through an election, which takes up to three of the longest election timeouts, and a
    /// lease that is renewed on every heartbeat survives a lost one.
    fn check_leases(&self) -> Result<(), ConfigError> {
        let fault = |key, least: u64| Err(ConfigError { key, reason: format!("must be {least} or more") });
        let least_ms = 3 * self.election_timeout_max_ms + 2 * self.heartbeat_ms;
        if self.follower_lease_ms < least_ms {
            return fault("follower_lease_ms", least_ms);
        }
        let least_ms = 2 * self.heartbeat_ms;
        if self.leader_lease_ms < least_ms {
            return fault("leader_lease_ms", least_ms);
        }
        if self.leader_lease_ms > self.follower_lease_ms {
            let reason = "must not be longer than follower_lease_ms".to_owned();
            return Err(ConfigError { key: "leader_lease_ms", reason });
        }
        Ok(())
    }

    /// All members, this node among them.
    #[must_use]
    pub fn members(&self) -> Vec<Peer> {
        if self.peers.is_empty() {
            return vec![Peer { node_id: self.node_id, address: self.listen.to_string() }];
        }
        let mut members = self.peers.clone();
        members.sort_by_key(|peer| peer.node_id);
        members
    }

    /// The members other than this node.
    #[must_use]
    pub fn other_members(&self) -> Vec<Peer> {
        self.members().into_iter().filter(|peer| peer.node_id != self.node_id).collect()
    }

    /// The largest log entry: a full batch that the largest command was added to.
    pub(crate) fn max_entry_bytes(&self) -> usize {
        self.batch_max_bytes + self.max_command_bytes + ENTRY_OVERHEAD_BYTES
    }

    /// The largest message between nodes: the prefix of entries that one message carries.
    pub(crate) fn max_message_bytes(&self) -> usize {
        self.max_append_bytes() + self.max_entry_bytes()
    }

    /// An append message takes no further entry once it has reached this size.
    pub(crate) fn max_append_bytes(&self) -> usize {
        self.max_entry_bytes().max(MIN_APPEND_BYTES)
    }
}

/// Ids and framing of the requests of one entry.
const ENTRY_OVERHEAD_BYTES: usize = 64 * 1024;
/// Small entries travel together up to this size.
const MIN_APPEND_BYTES: usize = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(NodeConfig::default().validate(), Ok(()));
    }

    #[test]
    fn a_bad_value_is_named() {
        let refused = |change: fn(&mut NodeConfig)| {
            let mut config = NodeConfig::default();
            change(&mut config);
            config.validate().unwrap_err().key
        };
        assert_eq!(refused(|c| c.election_timeout_min_ms = 100), "election_timeout_min_ms");
        assert_eq!(refused(|c| c.election_timeout_max_ms = 250), "election_timeout_max_ms");
        assert_eq!(refused(|c| c.batch_max_requests = 0), "batch_max_requests");
        assert_eq!(refused(|c| c.follower_lease_ms = 1_549), "follower_lease_ms");
        assert_eq!(refused(|c| c.election_timeout_max_ms = 600), "follower_lease_ms");
        assert_eq!(refused(|c| c.leader_lease_ms = 199), "leader_lease_ms");
        assert_eq!(refused(|c| c.leader_lease_ms = 1_801), "leader_lease_ms");
        let peer = |node_id| Peer { node_id, address: "h:1".into() };
        let mut config = NodeConfig { peers: vec![peer(2), peer(3)], ..NodeConfig::default() };
        assert_eq!(config.validate().unwrap_err().key, "peers");
        config.peers = vec![peer(1), peer(1)];
        assert_eq!(config.validate().unwrap_err().key, "peers");
        config = NodeConfig { node_id: 1, peers: vec![Peer { node_id: 1, address: "h".into() }], ..config };
        assert_eq!(config.validate().unwrap_err().key, "peers");
        config.peers = vec![peer(1), peer(2)];
        assert_eq!(config.validate().unwrap_err().key, "secret");
    }
}
