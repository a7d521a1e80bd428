//! A node that has the cluster key of another cluster: a secret that was not distributed, or was mixed up. What is sealed in
//! the log it cannot open, and what it would seal nobody else could.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rand::RngCore;
use tokio::time::{Instant, sleep};

use super::victims::{ALL_TAKEN, Victims};
use super::{Nemesis, Struck};
use crate::environment::{Environment, EnvironmentError, Lent, Life, Node, status, write_cluster_key};
use crate::schedule::Chance;

/// A node that is ready in spite of its key reports it by then.
const LEAST_HOLD: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_millis(100);
/// A node that has ended by itself is gone already.
const AT_ONCE: Duration = Duration::from_millis(10);

/// Restarts one node with another cluster key, and again with the right one. Meanwhile it may end, or run without being
/// ready.
pub struct ForeignKey;

#[async_trait]
impl Nemesis for ForeignKey {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let victims = Victims::one(environment, chance).await;
        let Some(node) = victims.nodes.first() else { return Struck::skipped(ALL_TAKEN) };
        node.stop().await;
        let lent = other_key(environment, chance);
        let mut done = match lent {
            Ok(lent) => {
                node.lend(lent);
                environment.start(node).await
            }
            Err(error) => Err(error),
        };
        let is_ready = done.is_ok() && says_ready(node, hold.max(LEAST_HOLD)).await;
        // If it has ended by itself, it may have.
        node.ends_within(AT_ONCE).await;
        node.kill().await;
        node.lend(Lent::default());
        done = done.and(environment.start(node).await);
        if is_ready {
            let reason = format!("n{} is ready with the key of another cluster", node.number() + 1);
            return Struck::faulty(victims.numbers(), reason);
        }
        Struck::of(victims.numbers(), done)
    }
}

/// A key that chance draws.
fn other_key(environment: &Environment, chance: &mut Chance) -> Result<Lent, EnvironmentError> {
    let mut key = [0; 32];
    chance.fill_bytes(&mut key);
    let path = environment.folder().join("other-cluster.key");
    write_cluster_key(&path, &BASE64_STANDARD.encode(key))?;
    Ok(Lent { cluster_key: Some(path), ..Lent::default() })
}

/// Whether a node reports that it is ready, within a time, while it runs. It is watched to the end of that time, so that clients
/// meet it.
async fn says_ready(node: &Node, time: Duration) -> bool {
    let (until, mut has_said) = (Instant::now() + time, false);
    while Instant::now() < until {
        has_said |= node.life().await == Life::Running && status::is_ready(node).await;
        sleep(PAUSE).await;
    }
    has_said
}
