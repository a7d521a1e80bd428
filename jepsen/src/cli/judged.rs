//! A run with what is said of it.

use std::io::Write;
use std::time::Duration;

use crate::checker::verdict::Fault;
use crate::cli::CliError;
use crate::judgement::Judgement;
use crate::report;
use crate::runner::{Plan, Progress, Run, RunError, run};

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

    /// The same; a run that could not be carried out, and that nobody has ended, is told apart from what ends a suite.
    ///
    /// # Errors
    /// Somebody has ended it, or it could not be kept.
    pub fn attempt(plan: &Plan) -> Result<Result<Self, RunError>, CliError> {
        match Self::of(plan) {
            Ok(judged) => Ok(Ok(judged)),
            Err(CliError::Run(error)) if !matches!(error, RunError::Interrupted(_)) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    /// Whether all that was promised was kept, and nothing else went wrong.
    pub fn is_passed(&self) -> bool {
        self.judgement.is_passed()
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
        Ok(())
    }

    /// The first thing that was wrong, and when it showed: for what no operation shows, at the end. Nothing if all was right,
    /// or too little was done to tell.
    pub fn first_fault(&self) -> Option<(Duration, String)> {
        let shown_at = |fault: &Fault| fault.part.iter().map(|operation| operation.ended_at).max();
        let all = self.judgement.faults();
        let timed = all.map(|fault| (shown_at(fault).unwrap_or(self.run.recording.duration), fault));
        let first = timed.min_by_key(|(at, _)| *at);
        first.map(|(at, fault)| (at, fault.what.clone()))
    }

    /// A line about the amount: `4117 done, 35 refused, 12 unknown`.
    pub fn amount(&self) -> String {
        let total = self.judgement.total();
        format!("{} done, {} refused, {} unknown", total.done, total.refused, total.unknown)
    }
}
