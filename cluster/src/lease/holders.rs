//! Metrics and warnings about nodes that hold leases and delay writes.

use keyraft_lease::Suspension;

use super::Lease;

impl Lease {
    /// Renews the gauges of all other nodes: those of a node that does not lead are zero.
    pub(crate) fn show_holders(&self) {
        let mut inner = self.lock();
        let now = self.clock.elapsed();
        let (delaying, suspended) = (inner.node.delayed_by(now), inner.node.suspended(now));
        let others = inner.node.others();
        inner.shown_holders.extend(&others);
        for node in &inner.shown_holders {
            let waited = delaying.filter(|(by, _)| by == node).map(|(_, waited)| waited);
            let label = node.to_string();
            let waited_s = waited.unwrap_or_default().as_secs_f64();
            metrics::gauge!("keyraft_lease_delaying_writes", "node" => label.clone()).set(waited_s);
            let is_suspended = f64::from(u8::from(suspended.contains(node)));
            metrics::gauge!("keyraft_lease_suspended", "node" => label).set(is_suspended);
        }
        // The gauges of a node that has left were just set to zero, and need no renewal.
        inner.shown_holders.retain(|node| others.contains(node));
    }
}

/// Reports that a node gets no lease for a while.
pub(super) fn report(suspension: Suspension) {
    let Suspension { node, hold_ups, length } = suspension;
    let for_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    metrics::counter!("keyraft_lease_suspensions_total", "node" => node.to_string()).increment(1);
    tracing::warn!(node, hold_ups, for_ms, "a node keeps delaying writes; it gets no lease for a while");
}
