//! `config.toml` of a node.

use std::fmt::Write;
use std::net::SocketAddr;
use std::path::Path;

/// What the configuration of a node says.
pub struct Configuration<'a> {
    /// `node.id`.
    pub node: usize,
    /// Where it keeps its data.
    pub data: &'a Path,
    /// The file of the cluster key.
    pub cluster_key: &'a Path,
    /// Its admin socket, which is not among its data, because these may be on a disk that fails.
    pub admin_socket: &'a Path,
    /// Where it listens for clients.
    pub http: SocketAddr,
    /// Where it listens for the others.
    pub cluster: SocketAddr,
    /// Where the others, and it itself, are reached: the same on all nodes.
    pub peers: &'a [SocketAddr],
    /// How far its wall clock is ahead.
    pub wall_clock_offset_ms: i64,
    /// How often the states of all nodes are compared; `None`: as often as is usual.
    pub digest_interval_ms: Option<u64>,
}

impl Configuration<'_> {
    /// The text. Passwords are hashed cheaply: nothing here is about their strength. A stop has no delay: no load balancer has
    /// to notice it.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = format!(
            "[node]\nid = {}\ndata_dir = {:?}\ncluster_key_file = {:?}\npublic_endpoint = \"http://{}\"\n",
            self.node,
            self.data.display().to_string(),
            self.cluster_key.display().to_string(),
            self.http
        );
        // Writing to a String cannot fail.
        if self.wall_clock_offset_ms != 0 {
            let _ = writeln!(text, "wall_clock_offset_ms = {}", self.wall_clock_offset_ms);
        }
        let _ = write!(
            text,
            "\n[http]\nlisten = \"{}\"\nshutdown_delay_s = 0\n\n[cluster]\nlisten = \"{}\"\n",
            self.http, self.cluster
        );
        if let Some(interval_ms) = self.digest_interval_ms {
            let _ = writeln!(text, "digest_interval_ms = {interval_ms}");
        }
        text.push_str("peers = [\n");
        for (id, address) in self.peers.iter().enumerate() {
            let _ = writeln!(text, "    {{ id = {id}, address = \"{address}\" }},");
        }
        let _ = write!(
            text,
            "]\n\n[operations]\nstatus_without_credentials = true\nmetrics = true\nadmin_socket = {:?}\n\n\
             [identity]\npassword_hash_rounds = 4\n\n[log]\nlevel = \"info,keyraft::access=warn\"\nformat = \"human\"\n",
            self.admin_socket.display().to_string()
        );
        text
    }
}
