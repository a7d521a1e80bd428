//! Whether this node may answer a read by itself, what is released, and cluster time.
//!
//! The protocol is `keyraft_lease`, without I/O. Here it meets the log, the state and the clock: one lock
//! covers each step of it, so that "record the grant, then read the commit index" and "apply, then read the
//! grants" are each one step. What tells the lease of something is in `hooks` (the log and the state), `granting` and
//! `holding` (the streams between nodes); who waits for it asks there too.

mod barred;
mod ceiling;
mod counters;
mod granting;
mod holders;
mod holding;
mod hooks;
mod lead;
mod read;
mod stream;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyraft_lease::{
    ClusterClock, Configuration, Leadership, Node, Numbers, ProcessId, TimePairs, WallClocks,
};
use tokio::sync::watch;

pub(crate) use self::barred::Barred;
pub(crate) use self::ceiling::keep_time;
use self::counters::Counters;
pub(crate) use self::lead::lead;
pub use self::read::ReadError;
pub(crate) use self::read::{permit_read, settle};
pub(crate) use self::stream::listen;
use crate::config::NodeConfig;
use crate::environment::{Clock, Environment};
#[cfg(feature = "omissions")]
use crate::planted::{Bug, is_planted};
use crate::types::{LogId, LogIndex, Membership, NodeId, Vote};

/// What of the log a lease has to know at the start.
pub(crate) struct Start {
    pub(crate) vote: Option<Vote>,
    pub(crate) applied: Option<LogId>,
    pub(crate) time_ceiling_ms: u64,
    /// From the last applied on.
    pub(crate) memberships: Vec<(LogIndex, Membership)>,
    /// This life of the node.
    pub(crate) process: u64,
    /// A rule that is left out, to see that it is missed.
    #[cfg(feature = "omissions")]
    pub(crate) omitted: Option<keyraft_lease::Omission>,
}

/// The lease of one life of a node.
pub(crate) struct Lease {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    /// Until when this node may read, in nanoseconds of its clock; 0: not at all.
    until_ns: AtomicU64,
    /// Until when earlier rights to read had lasted, in nanoseconds of the clock; 0: there were none.
    lasted_until_ns: AtomicU64,
    status: watch::Sender<Status>,
    applied: watch::Sender<LogIndex>,
    released: watch::Sender<LogIndex>,
    time_ms: watch::Sender<u64>,
    show_released: Box<dyn Fn(LogIndex) + Send + Sync>,
    pub(crate) counters: Counters,
}

/// What others wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// While this node leads.
    pub(crate) leadership: Option<Leadership>,
    /// Its first entry is applied.
    pub(crate) is_serving: bool,
    /// It has a time ceiling of its own.
    pub(crate) has_time: bool,
    /// This node may read; since when it has been so without a break.
    pub(crate) held_since: Option<Duration>,
}

struct Inner {
    node: Node,
    clock: ClusterClock,
    walls: WallClocks,
    pairs: TimePairs,
    /// The end of the log, as this node has stamped it as leader.
    appended: LogIndex,
    /// The leadership that has logged a ceiling.
    timed: Option<Leadership>,
    /// When entries were applied that are not released, as leader.
    unreleased: BTreeMap<LogIndex, Duration>,
    /// Nodes whose gauges may not be zero.
    shown_holders: BTreeSet<NodeId>,
}

impl Inner {
    /// What the wall clocks of a majority have reached, in milliseconds since the epoch, where this node's shows `own_ms`;
    /// `None`: so many are not known.
    fn majority_wall_ms(&mut self, own_ms: u64, now: Duration) -> Option<u64> {
        self.walls.told(self.node.id(), own_ms, now);
        let walls = &self.walls;
        self.node.reached_by_majority(|node| walls.wall_ms(*node, now))
    }

    /// Cluster time, as a leader stamps with it.
    fn stamp_ms(&mut self, own_ms: u64, now: Duration) -> u64 {
        // Without a majority's, time goes on slowly.
        let wall_ms = self.majority_wall_ms(own_ms, now).unwrap_or_default();
        self.clock.now_ms(wall_ms, now)
    }
}

fn leadership(leader: openraft::CommittedLeaderId<NodeId>) -> Leadership {
    Leadership { term: leader.term, node: leader.node_id }
}

fn configuration(membership: &Membership) -> Configuration {
    let voters: Vec<_> = membership.get_joint_config().clone();
    let is_voter = |node: &NodeId| voters.iter().any(|set| set.contains(node));
    let learners = membership.nodes().map(|(node, _)| *node).filter(|node| !is_voter(node)).collect();
    Configuration { voter_sets: voters, learners }
}

fn nanos(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX)
}

/// The durations of a configuration.
pub(crate) fn numbers(config: &NodeConfig) -> Numbers {
    Numbers {
        leader_lease: Duration::from_millis(config.leader_lease_ms),
        follower_lease: Duration::from_millis(config.follower_lease_ms),
        laggard_after: Duration::from_millis(2 * config.heartbeat_ms),
        is_granting: config.leases,
        ..Numbers::default()
    }
}

impl Lease {
    /// A life that begins. `show_released` lets readers see what is released.
    pub(crate) fn new(
        config: &NodeConfig,
        environment: &Environment,
        start: Start,
        show_released: impl Fn(LogIndex) + Send + Sync + 'static,
    ) -> Arc<Self> {
        let process = ProcessId(start.process);
        let vote = start.vote.map(|vote| leadership(vote.leader_id));
        let applied = start.applied.map_or(0, |applied| applied.index);
        let configurations = start.memberships.iter();
        let configurations =
            configurations.map(|(index, membership)| (*index, Arc::new(configuration(membership)))).collect();
        let node = Node::new(config.node_id, process, numbers(config), vote, applied, configurations)
            .wanting_grants(config.learner_leases);
        #[cfg(feature = "omissions")]
        let node = node.leaving_out(match is_planted(Bug::NewLeaderDoesNotWait) {
            true => Some(keyraft_lease::Omission::Wait),
            false => start.omitted,
        });
        let mut clock = ClusterClock::default();
        clock.ceiling_applied(start.time_ceiling_ms);
        let inner = Inner {
            node,
            clock,
            walls: WallClocks::default(),
            pairs: TimePairs::default(),
            appended: 0,
            timed: None,
            unreleased: BTreeMap::new(),
            shown_holders: BTreeSet::new(),
        };
        Arc::new(Self {
            clock: Arc::clone(&environment.clock),
            inner: Mutex::new(inner),
            until_ns: AtomicU64::new(0),
            lasted_until_ns: AtomicU64::new(0),
            status: watch::Sender::new(Status::default()),
            applied: watch::Sender::new(applied),
            released: watch::Sender::new(0),
            time_ms: watch::Sender::new(0),
            show_released: Box::new(show_released),
            counters: Counters::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One step of the protocol. What has come of it is shown before the lock is given back.
    fn step<T>(&self, change: impl FnOnce(&mut Inner, Duration) -> T) -> T {
        let mut inner = self.lock();
        let now = self.clock.elapsed();
        let outcome = change(&mut inner, now);
        self.show(&mut inner, now);
        outcome
    }

    fn show(&self, inner: &mut Inner, now: Duration) {
        inner.node.take_suspensions().into_iter().for_each(holders::report);
        let node = &inner.node;
        let end = node.lease_end().filter(|end| *end > now);
        let until_ns = end.map_or(0, nanos);
        let was_until_ns = self.until_ns.swap(until_ns, Ordering::SeqCst);
        let now_ns = nanos(now);
        self.lasted_until_ns.fetch_max(was_until_ns.min(now_ns), Ordering::SeqCst);
        let was_held = was_until_ns > now_ns;
        let released = node.released();
        let is_serving = node.is_serving();
        let was_serving = self.status.borrow().is_serving;
        if is_serving && !was_serving {
            inner.clock.begin(now);
        }
        let leadership = node.leadership();
        self.status.send_if_modified(|status| {
            let before = *status;
            status.leadership = leadership;
            status.is_serving = is_serving;
            status.has_time = leadership.is_some() && inner.timed == leadership;
            status.held_since = match end {
                Some(_) if was_held => status.held_since.or(Some(now)),
                Some(_) => Some(now),
                None => None,
            };
            *status != before
        });
        if *self.released.borrow() < released {
            (self.show_released)(released);
            self.released.send_replace(released);
            let waiting = inner.unreleased.split_off(&(released + 1));
            for since in std::mem::replace(&mut inner.unreleased, waiting).into_values() {
                let took = now.saturating_sub(since);
                metrics::histogram!("keyraft_release_seconds").record(took.as_secs_f64());
            }
        }
        let applied = node.applied_index();
        self.applied.send_if_modified(|known| std::mem::replace(known, applied) != applied);
        let time_ms = inner.pairs.time_ms();
        self.time_ms.send_if_modified(|known| std::mem::replace(known, time_ms) != time_ms);
    }
}
