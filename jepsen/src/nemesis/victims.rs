//! Whom a strike hits.

use std::time::Duration;

use rand::Rng;
use rand::seq::SliceRandom;
use tokio::sync::OwnedMutexGuard;

use crate::environment::{Environment, Node, status};
use crate::schedule::Chance;

/// So long other strikes are waited for by one that takes all nodes.
const WHOLE_LIMIT: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(50);

/// Nodes that are taken for a strike until this is dropped.
pub struct Victims<'a> {
    /// The nodes.
    pub nodes: Vec<&'a Node>,
    _claims: Vec<OwnedMutexGuard<()>>,
}

impl<'a> Victims<'a> {
    /// One node or more, but never half of them; the leader is among them in every second case. Nodes that another
    /// strike has are left out.
    pub async fn minority(environment: &'a Environment, chance: &mut Chance) -> Self {
        let count = environment.nodes().len();
        let most = (count.saturating_sub(1) / 2).max(1);
        let wanted = chance.random_range(1..=most);
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(chance);
        if chance.random_bool(0.5)
            && let Some(leader) = status::leader(environment).await
        {
            first(&mut order, leader);
        }
        Self::first_of(environment, &order, wanted)
    }

    /// One node; the leader in every second case.
    pub async fn one(environment: &'a Environment, chance: &mut Chance) -> Self {
        let mut all = Self::minority(environment, chance).await;
        all.nodes.truncate(1);
        all._claims.truncate(1);
        all
    }

    /// These nodes, in this order; without those that another strike has.
    pub fn these(environment: &'a Environment, numbers: &[usize]) -> Self {
        Self::first_of(environment, numbers, numbers.len())
    }

    /// All nodes that no other strike has.
    pub fn all(environment: &'a Environment) -> Self {
        let order: Vec<usize> = (0..environment.nodes().len()).collect();
        Self::first_of(environment, &order, order.len())
    }

    /// The leader, and all nodes, as soon as another node than `except` leads and no other strike has any node; `None` if
    /// that takes longer than 8 s.
    pub async fn whole(environment: &'a Environment, except: Option<usize>) -> Option<(usize, Self)> {
        let found = async {
            loop {
                let leader = status::leader(environment).await.filter(|leader| Some(*leader) != except);
                let all = Self::all(environment);
                match leader {
                    Some(leader) if all.nodes.len() == environment.nodes().len() => return (leader, all),
                    _ => drop(all),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(WHOLE_LIMIT, found).await.ok()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Their numbers.
    pub fn numbers(&self) -> Vec<usize> {
        self.nodes.iter().map(|node| node.number()).collect()
    }

    fn first_of(environment: &'a Environment, order: &[usize], wanted: usize) -> Self {
        let free = order.iter().filter_map(|number| environment.node(*number));
        let (nodes, claims) = free.filter_map(|node| Some((node, node.claim()?))).take(wanted).unzip();
        Self { nodes, _claims: claims }
    }
}

/// The nodes in an order of chance.
pub fn shuffled(environment: &Environment, chance: &mut Chance) -> Vec<usize> {
    let mut order: Vec<usize> = (0..environment.nodes().len()).collect();
    order.shuffle(chance);
    order
}

/// Puts a node before all others.
pub fn first(order: &mut Vec<usize>, node: usize) {
    order.retain(|other| *other != node);
    order.insert(0, node);
}

/// What is said where all nodes are taken.
pub const ALL_TAKEN: &str = "other strikes have all nodes";
