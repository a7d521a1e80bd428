//! Whatever happens between, the state after an entry is the same.

use keyraft_cluster::storage::Standing;
use openraft::RaftLogReader;
use openraft::storage::{RaftLogStorage, RaftStateMachine};
use proptest::prelude::*;

use crate::life::{Life, Node, command};

#[derive(Clone, Debug)]
enum Step {
    Write(u8),
    WriteMuch(u16),
    Snapshot,
    Compact,
    Reopen,
    Crash { lost: usize },
    LoseRows,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any::<u8>().prop_map(Step::Write),
        2 => (1..700u16).prop_map(Step::WriteMuch),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        3 => (0..70usize).prop_map(|lost| Step::Crash { lost }),
        1 => Just(Step::LoseRows),
    ]
}

/// Starts anew, and applies what was acknowledged before as a leader would have it applied.
async fn restart(node: &Node, digests: &[u128]) -> Life {
    let mut life = node.start().await;
    assert_eq!(life.0.log.last_log_id().map_or(0, |last| last.index + 1), digests.len() as u64);
    let applied = life.0.machine.applied_state().await.unwrap().0;
    if let Some(applied) = applied {
        assert_eq!(life.digest(), digests[usize::try_from(applied.index).unwrap()]);
    }
    let next = applied.map_or(0, |last| last.index + 1);
    let rest = life.0.log.try_get_log_entries(next..).await.unwrap();
    if let Some(last) = rest.last().map(|entry| entry.log_id) {
        life.0.log.save_committed(Some(last)).await.unwrap();
        life.0.machine.apply(rest).await.unwrap();
    }
    assert_eq!(life.digest(), digests.last().copied().unwrap_or_default());
    life
}

async fn run(steps: Vec<Step>) {
    let node = Node::in_memory();
    let mut digests: Vec<u128> = Vec::new();
    let mut life = node.start().await;
    for step in steps {
        let written = match step {
            Step::Write(key) => Some(command(&format!("count {key}"))),
            Step::WriteMuch(rows) => Some(command(&format!("fill {rows} {}", digests.len()))),
            _ => None,
        };
        match step {
            Step::Write(_) | Step::WriteMuch(_) => {
                life.write(written.into_iter().collect()).await;
                digests.push(life.digest());
            }
            Step::Snapshot if !digests.is_empty() => drop(life.snapshot().await),
            Step::Compact if !digests.is_empty() => life.compact().await,
            Step::Snapshot | Step::Compact => {}
            Step::Reopen => {
                life.close();
                life = restart(&node, &digests).await;
            }
            Step::Crash { lost } => {
                drop(life);
                node.crash(lost);
                life = restart(&node, &digests).await;
            }
            Step::LoseRows => {
                drop(life);
                node.memory.as_ref().unwrap().1.wipe();
                node.crash(0);
                life = restart(&node, &digests).await;
            }
        }
    }
    drop(life);
    assert!(matches!(node.open().standing, Standing::Sound | Standing::Empty));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn the_state_after_an_entry_is_the_same_through_crashes_snapshots_and_lost_rows(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run(steps));
    }
}
