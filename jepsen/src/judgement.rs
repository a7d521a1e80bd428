//! All that is said of a run: of the promise that its workload stands for, of whether enough was done, of the
//! states in the end, and how the cluster answered meanwhile.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::checker::availability::{self, Availability};
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::checker::{self, digests, shrink, work};
use crate::function::Function;
use crate::history::{History, Operation, Outcome};
use crate::recording::{DisturbanceState, Recording};

/// So many faults are made as small as they can be: those that the report has pictures of.
pub const MAX_SHRUNK: usize = 3;

/// A run whose workload no checker knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no checker knows the workload {workload:?}; those known are {}", checker::WORKLOADS.join(", "))]
pub struct UnknownWorkload {
    /// What it is called.
    pub workload: String,
}

/// What is said of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// Each promise with its verdict.
    pub checks: Vec<(String, Verdict)>,
    /// Operations by what was asked and how they ended.
    pub counts: BTreeMap<Function, Counts>,
    /// How the cluster answered.
    pub availability: Availability,
}

/// How many operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// They were done.
    pub done: usize,
    /// They were refused.
    pub refused: usize,
    /// Nobody knows.
    pub unknown: usize,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> usize {
        self.done + self.refused + self.unknown
    }
}

impl Judgement {
    /// Judges a recording; of one that is only a history, only the promise of its workload, and whether it has
    /// anything to judge. The first faults of the promise are made as small as they can be.
    ///
    /// # Errors
    /// No checker knows the workload.
    pub fn of(recording: &Recording) -> Result<Self, UnknownWorkload> {
        let Some(checker) = checker::of_workload(recording) else {
            return Err(UnknownWorkload { workload: recording.workload.clone() });
        };
        let mut verdict = checker.check(&recording.history);
        if let Verdict::Failed { faults, .. } = &mut verdict {
            for fault in faults.iter_mut().take(MAX_SHRUNK) {
                if let Some(smallest) = shrink::smallest_fault(checker.as_ref(), fault.part.clone()) {
                    *fault = smallest;
                }
            }
        }
        let mut checks = vec![(checker.name().to_owned(), verdict)];
        if recording.nodes > 0 {
            checks.push(("all states are the same in the end".to_owned(), digests::check(recording)));
            checks.push(("enough was done".to_owned(), work::check(recording)));
            checks.push(("nothing else went wrong".to_owned(), check_notes(recording)));
        } else if !recording.history.operations().iter().any(Operation::is_done) {
            let missing = vec!["an operation that was done".to_owned()];
            checks.push(("enough was done".to_owned(), Verdict::TooLittle { missing }));
        }
        Ok(Self { checks, counts: count(&recording.history), availability: availability::measure(recording) })
    }

    /// The worst of the verdicts.
    #[must_use]
    pub fn verdict(&self) -> &Verdict {
        let worst = self.checks.iter().map(|(_, verdict)| verdict).max_by_key(|verdict| verdict.weight());
        worst.unwrap_or(&Verdict::Passed)
    }

    /// Whether the run proved that everything promised held.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.verdict().is_passed()
    }

    /// The faults of all promises.
    pub fn faults(&self) -> impl Iterator<Item = &Fault> {
        self.checks.iter().flat_map(|(_, verdict)| match verdict {
            Verdict::Failed { faults, .. } => faults.as_slice(),
            _ => &[],
        })
    }

    /// Operations by how they ended.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.counts.values().fold(Counts::default(), |sum, counts| Counts {
            done: sum.done + counts.done,
            refused: sum.refused + counts.refused,
            unknown: sum.unknown + counts.unknown,
        })
    }

    /// The summary of a run for other programs.
    #[must_use]
    pub fn summary(&self, recording: &Recording) -> Json {
        let check = |(name, verdict): &(String, Verdict)| {
            let mut check = json!({ "name": name, "verdict": verdict.word(), "detail": verdict.to_string() });
            if let (Verdict::Failed { faults, count }, Some(check)) = (verdict, check.as_object_mut()) {
                check.insert("faults".to_owned(), json!(count));
                let whats: Vec<&str> = faults.iter().map(|fault| &*fault.what).collect();
                check.insert("first_faults".to_owned(), json!(whats));
            }
            check
        };
        let by_function: BTreeMap<&str, &Counts> =
            self.counts.iter().map(|(function, counts)| (function.keyword(), counts)).collect();
        let service = |service: &availability::Service| {
            let mut fields = json!(service);
            if let Some(fields) = fields.as_object_mut() {
                fields.insert("failed_share".to_owned(), json!(service.failed_share()));
            }
            fields
        };
        let disturbed: BTreeMap<usize, &availability::Service> =
            self.availability.disturbed.iter().map(|(number, service)| (*number, service)).collect();
        let disturbances: Vec<Json> = recording
            .disturbances
            .iter()
            .enumerate()
            .map(|(number, disturbance)| {
                let (state, reason) = match &disturbance.state {
                    DisturbanceState::Installed => ("installed", None),
                    DisturbanceState::Skipped { reason } => ("skipped", Some(reason)),
                    DisturbanceState::Indeterminate { reason } => ("indeterminate", Some(reason)),
                };
                json!({
                    "nemesis": disturbance.nemesis,
                    "nodes": disturbance.nodes.iter().map(|node| format!("n{}", node + 1)).collect::<Vec<_>>(),
                    "from_ms": disturbance.from.as_millis() as u64,
                    "to_ms": disturbance.to.as_millis() as u64,
                    "state": state,
                    "reason": reason,
                    "service": disturbed.get(&number).map(|measured| service(measured)),
                })
            })
            .collect();
        json!({
            "workload": recording.workload,
            "nemeses": recording.nemeses,
            "nodes": recording.nodes,
            "seed": recording.seed,
            "duration_ms": recording.duration.as_millis() as u64,
            "options": recording.options,
            "verdict": self.verdict().word(),
            "checks": self.checks.iter().map(check).collect::<Vec<_>>(),
            "operations": { "total": self.total(), "by_function": by_function },
            "availability": {
                "total": service(&self.availability.total),
                "undisturbed": service(&self.availability.undisturbed),
            },
            "disturbances": disturbances,
        })
    }
}

fn check_notes(recording: &Recording) -> Verdict {
    let mut findings = Findings::default();
    for note in &recording.notes {
        findings.add(Fault { what: note.clone(), part: Vec::new() });
    }
    findings.verdict()
}

fn count(history: &History) -> BTreeMap<Function, Counts> {
    let mut counts: BTreeMap<Function, Counts> = BTreeMap::new();
    for operation in history.operations() {
        let counts = counts.entry(operation.function).or_default();
        match operation.outcome {
            Outcome::Done => counts.done += 1,
            Outcome::Refused => counts.refused += 1,
            Outcome::Unknown => counts.unknown += 1,
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{history, read, write};
    use crate::simulated::{Plan, registers};

    fn recording() -> Recording {
        Recording {
            workload: "register".to_owned(),
            nodes: 5,
            history: registers(&Plan { operations: 2_000, ..Plan::default() }),
            digests: (0..5).map(|node| (node, 9, "d".to_owned())).collect(),
            ..Recording::default()
        }
    }

    #[test]
    fn a_good_run_passes() {
        let judgement = Judgement::of(&recording()).unwrap();
        assert!(judgement.is_passed(), "{:?}", judgement.checks);
        let summary = judgement.summary(&recording());
        assert_eq!(summary["verdict"], "passed");
        assert_eq!(summary["operations"]["total"]["done"], judgement.total().done);
        assert_eq!(judgement.total().total(), 2_000);
    }

    #[test]
    fn the_worst_verdict_is_that_of_the_run() {
        let too_little = Recording { history: history([write(1, 0, 1)]), ..recording() };
        assert_eq!(Judgement::of(&too_little).unwrap().verdict().word(), "too little");
        let broken = Recording { history: history([write(1, 0, 1), read(2, 2, 3)]), ..recording() };
        let judgement = Judgement::of(&broken).unwrap();
        assert_eq!(judgement.verdict().word(), "failed");
        assert_eq!(judgement.faults().map(|fault| fault.part.len()).collect::<Vec<_>>(), [1]);
        assert_eq!(judgement.summary(&broken)["checks"][0]["faults"], 1);
    }

    #[test]
    fn a_run_in_which_something_else_went_wrong_fails() {
        let odd = Recording { notes: vec!["n2 ended by itself".to_owned()], ..recording() };
        let judgement = Judgement::of(&odd).unwrap();
        assert_eq!(judgement.verdict().to_string(), "failed: 1 fault, such as: n2 ended by itself");
    }

    #[test]
    fn of_a_history_alone_only_the_promise_is_judged() {
        let alone = Recording { nodes: 0, history: history([write(1, 0, 1)]), ..recording() };
        assert!(Judgement::of(&alone).unwrap().is_passed());
        let nothing = history([write(1, 0, 1).unknown(), read(1, 0, 1).refused()]);
        let nothing = Recording { history: nothing, ..alone.clone() };
        assert_eq!(Judgement::of(&nothing).unwrap().verdict().word(), "too little");
        let unknown = Recording { workload: "dance".to_owned(), ..alone };
        assert!(
            Judgement::of(&unknown).unwrap_err().to_string().contains("\"dance\"; those known are register,")
        );
    }
}
