//! A run with what is said of it.

use std::io::Write;

use crate::cli::CliError;
use crate::judgement::Judgement;
use crate::report;
use crate::runner::{Plan, Progress, Run, run};

/// What came of a run.
pub struct Judged {
    /// What was seen.
    pub run: Run,
    /// What is said of it.
    pub judgement: Judgement,
}

impl Judged {
    /// Carries out a plan, judges what was seen, and keeps both.
    ///
    /// # Errors
    /// The run could not be carried out, or not be kept.
    pub fn of(plan: &Plan) -> Result<Self, CliError> {
        let progress = Progress::of(&plan.title(), plan.duration);
        let outcome = run(plan, &progress);
        progress.ends();
        let run = outcome?;
        let judgement = Judgement::of(&run.recording)?;
        report::store(&run.folder, &run.recording, &judgement)?;
        Ok(Self { run, judgement })
    }

    /// Whether all that was promised was kept, and nothing else was odd.
    pub fn is_passed(&self) -> bool {
        self.judgement.is_passed() && self.run.notes.is_empty()
    }

    /// Tells what is not as it should be; of a run that passed, nothing.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn tell_faults(&self, out: &mut dyn Write) -> Result<(), CliError> {
        for (name, verdict) in self.judgement.checks.iter().filter(|(_, verdict)| !verdict.is_passed()) {
            writeln!(out, "  {name}: {verdict}")?;
        }
        if let Some(fault) = self.judgement.faults().next() {
            for line in report::lines(&fault.part) {
                writeln!(out, "    {line}")?;
            }
        }
        for note in &self.run.notes {
            writeln!(out, "  {note}")?;
        }
        Ok(())
    }

    /// A line about the amount: `4117 done, 35 refused, 12 unknown`.
    pub fn amount(&self) -> String {
        let total = self.judgement.total();
        format!("{} done, {} refused, {} unknown", total.done, total.refused, total.unknown)
    }
}
