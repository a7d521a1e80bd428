//! A voter that forgets what it had a share in, and then is alone with those who never knew it.
//!
//! First it makes the majority, with the leader, that writes are committed by while the others are cut off. Then its folder
//! is emptied, and it is cut off from the leader together with the others: a majority of which none knows these writes. Were
//! it to vote, they would be lost.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;

use super::victims::{Victims, shuffled};
use super::wipe::empty;
use super::{Nemesis, Struck};
use crate::environment::network::between;
use crate::environment::{Environment, EnvironmentError};
use crate::schedule::Chance;

/// The least time for which the majority is alone before the node forgets. No write is acknowledged before the leases of
/// those that are cut off are over, which takes 1.8 s.
const ALONE: Duration = Duration::from_secs(3);

/// Empties the folder of one node between two partitions; in a run always of the same one, because a node that has
/// forgotten votes no more, and a majority has to be left that does.
#[derive(Default)]
pub struct Forget {
    victim: OnceLock<usize>,
}

#[async_trait]
impl Nemesis for Forget {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        if let Some(number) = self.victim.get()
            && let Err(error) = depose(environment, *number).await
        {
            return Struck::of(vec![*number], Err(error));
        }
        // With a node missing there might be no bare majority.
        let Some((leader, all)) = Victims::whole(environment, self.victim.get().copied()).await else {
            return Struck::skipped("the cluster was not whole, or the node led it");
        };
        order.retain(|node| *node != leader);
        let Some(chosen) = order.first().copied() else { return Struck::skipped("there is no follower") };
        let number = *self.victim.get_or_init(|| chosen);
        let Some(node) = all.nodes.iter().find(|node| node.number() == number) else {
            return Struck::skipped("there is no such node");
        };
        order.retain(|other| *other != number);
        // With the leader and the node, these are a bare majority.
        let informed = environment.nodes().len() / 2 - 1;
        let (with_leader, ignorant) = order.split_at(informed.min(order.len()));
        let with_leader: Vec<usize> = with_leader.iter().copied().chain([leader]).collect();

        let before = between(ignorant, &[with_leader.as_slice(), &[number]].concat());
        let mut done = environment.network().cut(&before).await;
        tokio::time::sleep(ALONE.max(hold / 2)).await;
        node.kill().await;
        let emptied = empty(&node.data()).map_err(EnvironmentError::file(&node.data()));
        let after = between(&with_leader, &[ignorant, &[number]].concat());
        done = done.and(emptied).and(environment.network().cut(&after).await);
        // What is in both stays cut.
        done = done.and(environment.network().mend(&before).await);
        done = done.and(environment.start(node).await);
        tokio::time::sleep(hold).await;
        done = done.and(environment.network().mend(&after).await);
        Struck::of(vec![number], done)
    }
}

/// Restarts a node that leads, once no other strike has any node, so that another one leads.
async fn depose(environment: &Environment, number: usize) -> Result<(), EnvironmentError> {
    let Some((leader, all)) = Victims::whole(environment, None).await else { return Ok(()) };
    match all.nodes.iter().find(|node| leader == number && node.number() == number) {
        Some(node) => {
            node.kill().await;
            environment.start(node).await
        }
        None => Ok(()),
    }
}
