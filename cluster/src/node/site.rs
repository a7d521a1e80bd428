//! What every part of one node shares.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::acknowledged::Acknowledged;
use crate::announcement::Announcement;
use crate::config::NodeConfig;
use crate::contact::Contact;
use crate::environment::Environment;
use crate::forward::ProposeError;
use crate::host::Host;
use crate::network::peers::Peers;
use crate::network::repeated::Repeated;
use crate::node::fault::Faults;
use crate::reach::Reach;
use crate::relay::Relays;
use crate::types::NodeId;

/// One node's configuration, clock, connections, and what it knows of the leader.
pub(crate) struct Site {
    pub(crate) config: NodeConfig,
    pub(crate) environment: Environment,
    /// A rule of the leases that is left out, to see that it is missed.
    #[cfg(feature = "omissions")]
    pub(crate) omitted: Option<keyraft_lease::Omission>,
    /// This life of the node, by a random number.
    pub(crate) process: u64,
    pub(crate) peers: Peers,
    pub(crate) contact: Contact,
    /// Entries that the others have acknowledged to this node as leader.
    pub(crate) acknowledged: Acknowledged,
    pub(crate) reach: Reach,
    pub(crate) faults: Faults,
    pub(crate) relays: Relays,
    /// Calls that were refused here, by their reason.
    pub(crate) refused_calls: Repeated<String>,
    /// Nodes that were not taken back, with the reason.
    pub(crate) refused_rejoins: Repeated<String>,
    /// Refusals of others to talk with this node.
    pub(crate) refusals: Repeated<String>,
    /// The leader that this node obeys, itself included.
    pub(crate) leader: watch::Sender<Option<NodeId>>,
    /// Start of this life of the node, by its clock.
    pub(crate) started: Duration,
    /// The application's announcement, which goes into the status of this node.
    pub(crate) announcement: ArcSwap<Announcement>,
    /// Cancelled before a stop that is announced: leases are surrendered.
    pub(crate) leaving: CancellationToken,
    /// Cancelled when the node stops: every task ends.
    pub(crate) stopping: CancellationToken,
}

impl Site {
    pub(crate) fn new(config: NodeConfig, environment: Environment, host: &Host) -> Arc<Self> {
        Arc::new(Self {
            peers: Peers::new(&config, &environment, Arc::clone(&host.network)),
            process: environment.random.next_u64(),
            contact: Contact::new(Arc::clone(&environment.clock)),
            acknowledged: Acknowledged::default(),
            reach: Reach::new(Arc::clone(&environment.clock)),
            faults: Faults::new(),
            relays: Relays::new(),
            refused_calls: Repeated::default(),
            refused_rejoins: Repeated::default(),
            refusals: Repeated::default(),
            leader: watch::Sender::new(None),
            started: environment.clock.elapsed(),
            announcement: ArcSwap::default(),
            leaving: CancellationToken::new(),
            stopping: CancellationToken::new(),
            config,
            environment,
            #[cfg(feature = "omissions")]
            omitted: host.omitted,
        })
    }

    pub(crate) fn me(&self) -> NodeId {
        self.config.node_id
    }

    pub(crate) fn leader(&self) -> Option<NodeId> {
        *self.leader.borrow()
    }

    /// The leader that a call is to be passed on to, where it is to be: another node that this one obeys.
    pub(crate) fn leader_to_ask(&self, relay: bool) -> Option<NodeId> {
        self.leader().filter(|leader| relay && *leader != self.me())
    }

    /// The error of a write that began at `started` and whose outcome cannot be learnt any more.
    pub(crate) fn unknown_since(&self, started: Duration) -> ProposeError {
        let waited = self.contact.now().saturating_sub(started);
        ProposeError::Unknown { waited_ms: u64::try_from(waited.as_millis()).unwrap_or(u64::MAX) }
    }

    /// A random number from `low` to `high`, both included.
    pub(crate) fn random_between(&self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.environment.random.next_u64() % span)
    }
}
