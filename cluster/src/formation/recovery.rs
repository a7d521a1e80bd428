//! A node whose log is sound, but not its state, or whose log begins after what its state holds: it takes a
//! snapshot from a peer.

use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;

use super::{ASK_PAUSE, Ground, open_fault};
use crate::application::Application;
use crate::network::peers::Lane;
use crate::network::snapshot::{self, NotKept};
use crate::node::core::Core;
use crate::node::fault::Fault;
use crate::runtime::run_blocking;
use crate::storage::{self, Opened};
use crate::types::LogIndex;

/// How long a peer may take to make a snapshot before it sends the first byte.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_millis(60_000);
/// After as many rounds in which no peer had a snapshot, the node says again that it waits.
const REMINDER_ROUNDS: usize = 50;

/// Brings a snapshot that covers `at_least_index`, and opens the storage with it.
pub(crate) async fn fetch_snapshot<A: Application>(
    core: &Arc<Core<A>>,
    ground: &Ground<A>,
    opened: Opened<A>,
    at_least_index: LogIndex,
) -> Result<Opened<A>, Fault> {
    let site = &core.site;
    let others = site.config.other_members();
    if others.is_empty() {
        return Err(Fault::Lost { reason: format!("no snapshot covers entry {at_least_index}") });
    }
    tracing::warn!(
        node = site.me(),
        at_least_index,
        "no state to start from; a peer is asked for a snapshot"
    );
    'asked: for round in 1_usize.. {
        let mut unsupported = None;
        for peer in &others {
            let Ok(mut client) = site.peers.client(peer.node_id, Lane::Bulk) else { continue };
            let call = site.peers.request(proto::FetchSnapshotRequest { at_least_index }, None);
            let Ok(Ok(chunks)) = tokio::time::timeout(SNAPSHOT_TIMEOUT, client.fetch_snapshot(call)).await
            else {
                continue;
            };
            match snapshot::keep(&opened.handle, chunks.into_inner()).await {
                Ok(()) => break 'asked,
                Err(error) => {
                    tracing::warn!(peer = peer.node_id, %error, "a snapshot was not kept");
                    if let NotKept::Unsupported(error) = error {
                        unsupported = Some(error);
                    }
                }
            }
        }
        // No peer has one that this version understands: none will have one in a while.
        if let Some(error) = unsupported {
            return Err(storage::Fault::Unsupported { reason: error.to_string() }.into());
        }
        if round % REMINDER_ROUNDS == 0 {
            tracing::warn!(node = site.me(), at_least_index, "no peer has given a snapshot yet");
        }
        tokio::time::sleep(ASK_PAUSE).await;
    }
    let handle = opened.handle.clone();
    drop(opened);
    let closed = run_blocking(ground.options.is_inline, move || {
        handle.clear_divergence()?;
        handle.flush_and_close()
    });
    let closed = closed.await;
    closed.map_err(|failed| Fault::Open { reason: failed.to_string() })?.map_err(open_fault)?;
    ground.reopen(site).await
}
