//! The links between machines, as turmoil has them, and which of them are disturbed.

use std::collections::BTreeSet;

use keyraft_cluster::NodeId;
use turmoil::Sim;

use crate::wire::name;

/// How a link is disturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// What is sent is lost.
    Cut,
    /// What the first sends to the second is lost.
    OneWay,
    /// What is sent comes when the trouble is over.
    Held,
}

/// Links in trouble, each in one at a time.
#[derive(Default)]
pub struct Links(BTreeSet<(NodeId, NodeId)>);

fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    (one.min(other), one.max(other))
}

impl Links {
    /// Disturbs a link that is in no trouble yet; false: it is.
    pub fn disturb(&mut self, sim: &Sim<'_>, from: NodeId, to: NodeId, trouble: Trouble) -> bool {
        if !self.0.insert(pair(from, to)) {
            return false;
        }
        match trouble {
            Trouble::Cut => sim.partition(name(from), name(to)),
            Trouble::OneWay => sim.partition_oneway(name(from), name(to)),
            Trouble::Held => sim.hold(name(from), name(to)),
        }
        true
    }

    /// Ends the trouble of a link.
    pub fn heal(&mut self, sim: &Sim<'_>, from: NodeId, to: NodeId, trouble: Trouble) {
        match trouble {
            Trouble::Cut | Trouble::OneWay => sim.repair(name(from), name(to)),
            Trouble::Held => sim.release(name(from), name(to)),
        }
        self.0.remove(&pair(from, to));
    }
}
