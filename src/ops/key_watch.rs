//! Reports to the operator when the cluster key of this node is not the one of its cluster.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::notices::{self, Subject};
use crate::app::App;

/// How often it is compared.
const INTERVAL: Duration = Duration::from_secs(1);

/// Logs, and shows in the status, each change of [`App::key_conflict`]; runs until `stop`.
pub async fn run(app: App, stop: CancellationToken) {
    let mut known = None;
    loop {
        let conflict = app.key_conflict();
        metrics::gauge!("keyraft_cluster_key_differs").set(u8::from(conflict.is_some()));
        if conflict != known {
            match &conflict {
                Some(conflict) => tracing::error!(%conflict, "this node does not serve"),
                None => tracing::info!("the cluster key of this node is that of the cluster"),
            }
            let text = conflict.as_ref().map(ToString::to_string).unwrap_or_default();
            notices::announce(&app, Subject::ClusterKey, text);
            known = conflict;
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stop.cancelled() => return,
        }
    }
}
