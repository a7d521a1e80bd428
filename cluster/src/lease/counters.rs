//! What is counted of reads.

/// How reads were answered.
pub(crate) struct Counters {
    pub(crate) by_lease: metrics::Counter,
    pub(crate) by_read_index: metrics::Counter,
    pub(crate) delayed: metrics::Counter,
    pub(crate) refused: metrics::Counter,
    pub(crate) stale: metrics::Counter,
}

impl Counters {
    pub(super) fn new() -> Self {
        let reads = |by: &'static str| metrics::counter!("keyraft_reads_total", "by" => by);
        Self {
            by_lease: reads("lease"),
            by_read_index: reads("read_index"),
            stale: reads("staleness"),
            delayed: metrics::counter!("keyraft_reads_delayed_total"),
            refused: metrics::counter!("keyraft_reads_refused_total"),
        }
    }
}
