//! One node: the handle through which the rest of the process reads and writes.

pub(crate) mod comparison;
pub(crate) mod core;
pub(crate) mod fault;
pub(crate) mod follow;
pub(crate) mod member;
pub(crate) mod news;
pub(crate) mod site;
pub(crate) mod stall;
mod start;
pub(crate) mod supervised;
mod threads;
pub(crate) mod upkeep;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use keyraft_proto::cluster as proto;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use self::core::Core;
use self::fault::Fault;
use self::member::Member;
pub use self::start::StartError;
use self::threads::Threads;
use crate::announcement::Announcement;
use crate::application::Application;
use crate::forward::ProposeError;
use crate::lease::{self, ReadError};
use crate::network::introductions::Outvoted;
use crate::published::{Publication, Published, View};
use crate::runtime::run_blocking;
use crate::status::{self, ClusterStatus};
use crate::types::{LogIndex, NodeId};

/// How long a stopping node waits for its tasks.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A running node. Cheap to clone; every clone is the same node. When the last one is dropped without
/// [`Node::shutdown`], the node ends as if its process had been killed.
pub struct Node<A: Application>(Arc<Running<A>>);

impl<A: Application> Clone for Node<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Running<A: Application> {
    core: Arc<Core<A>>,
    threads: Threads,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl<A: Application> Drop for Running<A> {
    fn drop(&mut self) {
        self.core.site.stopping.cancel();
    }
}

/// What a write brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// What the application answered.
    pub answer: Bytes,
    /// Index of the entry that answered.
    pub log_index: LogIndex,
}

impl<A: Application> Node<A> {
    /// A state that holds all that was acknowledged to anybody before this call, and all that any node
    /// had shown, and nothing that another node may not show yet. Cancel-safe.
    ///
    /// # Errors
    /// No leader was found, this node did not catch up, or what it has was not released, within
    /// `read_timeout_ms`; the node does not serve.
    pub async fn read(&self) -> Result<Arc<Published<A>>, ReadError> {
        let view = self.view().await?;
        self.settle(&view).await
    }

    /// What [`Node::read`] would find, without waiting for the release of what is being changed: every read
    /// passes here. An answer that is the same in all states of the view may be given. Cancel-safe.
    ///
    /// # Errors
    /// As of [`Node::read`].
    pub async fn view(&self) -> Result<View<A>, ReadError> {
        self.view_within(Duration::ZERO).await
    }

    /// The same. Without a leader it is a stale one, if this node could read by itself no longer than `max_staleness`
    /// ago. Cancel-safe.
    ///
    /// # Errors
    /// As of [`Node::read`].
    pub async fn view_within(&self, max_staleness: Duration) -> Result<View<A>, ReadError> {
        let waited_ms = self.core().site.config.read_timeout_ms;
        if let Some(fault) = self.core().site.faults.first() {
            return Err(ReadError::Faulty(fault));
        }
        let member = self.member(waited_ms).await.ok_or(ReadError::NoLeader { waited_ms })?;
        let staleness = lease::permit_read(&member, max_staleness).await?;
        Ok(match staleness {
            None => member.publication.view(),
            Some(staleness) => View::stale(member.publication.load(), staleness),
        })
    }

    /// The newest state of a view, once all may show it. Cancel-safe.
    ///
    /// # Errors
    /// That was not learnt within `read_timeout_ms`; the node does not serve.
    pub async fn settle(&self, view: &View<A>) -> Result<Arc<Published<A>>, ReadError> {
        if let Some(settled) = view.settled() {
            return Ok(Arc::clone(settled));
        }
        let member = self.core().member().ok_or(ReadError::Stopped)?;
        lease::settle(&member, view).await
    }

    /// Has the cluster apply a command once, and returns its answer when it is released and applied here too:
    /// no node answers a read without it any more. If this
    /// future is dropped, the command may be applied nevertheless.
    ///
    /// # Errors
    /// See [`ProposeError`]; all but `Unknown` and `Stopped` say that the command was not applied.
    pub async fn propose(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        let site = &self.core().site;
        let limit_bytes = site.config.max_command_bytes;
        if command.len() > limit_bytes {
            return Err(ProposeError::TooLarge { bytes: command.len(), limit_bytes });
        }
        if let Some(fault) = site.faults.first() {
            return Err(ProposeError::Faulty(fault));
        }
        let (waited_ms, started) = (site.config.write_timeout_ms, site.contact.now());
        let member = self.member(waited_ms).await.ok_or(ProposeError::NoLeader { waited_ms })?;
        // On the threads of consensus, to its end: a caller that goes away must not cut it off.
        let forwarding = self.0.threads.handle.spawn({
            let member = Arc::clone(&member);
            async move { member.forwarder.forward(proto::request::Body::Command(command)).await }
        });
        let proposal = forwarding.await.map_err(|_| ProposeError::Stopped)??;
        tokio::select! {
            () = member.publication.wait_applied(proposal.log_index) => {}
            // It is written, but this node will not show it.
            _ = site.faults.raised() => return Err(site.unknown_since(started)),
            () = site.stopping.cancelled() => return Err(ProposeError::Stopped),
            () = tokio::time::sleep(Duration::from_millis(waited_ms)) => {
                return Err(ProposeError::Unknown { waited_ms });
            }
        }
        Ok(Proposed { answer: proposal.outcome.answer, log_index: proposal.log_index })
    }

    /// The state that this node has applied, unverified: it may lie behind what other nodes have shown.
    /// For metrics and caches. Take it anew rather than keep it: a node that had to rebuild its state
    /// before it joined publishes elsewhere.
    #[must_use]
    pub fn publication(&self) -> Publication<A> {
        self.core().publication()
    }

    /// Cluster time in milliseconds since the epoch: what a token is stamped with that is issued from a state
    /// loaded **afterwards**. Whatever such a state does not show yet is stamped at or after it. It is the
    /// leader's, sent with every heartbeat; on a node that hears no leader it does not advance.
    #[must_use]
    pub fn cluster_time_ms(&self) -> u64 {
        let log_time_ms = self.core().publication().load().log_time_ms;
        let told_ms = self.core().member().map_or(0, |member| member.lease.time_ms());
        log_time_ms.max(told_ms)
    }

    /// Returns once cluster time is `time_ms` or later. Cancel-safe.
    ///
    /// # Errors
    /// That did not happen within `read_timeout_ms` on top of what is to pass: there is no leader.
    pub async fn wait_cluster_time(&self, time_ms: u64) -> Result<(), ReadError> {
        let waited_ms = self.core().site.config.read_timeout_ms;
        let member = self.member(waited_ms).await.ok_or(ReadError::NoLeader { waited_ms })?;
        let patience_ms =
            waited_ms.saturating_add(time_ms.saturating_sub(self.cluster_time_ms()).saturating_mul(2));
        let mut times = member.lease.times();
        let reached = times.wait_for(|now_ms| *now_ms >= time_ms);
        match tokio::time::timeout(Duration::from_millis(patience_ms), reached).await {
            Ok(_) => Ok(()),
            Err(_) => Err(ReadError::NoLeader { waited_ms: patience_ms }),
        }
    }

    /// This node's number.
    #[must_use]
    pub fn node_id(&self) -> NodeId {
        self.core().site.me()
    }

    /// Whether this node leads, as far as it knows.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.core().site.leader() == Some(self.node_id())
    }

    /// The leader that this node obeys, itself perhaps; `None` while it knows none.
    #[must_use]
    pub fn leader_changes(&self) -> watch::Receiver<Option<NodeId>> {
        self.core().site.leader.subscribe()
    }

    /// Asks every member for its status: 16 at a time, each for less than a second.
    pub async fn status(&self) -> ClusterStatus {
        let asking = self.0.threads.handle.spawn(status::ask_all(Arc::clone(self.core())));
        asking.await.unwrap_or_default()
    }

    /// Sets what this node says of itself to the others, in place of what it said before.
    pub fn announce(&self, announcement: Announcement) {
        self.core().site.announcement.store(Arc::new(announcement));
    }

    /// Whether the options digest that this node announces is the leader's; `None` when one of the two is
    /// not known, because the leader does not answer within a second for example.
    pub async fn options_agree(&self) -> Option<bool> {
        let asking = self.0.threads.handle.spawn(status::options_agree(Arc::clone(self.core())));
        asking.await.unwrap_or_default()
    }

    /// The cluster key of the other members where this node's is another, and so takes part in nothing. `None` shows
    /// nothing about members that could not be reached.
    #[must_use]
    pub fn outvoted(&self) -> Option<Outvoted> {
        self.core().site.peers.introductions().outvoted()
    }

    /// Why this node has stopped serving; `None` while it serves. Its owner stops the process, or shuts
    /// the node down and starts it again.
    #[must_use]
    pub fn fault(&self) -> watch::Receiver<Option<Fault>> {
        self.core().site.faults.subscribe()
    }

    /// Stops the node: consensus ends, the files are flushed and free for another start.
    pub async fn shutdown(&self) {
        self.core().site.leaving.cancel();
        self.core().site.stopping.cancel();
        let tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let core = Arc::clone(self.core());
        let stopping = self.0.threads.handle.spawn(async move {
            if let Some(member) = core.member() {
                if member.raft.shutdown().await.is_err() {
                    tracing::warn!("consensus did not end cleanly");
                }
                let storage = member.storage.clone();
                match run_blocking(storage.is_inline(), move || storage.flush_and_close()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::warn!(%error, "the storage did not end cleanly"),
                    Err(error) => tracing::warn!(%error, "the storage did not end cleanly"),
                }
            }
            for task in tasks {
                let _ = task.await;
            }
        });
        if tokio::time::timeout(STOP_PATIENCE, stopping).await.is_err() {
            tracing::warn!("the node did not stop in time");
        }
        self.0.threads.end();
    }

    fn core(&self) -> &Arc<Core<A>> {
        &self.0.core
    }

    /// What runs here as part of the cluster, once the node belongs to one.
    async fn member(&self, waited_ms: u64) -> Option<Arc<Member<A>>> {
        match self.core().member() {
            Some(member) => Some(member),
            None => self.core().await_member(Duration::from_millis(waited_ms)).await,
        }
    }
}
