//! How many clients wait for each node, so that one that does not answer keeps only its share of them.
//!
//! Would they draw nodes blindly, then within a second all would wait for the node that is cut off, and the others, whose
//! new leader is what matters, would have nothing to do. Whoever reads and whoever writes is counted apart: a node that is
//! cut off answers no write, but what it still shows is what matters too.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::function::Effect;

/// The clients that wait, by node. Clones are the same.
#[derive(Clone, Debug)]
pub struct Waiting {
    by_node: Arc<[ByEffect]>,
    share: usize,
}

#[derive(Debug, Default)]
struct ByEffect {
    to_read: AtomicUsize,
    to_write: AtomicUsize,
}

/// A client that waits for a node, until this is dropped.
#[derive(Debug)]
pub struct Waits {
    waiting: Waiting,
    node: usize,
    effect: Effect,
}

impl Waiting {
    /// Each node gets an equal share of the clients, one half of it to read and one to write; each at least one client.
    #[must_use]
    pub fn new(nodes: usize, clients: usize) -> Self {
        let by_node = (0..nodes).map(|_| ByEffect::default()).collect();
        Self { by_node, share: clients.div_ceil(2 * nodes.max(1)).max(1) }
    }

    /// Whether fewer clients wait for the node, to read or to write, than its share.
    #[must_use]
    pub fn has_room(&self, node: usize, effect: Effect) -> bool {
        self.count(node, effect).is_some_and(|count| count.load(Ordering::Relaxed) < self.share)
    }

    /// The nodes that a client may ask next: those with room, or those that keep the fewest waiting if none has any.
    #[must_use]
    pub fn askable(&self, effect: Effect) -> Vec<usize> {
        let count = |node| self.count(node, effect).map_or(0, |count| count.load(Ordering::Relaxed));
        let counts: Vec<usize> = (0..self.by_node.len()).map(count).collect();
        let fewest = counts.iter().copied().min().unwrap_or_default();
        let most = fewest.max(self.share.saturating_sub(1));
        counts.iter().enumerate().filter(|(_, count)| **count <= most).map(|(node, _)| node).collect()
    }

    /// Counts a client as one that waits for the node, whether there is room or not.
    #[must_use]
    pub fn wait_for(&self, node: usize, effect: Effect) -> Waits {
        if let Some(count) = self.count(node, effect) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Waits { waiting: self.clone(), node, effect }
    }

    fn count(&self, node: usize, effect: Effect) -> Option<&AtomicUsize> {
        self.by_node.get(node).map(|counts| match effect {
            Effect::Reads => &counts.to_read,
            Effect::Writes => &counts.to_write,
        })
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(count) = self.waiting.count(self.node, self.effect) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Effect::{Reads, Writes};
    use super::*;

    #[test]
    fn a_node_has_room_for_its_share_and_again_when_one_waits_no_longer() {
        let waiting = Waiting::new(5, 24);
        let mut all: Vec<Waits> = (0..3).map(|_| waiting.wait_for(1, Writes)).collect();
        assert!(!waiting.has_room(1, Writes));
        assert!(waiting.clone().has_room(2, Writes), "others have room");
        assert_eq!(waiting.askable(Writes), [0, 2, 3, 4]);
        all.pop();
        assert!(waiting.has_room(1, Writes));
    }

    #[test]
    fn a_node_that_answers_no_write_is_still_read() {
        let waiting = Waiting::new(3, 12);
        let _all = [waiting.wait_for(0, Writes), waiting.wait_for(0, Writes)];
        assert!(!waiting.has_room(0, Writes) && waiting.has_room(0, Reads));
        assert_eq!(waiting.askable(Reads), [0, 1, 2]);
    }

    #[test]
    fn where_none_has_room_those_with_the_fewest_are_asked() {
        let waiting = Waiting::new(3, 6);
        let _all = [0, 1, 1, 2].map(|node| waiting.wait_for(node, Reads));
        assert!((0..3).all(|node| !waiting.has_room(node, Reads)));
        assert_eq!(waiting.askable(Reads), [0, 2]);
    }

    #[test]
    fn clients_are_spread_evenly_whatever_their_number() {
        for (nodes, clients) in [(5, 20), (5, 12), (3, 1), (3, 7)] {
            let waiting = Waiting::new(nodes, clients);
            let mut counts = vec![0; nodes];
            let mut all = Vec::new();
            for _ in 0..clients {
                let node = waiting.askable(Writes)[0];
                counts[node] += 1;
                all.push(waiting.wait_for(node, Writes));
            }
            let share = clients.div_ceil(nodes);
            assert!(
                counts.iter().all(|count| *count <= share),
                "{nodes} nodes, {clients} clients: {counts:?}"
            );
        }
    }

    #[test]
    fn a_node_that_is_not_there_has_no_room() {
        let waiting = Waiting::new(3, 9);
        drop(waiting.wait_for(3, Reads));
        assert!(!waiting.has_room(3, Reads));
    }
}
