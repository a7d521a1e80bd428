//! A node that is heard and does not hear, or that hears and is not heard.

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;

use super::victims::{first, shuffled};
use super::{Nemesis, Struck, cut_for};
use crate::environment::network::Link;
use crate::environment::{Environment, status};
use crate::schedule::Chance;

/// Cuts all links of a node in one direction; every second time it is the leader's.
pub struct OneWay;

#[async_trait]
impl Nemesis for OneWay {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let mut order = shuffled(environment, chance);
        let (takes_leader, is_deaf) = (chance.random_bool(0.5), chance.random_bool(0.5));
        if takes_leader && let Some(leader) = status::leader(environment).await {
            first(&mut order, leader);
        }
        let Some((node, others)) = order.split_first() else { return Struck::skipped("there is no node") };
        let link = |other: &usize| if is_deaf { (*other, *node) } else { (*node, *other) };
        let links: Vec<Link> = others.iter().map(link).collect();
        cut_for(environment, vec![*node], &links, hold).await
    }
}
