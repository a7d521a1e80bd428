//! A long absence: one node is away until the others have purged what its log lacks, so that it has to be brought up by a
//! snapshot that comes over the network.
//!
//! Nodes purge what is covered by a snapshot, but keep some thousand entries before it. So many are written meanwhile
//! that the leader has a snapshot beyond those. Whether the node was given one is seen in its folder and its log: a snapshot
//! that it has not taken is the same file, byte for byte, on another node.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::{Instant, sleep};

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck, ballast};
use crate::environment::{Environment, Node, status};
use crate::schedule::Chance;

/// Entries that nodes keep before a snapshot (`log_entries_kept` of `cluster/src/config.rs`), and some more.
const ENTRIES: u64 = 5_000 + 50;
/// Of one write. So that two snapshots are taken while these entries are written: each takes 4 MiB of log.
const WRITE_BYTES: usize = 1_700;
/// As many entries as a leader has under way: more clients would share them.
const WRITERS: usize = 4;
/// Writes of one client between two looks.
const WRITES_IN_A_ROW: usize = 50;
/// Writes and snapshots take no longer.
const WRITE_LIMIT: Duration = Duration::from_secs(35);
/// Nor does it take longer until a node that is back has a snapshot.
const INSTALL_LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(50);

/// The cluster has so long for itself between two of these.
const REST: Duration = Duration::from_secs(30);

/// Keeps one node away until its log is too short for the others.
#[derive(Default)]
pub struct Absence {
    rests_until: Mutex<Option<Instant>>,
}

#[async_trait]
impl Nemesis for Absence {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, _hold: Duration) -> Struck {
        let rests_until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        if rests_until.is_some_and(|until| Instant::now() < until) {
            return Struck::skipped(format!("the last one was less than {REST:?} ago"));
        }
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        let struck = keep_away(environment, node).await;
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + REST);
        struck
    }
}

async fn keep_away(environment: &Environment, node: &Node) -> Struck {
    let Some(last) = status::last_log_index(node).await else {
        return Struck::skipped("the node does not say how long its log is");
    };
    node.kill().await;
    let is_purged = purge_beyond(environment, node, last).await;
    let own = snapshots(node);
    if let Err(error) = environment.start(node).await {
        return Struck::faulty(vec![node.number()], error);
    }
    if !is_purged {
        return Struck::skipped(format!("within {WRITE_LIMIT:?} the others purged nothing that it lacked"));
    }
    let until = Instant::now() + INSTALL_LIMIT;
    while Instant::now() < until {
        if has_anothers_snapshot(environment, node, &own) {
            return Struck::installed(vec![node.number()]);
        }
        sleep(PAUSE).await;
    }
    Struck::indeterminate(
        vec![node.number()],
        "no snapshot of another node was seen in the folder of this one",
    )
}

/// Writes until the leader has a snapshot from which on it keeps nothing up to `last`; whether it has.
async fn purge_beyond(environment: &Environment, away: &Node, last: u64) -> bool {
    let until = Instant::now() + WRITE_LIMIT;
    let least = last + ENTRIES;
    while Instant::now() < until {
        let leader = status::leader(environment).await.and_then(|leader| environment.node(leader));
        let Some(leader) = leader.filter(|leader| leader.number() != away.number()) else {
            sleep(PAUSE).await;
            continue;
        };
        if snapshots(leader).iter().any(|name| index_of(name).is_some_and(|index| index >= least)) {
            return true;
        }
        // Beyond that index, whatever brings the next snapshot soon.
        let is_beyond = status::last_log_index(leader).await.is_some_and(|index| index >= least);
        let bytes = if is_beyond { ballast::WRITE_BYTES } else { WRITE_BYTES };
        let is_enough = || Instant::now() > until;
        let writers =
            (0..WRITERS).map(|_| ballast::write_through(leader, bytes, WRITES_IN_A_ROW, &is_enough));
        join_all(writers).await;
    }
    false
}

/// The names of the snapshots of a node.
fn snapshots(node: &Node) -> BTreeSet<OsString> {
    let entries = fs::read_dir(node.data().join("snapshots")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).filter(|name| index_of(name).is_some()).collect()
}

/// The last entry that a snapshot covers: its name begins with it.
fn index_of(name: &OsString) -> Option<u64> {
    name.to_str()?.strip_suffix(".snapshot")?.split('-').next()?.parse().ok()
}

/// Whether a node has a snapshot besides those of before that is one of another node's, and that it has not taken itself.
fn has_anothers_snapshot(environment: &Environment, node: &Node, before: &BTreeSet<OsString>) -> bool {
    let read = |node: &Node, name| fs::read(node.data().join("snapshots").join(name)).ok();
    snapshots(node).difference(before).any(|name| {
        let others = environment.nodes().iter().filter(|other| other.number() != node.number());
        let mine = read(node, name);
        let is_anothers =
            mine.is_some() && others.map(|other| read(other, name)).any(|theirs| theirs == mine);
        is_anothers && !has_taken(&fs::read_to_string(node.log_file()).unwrap_or_default(), index_of(name))
    })
}

/// Whether a node has logged that it took a snapshot at this index.
fn has_taken(log: &str, index: Option<u64>) -> bool {
    let taken = index.map(|index| format!("snapshot taken index={index} ")).unwrap_or_default();
    log.contains(&taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_snapshot_tells_what_it_covers() {
        assert_eq!(index_of(&"00000000000000005123-7-2.snapshot".into()), Some(5_123));
        for other in ["3.tmp", "00000000000000005123-7-2.snapshot.bad", "notes.snapshot"] {
            assert_eq!(index_of(&other.into()), None, "{other}");
        }
    }

    #[test]
    fn a_snapshot_that_the_node_has_taken_is_its_own() {
        let log = "2026-11-28T13:16:07Z  INFO build: snapshot taken index=825 rows=358 length_bytes=19343\n";
        assert!(has_taken(log, Some(825)));
        assert!(!has_taken(log, Some(82)) && !has_taken(log, Some(826)));
    }
}
