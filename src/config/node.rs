//! `[node]`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::BaseUrl;
use super::error::Invalid;

/// Who this node is and where it keeps its data.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// Number of this node; one of `cluster.peers`. It is never given to another node.
    pub id: u64,
    /// The folder of the log, the state, the snapshots, `pid` and `admin.sock`.
    #[serde(default = "data_dir")]
    pub data_dir: PathBuf,
    /// The file that holds the cluster key, the same on all nodes.
    #[serde(default = "cluster_key_file")]
    pub cluster_key_file: PathBuf,
    /// The URL by which clients reach this node; unset: `http://` and `http.listen`.
    #[serde(default)]
    pub public_endpoint: Option<BaseUrl>,
    /// Added to this node's wall clock, in milliseconds: to try what wrong clocks do.
    #[serde(default)]
    pub wall_clock_offset_ms: i64,
}

fn data_dir() -> PathBuf {
    PathBuf::from("/var/lib/keyraft")
}

fn cluster_key_file() -> PathBuf {
    PathBuf::from("/etc/keyraft/cluster.key")
}

impl Node {
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let paths = [("node.data_dir", &self.data_dir), ("node.cluster_key_file", &self.cluster_key_file)];
        for (key, path) in paths {
            if path.as_os_str().is_empty() {
                return Err(Invalid::new(key, "it is empty"));
            }
        }
        Ok(())
    }
}
