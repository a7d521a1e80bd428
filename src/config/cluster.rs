//! `[cluster]`

use std::collections::BTreeSet;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::HostPort;
use super::error::{Invalid, within};

/// The most nodes of `cluster.peers`. Each more makes every write wait for one more.
pub const MAX_PEERS: usize = 9;

/// The longest of the times below.
const HOUR_MS: u64 = 3_600_000;

/// The nodes of the cluster and how they talk to one another.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Where this node listens for the others (gRPC); unset: at its own address in `peers`.
    #[serde(default)]
    pub listen: Option<SocketAddr>,
    /// All nodes of the cluster, this one among them; the same list on each.
    pub peers: Vec<Peer>,
    /// How often the leader shows that it is alive, in milliseconds.
    #[serde(default = "heartbeat_ms")]
    pub heartbeat_ms: u64,
    /// The least time without a leader after which a node campaigns, in milliseconds.
    #[serde(default = "election_timeout_min_ms")]
    pub election_timeout_min_ms: u64,
    /// The most time without a leader after which a node campaigns, in milliseconds.
    #[serde(default = "election_timeout_max_ms")]
    pub election_timeout_max_ms: u64,
    /// Whether nodes are granted the right to answer reads by themselves; else every read asks the leader. The
    /// same on all nodes.
    #[serde(default = "leases")]
    pub leases: bool,
    /// Whether this node, while it is no voter, wants that right too. Every write then waits for it.
    #[serde(default)]
    pub learner_leases: bool,
    /// How long a leader answers reads after a majority was last known to follow it, in milliseconds; the same
    /// on all nodes.
    #[serde(default = "leader_lease_ms")]
    pub leader_lease_ms: u64,
    /// How long any other node does after it was last granted that, in milliseconds, which is also how long
    /// writes stall when it dies; the same on all nodes.
    #[serde(default = "follower_lease_ms")]
    pub follower_lease_ms: u64,
    /// For how long validations go on, in milliseconds, on a node that has lost its lease and finds no leader; they may
    /// then miss what other nodes do, and say so. The same on all nodes.
    #[serde(default)]
    pub max_staleness_ms: u64,
    /// How long a read waits for a leader before it is answered 503, in milliseconds.
    #[serde(default = "read_timeout_ms")]
    pub read_timeout_ms: u64,
    /// How long a write waits for a leader and a majority before it is answered 503, in milliseconds.
    #[serde(default = "write_timeout_ms")]
    pub write_timeout_ms: u64,
    /// The interval at which the leader has the states of all nodes compared, if anything has changed, in milliseconds.
    #[serde(default = "digest_interval_ms")]
    pub digest_interval_ms: u64,
    /// How long a node that is no voter has to keep up with the leader before it becomes one, in seconds.
    #[serde(default = "promotion_delay_s")]
    pub promotion_delay_s: u64,
}

/// One node, as the others reach it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its `node.id`.
    pub id: u64,
    /// Host and port at which the others reach it.
    pub address: HostPort,
}

fn heartbeat_ms() -> u64 {
    100
}

fn election_timeout_min_ms() -> u64 {
    250
}

fn election_timeout_max_ms() -> u64 {
    450
}

fn leases() -> bool {
    true
}

fn leader_lease_ms() -> u64 {
    300
}

fn follower_lease_ms() -> u64 {
    1_800
}

fn read_timeout_ms() -> u64 {
    5_000
}

fn write_timeout_ms() -> u64 {
    10_000
}

fn promotion_delay_s() -> u64 {
    10
}

fn digest_interval_ms() -> u64 {
    30_000
}

impl Cluster {
    pub(super) fn check(&self, own_id: u64) -> Result<(), Invalid> {
        self.check_peers(own_id)?;
        self.check_times()
    }

    fn check_peers(&self, own_id: u64) -> Result<(), Invalid> {
        if self.peers.is_empty() || self.peers.len() > MAX_PEERS {
            let reason = format!("it has {} entries; it takes 1 to {MAX_PEERS}", self.peers.len());
            return Err(Invalid::new("cluster.peers", reason));
        }
        let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
        for (place, peer) in self.peers.iter().enumerate() {
            if !ids.insert(peer.id) {
                let reason = format!("another peer has the id {} too", peer.id);
                return Err(Invalid::new(format!("cluster.peers[{place}].id"), reason));
            }
            if !addresses.insert(peer.address.as_str()) {
                let reason = format!("another peer has the address {} too", peer.address);
                return Err(Invalid::new(format!("cluster.peers[{place}].address"), reason));
            }
        }
        if !ids.contains(&own_id) {
            return Err(Invalid::new("node.id", format!("{own_id} is the id of no entry of cluster.peers")));
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Invalid> {
        within("cluster.heartbeat_ms", self.heartbeat_ms, 10..=10_000)?;
        within("cluster.election_timeout_min_ms", self.election_timeout_min_ms, 20..=HOUR_MS)?;
        within("cluster.election_timeout_max_ms", self.election_timeout_max_ms, 20..=HOUR_MS)?;
        within("cluster.read_timeout_ms", self.read_timeout_ms, 1..=HOUR_MS)?;
        within("cluster.write_timeout_ms", self.write_timeout_ms, 1..=HOUR_MS)?;
        within("cluster.digest_interval_ms", self.digest_interval_ms, 100..=HOUR_MS)?;
        within("cluster.promotion_delay_s", self.promotion_delay_s, 1..=3_600)?;
        // A single lost heartbeat must not look like a dead leader.
        if self.election_timeout_min_ms < 2 * self.heartbeat_ms {
            let reason = format!(
                "{} is less than twice cluster.heartbeat_ms ({})",
                self.election_timeout_min_ms, self.heartbeat_ms
            );
            return Err(Invalid::new("cluster.election_timeout_min_ms", reason));
        }
        if self.election_timeout_max_ms <= self.election_timeout_min_ms {
            let reason = format!(
                "{} is not more than cluster.election_timeout_min_ms ({})",
                self.election_timeout_max_ms, self.election_timeout_min_ms
            );
            return Err(Invalid::new("cluster.election_timeout_max_ms", reason));
        }
        within("cluster.max_staleness_ms", self.max_staleness_ms, 0..=HOUR_MS)?;
        if self.leases { self.check_leases() } else { Ok(()) }
    }

    fn check_leases(&self) -> Result<(), Invalid> {
        let least_ms = 2 * self.heartbeat_ms;
        if self.leader_lease_ms < least_ms {
            let reason = format!(
                "{} is less than twice cluster.heartbeat_ms ({})",
                self.leader_lease_ms, self.heartbeat_ms
            );
            return Err(Invalid::new("cluster.leader_lease_ms", reason));
        }
        // Reads go on through an election, which takes up to three times the longest timeout.
        let least_ms = (3 * self.election_timeout_max_ms + 2 * self.heartbeat_ms).max(self.leader_lease_ms);
        if self.follower_lease_ms < least_ms {
            let reason = format!(
                "{} is less than {least_ms}: three times cluster.election_timeout_max_ms and twice \
                 cluster.heartbeat_ms, and no less than cluster.leader_lease_ms",
                self.follower_lease_ms
            );
            return Err(Invalid::new("cluster.follower_lease_ms", reason));
        }
        within("cluster.follower_lease_ms", self.follower_lease_ms, 1..=HOUR_MS)
    }
}
