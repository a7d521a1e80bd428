//! How many clients wait for each node, so that one that does not answer keeps only its share of them.
//!
//! Would they draw nodes blindly, then within a second all would wait for the node that is cut off, and the others, whose
//! new leader is what matters, would have nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The clients that wait, by node. Clones are the same.
#[derive(Clone, Debug)]
pub struct Waiting {
    by_node: Arc<[AtomicUsize]>,
    share: usize,
}

/// A client that waits for a node, until this is dropped.
#[derive(Debug)]
pub struct Waits {
    waiting: Waiting,
    node: usize,
}

impl Waiting {
    /// Of so many clients as many for each node, and one at least.
    #[must_use]
    pub fn new(nodes: usize, clients: usize) -> Self {
        let by_node = (0..nodes).map(|_| AtomicUsize::new(0)).collect();
        Self { by_node, share: clients.div_ceil(nodes.max(1)).max(1) }
    }

    /// Whether fewer clients wait for the node than its share.
    #[must_use]
    pub fn has_room(&self, node: usize) -> bool {
        self.by_node.get(node).is_some_and(|waiting| waiting.load(Ordering::Relaxed) < self.share)
    }

    /// Counts a client as one that waits for the node, whether there is room or not.
    #[must_use]
    pub fn wait_for(&self, node: usize) -> Waits {
        if let Some(waiting) = self.by_node.get(node) {
            waiting.fetch_add(1, Ordering::Relaxed);
        }
        Waits { waiting: self.clone(), node }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(waiting) = self.waiting.by_node.get(self.node) {
            waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_room_for_its_share_and_again_when_one_waits_no_longer() {
        let waiting = Waiting::new(5, 12);
        let mut all: Vec<Waits> = (0..3).map(|_| waiting.wait_for(1)).collect();
        assert!(!waiting.has_room(1));
        assert!(waiting.clone().has_room(2), "others have room");
        all.pop();
        assert!(waiting.has_room(1));
    }

    #[test]
    fn the_last_client_to_ask_finds_room() {
        for (nodes, clients) in [(5, 20), (5, 12), (3, 1), (3, 7)] {
            let waiting = Waiting::new(nodes, clients);
            let mut all = Vec::new();
            for _ in 0..clients {
                let node = (0..nodes).find(|node| waiting.has_room(*node));
                all.push(waiting.wait_for(node.expect("room")));
            }
        }
    }

    #[test]
    fn a_node_that_is_not_there_has_no_room() {
        let waiting = Waiting::new(3, 9);
        drop(waiting.wait_for(3));
        assert!(!waiting.has_room(3));
    }
}
