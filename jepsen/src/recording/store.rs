//! A recording on disk: a folder with `history.edn`, which other checkers read, and `recording.json`, the
//! rest. A history alone can be read too.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::edn::{self, EdnError};
use crate::recording::Recording;

const HISTORY: &str = "history.edn";
const RECORDING: &str = "recording.json";

/// Why a recording could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A history that is none.
    #[error("{}: {source}", path.display())]
    History {
        /// Where.
        path: PathBuf,
        /// Why.
        source: EdnError,
    },
    /// The rest is not JSON of the right form.
    #[error("{}: {source}", path.display())]
    Recording {
        /// Where.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Recording {
    /// Writes the recording into a folder, which is made if it is not there.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn store(&self, folder: &Path) -> Result<(), StoreError> {
        let file = |path: &Path| {
            let path = path.to_owned();
            |source| StoreError::File { path, source }
        };
        fs::create_dir_all(folder).map_err(file(folder))?;
        let path = folder.join(HISTORY);
        fs::write(&path, edn::write_history(&self.history, &self.disturbances)).map_err(file(&path))?;
        let path = folder.join(RECORDING);
        let text = serde_json::to_vec(self)
            .map_err(|source| StoreError::Recording { path: path.clone(), source })?;
        fs::write(&path, text).map_err(file(&path))
    }

    /// Reads a recording from its folder, or a history in EDN from a file; of the latter only the history
    /// and the disturbances are known, and neither the workload nor the nodes.
    ///
    /// # Errors
    /// A file cannot be read, or is not of the right form.
    pub fn load(path: &Path) -> Result<Self, StoreError> {
        if !path.is_dir() {
            let (history, disturbances) = load_history(path)?;
            let duration = history.end();
            return Ok(Self { history, disturbances, duration, ..Self::default() });
        }
        let (history, disturbances) = load_history(&path.join(HISTORY))?;
        let path = path.join(RECORDING);
        if !path.exists() {
            let duration = history.end();
            return Ok(Self { history, disturbances, duration, ..Self::default() });
        }
        let text = read(&path)?;
        let rest: Self =
            serde_json::from_str(&text).map_err(|source| StoreError::Recording { path, source })?;
        Ok(Self { history, ..rest })
    }
}

fn load_history(
    path: &Path,
) -> Result<(crate::history::History, Vec<crate::recording::Disturbance>), StoreError> {
    let text = read(path)?;
    edn::read_history(&text).map_err(|source| StoreError::History { path: path.to_owned(), source })
}

fn read(path: &Path) -> Result<String, StoreError> {
    fs::read_to_string(path).map_err(|source| StoreError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::function::Function;
    use crate::history::{Operation, Outcome};
    use crate::recording::{Disturbance, DisturbanceState, Sample};
    use crate::value::Value;

    fn recording() -> Recording {
        let operation = Operation {
            client: 3,
            node: 1,
            function: Function::Write,
            key: "a \"key\"".to_owned(),
            argument: Value::Number(-7),
            answer: Value::Nil,
            sent_at: Duration::from_nanos(5),
            ended_at: Duration::from_nanos(9),
            outcome: Outcome::Done,
        };
        Recording {
            workload: "register".to_owned(),
            nemeses: vec!["partition".to_owned()],
            nodes: 3,
            seed: 42,
            duration: Duration::from_millis(1500),
            history: [operation].into_iter().collect(),
            disturbances: vec![Disturbance {
                nemesis: "partition".to_owned(),
                nodes: vec![0, 2],
                from: Duration::from_nanos(6),
                to: Duration::from_nanos(8),
                state: DisturbanceState::Indeterminate { reason: "nft: <no>".to_owned() },
            }],
            samples: vec![Sample {
                at: Duration::from_nanos(7),
                node: 2,
                is_up: true,
                is_leader: false,
                has_lease: Some(true),
                term: None,
            }],
            digests: vec![(0, 17, "ab".to_owned())],
            options: [("token_lifetime_ms".to_owned(), "3600000".to_owned())].into(),
            notes: vec!["n1 ended by itself".to_owned()],
        }
    }

    #[test]
    fn a_recording_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/down");
        recording().store(&path).unwrap();
        assert_eq!(Recording::load(&path).unwrap(), recording());
    }

    #[test]
    fn a_history_alone_reads_back_with_its_disturbances() {
        let folder = tempfile::tempdir().unwrap();
        recording().store(folder.path()).unwrap();
        let alone = Recording::load(&folder.path().join(HISTORY)).unwrap();
        assert_eq!((alone.nodes, &*alone.workload), (0, ""));
        assert_eq!(alone.history, recording().history);
        assert_eq!(alone.disturbances, recording().disturbances);
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| Recording::load(path).unwrap_err().to_string();
        assert!(error(&folder.path().join("none.edn")).contains("none.edn"));
        recording().store(folder.path()).unwrap();
        fs::write(folder.path().join(RECORDING), "{}").unwrap();
        assert!(error(folder.path()).contains("recording.json: missing field"), "{}", error(folder.path()));
        fs::write(folder.path().join(HISTORY), "{:type :invoke").unwrap();
        assert!(error(folder.path()).contains("history.edn: line 1"), "{}", error(folder.path()));
    }
}
