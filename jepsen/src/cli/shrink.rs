//! `shrink`: the smallest part of a history that still fails.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::checker::{self, shrink};
use crate::cli::{CliError, load};
use crate::edn;
use crate::judgement::UnknownWorkload;
use crate::report;

/// Reduce a failing history to the smallest part that still fails.
#[derive(Args, Clone, Debug)]
pub struct Shrink {
    /// The folder of a run, or a history in EDN
    pub path: PathBuf,
    /// The workload, which says how to judge; needed only where it cannot be told from the history
    #[arg(long)]
    pub workload: Option<String>,
    /// Where the part goes; by default `smallest.edn` beside the history
    #[arg(long)]
    pub out: Option<PathBuf>,
}

impl Shrink {
    /// Writes the smallest part. Says whether the history fails at all.
    ///
    /// # Errors
    /// A file cannot be read or written, or nobody knows how to judge it.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        let recording = load(&self.path, self.workload.as_deref())?;
        let checker = checker::of_workload(&recording)
            .ok_or_else(|| UnknownWorkload { workload: recording.workload.clone() })?;
        // What the checker finds is a part already, which is much faster to shrink than the whole.
        let verdict = checker.check(&recording.history);
        let part = match &verdict {
            checker::verdict::Verdict::Failed { faults, .. } => {
                faults.first().map(|fault| fault.part.clone())
            }
            _ => None,
        };
        let Some(fault) = part.and_then(|part| shrink::smallest_fault(checker.as_ref(), part)) else {
            writeln!(out, "nothing to shrink: {}: {verdict}", checker.name())?;
            return Ok(false);
        };
        let beside = if self.path.is_dir() { Some(self.path.as_path()) } else { self.path.parent() };
        let path = self
            .out
            .clone()
            .unwrap_or_else(|| beside.map(PathBuf::from).unwrap_or_default().join("smallest.edn"));
        let (whole, count) = (recording.history.operations().len(), fault.part.len());
        for line in report::lines(&fault.part) {
            writeln!(out, "  {line}")?;
        }
        fs::write(&path, edn::write_history(&fault.part.into_iter().collect(), &[]))
            .map_err(|source| CliError::Write { path: path.clone(), source })?;
        writeln!(out, "{}", fault.what)?;
        writeln!(out, "{count} of {whole} operations, in {}", path.display())?;
        Ok(true)
    }
}
