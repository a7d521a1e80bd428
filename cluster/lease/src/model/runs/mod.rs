//! What the checker looks at: all rules within bounds, and each rule left out.

mod elections;
mod grants;
mod kept;
mod membership;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::world::{Action, Packet, World};
use super::{Bounds, LINEARIZABLE, tell};
use crate::{NodeId, Omission};

const THREADS: usize = 2;

/// Steps that bring a violation with a rule left out, as `docs/leases.md` shows them.
fn counterexample(bounds: Bounds, depth: usize) -> Option<String> {
    let started = Instant::now();
    let omitted = bounds.omitted;
    let checker = bounds
        .checker()
        .threads(THREADS)
        .target_max_depth(depth + 1)
        .finish_when(HasDiscoveries::AnyFailures)
        .timeout(Duration::from_secs(60))
        .spawn_bfs()
        .join();
    let found = checker.discovery(LINEARIZABLE).map(|path| {
        let violation = path.last_state().violation.unwrap_or_default();
        let mut text = String::new();
        for (step, action) in path.into_actions().iter().enumerate() {
            let _ = writeln!(text, "{:>3}. {}", step + 1, tell(action));
        }
        let _ = writeln!(text, "     {violation}");
        text
    });
    println!(
        "{omitted:?}: {} states, {} of them different, depth {}, {:.1?}\n{}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth(),
        started.elapsed(),
        found.clone().unwrap_or_else(|| "no violation".to_owned()),
    );
    found
}

/// One rule left out, where little else happens: the shortest way to miss it.
fn missing(omitted: Omission, allows: fn(&World, &Action) -> bool) -> Bounds {
    Bounds { omitted: Some(omitted), tells_releases: false, allows, ..Bounds::default() }
}

/// Whether a message goes to one of these nodes, from a leader of that term.
fn reaches(packet: &Packet, ways: &[(u64, NodeId)]) -> bool {
    match packet {
        Packet::ToNode(node, message) => ways.contains(&(message.leader.term, *node)),
        Packet::ToLeader(_) => true,
    }
}

fn is_by(voters: &BTreeSet<NodeId>, expected: [NodeId; 2]) -> bool {
    *voters == BTreeSet::from(expected)
}

/// The violation is found without the rule, and nothing is found with it where the same can happen.
fn is_needed(bounds: Bounds, depth: usize) {
    assert!(counterexample(bounds.clone(), depth).is_some(), "{:?} is not missed", bounds.omitted);
    let reads = if bounds.omitted == Some(Omission::CheckFirst) { 0 } else { bounds.reads };
    let kept = Bounds { omitted: None, reads, ..bounds };
    assert_eq!(counterexample(kept, depth), None);
}
