//! A second process with the number of a node that runs: a cloned machine, or a configuration that was copied.
//!
//! It has an empty folder, so it asks to be taken back as a node that has lost its log. Were that granted while the node
//! lives, the node would lose its vote, and nobody would notice until a minority fails. So a minority does fail then, and the
//! others have to serve.

use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use tokio::time::{Instant, sleep, timeout};

use super::victims::{Victims, shuffled};
use super::{Nemesis, Struck};
use crate::environment::{Environment, EnvironmentError, Node, status};
use crate::schedule::Chance;

/// All nodes serve by then, if they do at all: one that is only starting might rightly be replaced.
const SOUND_LIMIT: Duration = Duration::from_secs(8);
/// So long a second process may ask. It must be less than the time after which a learner that has caught up becomes a
/// voter again, or what it did would be undone before it shows.
const ASKING: Duration = Duration::from_secs(4);
/// By then a majority serves without the others.
const SERVE_LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

/// Starts second processes, ends them, and kills a minority with the leader in it.
pub struct SecondProcess;

/// Who plays which part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    /// Those with a second process: as many as leave a number of voters of which a minority of all is no longer one.
    doubled: Vec<usize>,
    /// The minority that fails.
    failing: Vec<usize>,
    /// All that do not fail.
    remaining: Vec<usize>,
}

impl Parts {
    /// Of a leader and its followers, in the order in which they are drawn.
    fn of(leader: usize, followers: &[usize]) -> Self {
        let count = followers.len() + 1;
        let minority = count.saturating_sub(1) / 2;
        let (doubled, others) = followers.split_at((count - 2 * minority).min(followers.len()));
        let with_leader = others.iter().copied().take(minority.saturating_sub(1));
        let failing: Vec<usize> = [leader].into_iter().chain(with_leader).collect();
        let remaining = followers.iter().copied().filter(|node| !failing.contains(node)).collect();
        Self { doubled: doubled.to_vec(), failing, remaining }
    }
}

#[async_trait]
impl Nemesis for SecondProcess {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        let Some((leader, _all)) = Victims::whole(environment, None).await else {
            return Struck::skipped("the cluster was not whole");
        };
        if status::wait_ready(environment, SOUND_LIMIT).await.is_err() {
            return Struck::skipped("not all nodes were ready");
        }
        order.retain(|node| *node != leader);
        let parts = Parts::of(leader, &order);
        let nodes_of = |numbers: &[usize]| -> Vec<&Node> {
            numbers.iter().filter_map(|number| environment.node(*number)).collect()
        };
        let serving = match ask(environment, &nodes_of(&parts.doubled)).await {
            Ok(serving) => serving,
            Err(error) => return Struck::faulty(parts.doubled, error),
        };
        let failing = nodes_of(&parts.failing);
        for node in &failing {
            node.kill().await;
        }
        let is_served = timeout(SERVE_LIMIT, served_by(&nodes_of(&parts.remaining))).await.is_ok();
        sleep(hold / 4).await;
        let mut started = Ok(());
        for node in &failing {
            started = started.and(environment.start(node).await);
        }
        let hit: Vec<usize> = parts.doubled.iter().chain(&parts.failing).copied().collect();
        if let Some(number) = serving {
            return Struck::faulty(
                hit,
                format!("a second process with the number of n{} serves", number + 1),
            );
        }
        if !is_served {
            let reason = format!(
                "after a second process with the number of {}, {} do not serve without {}",
                names(&parts.doubled),
                names(&parts.remaining),
                names(&parts.failing)
            );
            return Struck::faulty(hit, reason);
        }
        Struck::of(hit, started)
    }
}

/// Lets second processes of these nodes run for a time; the node of one that has reported that it is ready.
async fn ask(environment: &Environment, nodes: &[&Node]) -> Result<Option<usize>, EnvironmentError> {
    let twins = nodes.iter().map(|node| environment.twin_of(node)).collect::<Result<Vec<Node>, _>>()?;
    let mut started = Ok(());
    for twin in &twins {
        started = started.and(twin.start().await);
    }
    let (until, mut serving) = (Instant::now() + ASKING, None);
    while started.is_ok() && Instant::now() < until {
        let ready = join_all(twins.iter().map(status::is_ready)).await;
        let first = twins.iter().zip(ready).find(|(_, is_ready)| *is_ready);
        serving = serving.or(first.map(|(twin, _)| twin.number()));
        sleep(PAUSE).await;
    }
    for twin in &twins {
        twin.kill().await;
    }
    started.map(|()| serving)
}

/// Returns once one of these nodes leads and all of them report that they are ready.
async fn served_by(nodes: &[&Node]) {
    loop {
        let leads = join_all(nodes.iter().map(|node| status::look(node))).await;
        if leads.iter().any(|seen| seen.is_leader)
            && join_all(nodes.iter().map(|node| status::is_ready(node))).await.into_iter().all(|ready| ready)
        {
            return;
        }
        sleep(PAUSE).await;
    }
}

fn names(nodes: &[usize]) -> String {
    let names: Vec<String> = nodes.iter().map(|node| format!("n{}", node + 1)).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minority_fails_with_the_leader_and_no_node_that_was_doubled() {
        let parts = Parts::of(1, &[4, 0, 2, 3]);
        assert_eq!((&parts.doubled[..], &parts.failing[..]), (&[4][..], &[1, 0][..]));
        assert_eq!(parts.remaining, [4, 2, 3]);
        assert_eq!(
            Parts::of(2, &[1, 0]),
            Parts { doubled: vec![1], failing: vec![2], remaining: vec![1, 0] }
        );
    }

    #[test]
    fn the_others_are_a_majority_of_all_and_none_of_the_voters_that_would_be_left() {
        for count in 3..=9 {
            let followers: Vec<usize> = (1..count).collect();
            let Parts { doubled, failing, remaining } = Parts::of(0, &followers);
            assert!(2 * remaining.len() > count && failing.len() + remaining.len() == count);
            assert!(doubled.iter().all(|node| remaining.contains(node)));
            let voters = count - doubled.len();
            let voting = remaining.len() - doubled.len();
            assert!(2 * voting <= voters, "{count}: {voting} of {voters} voters would go on");
        }
    }
}
