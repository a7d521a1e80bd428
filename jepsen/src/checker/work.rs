//! Whether a run did enough to prove anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::set;
use crate::checker::verdict::Verdict;
use crate::function::Function;
use crate::history::Outcome;
use crate::recording::{DisturbanceState, Recording};

/// So many operations have to be answered.
pub const LEAST_ANSWERED: usize = 500;
/// So many of them by each node.
pub const LEAST_ANSWERED_BY_NODE: usize = 20;

/// What has to be done, and refused, how often; in a run of this workload.
fn least_of(workload: &str) -> &'static [(Function, Outcome, usize)] {
    use Function::{Add, Create, Find, Grant, Issue, Read, Revoke, RevokeGrant, Rotate, Validate, Write};
    use Outcome::{Done, Refused};
    match workload {
        "register" => &[(Read, Done, 100), (Write, Done, 100)],
        // Names that nobody contends for prove nothing.
        "unique" => &[(Create, Done, 30), (Create, Refused, 30), (Find, Done, 30)],
        "grants" => &[(Grant, Done, 30), (RevokeGrant, Done, 30), (Issue, Done, 30), (Validate, Done, 30)],
        "revocation" => &[(Issue, Done, 30), (Revoke, Done, 20), (Validate, Done, 100)],
        "rotation" => &[(Issue, Done, 30), (Rotate, Done, 2), (Validate, Done, 100)],
        "set" => &[(Add, Done, 100), (Read, Done, 100)],
        "monotonic" => &[(Read, Done, 300), (Write, Done, 30)],
        _ => &[],
    }
}

/// Judges the amount: of operations in all, of each kind and by each node, and of disturbances.
#[must_use]
pub fn check(recording: &Recording) -> Verdict {
    let mut answered = 0;
    let mut by_node = vec![0_usize; recording.nodes];
    let mut by_kind: BTreeMap<(Function, Outcome), usize> = BTreeMap::new();
    for operation in recording.history.operations() {
        *by_kind.entry((operation.function, operation.outcome)).or_default() += 1;
        if operation.is_answered() {
            answered += 1;
            if let Some(count) = by_node.get_mut(operation.node) {
                *count += 1;
            }
        }
    }
    let mut missing = Vec::new();
    if answered < LEAST_ANSWERED {
        missing.push(format!("{answered} operations were answered, and {LEAST_ANSWERED} have to be"));
    }
    for (node, count) in by_node.into_iter().enumerate().filter(|(_, count)| *count < LEAST_ANSWERED_BY_NODE)
    {
        let node = node + 1;
        missing.push(format!("n{node} answered {count}, and has to answer {LEAST_ANSWERED_BY_NODE}"));
    }
    for (function, outcome, least) in least_of(&recording.workload) {
        let count = by_kind.get(&(*function, *outcome)).copied().unwrap_or_default();
        if count < *least {
            let was = if *outcome == Outcome::Done { "done" } else { "refused" };
            missing.push(format!("{function} was {was} {count} times, and has to be {least} times"));
        }
    }
    let never_sought = set::sought(&recording.history).never;
    if recording.workload == "set" && never_sought > 0 {
        missing.push(format!("nobody looked for {never_sought} acknowledged elements"));
    }
    if recording.workload == "rotation" {
        missing.extend(missing_keys(recording));
    }
    missing.extend(missing_disturbances(recording));
    if missing.is_empty() { Verdict::Passed } else { Verdict::TooLittle { missing } }
}

/// Keys that nobody has seen were compared with none.
fn missing_keys(recording: &Recording) -> impl Iterator<Item = String> {
    let operations = recording.history.operations().iter();
    let seen: BTreeSet<usize> = operations
        .filter(|operation| operation.function == Function::Keys && operation.is_done())
        .map(|operation| operation.node)
        .collect();
    let unseen = (0..recording.nodes).filter(move |node| !seen.contains(node));
    unseen.map(|node| format!("nobody saw the keys of n{}", node + 1))
}

/// A nemesis that did nothing proves nothing of what it stands for.
fn missing_disturbances(recording: &Recording) -> impl Iterator<Item = String> {
    let took_place: BTreeSet<&str> = recording
        .disturbances
        .iter()
        .filter(|disturbance| !matches!(disturbance.state, DisturbanceState::Skipped { .. }))
        .map(|disturbance| &*disturbance.nemesis)
        .collect();
    let is_missing = move |nemesis: &&String| !took_place.contains(nemesis.as_str());
    recording.nemeses.iter().filter(is_missing).map(|nemesis| format!("{nemesis} never took place"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{operation, read, write};
    use crate::history::Operation;
    use crate::recording::Disturbance;

    fn recording(count: usize) -> Recording {
        let operation = |n: usize| {
            let operation = if n.is_multiple_of(2) { write(1, 0, 1) } else { read(1, 2, 3) };
            operation.on(n % 3)
        };
        Recording {
            workload: "register".to_owned(),
            nodes: 3,
            history: (0..count).map(operation).collect(),
            ..Recording::default()
        }
    }

    fn missing(recording: &Recording) -> Vec<String> {
        match check(recording) {
            Verdict::TooLittle { missing } => missing,
            _ => Vec::new(),
        }
    }

    #[test]
    fn enough_is_enough() {
        assert_eq!(missing(&recording(500)), Vec::<String>::new());
        assert_eq!(missing(&recording(499)), ["499 operations were answered, and 500 have to be"]);
    }

    #[test]
    fn unknown_outcomes_do_not_count() {
        let history = recording(600).history;
        let unknown = |operation: &Operation| {
            if operation.node == 1 { operation.clone().unknown() } else { operation.clone() }
        };
        let history = history.operations().iter().map(unknown).collect();
        let missing = missing(&Recording { history, ..recording(0) });
        assert_eq!(missing[1], "n2 answered 0, and has to answer 20");
    }

    #[test]
    fn each_kind_is_counted() {
        let whole = recording(600);
        let reads = whole.history.operations().iter().cloned();
        let reads = reads.map(|operation| Operation { function: Function::Read, ..operation });
        let missing = missing(&Recording { history: reads.collect(), ..recording(0) });
        assert_eq!(missing, ["write was done 0 times, and has to be 100 times"]);
    }

    #[test]
    fn the_keys_of_each_node_have_to_be_seen() {
        let keys = |node| operation(Function::Keys, "a", 0, 1).on(node);
        let history = [keys(0), keys(2), keys(1).unknown()].into_iter().collect();
        let missing = missing(&Recording { workload: "rotation".to_owned(), history, ..recording(0) });
        assert!(missing.contains(&"nobody saw the keys of n2".to_owned()), "{missing:?}");
        assert!(!missing.contains(&"nobody saw the keys of n1".to_owned()));
    }

    #[test]
    fn elements_for_which_nobody_looked_are_missing() {
        let add = |n: usize| operation(Function::Add, n as i64, 0, 1).on(n % 3);
        let look = |n: usize| read(Vec::<i64>::new(), 1, 2).on(n % 3);
        let operations = (0..300).map(add).chain((0..300).map(look));
        let recording = Recording {
            workload: "set".to_owned(),
            nodes: 3,
            history: operations.collect(),
            ..Recording::default()
        };
        assert_eq!(missing(&recording), ["nobody looked for 300 acknowledged elements"]);
    }

    #[test]
    fn a_nemesis_that_did_nothing_is_missing() {
        let disturbance = |nemesis: &str, state| Disturbance {
            nemesis: nemesis.to_owned(),
            nodes: vec![0],
            from: std::time::Duration::ZERO,
            to: std::time::Duration::ZERO,
            state,
        };
        let skipped = DisturbanceState::Skipped { reason: "no root".to_owned() };
        let nemeses = vec!["kill".to_owned(), "partition-halves".to_owned(), "clock".to_owned()];
        let disturbances = vec![
            disturbance("kill", DisturbanceState::Installed),
            disturbance("partition-halves", DisturbanceState::Installed),
            disturbance("clock", skipped),
        ];
        let recording = Recording { nemeses, disturbances, ..recording(500) };
        assert_eq!(missing(&recording), ["clock never took place"]);
    }
}
