//! `check`: judges a run again.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::{CliError, load};
use crate::judgement::Judgement;
use crate::report;

/// Judge a run again, from its folder or from a history alone.
#[derive(Args, Clone, Debug)]
pub struct Check {
    /// The folder of a run, or a history in EDN
    pub path: PathBuf,
    /// The workload, which says how to judge; needed only where it cannot be told from the history
    #[arg(long)]
    pub workload: Option<String>,
    /// Where summary.json and report.html go; by default the folder of the history
    #[arg(long)]
    pub out: Option<PathBuf>,
}

impl Check {
    /// Judges, writes the summary and the report, and tells the verdicts. Says whether the run passed.
    ///
    /// # Errors
    /// A file cannot be read or written, or nobody knows how to judge it.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        let recording = load(&self.path, self.workload.as_deref())?;
        let judgement = Judgement::of(&recording)?;
        for (name, verdict) in &judgement.checks {
            writeln!(out, "{name}: {verdict}")?;
        }
        if let Some(fault) = judgement.faults().next() {
            for line in report::lines(&fault.part) {
                writeln!(out, "  {line}")?;
            }
        }
        let folder = match &self.out {
            Some(folder) => folder.clone(),
            None if self.path.is_dir() => self.path.clone(),
            None => self.path.parent().map(PathBuf::from).unwrap_or_default(),
        };
        report::store(&folder, &recording, &judgement)?;
        let total = judgement.total();
        writeln!(
            out,
            "{}: {} operations, {} done, {} refused, {} unknown; report in {}",
            judgement.verdict().word(),
            total.total(),
            total.done,
            total.refused,
            total.unknown,
            folder.join(report::REPORT).display()
        )?;
        Ok(judgement.is_passed())
    }
}
