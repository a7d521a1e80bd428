//! Whether this node may answer a read by itself, what is released, and cluster time.
//!
//! The protocol is `keyraft_lease`, without I/O. Here it meets the log, the state and the clock: one lock
//! covers each step of it, so that "record the grant, then read the commit index" and "apply, then read the
//! grants" are each one step.

mod ceiling;
mod lead;
mod read;
mod stream;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use keyraft_lease::{
    ClusterClock, Configuration, LeaderMessage, Leadership, Node, Numbers, ProcessId, Reply, TimePair,
    TimePairs,
};
use openraft::EntryPayload;
use tokio::sync::watch;

pub(crate) use self::ceiling::keep_time;
pub(crate) use self::lead::lead;
pub use self::read::ReadError;
pub(crate) use self::read::{permit_read, settle};
pub(crate) use self::stream::listen;
use crate::config::NodeConfig;
use crate::environment::{Clock, Environment};
use crate::planted::{Bug, is_planted};
use crate::types::{Entry, LogId, LogIndex, Membership, NodeId, StoredMembership, Vote};

/// What of the log a lease has to know at the start.
pub(crate) struct Start {
    pub(crate) vote: Option<Vote>,
    pub(crate) applied: Option<LogId>,
    pub(crate) time_ceiling_ms: u64,
    /// From the last applied on.
    pub(crate) memberships: Vec<(LogIndex, Membership)>,
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

/// How reads were answered.
pub(crate) struct Counters {
    pub(crate) by_lease: metrics::Counter,
    pub(crate) by_read_index: metrics::Counter,
    pub(crate) delayed: metrics::Counter,
    pub(crate) refused: metrics::Counter,
    pub(crate) stale: metrics::Counter,
}

impl Counters {
    fn new() -> Self {
        let reads = |by: &'static str| metrics::counter!("keyraft_reads_total", "by" => by);
        Self {
            by_lease: reads("lease"),
            by_read_index: reads("read_index"),
            stale: reads("staleness"),
            delayed: metrics::counter!("keyraft_reads_delayed_total"),
            refused: metrics::counter!("keyraft_reads_refused_total"),
        }
    }
}

struct Inner {
    node: Node,
    clock: ClusterClock,
    pairs: TimePairs,
    /// The end of the log, as this node has stamped it as leader.
    appended: LogIndex,
    /// The leadership that has logged a ceiling.
    timed: Option<Leadership>,
    /// When entries were applied that are not released, as leader.
    unreleased: BTreeMap<LogIndex, Duration>,
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
        let process = ProcessId(environment.random.next_u64());
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
            pairs: TimePairs::default(),
            appended: 0,
            timed: None,
            unreleased: BTreeMap::new(),
        };
        Arc::new(Self {
            clock: Arc::clone(&environment.clock),
            inner: Mutex::new(inner),
            until_ns: AtomicU64::new(0),
            lasted_until_ns: AtomicU64::new(0),
            status: watch::Sender::new(Status::default()),
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
        let time_ms = inner.pairs.time_ms();
        self.time_ms.send_if_modified(|known| std::mem::replace(known, time_ms) != time_ms);
    }

    // ---- Hooks of the storage ------------------------------------------------------------

    /// A vote is stored, and nothing was sent under it yet.
    pub(crate) fn vote_stored(&self, vote: Vote, last: Option<LogId>) {
        self.step(|inner, now| {
            let last = last.map(|last| (leadership(last.leader_id), last.index));
            inner.appended = last.map_or(0, |(_, index)| index);
            inner.node.vote_stored(leadership(vote.leader_id), vote.committed, last, now);
        });
    }

    /// Entries are about to be appended: those of this node as leader are stamped.
    pub(crate) fn appending(&self, entries: &mut [Entry]) {
        self.step(|inner, now| {
            let own = inner.node.leadership();
            for entry in entries {
                let index = entry.log_id.index;
                match &mut entry.payload {
                    EntryPayload::Membership(membership) => {
                        inner.node.configuration_appended(index, configuration(membership));
                    }
                    EntryPayload::Normal(batch) if Some(leadership(entry.log_id.leader_id)) == own => {
                        batch.stamp_ms = match is_planted(Bug::WallClockStamps) {
                            true => self.clock.wall_ms(),
                            false => inner.clock.now_ms(self.clock.wall_ms(), now),
                        };
                    }
                    EntryPayload::Normal(_) | EntryPayload::Blank => {}
                }
                inner.appended = index;
            }
        });
    }

    /// The entries from `index` on are gone.
    pub(crate) fn truncated(&self, index: LogIndex) {
        self.step(|inner, _| {
            inner.appended = index.saturating_sub(1);
            inner.node.truncated(index);
        });
    }

    /// Everything up to `index` is applied, and shown to readers as far as it is released.
    pub(crate) fn applied(&self, index: LogIndex) {
        self.step(|inner, now| {
            if inner.node.leadership().is_some() {
                inner.unreleased.insert(index, now);
            }
            inner.node.applied(index, now);
            inner.pairs.applied(index);
        });
    }

    /// A snapshot has brought a membership; it is not counted as applied yet.
    pub(crate) fn membership_installed(&self, stored: &StoredMembership) {
        let index = stored.log_id().map_or(0, |log_id| log_id.index);
        let configuration = configuration(stored.membership());
        self.step(|inner, _| inner.node.configuration_appended(index, configuration));
    }

    /// A time ceiling is applied.
    pub(crate) fn ceiling_applied(&self, by: openraft::CommittedLeaderId<NodeId>, ceiling_ms: u64) {
        self.step(|inner, _| {
            inner.clock.ceiling_applied(ceiling_ms);
            let leader = leadership(by);
            if inner.node.leadership() == Some(leader) {
                inner.timed = Some(leader);
            }
        });
    }

    // ---- As leader -----------------------------------------------------------------------

    /// A ping for all other nodes; `None` when this node does not lead.
    fn ping(&self) -> Option<LeaderMessage> {
        self.step(|inner, now| {
            inner.node.leadership()?;
            inner.node.release(now);
            // Under the lock that stamps and appends: every later entry is stamped at or after this.
            let time_ms = inner.clock.now_ms(self.clock.wall_ms(), now);
            let pair = inner.node.is_serving().then_some(TimePair { time_ms, log_index: inner.appended });
            if let Some(pair) = pair {
                inner.pairs.told(pair, inner.node.applied_index());
            }
            inner.node.ping(pair, now)
        })
    }

    /// What is released, for all other nodes; `None` when this node does not lead.
    fn message(&self) -> Option<LeaderMessage> {
        self.lock().node.message()
    }

    /// What passing time releases, and when it will again.
    fn release(&self) -> Option<Duration> {
        self.step(|inner, now| {
            inner.node.release(now);
            inner.node.next_release(now).map(|at| at.saturating_sub(now))
        })
    }

    /// All other nodes.
    fn others(&self) -> std::collections::BTreeSet<NodeId> {
        self.lock().node.others()
    }

    /// An answer has come; a grant may go back.
    fn reply(&self, reply: &Reply) -> Option<LeaderMessage> {
        self.step(|inner, now| inner.node.reply(reply, now).0)
    }

    /// The index that a read on another node must have seen; `None` without a leader lease.
    pub(crate) fn read_index(&self) -> Option<LogIndex> {
        let inner = self.lock();
        inner.node.read_index(self.clock.elapsed())
    }

    /// The next time ceiling, `ahead_ms` from now.
    fn next_ceiling_ms(&self, ahead_ms: u64) -> u64 {
        let mut inner = self.lock();
        inner.clock.unbounded_ms(self.clock.wall_ms(), self.clock.elapsed()).saturating_add(ahead_ms)
    }

    /// Stops granting to a node, and waits until what it holds is surrendered or over. False: this node
    /// does not lead any more.
    pub(crate) async fn bar(&self, node: NodeId) -> bool {
        let Some(leader) = self.step(|inner, _| {
            inner.node.bar(node);
            inner.node.leadership()
        }) else {
            return false;
        };
        loop {
            let (leads, is_over) = self.step(|inner, now| {
                (inner.node.leadership() == Some(leader), inner.node.may_be_dropped(node, now))
            });
            if !leads || is_over {
                return leads;
            }
            tokio::time::sleep(BAR_CHECK).await;
        }
    }

    /// Ends [`Lease::bar`].
    pub(crate) fn unbar(&self, node: NodeId) {
        self.step(|inner, _| inner.node.unbar(node));
    }

    // ---- As any node ---------------------------------------------------------------------

    /// A leader has spoken.
    fn message_from_leader(&self, message: &LeaderMessage) -> Option<Reply> {
        self.step(|inner, now| {
            if let Some(pair) = message.time {
                inner.pairs.told(pair, inner.node.applied_index());
            }
            inner.node.message_from_leader(message, now)
        })
    }

    /// This process reads no more; what the leader is told, so that it need not wait.
    fn leave(&self) -> Option<Reply> {
        self.step(|inner, now| inner.node.leave(now))
    }

    /// Something was applied: the last ping is answered again.
    fn report(&self) -> Option<Reply> {
        self.step(|inner, now| inner.node.report(now))
    }

    /// Whether a read may take place now. The state is loaded afterwards.
    pub(crate) fn may_read(&self) -> bool {
        if is_planted(Bug::ReadWithoutLease) {
            return true;
        }
        let until_ns = self.until_ns.load(Ordering::SeqCst);
        until_ns > 0 && self.clock.elapsed().as_nanos() < u128::from(until_ns)
    }

    /// For how long others may have shown what this node has not: the time since it could last read by itself.
    /// `None`: it never could.
    pub(crate) fn staleness(&self) -> Option<Duration> {
        let now_ns = nanos(self.clock.elapsed());
        let until_ns = self.until_ns.load(Ordering::SeqCst).min(now_ns);
        let last_ns = until_ns.max(self.lasted_until_ns.load(Ordering::SeqCst));
        (last_ns > 0).then(|| Duration::from_nanos(now_ns.saturating_sub(last_ns)))
    }

    /// Follows leadership and the right to read.
    pub(crate) fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// How long this node has held a lease without a break; `None`: it holds none.
    pub(crate) fn age(&self) -> Option<Duration> {
        let since = self.status.borrow().held_since?;
        self.may_read().then(|| self.clock.elapsed().saturating_sub(since))
    }

    /// Returns once everything up to `index` is released. Cancel-safe.
    pub(crate) async fn wait_released(&self, index: LogIndex) {
        let _ = self.released.subscribe().wait_for(|released| *released >= index).await;
    }

    /// The same, for a leader; false: it is deposed before.
    pub(crate) async fn wait_released_as_leader(&self, index: LogIndex) -> bool {
        let mut status = self.status();
        let leader = status.borrow_and_update().leadership;
        tokio::select! {
            biased;
            () = self.wait_released(index) => true,
            _ = status.wait_for(|now| now.leadership != leader || leader.is_none()) => false,
        }
    }

    /// Follows what is released.
    fn releases(&self) -> watch::Receiver<LogIndex> {
        self.released.subscribe()
    }

    /// Cluster time as far as it is known, in milliseconds since the epoch; 0: not yet.
    pub(crate) fn time_ms(&self) -> u64 {
        if is_planted(Bug::WallClockStamps) {
            return self.clock.wall_ms();
        }
        *self.time_ms.borrow()
    }

    /// Follows cluster time.
    pub(crate) fn times(&self) -> watch::Receiver<u64> {
        self.time_ms.subscribe()
    }
}

/// How often it is looked whether a node that is to be dropped still holds something.
const BAR_CHECK: Duration = Duration::from_millis(20);
