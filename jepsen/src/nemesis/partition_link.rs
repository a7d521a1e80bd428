//! One broken link: both its ends hear everybody else.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::{first, shuffled};
use super::{Nemesis, Struck, cut_for};
use crate::environment::network::between;
use crate::environment::{Environment, status};
use crate::schedule::Chance;

/// Cuts the link between two nodes, the leader and another one where there is a leader.
pub struct OneLink;

#[async_trait]
impl Nemesis for OneLink {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        if let Some(leader) = status::leader(environment).await {
            first(&mut order, leader);
        }
        let ends: Vec<usize> = order.into_iter().take(2).collect();
        cut_for(environment, ends.clone(), &between(&ends, &ends), hold).await
    }
}
