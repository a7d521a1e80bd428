//! A majority for every node, and no two majorities the same: each hears its neighbours on a ring.

use std::time::Duration;

use async_trait::async_trait;

use super::victims::shuffled;
use super::{Nemesis, Struck, cut_for};
use crate::environment::Environment;
use crate::environment::network::Link;
use crate::schedule::Chance;

/// Cuts all links but those of a ring on which every node still hears a majority.
pub struct Ring;

#[async_trait]
impl Nemesis for Ring {
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck {
        let order = shuffled(environment, chance);
        cut_for(environment, order.clone(), &links(&order), hold).await
    }
}

/// What is cut so that each node hears a majority, itself included.
fn links(order: &[usize]) -> Vec<Link> {
    let count = order.len();
    // As many neighbours on each side: a majority or one more.
    let reach = (count / 2).div_ceil(2);
    let mut links = Vec::new();
    for (i, a) in order.iter().enumerate() {
        for (j, b) in order.iter().enumerate() {
            let apart = i.abs_diff(j).min(count - i.abs_diff(j));
            if apart > reach {
                links.push((*a, *b));
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_hears_a_majority_and_no_two_the_same() {
        let cut = links(&[3, 1, 4, 0, 2]);
        let hears =
            |node: usize| -> Vec<usize> { (0..5).filter(|from| !cut.contains(&(*from, node))).collect() };
        let heard: Vec<_> = (0..5).map(hears).collect();
        assert!(heard.iter().all(|heard| heard.len() == 3), "{heard:?}");
        assert!((0..5).all(|a| (0..a).all(|b| heard[a] != heard[b])), "{heard:?}");
    }
}
