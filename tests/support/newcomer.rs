//! A process beside a cluster that wants to be one of its nodes.

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use super::cluster::DevCluster;
use super::dev_process::ServeProcess;
use super::wait_until;

const LOG_LIMIT: Duration = Duration::from_secs(30);
/// The first port behind those of the cluster; its nodes have the first three of ten.
const FIRST_PLACE: u16 = 4;
/// From the port of the API to that for the other nodes.
const CLUSTER_PORTS: u16 = 100;

/// A node with an empty folder and ports of its own. It ends with this value.
pub struct Newcomer {
    process: ServeProcess,
    pub folder: PathBuf,
    /// Of its API, without `/v3`.
    pub url: String,
}

impl Newcomer {
    /// Starts a process that calls itself node `number`. `place` is another for each that runs at the same time, 0 to 5; `key` is
    /// its cluster key, when that is not the cluster's.
    pub fn start(cluster: &DevCluster, number: u64, place: u16, key: Option<&str>) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("newcomer-{number}-"))
            .tempdir_in(cluster.node_folder(0).parent().unwrap())
            .unwrap()
            .keep();
        let port = cluster.http_port(0) + FIRST_PLACE + place;
        let text = configuration(cluster, number, port);
        let text = match key {
            Some(key) => {
                fs::write(folder.join("other.key"), key).unwrap();
                text.replace("\"../cluster.key\"", "\"other.key\"")
            }
            None => text,
        };
        fs::write(folder.join("config.toml"), text).unwrap();
        let log = File::create(folder.join("log")).unwrap();
        let process = ServeProcess::start(&folder.join("config.toml"), log.into());
        Self { process, folder, url: format!("http://127.0.0.1:{port}") }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap()
    }

    /// Waits until all `parts` are in its log.
    pub fn wait_logged(&self, parts: &[&str]) {
        let has_all = || {
            let log = self.log();
            parts.iter().all(|part| log.contains(part))
        };
        wait_until(&format!("process {} logs {parts:?}", self.process.id()), LOG_LIMIT, has_all);
    }

    /// Returns true if no file of its folder but its configuration and its log holds `text`.
    pub fn is_empty_of(&self, text: &str) -> bool {
        let mut folders =
            vec![self.folder.join("state"), self.folder.join("snapshots"), self.folder.join("wal")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().map_while(Result::ok) {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if fs::read(&path)
                    .unwrap_or_default()
                    .windows(text.len())
                    .any(|part| part == text.as_bytes())
                {
                    return false;
                }
            }
        }
        true
    }
}

/// That of a node of the cluster, with ports of its own. A number that the cluster does not have is listed here only.
fn configuration(cluster: &DevCluster, number: u64, port: u16) -> String {
    let is_listed = cluster.numbers().contains(&number);
    let template = if is_listed { number } else { 0 };
    let http = cluster.http_port(template);
    let address = |port: u16| format!("127.0.0.1:{port}");
    let text =
        fs::read_to_string(cluster.config_file(template)).unwrap().replace(&address(http), &address(port));
    let [theirs, own] = [http, port].map(|port| address(port + CLUSTER_PORTS));
    if is_listed {
        return text.replace(&theirs, &own);
    }
    text.replace(&format!("\nid = {template}\n"), &format!("\nid = {number}\n"))
        .replace(&format!("listen = \"{theirs}\""), &format!("listen = \"{own}\""))
        .replace("peers = [", &format!("peers = [\n    {{ id = {number}, address = \"{own}\" }},"))
}
