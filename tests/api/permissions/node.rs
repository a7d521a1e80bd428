//! Routes about the node, or about the API itself

use axum::http::Method;

use super::ADMINS;
use super::row::{Row, reads, row};

pub fn rows() -> Vec<Row> {
    vec![
        reads("/").status(300).public(),
        reads("/v3").public(),
        reads("/healthcheck").without_head().public(),
        row(Method::HEAD, "/healthcheck", 204).public(),
        reads("/openapi.json").public(),
        reads("/ready").public(),
        reads("/metrics").public(),
        // Not policy decides it, but the role.
        reads("/keyraft/status").allows(ADMINS),
    ]
}
