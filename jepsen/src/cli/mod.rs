//! Commands of the harness.

pub mod check;
pub mod run;
pub mod shrink;

use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::checker;
use crate::environment::Isolation;
use crate::judgement::UnknownWorkload;
use crate::recording::{Recording, StoreError};
use crate::runner::best_isolation;

/// Which binary is driven, and where.
#[derive(Clone, Debug, Args)]
pub struct UnderTest {
    /// The keyraft binary to test
    #[arg(long, value_name = "FILE", env = "KEYRAFT_BINARY", default_value = "target/release/keyraft")]
    pub binary: PathBuf,
    /// Run on ports of the loopback interface even as root
    #[arg(long)]
    pub loopback: bool,
    /// Where the folders of recordings are made
    #[arg(long, value_name = "FOLDER", default_value = "target/jepsen")]
    pub output: PathBuf,
}

impl UnderTest {
    /// What keeps the nodes apart.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        if self.loopback { Isolation::Loopback } else { best_isolation() }
    }

    /// The binary, by a path that holds in any folder.
    #[must_use]
    pub fn binary(&self) -> PathBuf {
        self.binary.canonicalize().unwrap_or_else(|_| self.binary.clone())
    }
}

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A recording cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody knows how to judge it.
    #[error(transparent)]
    Workload(#[from] UnknownWorkload),
    /// A file cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The terminal cannot be written to.
    #[error("standard output: {0}")]
    Output(#[from] io::Error),
}

/// Loads a recording, with the workload that was asked for, or else the one that the history looks like.
fn load(path: &Path, workload: Option<&str>) -> Result<Recording, CliError> {
    let mut recording = Recording::load(path)?;
    if let Some(workload) = workload {
        workload.clone_into(&mut recording.workload);
    } else if recording.workload.is_empty() {
        checker::guess_workload(&recording.history).clone_into(&mut recording.workload);
    }
    Ok(recording)
}

#[cfg(test)]
mod tests;
