//! Which links between nodes are cut. A link has a direction: from whom, to whom.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::namespaces::Namespaces;
use super::proxy::Proxies;
use super::{EnvironmentError, Isolation};

/// What one node sends to another: from, to.
pub type Link = (usize, usize);

/// How nodes reach one another.
pub struct Network {
    nodes: usize,
    wire: Wire,
    /// How many disturbances cut a link; links that none cuts are not there.
    cuts: Mutex<BTreeMap<Link, usize>>,
}

enum Wire {
    /// Directly; packets are dropped where they arrive.
    Filter(Arc<Namespaces>),
    /// Through proxies, which hold bytes back.
    Proxies(Arc<Proxies>),
}

impl Network {
    /// Nodes that reach one another directly.
    pub fn filtered(nodes: usize, namespaces: Arc<Namespaces>) -> Self {
        Self { nodes, wire: Wire::Filter(namespaces), cuts: Mutex::default() }
    }

    /// Nodes that reach one another through proxies.
    pub fn proxied(nodes: usize, proxies: Arc<Proxies>) -> Self {
        Self { nodes, wire: Wire::Proxies(proxies), cuts: Mutex::default() }
    }

    /// Cuts these links, until [`Self::mend`] is told of the same ones.
    ///
    /// # Errors
    /// The packet filter refuses; then nothing is known of the links.
    pub async fn cut(&self, links: &[Link]) -> Result<(), EnvironmentError> {
        self.change(|cuts| links.iter().for_each(|link| *cuts.entry(*link).or_default() += 1)).await
    }

    /// Takes back what [`Self::cut`] did.
    ///
    /// # Errors
    /// As there.
    pub async fn mend(&self, links: &[Link]) -> Result<(), EnvironmentError> {
        self.change(|cuts| {
            for link in links {
                if let Some(count) = cuts.get_mut(link) {
                    *count = count.saturating_sub(1);
                }
            }
            cuts.retain(|_, count| *count > 0);
        })
        .await
    }

    /// Mends whatever is cut, and lets nothing be slow.
    ///
    /// # Errors
    /// As [`Self::cut`].
    pub async fn mend_all(&self) -> Result<(), EnvironmentError> {
        self.slow_down(Duration::ZERO, None);
        self.change(BTreeMap::clear).await
    }

    /// Delays everything between nodes, and bounds the bytes of each link in a second; whether this network can.
    pub fn slow_down(&self, delay: Duration, bytes_per_second: Option<u32>) -> bool {
        match &self.wire {
            Wire::Filter(_) => false,
            Wire::Proxies(proxies) => {
                proxies.slow_down(delay, bytes_per_second);
                true
            }
        }
    }

    async fn change(&self, change: impl FnOnce(&mut BTreeMap<Link, usize>)) -> Result<(), EnvironmentError> {
        let (before, after) = {
            let mut cuts = self.cuts.lock().unwrap_or_else(PoisonError::into_inner);
            let before = cuts.clone();
            change(&mut cuts);
            (before, cuts.clone())
        };
        match &self.wire {
            Wire::Proxies(proxies) => proxies.cut(&after.keys().copied().collect()),
            Wire::Filter(namespaces) => {
                for node in 0..self.nodes {
                    let (old, new) = (senders(&before, node), senders(&after, node));
                    if old != new {
                        let namespaces = Arc::clone(namespaces);
                        let applied = tokio::task::spawn_blocking(move || namespaces.drop_from(node, &new));
                        applied.await.map_err(|error| EnvironmentError::Network(error.to_string()))??;
                    }
                }
            }
        }
        Ok(())
    }
}

fn senders(cuts: &BTreeMap<Link, usize>, node: usize) -> Vec<usize> {
    cuts.keys().filter(|(_, to)| *to == node).map(|(from, _)| *from).collect()
}

/// The links between two sets of nodes, both ways.
#[must_use]
pub fn between(one: &[usize], other: &[usize]) -> Vec<Link> {
    let mut links = Vec::new();
    for a in one {
        for b in other.iter().filter(|b| *b != a) {
            links.extend([(*a, *b), (*b, *a)]);
        }
    }
    links
}

/// What a network of this kind cannot do, in words.
#[must_use]
pub fn limits_of(isolation: Isolation) -> Option<&'static str> {
    match isolation {
        Isolation::Namespaces => None,
        Isolation::Loopback => {
            Some("all nodes share the loopback interface; links are cut by proxies that hold bytes back")
        }
    }
}
