//! `GET /metrics`, in Prometheus' text format.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

use super::{metric_descriptions, ready};
use crate::app::App;
use crate::http::operation::{self, Operation};

/// Upper bounds of the histograms, in seconds.
const SECONDS: [f64; 15] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// Starts collecting. To be called once in a process, before anything is counted.
///
/// # Errors
/// It was called before.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new().set_buckets(&SECONDS)?.install_recorder()?;
    metric_descriptions::describe();
    Ok(handle)
}

/// What may be done on `/metrics`.
pub fn operations() -> Vec<Operation> {
    vec![operation::get(show, "Show the metrics of this node").text().fails(StatusCode::NOT_FOUND)]
}

/// Shows the metrics, if `operations.metrics` says so.
/// Policy: none; no metric carries an id or a name.
pub async fn show(State(app): State<App>) -> Response {
    if !app.config.operations.metrics {
        return StatusCode::NOT_FOUND.into_response();
    }
    note_keys(&app);
    // It sets the gauges.
    ready::readiness(&app).await;
    app.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.render()).into_response()
}

/// The age of the primary key is known only when somebody asks.
fn note_keys(app: &App) {
    let published = app.node.publication().load();
    let Some(keys) = published.state.keys.fernet_keys() else { return };
    metrics::gauge!("keyraft_fernet_keys").set(u32::try_from(keys.keys.len()).unwrap_or(u32::MAX));
    if let Some(primary) = keys.keys.iter().max_by_key(|key| key.number) {
        let age_ms = app.node.cluster_time_ms().saturating_sub(primary.created_ms);
        let age_s = u32::try_from(age_ms / 1000).unwrap_or(u32::MAX);
        metrics::gauge!("keyraft_fernet_primary_key_age_seconds").set(age_s);
    }
}
