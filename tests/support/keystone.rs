//! A real Keystone.

use std::path::Path;
use std::time::Duration;

use super::Script;
use super::python::keystone_database;

/// The password of the user admin there.
pub const KEYSTONE_PASSWORD: &str = "peer";
const KEYSTONE_LIMIT: Duration = Duration::from_secs(300);

/// Keystone in a process of its own; it ends with this value.
pub struct Keystone {
    /// Without `/v3`.
    pub url: String,
    _process: Script,
}

impl Keystone {
    /// Starts it on SQLite with its files in `folder`; `tests/clients/keystone_peer.py` tells what it finds there and
    /// what a request is.
    pub fn start(folder: &Path, request_file: Option<&Path>) -> Self {
        // To make it would take twenty seconds.
        std::fs::copy(keystone_database(), folder.join("keystone.db")).unwrap();
        let arguments = std::iter::once(folder).chain(request_file).map(|path| path.to_str().unwrap());
        Self::start_with(&arguments.collect::<Vec<_>>())
    }

    /// Starts it on a MariaDB of its own, which keeps foreign keys and compares text as deployments do.
    pub fn start_on_mariadb(folder: &Path) -> Self {
        Self::start_with(&[folder.to_str().unwrap(), "--mariadb"])
    }

    fn start_with(arguments: &[&str]) -> Self {
        let mut process = Script::start("keystone_peer.py", arguments, "");
        let url = process.wait_listening(KEYSTONE_LIMIT);
        Self { url, _process: process }
    }
}
