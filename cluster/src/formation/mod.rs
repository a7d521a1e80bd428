//! How a node comes to belong to a cluster.
//!
//! ```text
//!   Empty ----- every peer is empty too ------> founding --> Sound
//!     |                                                        ^
//!     +-- a peer's cluster has begun --+                       |
//!                                      v                       |
//!   Forgotten --------------------> readmission (as learner) --+--> promotion (to voter)
//!   NeedsSnapshot ----------------> a peer's snapshot ---------+
//! ```
//! Until it is Sound, openraft does not run here: the node gives no vote and acknowledges no entry. So a
//! node that has lost its folder cannot take back what it had promised.

pub(crate) mod changes;
pub(crate) mod founding;
pub(crate) mod promotion;
pub(crate) mod readmission;
pub(crate) mod recovery;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;
use openraft::storage::RaftLogStorage;
use tokio::sync::{mpsc, oneshot};
use tonic::Code;

use crate::application::Application;
use crate::disk::Disk;
use crate::network::guard;
use crate::network::peers::Lane;
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::node::site::Site;
use crate::node::supervised::once;
use crate::planted::{Bug, is_planted};
use crate::runtime::run_blocking;
use crate::storage::{self, Identity, Opened, Phase, Standing, StorageOptions};
use crate::types::NodeId;

/// Pause between two rounds of questions to the peers.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// How long a peer may take to answer.
const ASK_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How many calls to form a cluster wait.
pub(crate) const FORM_CALLS: usize = 16;

/// A peer's call to be a member of the cluster that it founds.
pub(crate) struct FormCall {
    cluster_id: String,
    reply: oneshot::Sender<Result<(), String>>,
}

/// What formation works with besides the core.
pub(crate) struct Ground<A: Application> {
    pub(crate) options: StorageOptions,
    pub(crate) app: Arc<A>,
    pub(crate) disk: Arc<dyn Disk>,
}

impl<A: Application> Ground<A> {
    /// Opens the storage, which reads and replays a log: not on a thread that must not block.
    pub(crate) async fn open(&self, site: &Site) -> Result<Opened<A>, storage::StorageError> {
        let (options, app, disk) = (self.options.clone(), Arc::clone(&self.app), Arc::clone(&self.disk));
        let environment = site.environment.clone();
        let opened =
            run_blocking(options.is_inline, move || storage::open(&options, app, &environment, disk));
        opened.await.unwrap_or_else(|failed| {
            Err(storage::StorageError::Rows { reason: format!("opening it failed: {failed}") })
        })
    }

    async fn reopen(&self, site: &Site) -> Result<Opened<A>, Fault> {
        self.open(site).await.map_err(open_fault)
    }
}

fn open_fault(error: storage::StorageError) -> Fault {
    Fault::Open { reason: error.to_string() }
}

/// Brings the node into its cluster, however long that takes, and starts consensus.
pub(crate) async fn run<A: Application>(
    core: Arc<Core<A>>,
    ground: Ground<A>,
    opened: Opened<A>,
    form_calls: mpsc::Receiver<FormCall>,
) {
    let site = Arc::clone(&core.site);
    tokio::select! {
        () = site.stopping.cancelled() => {}
        result = affiliate(&core, &ground, opened, form_calls) => if let Err(fault) = result {
            site.faults.raise(fault);
        }
    }
}

async fn affiliate<A: Application>(
    core: &Arc<Core<A>>,
    ground: &Ground<A>,
    mut opened: Opened<A>,
    mut form_calls: mpsc::Receiver<FormCall>,
) -> Result<(), Fault> {
    let site = &core.site;
    loop {
        if let Some(identity) = &opened.identity {
            site.peers.set_cluster_id(&identity.cluster_id);
            if identity.phase == Phase::Formed {
                core.set_formed();
            }
        }
        match &opened.standing {
            Standing::Sound => {
                if must_found(site, &mut opened).await? {
                    match founding::found(core, &mut form_calls, &opened).await? {
                        founding::Outcome::Founded(identity) => {
                            return start(core, opened, identity, true).await;
                        }
                        founding::Outcome::Invited(call) => drop(call),
                        founding::Outcome::Late(_) => {
                            opened = readmission::rejoin(core, ground, opened, "its log is empty").await?;
                        }
                    }
                    continue;
                }
                let identity = opened.identity.clone().ok_or_else(no_identity)?;
                return start(core, opened, identity, false).await;
            }
            Standing::Empty => match founding::found(core, &mut form_calls, &opened).await? {
                founding::Outcome::Founded(identity) => return start(core, opened, identity, true).await,
                founding::Outcome::Invited(call) => {
                    let identity = identity(site, &call.cluster_id, Phase::Forming);
                    site.peers.set_cluster_id(&call.cluster_id);
                    opened.handle.save_identity(&identity).map_err(open_fault)?;
                    start(core, opened, identity, false).await?;
                    let _ = call.reply.send(Ok(()));
                    return Ok(());
                }
                founding::Outcome::Late(cluster_id) if is_planted(Bug::ForgetfulVoter) => {
                    let identity = identity(site, &cluster_id, Phase::Formed);
                    site.peers.set_cluster_id(&cluster_id);
                    opened.handle.save_identity(&identity).map_err(open_fault)?;
                    return start(core, opened, identity, false).await;
                }
                founding::Outcome::Late(_) => {
                    opened = readmission::rejoin(core, ground, opened, "its folder is empty").await?;
                }
            },
            Standing::Forgotten { reason } => {
                let reason = reason.clone();
                opened = readmission::rejoin(core, ground, opened, &reason).await?;
            }
            Standing::NeedsSnapshot { at_least_index } => {
                let at_least_index = *at_least_index;
                opened = recovery::fetch_snapshot(core, ground, opened, at_least_index).await?;
            }
        }
    }
}

fn no_identity() -> Fault {
    Fault::Open { reason: "the log is sound, but nobody's".to_owned() }
}

fn identity(site: &Site, cluster_id: &str, phase: Phase) -> Identity {
    let folder = site.environment.random.next_u64();
    Identity { cluster_id: cluster_id.to_owned(), node_id: site.me(), phase, folder }
}

/// Whether this node has begun to found a cluster and was cut off before its log began.
async fn must_found<A: Application>(site: &Site, opened: &mut Opened<A>) -> Result<bool, Fault> {
    let is_forming = opened.identity.as_ref().is_some_and(|identity| identity.phase == Phase::Forming);
    if !is_forming || !founding::is_founder(site) {
        return Ok(false);
    }
    let log = opened.log.get_log_state().await.map_err(|e| Fault::Open { reason: e.to_string() })?;
    Ok(log.last_log_id.is_none())
}

/// Starts consensus; a founder writes the first entry, which names all members.
async fn start<A: Application>(
    core: &Arc<Core<A>>,
    opened: Opened<A>,
    identity: Identity,
    is_founder: bool,
) -> Result<(), Fault> {
    let member = Member::start(&core.site, opened, identity.folder).await?;
    core.set_member(Arc::clone(&member));
    if is_founder {
        founding::write_first_entry(&member).await?;
    }
    if identity.phase == Phase::Forming {
        let marking = founding::mark_formed(Arc::clone(core), member, identity);
        once(&core.site, "mark of the formation", marking);
    }
    Ok(())
}

/// Answers a peer that founds a cluster and wants this node as a member.
pub(crate) async fn accept<A: Application>(
    core: &Core<A>,
    request: proto::FormRequest,
) -> Result<(), String> {
    let site = &core.site;
    if !founding::is_cluster_id(&request.cluster_id) {
        return Err("that is no cluster id".to_owned());
    }
    let named: BTreeSet<NodeId> = request.members.iter().map(|member| member.node_id).collect();
    let configured: BTreeSet<NodeId> = site.config.members().iter().map(|peer| peer.node_id).collect();
    if named != configured {
        return Err(format!("node {} is configured with other members: {configured:?}", site.me()));
    }
    let own = site.peers.cluster_id();
    if core.is_formed() {
        // Its founder has lost what it wrote: to begin again would be a second history of the same cluster.
        return Err(format!("node {} belongs to cluster {own}, which has begun", site.me()));
    }
    if *own == request.cluster_id && core.member().is_some() {
        return Ok(());
    }
    if !own.is_empty() && *own != request.cluster_id {
        return Err(format!("node {} belongs to cluster {own}", site.me()));
    }
    let (reply, answer) = oneshot::channel();
    let call = FormCall { cluster_id: request.cluster_id, reply };
    core.form_calls().try_send(call).map_err(|_| "the node is not ready".to_owned())?;
    answer.await.unwrap_or_else(|_| Err("the node is not ready".to_owned()))
}

/// What a peer says of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Affiliation {
    /// Empty: it belongs to none.
    pub(crate) cluster_id: String,
    /// Whether that cluster has begun to write its log.
    pub(crate) is_formed: bool,
    /// Its life, by a random number; `None`: it keeps that to its own cluster.
    pub(crate) process: Option<u64>,
}

/// Asks a peer for its cluster; `None`: it does not answer.
async fn identify(site: &Site, peer: NodeId) -> Option<Affiliation> {
    let mut client = site.peers.client(peer, Lane::Bulk).ok()?;
    let call = site.peers.request(proto::IdentifyRequest { node_id: site.me() }, Some(ASK_TIMEOUT));
    let answer = match tokio::time::timeout(ASK_TIMEOUT, client.identify(call)).await.ok()? {
        Ok(answer) => answer.into_inner(),
        Err(status) => {
            let is_refused = status.code() == Code::PermissionDenied;
            if is_refused && site.refusals.is_news(&status.message().to_owned(), site.contact.now()) {
                tracing::warn!(peer, reason = status.message(), "a peer refuses this node");
            }
            let cluster_id = guard::foreign_cluster_of(&status)?.to_owned();
            return Some(Affiliation { cluster_id, is_formed: false, process: None });
        }
    };
    if answer.node_id != peer {
        tracing::warn!(peer, answered = answer.node_id, "another node answers at a peer's address");
        return None;
    }
    let (cluster_id, is_formed, process) = (answer.cluster_id, answer.formed, Some(answer.process));
    Some(Affiliation { cluster_id, is_formed, process })
}
