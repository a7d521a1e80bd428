//! Commands of the `keyraft-jepsen` binary.

pub mod check;
mod judged;
pub mod planted;
mod rows;
pub mod run;
pub mod shrink;
pub mod suite;
mod under_test;

use std::io;
use std::path::{Path, PathBuf};

use crate::checker;
use crate::judgement::UnknownWorkload;
use crate::recording::{Recording, StoreError};
use crate::runner::RunError;

/// Why a command could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// A run could not be carried out to its end.
    #[error(transparent)]
    Run(#[from] RunError),
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
