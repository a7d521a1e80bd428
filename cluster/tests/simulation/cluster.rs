//! The cluster of a scenario, as its test sees and disturbs it.

use std::cell::{RefCell, RefMut};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use keyraft_cluster::disk::Disk;
use keyraft_cluster::{ClusterStatus, NodeId};
use keyraft_cluster_testing::calls::{self, Envelope, secret};
use tonic::transport::Channel;

use crate::clock::EPOCH_MS;
use crate::counters::Counters;
use crate::kv::KeyValue;
use crate::links::Trouble;
use crate::machine::{DIRECTORY, Machine};
use crate::observed::{KvNode, eventually, obeyed_leader, settled_digests};
use crate::wire;
use crate::world::World;

/// Cheap to clone; every clone is the same cluster.
#[derive(Clone)]
pub struct Cluster {
    world: Rc<RefCell<World>>,
    numbers: RangeInclusive<NodeId>,
    counters: Counters,
}

impl Cluster {
    pub fn new(world: World, numbers: RangeInclusive<NodeId>, counters: Counters) -> Self {
        Self { world: Rc::new(RefCell::new(world)), numbers, counters }
    }

    pub fn seed(&self) -> u64 {
        self.world.borrow().seed
    }

    pub fn world(&self) -> Rc<RefCell<World>> {
        Rc::clone(&self.world)
    }

    fn machine(&self, node: NodeId) -> RefMut<'_, Machine> {
        RefMut::map(self.world.borrow_mut(), |world| world.machine(node))
    }

    /// Starts all nodes, and waits until they have a leader.
    pub async fn start_all(&self) {
        for node in self.numbers.clone() {
            self.start_node(node).await;
        }
        self.leader().await;
    }

    pub async fn start_node(&self, node: NodeId) {
        self.start_node_with(node, KeyValue::default()).await;
    }

    /// The same, with an application that may not be the others'.
    pub async fn start_node_with(&self, node: NodeId, app: KeyValue) {
        self.machine(node).start_with(app);
        self.until(|| self.machine(node).node().is_some()).await;
    }

    /// Starts a process with the key of another cluster.
    pub async fn start_node_with_other_key(&self, node: NodeId) {
        self.machine(node).start_with_other_key();
        self.until(|| self.machine(node).node().is_some()).await;
    }

    pub async fn stop_node(&self, node: NodeId) {
        self.machine(node).stop();
        self.until(|| !self.machine(node).is_running()).await;
    }

    /// Ends a node without asking it.
    pub fn crash_node(&self, node: NodeId) {
        self.machine(node).kill();
    }

    pub async fn stop_all(&self) {
        self.numbers.clone().for_each(|node| self.machine(node).stop());
        self.until(|| self.numbers.clone().all(|node| !self.machine(node).is_running())).await;
    }

    pub async fn restart_all(&self) {
        self.stop_all().await;
        for node in self.numbers.clone() {
            self.start_node(node).await;
        }
    }

    /// Waits for something that every step may bring.
    async fn until(&self, holds: impl Fn() -> bool) {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// A node that runs.
    pub fn node(&self, node: NodeId) -> KvNode {
        self.machine(node).node().unwrap_or_else(|| panic!("node {node} does not run"))
    }

    pub fn running(&self) -> BTreeMap<NodeId, KvNode> {
        let world = self.world.borrow();
        world.machines.iter().filter_map(|machine| Some((machine.id, machine.node()?))).collect()
    }

    /// The leader that a majority obeys, itself included.
    pub async fn leader(&self) -> NodeId {
        let members = self.numbers.clone().count();
        eventually("a leader that a majority obeys", || async { obeyed_leader(&self.running(), members) })
            .await
    }

    pub async fn follower(&self) -> NodeId {
        let leader = self.leader().await;
        self.running().into_keys().find(|node| *node != leader).unwrap()
    }

    pub async fn status(&self) -> ClusterStatus {
        self.running().values().next().unwrap().status().await
    }

    /// The role of a node in the status of another.
    pub async fn role(&self, asked: NodeId, node: NodeId) -> String {
        let status = self.node(asked).status().await;
        status.nodes.into_iter().find(|status| status.number == node).unwrap().role
    }

    /// Waits until all running nodes have applied the same entries, and returns their digests.
    pub async fn settled_digests(&self) -> Vec<u128> {
        let settled = || async { settled_digests(&self.running()).await };
        eventually("all nodes have applied the same entries", settled).await
    }

    /// Holds up all that is sent between two nodes.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        let world = &mut *self.world.borrow_mut();
        assert!(world.links.disturb(&world.sim, one, other, Trouble::Held), "that link is cut already");
    }

    /// Delivers it, and what follows.
    pub fn heal_link(&self, one: NodeId, other: NodeId) {
        let world = &mut *self.world.borrow_mut();
        world.links.heal(&world.sim, one, other, Trouble::Held);
    }

    /// Loses what one node sends to another.
    pub fn lose(&self, from: NodeId, to: NodeId) {
        let world = &mut *self.world.borrow_mut();
        assert!(world.links.disturb(&world.sim, from, to, Trouble::OneWay), "that link is cut already");
    }

    pub fn stop_losing(&self, from: NodeId, to: NodeId) {
        let world = &mut *self.world.borrow_mut();
        world.links.heal(&world.sim, from, to, Trouble::OneWay);
    }

    /// Cuts all links of a node.
    pub fn isolate(&self, node: NodeId) {
        self.numbers.clone().filter(|other| *other != node).for_each(|other| self.cut(node, other));
    }

    pub fn heal(&self, node: NodeId) {
        self.numbers.clone().filter(|other| *other != node).for_each(|other| self.heal_link(node, other));
    }

    /// From now on, nodes may stop serving.
    pub fn allow_faults(&self) {
        self.world.borrow_mut().allows_faults = true;
    }

    /// Names of the files and folders in a folder of a node; none when there is no such folder.
    pub fn files(&self, node: NodeId, folder: &str) -> Vec<String> {
        self.machine(node).disk.list(&Path::new(DIRECTORY).join(folder)).unwrap_or_default()
    }

    /// Removes files of a node that does not run.
    fn remove(&self, node: NodeId, folder: &str, is_removed: impl Fn(&str) -> bool) {
        let (disk, path) = (self.machine(node).disk.clone(), Path::new(DIRECTORY).join(folder));
        for file in self.files(node, folder).iter().filter(|file| is_removed(file)) {
            disk.remove(&path.join(file)).unwrap();
        }
        disk.sync_dir(&path).unwrap();
    }

    /// Removes the log, but not who the node is.
    pub fn lose_log(&self, node: NodeId) {
        self.remove(node, "wal", |file| file != "identity");
    }

    /// Cuts the newest segment of the log in half, as a disk does that had not written what it confirmed.
    pub fn lose_tail(&self, node: NodeId) {
        let (disk, path) = (self.machine(node).disk.clone(), Path::new(DIRECTORY).join("wal"));
        let segments = self.files(node, "wal").into_iter().filter(|file| file.ends_with(".wal"));
        let newest = path.join(segments.max().unwrap());
        disk.tamper(&newest, |bytes| bytes.truncate(bytes.len() / 2)).unwrap();
    }

    pub fn lose_snapshots(&self, node: NodeId) {
        self.remove(node, "snapshots", |_| true);
    }

    /// Removes the rows of a node that does not run.
    pub fn lose_rows(&self, node: NodeId) {
        self.machine(node).rows.wipe();
    }

    /// Stops a node from applying anything, since its rows take nothing, or lets it apply again.
    pub fn hang_rows(&self, node: NodeId, hangs: bool) {
        self.machine(node).rows.hang(hangs);
    }

    /// Gives a node a new disk.
    pub fn lose_disk(&self, node: NodeId) {
        self.machine(node).lose_disk();
    }

    /// Sets the time of day of a machine, wrong by so many milliseconds.
    pub fn set_wall_offset_ms(&self, node: NodeId, offset_ms: i64) {
        self.machine(node).clock.set_wall_offset_ms(offset_ms);
    }

    /// The true time of day.
    pub fn wall_ms(&self) -> u64 {
        EPOCH_MS + self.world.borrow().now_ms
    }

    /// A channel from the test to a node, and the metadata of its calls: the test passes for another node.
    pub fn channel(&self, node: NodeId) -> (Channel, Envelope) {
        self.channel_as(self.numbers.clone().find(|other| *other != node).unwrap(), node)
    }

    /// The same, where the test passes for the node `from`.
    pub fn channel_as(&self, from: NodeId, node: NodeId) -> (Channel, Envelope) {
        let network = Arc::new(self.world.borrow().tester.clone().unwrap());
        let channel = calls::channel(network, secret(), from, (node, &wire::peer(node).address));
        (channel, Envelope { from, to: node, cluster_id: String::new() })
    }

    /// The counters of all nodes.
    pub fn count(&self, name: &str) -> u64 {
        self.counters.count(name)
    }
}
