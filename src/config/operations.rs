//! `[operations]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What operators and monitoring see.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Whether `GET /keyraft/status` answers without a token.
    pub status_without_credentials: bool,
    /// The Unix socket of `keyraft bootstrap`, `keyraft fernet` and `keyraft status --config`; unset: `admin.sock` in
    /// `node.data_dir`. Whoever may open it is an administrator: it is made with mode 0600.
    pub admin_socket: Option<PathBuf>,
    /// Whether `GET /metrics` answers, without a token, in the format of Prometheus.
    pub metrics: bool,
}
