//! An operator who rotates the keys of tokens more often than anybody should.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::{Nemesis, Struck};
use crate::client::{Address, Connection, rotate};
use crate::environment::Environment;
use crate::schedule::Chance;

const LIMIT: Duration = Duration::from_secs(10);
const MOST: u32 = 3;

/// Rotates one to three times, each on any node.
pub struct RotateKeys;

#[async_trait]
impl Nemesis for RotateKeys {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let count = chance.random_range(1..=MOST);
        let (mut asked, mut failure) = (Vec::new(), None);
        for _ in 0..count {
            let number = chance.random_range(0..environment.nodes().len().max(1));
            let Some(node) = environment.node(number) else { continue };
            let mut connection = Connection::new(Address::Unix(node.admin_socket()));
            match connection.send(&rotate(), LIMIT).await {
                Ok(reply) if reply.status == 200 => asked.push(number),
                Ok(reply) => failure = Some(format!("n{} answered {}", number + 1, reply.status)),
                Err(error) => failure = Some(format!("n{}: {error}", number + 1)),
            }
            tokio::time::sleep(hold / count).await;
        }
        asked.sort_unstable();
        asked.dedup();
        match failure {
            Some(reason) if asked.is_empty() => Struck::indeterminate(asked, reason),
            _ => Struck::installed(asked),
        }
    }
}
