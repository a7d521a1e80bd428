//! A leader whose state differs from that of all others, as by a bit that has flipped in its memory.
//!
//! It gets a row that no client ever sees, so that nothing else is wrong until the states are compared. Then it is this
//! node that has to take another's state, and none of the others: they are the majority. Only a build that can have bugs can
//! be spoiled.

use std::fs;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout};

use super::victims::Victims;
use super::{Needs, Nemesis, Struck};
use crate::environment::{Environment, EnvironmentError, Node, status};
use crate::schedule::Chance;

/// By then the node has applied an entry, with which it is spoiled.
const SPOILED_LIMIT: Duration = Duration::from_secs(5);
/// By then the states have been compared, and a node has begun to replace its own.
const NOTICE_LIMIT: Duration = Duration::from_secs(20);
/// By then a node that has replaced its state serves again.
const RETURN_LIMIT: Duration = Duration::from_secs(15);
/// Shorter than a node is without the state that it replaces.
const PAUSE: Duration = Duration::from_millis(20);
/// What names how often a process has started itself again, to have its state replaced.
const RESTARTS: &str = "KEYRAFT_RESTARTS=";
/// The file that a node has from when its state is known to be wrong until it has another.
const MARKER: &str = "diverged";

/// Spoils the state of the leader, and demands that it replaces it, and nobody else does.
pub struct SpoilLeader;

/// Who has begun to replace its state since the strike began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replaced {
    /// The node that was spoiled, and at first no other.
    Spoiled,
    /// This other one, whose state is that of the majority.
    Sound(usize),
}

impl Replaced {
    /// By those who have; `None` if nobody has. A sound node counts also where the spoiled one has too.
    fn of(spoiled: usize, replacing: &[usize]) -> Option<Self> {
        let sound = replacing.iter().find(|node| **node != spoiled);
        sound.map(|node| Self::Sound(*node)).or((!replacing.is_empty()).then_some(Self::Spoiled))
    }
}

#[async_trait]
impl Nemesis for SpoilLeader {
    fn needs(&self) -> Needs {
        Needs { spoiling: true, ..Needs::default() }
    }

    async fn strike(&self, environment: &Environment, _chance: &mut Chance, _hold: Duration) -> Struck {
        let Some((leader, all)) = Victims::whole(environment, None).await else {
            return Struck::skipped("the cluster was not whole");
        };
        let Some(node) = environment.node(leader) else { return Struck::skipped("there is no such node") };
        let before = restarts_of(&all.nodes).await;
        match spoil(node).await {
            Ok(true) => {}
            Ok(false) => return Struck::skipped("the node applied nothing, or cannot be spoiled"),
            Err(error) => return Struck::faulty(vec![leader], error),
        }
        let replaced = timeout(NOTICE_LIMIT, replaced(leader, &all.nodes, &before)).await;
        let is_back = timeout(RETURN_LIMIT, served_again(&all.nodes)).await.is_ok();
        // A node that has replaced its state several times in a row would stop for good; the next process counts from zero.
        node.stop().await;
        let started = environment.start(node).await;
        let name = |number: usize| format!("n{}", number + 1);
        match replaced {
            Ok(Replaced::Spoiled) if is_back => Struck::of(vec![leader], started),
            Ok(Replaced::Spoiled) => {
                let reason =
                    format!("not all serve {RETURN_LIMIT:?} after {} replaced its state", name(leader));
                Struck::faulty(vec![leader], reason)
            }
            Ok(Replaced::Sound(other)) => {
                let reason = format!(
                    "{} replaced its state, which is that of a majority, because that of {} differs",
                    name(other),
                    name(leader)
                );
                Struck::faulty(vec![leader], reason)
            }
            Err(_) => {
                let reason = format!("within {NOTICE_LIMIT:?} nobody noticed the state of {}", name(leader));
                Struck::faulty(vec![leader], reason)
            }
        }
    }
}

/// Has a node spoil its state with the next entry; whether it has.
async fn spoil(node: &Node) -> Result<bool, EnvironmentError> {
    let file = node.spoiling_file();
    fs::write(&file, "").map_err(EnvironmentError::file(&file))?;
    let until = Instant::now() + SPOILED_LIMIT;
    while Instant::now() < until {
        if !file.exists() {
            return Ok(true);
        }
        sleep(PAUSE).await;
    }
    // Or it would be spoiled when nobody looks. If it is gone just now, it has been.
    Ok(fs::remove_file(&file).is_err())
}

/// Returns once a node has begun to replace its state.
async fn replaced(spoiled: usize, nodes: &[&Node], before: &[u32]) -> Replaced {
    loop {
        let now = restarts_of(nodes).await;
        let all = nodes.iter().zip(before.iter().zip(now));
        let replacing: Vec<usize> = all
            .filter(|(node, (before, now))| now > *before || node.data().join(MARKER).exists())
            .map(|(node, _)| node.number())
            .collect();
        if let Some(replaced) = Replaced::of(spoiled, &replacing) {
            return replaced;
        }
        sleep(PAUSE).await;
    }
}

/// Returns once all of these nodes report that they are ready.
async fn served_again(nodes: &[&Node]) {
    for node in nodes {
        while node.data().join(MARKER).exists() || !status::is_ready(node).await {
            sleep(PAUSE).await;
        }
    }
}

/// How often the process of each node has started itself again.
async fn restarts_of(nodes: &[&Node]) -> Vec<u32> {
    let mut all = Vec::with_capacity(nodes.len());
    for node in nodes {
        let number = node.process_number().await.unwrap_or_default();
        all.push(restarts_in(&fs::read(format!("/proc/{number}/environ")).unwrap_or_default()));
    }
    all
}

/// The same by the environment of a process.
fn restarts_in(environment: &[u8]) -> u32 {
    let variables = environment.split(|byte| *byte == 0).filter_map(|bytes| std::str::from_utf8(bytes).ok());
    let mut counts = variables.filter_map(|variable| variable.strip_prefix(RESTARTS)?.parse().ok());
    counts.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_but_the_spoiled_node_may_replace_its_state() {
        assert_eq!(Replaced::of(2, &[]), None);
        assert_eq!(Replaced::of(2, &[2]), Some(Replaced::Spoiled));
        assert_eq!(Replaced::of(2, &[0, 1]), Some(Replaced::Sound(0)));
        assert_eq!(Replaced::of(2, &[2, 4]), Some(Replaced::Sound(4)));
    }

    #[test]
    fn a_process_shows_how_often_it_has_started_itself_again() {
        assert_eq!(restarts_in(b"PATH=/bin\0KEYRAFT_RESTARTS=2\0HOME=/\0"), 2);
        assert_eq!(restarts_in(b"OTHER_KEYRAFT_RESTARTS=2\0"), 0);
        assert_eq!(restarts_in(b""), 0);
    }
}
