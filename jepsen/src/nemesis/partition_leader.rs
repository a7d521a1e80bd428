//! The leader alone: it does not know that the others have another one.

use std::time::Duration;

use async_trait::async_trait;

use super::{Nemesis, Struck, cut_for};
use crate::environment::network::between;
use crate::environment::{Environment, status};
use crate::schedule::Chance;

/// Cuts the leader off.
pub struct Leader;

#[async_trait]
impl Nemesis for Leader {
    async fn strike(&self, environment: &Environment, _chance: &mut Chance, hold: Duration) -> Struck {
        let Some(leader) = status::leader(environment).await else {
            return Struck::skipped("no node leads");
        };
        let others: Vec<usize> = (0..environment.nodes().len()).collect();
        cut_for(environment, vec![leader], &between(&[leader], &others), hold).await
    }
}
