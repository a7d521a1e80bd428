//! `GET /ready`: whether this node is to be sent requests.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::app::App;
use crate::http::operation::{self, Operation};

/// A node that cannot read within this time is not ready.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// An answer is given again for this long, so that whoever asks often does not ask the leader as often.
const KEPT: Duration = Duration::from_millis(500);

/// Why a node that stops is not ready.
const STOPPING: &str = "stopping";

/// Whether a node is to be sent requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether there is no reason against it.
    pub ready: bool,
    /// What there is against it, each in one line.
    pub reasons: Vec<String>,
    /// Whether the options of this node are not the leader's; `None` when that could not be found out.
    pub options_differ: Option<bool>,
}

/// What was last found out, and when.
#[derive(Default)]
pub struct LastReadiness(Mutex<Option<(Duration, Readiness)>>);

/// What may be done on `/ready`.
pub fn operations() -> Vec<Operation> {
    let show = operation::get(show, "Say whether this node is to be sent requests").json();
    vec![show.fails(StatusCode::SERVICE_UNAVAILABLE)]
}

/// Says whether this node is to be sent requests: it can read, the cluster has keys and this node the key that seals
/// them, and the options that
/// have to be the same on all nodes are those of the leader. It goes on serving when they differ, since
/// they do for a while in every change of an option: whoever sends it requests decides.
/// Policy: none; nothing secret is told.
pub async fn show(State(app): State<App>) -> Response {
    let readiness = readiness(&app).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Whether this node is to be sent requests; at most [`KEPT`] old. A node that stops reports it at once.
pub async fn readiness(app: &App) -> Readiness {
    if app.stopping.is_cancelled() {
        metrics::gauge!("keyraft_ready").set(0);
        return Readiness { ready: false, reasons: vec![STOPPING.to_owned()], options_differ: None };
    }
    // Held while it is found out: whoever asks meanwhile waits for the same answer.
    let mut last = app.last_readiness.0.lock().await;
    let now = app.environment.clock.elapsed();
    if let Some((since, readiness)) = &*last
        && now.saturating_sub(*since) < KEPT
    {
        return readiness.clone();
    }
    let readiness = find_out(app).await;
    metrics::gauge!("keyraft_ready").set(u8::from(readiness.ready));
    if let Some(differ) = readiness.options_differ {
        metrics::gauge!("keyraft_options_differ").set(u8::from(differ));
    }
    *last = Some((app.environment.clock.elapsed(), readiness.clone()));
    readiness
}

async fn find_out(app: &App) -> Readiness {
    if let Some(conflict) = app.key_conflict() {
        // No leader is waited for that this node could not speak to.
        return Readiness { ready: false, reasons: vec![conflict.to_string()], options_differ: None };
    }
    let mut reasons = Vec::new();
    let reading = tokio::time::timeout(READ_LIMIT, app.node.read());
    let (read, options_agree) = tokio::join!(reading, app.node.options_agree());
    match read {
        Err(_) => reasons.push("no leader confirms what may be read".to_owned()),
        Ok(Err(error)) => reasons.push(error.to_string()),
        Ok(Ok(published)) if published.state.keys.fernet_keys().is_none() => {
            reasons.push("the cluster has not been bootstrapped".to_owned());
        }
        Ok(Ok(_)) => {}
    }
    let options_differ = options_agree.map(|agree| !agree);
    if options_differ == Some(true) {
        reasons.push("options that have to be the same on all nodes are not those of the leader".to_owned());
    }
    Readiness { ready: reasons.is_empty(), reasons, options_differ }
}
