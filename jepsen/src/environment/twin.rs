//! A second process with the number of a node: a machine that was cloned, or a configuration that was copied.

use std::net::SocketAddr;

use super::node::Site;
use super::{Environment, EnvironmentError, Node, addresses, free_ports, remove_folder};

impl Environment {
    /// A second process of the configuration of a node, which does not run yet: it has the same number, the same cluster
    /// key and the same peers, lives on the same machine, has an empty folder, and listens at other ports.
    ///
    /// # Errors
    /// There are no ports, or its folder cannot be made.
    pub fn twin_of(&self, node: &Node) -> Result<Node, EnvironmentError> {
        let (http, cluster) = match &self.ground.namespaces {
            Some(_) => (next_port(node.site().http), next_port(node.site().cluster)),
            None => {
                // A node that is down will want its own ports again.
                let taken: Vec<_> =
                    self.nodes.iter().flat_map(|node| [node.site().http, node.site().cluster]).collect();
                let mut free = addresses(&free_ports(taken.len() + 2)?)?;
                free.retain(|address| !taken.contains(address));
                let [http, cluster, ..] = free[..] else {
                    return Err(EnvironmentError::Network("no ports for a second process".to_owned()));
                };
                (http, cluster)
            }
        };
        let folder = self.ground.folder.join(format!("twin-{}", node.number()));
        // What an earlier one has left.
        remove_folder(&folder);
        Node::new(Site { folder, http, cluster, has_disk: false, ..node.site().clone() })
    }
}

fn next_port(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port().saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::super::{Ground, Isolation, Settings};
    use super::*;
    use crate::schedule::{Stream, chance};

    #[tokio::test]
    async fn a_twin_differs_from_its_node_in_folder_and_ports_only() {
        let ground = Ground::create(Settings {
            nodes: 3,
            binary: "keyraft".into(),
            planted_bug: None,
            isolation: Isolation::Loopback,
            has_proxies: false,
            has_disks: false,
            can_be_spoiled: false,
        });
        let world = Environment::build(ground.unwrap(), &mut chance(1, Stream::Environment)).unwrap();
        let node = world.node(1).unwrap();
        let twin = world.twin_of(node).unwrap();
        let (own, other) = (node.site(), twin.site());
        assert_eq!((other.number, &other.cluster_key, &other.peers), (1, &own.cluster_key, &own.peers));
        assert!(other.folder != own.folder && twin.data().read_dir().unwrap().next().is_none());
        assert!(![own.http, own.cluster].contains(&other.http));
        assert!(![own.http, own.cluster, other.http].contains(&other.cluster));
        std::fs::write(twin.data().join("left"), "").unwrap();
        let next = world.twin_of(node).unwrap();
        assert!(next.data().read_dir().unwrap().next().is_none(), "each begins with an empty folder");
    }
}
