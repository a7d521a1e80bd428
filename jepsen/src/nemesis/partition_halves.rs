//! Two parts that do not hear one another; one of them is a majority.

use std::time::Duration;

use async_trait::async_trait;

use super::every_second::EverySecond;
use super::victims::{first, shuffled};
use super::{Nemesis, Struck, cut_for};
use crate::environment::network::between;
use crate::environment::{Environment, status};
use crate::schedule::Chance;

/// Cuts the nodes into two halves. In every second strike the leader is in the smaller one: only then is there another
/// leader, and only chance would decide whether a run has any.
#[derive(Default)]
pub struct Halves {
    takes_leader: EverySecond,
}

#[async_trait]
impl Nemesis for Halves {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        if self.takes_leader.is_now()
            && let Some(leader) = status::leader(environment).await
        {
            first(&mut order, leader);
        }
        let (minority, majority) = order.split_at(order.len() / 2);
        cut_for(environment, minority.to_vec(), &between(minority, majority), hold).await
    }
}
