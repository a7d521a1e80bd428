//! A network namespace for each node, and one, the hub, with the bridge between them and the clients.
//!
//! ```text
//!   krj-PID-RUN-hub:   clients ── hub0 10.213.0.254 ──┬── v0 ═══ eth0 10.213.0.1   krj-PID-RUN-0
//!                                                     ├── v1 ═══ eth0 10.213.0.2   krj-PID-RUN-1
//!                                                     └── ...
//! ```
//!
//! Nothing of it is in the namespace of the machine: no interface, no address, no rule.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use nix::sched::{CloneFlags, setns};

use super::{EnvironmentError, system};

const HTTP_PORT: u16 = 5000;
const CLUSTER_PORT: u16 = 5100;
const HUB: u8 = 254;

/// The namespaces of one run; they go when this is dropped.
pub struct Namespaces {
    prefix: String,
    nodes: usize,
}

impl Namespaces {
    /// Makes them and brings all links up.
    ///
    /// # Errors
    /// This takes root and iproute2; what was made of it is removed again.
    pub fn create(prefix: &str, nodes: usize) -> Result<Self, EnvironmentError> {
        let made = Self { prefix: prefix.to_owned(), nodes };
        let hub = made.hub();
        ip(&format!("netns add {hub}"))?;
        ip(&format!("-n {hub} link set lo up"))?;
        ip(&format!("-n {hub} link add hub0 type bridge forward_delay 0"))?;
        ip(&format!("-n {hub} addr add {}/24 dev hub0", address(HUB)))?;
        ip(&format!("-n {hub} link set hub0 up"))?;
        for node in 0..nodes {
            let name = made.name(node);
            ip(&format!("netns add {name}"))?;
            ip(&format!("-n {hub} link add v{node} type veth peer name eth0 netns {name}"))?;
            ip(&format!("-n {hub} link set v{node} master hub0 up"))?;
            ip(&format!("-n {name} addr add {}/24 dev eth0", node_address(node)))?;
            ip(&format!("-n {name} link set eth0 up"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        Ok(made)
    }

    /// Moves the calling thread, and the threads that it will start, to the hub.
    ///
    /// # Errors
    /// The namespace is gone.
    pub fn enter_hub(&self) -> Result<(), EnvironmentError> {
        self.enter(&self.hub())
    }

    fn enter(&self, name: &str) -> Result<(), EnvironmentError> {
        let path = path(name);
        let file = File::open(&path).map_err(EnvironmentError::file(path.as_ref()))?;
        setns(file, CloneFlags::CLONE_NEWNET).map_err(|error| EnvironmentError::Network(error.to_string()))
    }

    /// The program and first arguments that run a command as a node: the command takes the place of the process.
    #[must_use]
    pub fn enter_command(&self, node: usize) -> [String; 2] {
        ["nsenter".to_owned(), format!("--net={}", path(&self.name(node)))]
    }

    /// Drops what arrives at a node from these others; nothing else.
    ///
    /// # Errors
    /// `nft` refuses.
    pub fn drop_from(&self, node: usize, others: &[usize]) -> Result<(), EnvironmentError> {
        let mut rules = String::from("flush ruleset\n");
        if !others.is_empty() {
            let list: Vec<_> = others.iter().map(|other| node_address(*other).to_string()).collect();
            rules += "table ip krj { chain cut { type filter hook input priority 0; policy accept;\n";
            rules += &format!("ip saddr {{ {} }} drop\n}}\n}}\n", list.join(", "));
        }
        let name = self.name(node);
        system::run_with("ip", &["netns", "exec", &name, "nft", "-f", "-"], &rules).map(drop)
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    fn name(&self, node: usize) -> String {
        format!("{}-{node}", self.prefix)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        // The devices go with their namespaces. What was never made cannot be removed.
        let names = (0..self.nodes).map(|node| self.name(node)).chain([self.hub()]);
        names.for_each(|name| drop(ip(&format!("netns del {name}"))));
    }
}

/// Where clients reach a node.
#[must_use]
pub fn http_address(node: usize) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(node_address(node), HTTP_PORT))
}

/// Where the other nodes reach a node.
#[must_use]
pub fn cluster_address(node: usize) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(node_address(node), CLUSTER_PORT))
}

/// Where a proxy in the hub is reached.
#[must_use]
pub fn hub_address(port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(address(HUB), port))
}

/// The node at an address.
#[must_use]
pub fn node_at(address: SocketAddr) -> Option<usize> {
    match address {
        SocketAddr::V4(v4) => usize::from(v4.ip().octets()[3]).checked_sub(1),
        SocketAddr::V6(_) => None,
    }
}

/// The namespaces whose names begin like this.
#[must_use]
pub fn list(prefix: &str) -> Vec<String> {
    let Ok(text) = ip("netns list") else { return Vec::new() };
    let names = text.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.starts_with(prefix)).map(ToOwned::to_owned).collect()
}

/// Removes a namespace by its name.
pub fn remove(name: &str) {
    let _ = ip(&format!("netns del {name}"));
}

fn node_address(node: usize) -> Ipv4Addr {
    address(u8::try_from(node + 1).unwrap_or(u8::MAX))
}

const fn address(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 213, 0, last)
}

fn path(name: &str) -> String {
    format!("/run/netns/{name}")
}

fn ip(arguments: &str) -> Result<String, EnvironmentError> {
    system::run("ip", &arguments.split_whitespace().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(300);

    /// Whether the node takes a connection from a thread in this namespace.
    fn reaches(world: &Namespaces, from: &str, to: usize) -> bool {
        std::thread::scope(|scope| {
            let connecting = scope.spawn(|| {
                world.enter(from).unwrap();
                TcpStream::connect_timeout(&http_address(to), LIMIT).is_ok()
            });
            connecting.join().unwrap()
        })
    }

    #[test]
    fn what_is_cut_does_not_arrive_and_everything_else_does() {
        if !system::is_root() || system::run("nft", &["--version"]).is_err() {
            return;
        }
        let world = Namespaces::create(&format!("krj-{}-test", std::process::id()), 3).unwrap();
        let listeners: Vec<TcpListener> = (0..3)
            .map(|node| {
                std::thread::scope(|scope| {
                    let bound = scope.spawn(|| {
                        world.enter(&world.name(node)).unwrap();
                        TcpListener::bind(http_address(node)).unwrap()
                    });
                    bound.join().unwrap()
                })
            })
            .collect();
        let from = |node| world.name(node);
        assert!(reaches(&world, &from(0), 1) && reaches(&world, &from(2), 1));
        world.drop_from(1, &[0]).unwrap();
        assert!(!reaches(&world, &from(0), 1), "its packets do not arrive");
        assert!(!reaches(&world, &from(1), 0), "nor do the answers to node 1");
        assert!(reaches(&world, &from(2), 1) && reaches(&world, &world.hub(), 1));
        world.drop_from(1, &[]).unwrap();
        assert!(reaches(&world, &from(0), 1));
        drop(listeners);
    }
}
