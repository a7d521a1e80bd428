//! A node that belongs to a cluster: consensus runs, reads and writes go through it.

use std::sync::Arc;

use openraft::{Config, SnapshotPolicy};

use crate::application::Application;
use crate::election;
use crate::formation::promotion;
use crate::forward::Forwarder;
use crate::lease::{self, Lease};
use crate::network::link::Links;
use crate::node::fault::Fault;
use crate::node::site::Site;
use crate::node::supervised::forever;
use crate::node::{comparison, follow, stall, upkeep};
use crate::proposer::{Proposer, proposer};
use crate::published::Publication;
use crate::read_index::{ReadIndex, ask_leader, index_of_leader};
use crate::rounds::{Rounds, rounds};
use crate::storage::{Opened, StorageHandle};
use crate::types::Raft;

/// What runs once a node belongs to a cluster.
pub(crate) struct Member<A: Application> {
    pub(crate) site: Arc<Site>,
    pub(crate) raft: Raft,
    pub(crate) storage: StorageHandle<A>,
    /// Identifies the folder of the storage.
    pub(crate) folder: u64,
    pub(crate) publication: Publication<A>,
    pub(crate) proposer: Proposer,
    pub(crate) forwarder: Forwarder,
    /// Whether this node may answer reads, and what is released.
    pub(crate) lease: Arc<Lease>,
    /// Rounds of this node to its leader.
    pub(crate) reads: Rounds<ReadIndex>,
    /// Rounds of this node, as leader, to its followers.
    pub(crate) confirmations: Rounds<ReadIndex>,
    /// Held while this node, as leader, changes the membership.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl<A: Application> Member<A> {
    /// Starts consensus on `opened`, whose identity names the cluster and the folder.
    pub(crate) async fn start(
        site: &Arc<Site>,
        mut opened: Opened<A>,
        folder: u64,
    ) -> Result<Arc<Self>, Fault> {
        let config = raft_config(site)?;
        let links = Links { site: Arc::clone(site) };
        let storage_fault = opened.handle.fault();
        let lease = begin_lease(site, &opened)?;
        opened.log.set_lease(Arc::clone(&lease));
        opened.machine.set_lease(Arc::clone(&lease));
        let raft = Raft::new(site.me(), config, links, opened.log, opened.machine).await;
        // Where the replay of the log has failed, the storage knows why; openraft has but a text.
        let raft = raft.map_err(|fatal| match storage_fault.borrow().clone() {
            Some(fault) => fault.into(),
            None => Fault::Open { reason: fatal.to_string() },
        })?;

        let (proposer, packer) = proposer(site);
        let (reads, read_queue) = rounds(site.config.reads_waiting);
        let (confirmations, confirmation_queue) = rounds(site.config.reads_waiting);
        let member = Arc::new(Self {
            site: Arc::clone(site),
            raft: raft.clone(),
            storage: opened.handle,
            folder,
            publication: opened.publication,
            forwarder: Forwarder::new(site, proposer.clone(), opened.boot),
            lease: Arc::clone(&lease),
            proposer,
            reads,
            confirmations: confirmations.clone(),
            changing: tokio::sync::Mutex::new(()),
        });

        let asking = Arc::clone(site);
        let ask = move || ask_leader(Arc::clone(&asking), confirmations.clone());
        let (confirming, confirmed) = (raft.clone(), Arc::clone(&lease));
        let confirm = move || index_of_leader(confirming.clone(), Arc::clone(&confirmed));
        forever(site, "proposer", packer.run(raft.clone(), Arc::clone(&lease)));
        forever(site, "lease", lease::lead(Arc::clone(site), Arc::clone(&lease)));
        forever(site, "time ceilings", lease::keep_time(lease, raft.clone()));
        forever(site, "read indexes", read_queue.hold(ask));
        forever(site, "confirmations", confirmation_queue.hold(confirm));
        forever(site, "metrics of consensus", follow::run(Arc::clone(&member)));
        forever(site, "stall", stall::watch(Arc::clone(&member)));
        forever(site, "election", election::run(Arc::clone(site), raft));
        forever(site, "snapshots", upkeep::take_snapshots(Arc::clone(&member)));
        forever(site, "digests", comparison::run(Arc::clone(&member)));
        forever(site, "promotion", promotion::run(Arc::clone(&member)));
        Ok(member)
    }
}

/// The lease of this life, which begins where the log and the state stand.
fn begin_lease<A: Application>(site: &Site, opened: &Opened<A>) -> Result<Arc<Lease>, Fault> {
    let (applied, time_ceiling_ms) = opened.machine.standing();
    let stored = opened.machine.membership();
    let known = stored.log_id().map(|log_id| (log_id.index, stored.membership().clone()));
    let later = opened.log.memberships_after(applied.map(|applied| applied.index));
    let later = later.map_err(|error| Fault::Open { reason: error.to_string() })?;
    let memberships = known.into_iter().chain(later).collect();
    let start = lease::Start {
        vote: opened.log.vote(),
        applied,
        time_ceiling_ms,
        memberships,
        process: site.process,
        #[cfg(feature = "omissions")]
        omitted: site.omitted,
    };
    let publication = opened.publication.clone();
    let show_released = move |index| publication.release(index);
    Ok(Lease::new(&site.config, &site.environment, start, show_released))
}

fn raft_config(site: &Site) -> Result<Arc<Config>, Fault> {
    let config = Config {
        cluster_name: site.peers.cluster_id().to_string(),
        heartbeat_interval: site.config.heartbeat_ms,
        election_timeout_min: site.config.election_timeout_min_ms,
        election_timeout_max: site.config.election_timeout_max_ms,
        // Elections are held by `election`, snapshots are taken by `upkeep`.
        enable_elect: false,
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: site.config.log_entries_kept,
        ..Config::default()
    };
    config.validate().map(Arc::new).map_err(|error| Fault::Open { reason: error.to_string() })
}
