//! The folder of a cluster on one machine.
//!
//! ```text
//! DIR/dev.toml       number of nodes, ports and options
//!     cluster.key    seals secrets; made once
//!     openrc         written once the admin user is there
//!     pid            of `keyraft dev`, while it runs
//!     node-0/        config.toml, pid, log, admin.sock, wal/, state/, snapshots/
//!     node-1/ ...
//! ```

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use keyraft::config::Config;
use keyraft::keys::seal::ClusterKey;
use keyraft_cluster::SystemRandom;

use super::super::failure::Failure;
use super::super::folder_lock::FolderLock;
use super::super::private_file;
use super::made_with::{MadeWith, Record, Shape};
use super::node_config;

/// The folder of a cluster, held by this process alone.
pub struct DevFolder {
    path: PathBuf,
    _lock: FolderLock,
}

/// One node of the cluster.
#[derive(Clone, Debug)]
pub struct DevNode {
    pub number: u64,
    pub folder: PathBuf,
    pub admin_socket: PathBuf,
    /// The URL of the node, without `/v3`.
    pub url: String,
    /// Whether the folder of the node is new, so that the node knows nothing yet.
    pub is_new: bool,
}

impl DevNode {
    pub fn config_file(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    pub fn log_file(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl DevFolder {
    /// Makes the folder if it is missing, and locks it.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let lock = FolderLock::acquire(path)?;
        let absolute = path.canonicalize().map_err(|error| cannot_use(path, &error))?;
        Ok(Self { path: absolute, _lock: lock })
    }

    pub fn openrc(&self) -> PathBuf {
        self.path.join("openrc")
    }

    /// What the cluster was made with, else what is asked for.
    pub fn made_with(&self, asked: MadeWith) -> Result<Record, Failure> {
        let file = self.path.join("dev.toml");
        let recorded = match std::fs::read_to_string(&file) {
            Ok(text) => {
                let record = toml::from_str(&text).map_err(|error| Failure::usage(error.message()));
                Some(record.map_err(|failure| failure.within(file.display()))?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(cannot_use(&file, &error)),
        };
        asked.record(recorded).map_err(|failure| failure.within(self.path.display()))
    }

    /// Makes what is missing: the record, the cluster key, the folder and the configuration
    /// of each node.
    ///
    /// # Errors
    /// Something cannot be written, a configuration does not hold, or the cluster key is gone.
    pub fn prepare(&self, record: &Record) -> Result<Vec<DevNode>, Failure> {
        let text = toml::to_string(record).map_err(Failure::runtime)?;
        let record_file = self.path.join("dev.toml");
        if !record_file.exists() {
            private_file::write(&record_file, &format!("# What keyraft dev made this folder with.\n{text}"))?;
        }
        self.prepare_cluster_key(record.shape())?;
        record.shape().numbers().map(|number| self.prepare_node(record, number)).collect()
    }

    /// Whether the admin user is still to be made: it has not been, or the nodes have forgotten it.
    pub fn needs_bootstrap(&self, nodes: &[DevNode]) -> bool {
        !self.openrc().exists() || nodes.iter().all(|node| node.is_new)
    }

    fn node_folder(&self, number: u16) -> PathBuf {
        self.path.join(format!("node-{number}"))
    }

    fn prepare_cluster_key(&self, shape: Shape) -> Result<(), Failure> {
        let file = self.path.join("cluster.key");
        if file.exists() {
            return Ok(ClusterKey::load(&file).map(drop)?);
        }
        if shape.numbers().any(|number| self.node_folder(number).exists()) {
            let reason = "it is gone, and without it the nodes cannot read what they have sealed";
            return Err(Failure::usage(reason).within(file.display()));
        }
        let random = SystemRandom::new().map_err(Failure::runtime)?;
        let text = ClusterKey::generate(&random).to_base64();
        private_file::write(&file, &format!("{}\n", *text))
    }

    fn prepare_node(&self, record: &Record, number: u16) -> Result<DevNode, Failure> {
        let folder = self.node_folder(number);
        let file = folder.join("config.toml");
        let is_new = !file.exists();
        if is_new {
            std::fs::create_dir_all(&folder).map_err(|error| cannot_use(&folder, &error))?;
            private_file::write(&file, &node_config::text(record.shape(), &record.options, number))?;
        }
        // A configuration that was edited is checked here, where its mistake is one line.
        let config = Config::load(&file)?;
        Ok(DevNode {
            number: u64::from(number),
            admin_socket: config.admin_socket(),
            url: config.public_endpoint(),
            folder,
            is_new,
        })
    }
}

fn cannot_use(path: &Path, error: &std::io::Error) -> Failure {
    Failure::runtime(error).within(format_args!("cannot use {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::options::NodeOptions;
    use super::*;

    fn any() -> MadeWith {
        MadeWith { nodes: None, http_port: None, options: NodeOptions::default() }
    }

    fn made_as(path: &Path, asked: MadeWith) -> (DevFolder, Vec<DevNode>) {
        let folder = DevFolder::open(path).unwrap();
        let record = folder.made_with(asked).unwrap();
        let nodes = folder.prepare(&record).unwrap();
        (folder, nodes)
    }

    fn made(path: &Path) -> (DevFolder, Vec<DevNode>) {
        made_as(path, any())
    }

    #[test]
    fn a_new_folder_gets_all_that_nodes_need() {
        let temporary = tempfile::tempdir().unwrap();
        let (folder, nodes) = made(temporary.path());
        assert_eq!(nodes.len(), 3);
        assert!(nodes.iter().all(|node| node.is_new && node.config_file().exists()));
        assert!(folder.needs_bootstrap(&nodes));
        ClusterKey::load(&Config::load(&nodes[1].config_file()).unwrap().node.cluster_key_file).unwrap();
    }

    #[test]
    fn a_folder_made_before_is_left_as_it_is_but_for_a_node_that_is_missing() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        let (folder, _) = made(path);
        private_file::write(&folder.openrc(), "").unwrap();
        drop(folder);
        let key = std::fs::read(path.join("cluster.key")).unwrap();
        std::fs::remove_dir_all(path.join("node-1")).unwrap();
        let (folder, nodes) = made(path);
        assert_eq!(nodes.iter().map(|node| node.is_new).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(std::fs::read(path.join("cluster.key")).unwrap(), key);
        assert!(!folder.needs_bootstrap(&nodes));
    }

    #[test]
    fn every_node_has_the_options_that_the_folder_was_made_with_also_one_that_comes_back() {
        let temporary = tempfile::tempdir().unwrap();
        let options = NodeOptions::parse(&["token.expiration_s=15".to_owned()]).unwrap();
        drop(made_as(temporary.path(), MadeWith { options, ..any() }));
        std::fs::remove_dir_all(temporary.path().join("node-1")).unwrap();
        for node in made(temporary.path()).1 {
            assert_eq!(Config::load(&node.config_file()).unwrap().token.expiration_s, 15);
        }
    }

    #[test]
    fn a_lost_cluster_key_is_not_replaced() {
        let temporary = tempfile::tempdir().unwrap();
        let (folder, _) = made(temporary.path());
        std::fs::remove_file(temporary.path().join("cluster.key")).unwrap();
        let error = folder.prepare(&folder.made_with(any()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("cluster.key: it is gone"), "{error}");
    }

    #[test]
    fn a_mistake_in_the_configuration_of_a_node_is_named() {
        let temporary = tempfile::tempdir().unwrap();
        let (folder, nodes) = made(temporary.path());
        std::fs::write(nodes[2].config_file(), "[node]\nid = 'two'\n").unwrap();
        let error = folder.prepare(&folder.made_with(any()).unwrap()).unwrap_err().to_string();
        assert!(error.contains("node-2/config.toml:2: node.id: "), "{error}");
    }
}
