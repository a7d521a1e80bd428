//! Two parts that do not hear one another; one of them is a majority.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::shuffled;
use super::{Nemesis, Struck, cut_for};
use crate::environment::Environment;
use crate::environment::network::between;
use crate::schedule::Chance;

/// Cuts the nodes into two halves.
pub struct Halves;

#[async_trait]
impl Nemesis for Halves {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let order = shuffled(environment, chance);
        let (minority, majority) = order.split_at(order.len() / 2);
        cut_for(environment, minority.to_vec(), &between(minority, majority), hold).await
    }
}
