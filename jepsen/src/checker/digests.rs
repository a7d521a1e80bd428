//! The state of all nodes in the end: the same, to the bit.

use std::collections::{BTreeMap, BTreeSet};

use crate::checker::verdict::{Fault, Verdict};
use crate::recording::Recording;

/// Judges the digests that were taken of each node after the run. They can be compared where they were taken
/// at the same index.
#[must_use]
pub fn check(recording: &Recording) -> Verdict {
    let mut by_index: BTreeMap<u64, BTreeMap<&str, BTreeSet<usize>>> = BTreeMap::new();
    for (node, index, digest) in &recording.digests {
        by_index.entry(*index).or_default().entry(digest).or_default().insert(*node);
    }
    let faults: Vec<Fault> = by_index
        .iter()
        .filter(|(_, digests)| digests.len() > 1)
        .map(|(index, digests)| {
            let of = |(digest, nodes): (&&str, &BTreeSet<usize>)| format!("{digest} on {}", names(nodes));
            let digests: Vec<String> = digests.iter().map(of).collect();
            Fault {
                what: format!("states differ at index {index}: {}", digests.join(", ")),
                part: Vec::new(),
            }
        })
        .collect();
    if !faults.is_empty() {
        return Verdict::Failed { count: faults.len(), faults };
    }
    let everyone: BTreeSet<usize> = (0..recording.nodes).collect();
    let compared = by_index.values().flat_map(BTreeMap::values).max_by_key(|nodes| nodes.len());
    let missing: BTreeSet<usize> =
        everyone.iter().copied().filter(|node| compared.is_none_or(|nodes| !nodes.contains(node))).collect();
    if missing.is_empty() {
        return Verdict::Passed;
    }
    Verdict::TooLittle {
        missing: vec![format!("a digest of {} at the same index as that of the others", names(&missing))],
    }
}

fn names(nodes: &BTreeSet<usize>) -> String {
    let names: Vec<String> = nodes.iter().map(|node| format!("n{}", node + 1)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(digests: &[(usize, u64, &str)]) -> Verdict {
        let digests =
            digests.iter().map(|(node, index, digest)| (*node, *index, (*digest).to_owned())).collect();
        check(&Recording { nodes: 3, digests, ..Recording::default() })
    }

    #[test]
    fn all_nodes_have_the_same_state_at_the_same_index() {
        assert_eq!(verdict(&[(0, 7, "a"), (1, 7, "a"), (2, 7, "a")]), Verdict::Passed);
        assert!(verdict(&[(0, 7, "a"), (1, 7, "b"), (2, 7, "a")]).is_failed());
        assert!(verdict(&[(0, 7, "a"), (1, 7, "b"), (2, 9, "a")]).is_failed());
    }

    #[test]
    fn what_was_not_compared_proves_nothing() {
        for digests in [vec![], vec![(0, 7, "a"), (1, 7, "a")], vec![(0, 7, "a"), (1, 7, "a"), (2, 6, "b")]] {
            let Verdict::TooLittle { missing } = verdict(&digests) else { panic!("{digests:?}") };
            assert!(missing[0].contains("n3"), "{missing:?}");
        }
    }
}
