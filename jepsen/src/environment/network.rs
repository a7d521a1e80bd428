//! Which links between nodes are cut. A link has a direction: from whom, to whom.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::namespaces::Namespaces;
use super::proxy::Proxies;
use super::{EnvironmentError, Isolation};

/// What one node sends to another: from, to.
pub type Link = (usize, usize);

/// How nodes reach one another.
pub struct Network {
    nodes: usize,
    wire: Wire,
    /// How many disturbances cut a link; links that none cuts are not there. It is held until the wire is so, or of
    /// two changes at once the first could be the last to arrive there.
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
        let mut cuts = self.cuts.lock().await;
        cuts.clear();
        // Also what nothing is known of any more.
        self.wire.apply(&cuts, 0..self.nodes).await
    }

    /// Delays everything between nodes, and bounds the bytes of each connection in a second; whether this network can.
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
        let mut cuts = self.cuts.lock().await;
        let before = cuts.clone();
        change(&mut cuts);
        let changed = (0..self.nodes).filter(|node| senders(&before, *node) != senders(&cuts, *node));
        self.wire.apply(&cuts, changed).await
    }
}

impl Wire {
    /// Cuts these links and no others to these nodes.
    async fn apply(
        &self,
        cuts: &BTreeMap<Link, usize>,
        nodes: impl Iterator<Item = usize>,
    ) -> Result<(), EnvironmentError> {
        match self {
            Self::Proxies(proxies) => proxies.cut(&cuts.keys().copied().collect()),
            Self::Filter(namespaces) => {
                for node in nodes {
                    let (namespaces, senders) = (Arc::clone(namespaces), senders(cuts, node));
                    let applied = tokio::task::spawn_blocking(move || namespaces.drop_from(node, &senders));
                    applied.await.map_err(|error| EnvironmentError::Network(error.to_string()))??;
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

#[cfg(test)]
mod tests {
    use super::super::system;
    use super::*;

    #[tokio::test]
    async fn of_two_changes_at_once_both_are_there() {
        if !system::is_root() || system::run("nft", &["--version"]).is_err() {
            return;
        }
        let prefix = format!("krj-{}-links", std::process::id());
        let network = Network::filtered(3, Arc::new(Namespaces::create(&prefix, 3).unwrap()));
        let rules = || {
            let name = format!("{prefix}-1");
            system::run("ip", &["netns", "exec", &name, "nft", "list", "ruleset"]).unwrap()
        };
        let (one, other) = ([(0, 1)], [(2, 1)]);
        for _ in 0..10 {
            let (cut, too) = tokio::join!(network.cut(&one), network.cut(&other));
            cut.and(too).unwrap();
            assert!(rules().contains("10.213.0.1") && rules().contains("10.213.0.3"), "{}", rules());
            let (mended, too) = tokio::join!(network.mend(&one), network.mend(&other));
            mended.and(too).unwrap();
            assert_eq!(rules(), "");
        }
    }

    #[tokio::test]
    async fn what_nobody_knows_to_be_cut_is_mended_too() {
        if !system::is_root() || system::run("nft", &["--version"]).is_err() {
            return;
        }
        let prefix = format!("krj-{}-mend", std::process::id());
        let namespaces = Arc::new(Namespaces::create(&prefix, 2).unwrap());
        namespaces.drop_from(1, &[0]).unwrap();
        let network = Network::filtered(2, namespaces);
        network.mend_all().await.unwrap();
        let name = format!("{prefix}-1");
        assert_eq!(system::run("ip", &["netns", "exec", &name, "nft", "list", "ruleset"]).unwrap(), "");
    }
}
