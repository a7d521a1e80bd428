//! Every metric with its meaning, for the HELP lines of `/metrics`.

/// How a metric is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How long something took.
    Histogram,
}

use Kind::{Counter, Gauge, Histogram};

/// The metrics of this process, by name.
const METRICS: [(&str, Kind, &str); 37] = [
    (
        "keyraft_apply_panics_total",
        Counter,
        "Commands of the log at which this node panicked; every node refuses them.",
    ),
    (
        "keyraft_apply_seconds",
        Histogram,
        "Time to apply the entries of the log that were committed together.",
    ),
    (
        "keyraft_cluster_connections_refused_total",
        Counter,
        "Connections to the cluster port that were refused, by reason.",
    ),
    (
        "keyraft_cluster_key_differs",
        Gauge,
        "1 if the cluster key of this node is not the cluster's, so that it does not serve.",
    ),
    ("keyraft_fernet_keys", Gauge, "Keys of Fernet tokens, the staged one included."),
    ("keyraft_fernet_primary_key_age_seconds", Gauge, "Age of the key that makes Fernet tokens."),
    ("keyraft_has_leader", Gauge, "1 while this node knows a leader, else 0."),
    (
        "keyraft_has_quorum",
        Gauge,
        "1 while a majority of the voters responds to the leader, as far as this node knows, else 0.",
    ),
    ("keyraft_http_request_seconds", Histogram, "Time from the head of a request to its response, by route."),
    ("keyraft_http_requests_total", Counter, "Requests that were responded to, by method, route and status."),
    ("keyraft_lease_age_seconds", Gauge, "For how long this node has held its read lease without a break."),
    (
        "keyraft_lease_delaying_writes",
        Gauge,
        "For how long a node with a read lease has kept the oldest applied entry from its release, by node; on the leader.",
    ),
    ("keyraft_lease_held", Gauge, "1 while this node holds a read lease and serves reads by itself, else 0."),
    (
        "keyraft_lease_suspended",
        Gauge,
        "1 for a node that gets no read lease since it has kept delaying writes, else 0; on the leader.",
    ),
    ("keyraft_lease_suspensions_total", Counter, "Suspensions of nodes that kept delaying writes, by node."),
    (
        "keyraft_options_differ",
        Gauge,
        "1 if options that have to be the same on all nodes are not the leader's.",
    ),
    ("keyraft_password_hashes_upgraded_total", Counter, "Password hashes that a log-in has made anew."),
    (
        "keyraft_peer_last_contact_seconds",
        Gauge,
        "Time since the leader and another member, one of them this node, were last in contact; else NaN.",
    ),
    ("keyraft_policy_reload_refused", Gauge, "1 if the policy files as they are now could not be loaded."),
    ("keyraft_policy_reloads_total", Counter, "Loads of changed policy files, by outcome."),
    ("keyraft_raft_applied_index", Gauge, "Index of the last entry of the log that this node has applied."),
    ("keyraft_raft_lag", Gauge, "Entries of this node's log that it has not applied."),
    ("keyraft_raft_last_log_index", Gauge, "Index of the last entry of this node's log."),
    ("keyraft_raft_learners", Gauge, "Members that have no vote, as far as this node knows."),
    ("keyraft_raft_role", Gauge, "1 for the role that this node has in consensus, 0 for the others."),
    ("keyraft_raft_term", Gauge, "The term of this node."),
    ("keyraft_raft_voters", Gauge, "Members that have a vote, as far as this node knows."),
    ("keyraft_read_index_rounds_total", Counter, "Rounds in which the leader confirmed what may be read."),
    ("keyraft_reads_delayed_total", Counter, "Reads that waited for the release of a write."),
    ("keyraft_reads_refused_total", Counter, "Reads that were refused for want of a leader or of time."),
    (
        "keyraft_reads_total",
        Counter,
        "Reads, by what allowed them: a lease, a read index, or permitted staleness.",
    ),
    ("keyraft_ready", Gauge, "1 if this node is to be sent requests, else 0."),
    (
        "keyraft_release_seconds",
        Histogram,
        "Time from applying an entry, as leader, to its release by all lease holders.",
    ),
    ("keyraft_snapshot_age_seconds", Gauge, "Age of the newest snapshot."),
    ("keyraft_snapshot_bytes", Gauge, "Length of the snapshot that this node made last."),
    ("keyraft_snapshot_time_ms", Gauge, "How long the last snapshot took to make, in milliseconds."),
    ("keyraft_wal_sync_seconds", Histogram, "Time to bring entries of the log to the disk."),
];

/// Describes all metrics to the recorder of this process.
pub fn describe() {
    for (name, kind, meaning) in METRICS {
        match kind {
            Counter => metrics::describe_counter!(name, meaning),
            Gauge => metrics::describe_gauge!(name, meaning),
            Histogram => metrics::describe_histogram!(name, meaning),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    /// The macros that make a metric, and what they make.
    const MACROS: [(&str, Kind); 3] = [("counter", Counter), ("gauge", Gauge), ("histogram", Histogram)];

    /// The metrics that the sources below `folder` make.
    fn find(folder: &Path, found: &mut BTreeMap<String, Kind>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                find(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let made =
                    MACROS.iter().flat_map(|(call, kind)| names(&text, call).map(|name| (name, *kind)));
                found.extend(made);
            }
        }
    }

    /// The first argument of each call of a macro, which has to be a text.
    fn names<'a>(text: &'a str, name: &str) -> impl Iterator<Item = String> + use<'a> {
        let call = format!("{name}!(");
        let calls: Vec<_> = text.match_indices(&call).map(|(at, _)| (at, at + call.len())).collect();
        // `describe_counter!` makes none.
        let is_other = |at: usize| text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        calls.into_iter().filter(move |(at, _)| !is_other(*at)).map(move |(_, end)| {
            let argument = text[end..].trim_start();
            let name = argument.strip_prefix('"').and_then(|name| name.split('"').next());
            name.unwrap_or_else(|| panic!("a metric without a name of its own: {argument:.80}")).to_owned()
        })
    }

    #[test]
    fn every_metric_is_described_and_nothing_else_is() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut made = BTreeMap::new();
        for folder in ["src", "cluster/src", "cluster/lease/src"] {
            find(&root.join(folder), &mut made);
        }
        let described: BTreeMap<String, Kind> =
            METRICS.iter().map(|(name, kind, _)| ((*name).to_owned(), *kind)).collect();
        assert_eq!(made, described);
        assert!(METRICS.iter().all(|(_, _, meaning)| meaning.ends_with('.') && meaning.len() > 10));
        assert!(METRICS.is_sorted_by_key(|(name, _, _)| name));
    }

    #[test]
    fn descriptions_reach_those_who_scrape() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::gauge!("keyraft_ready").set(1);
            recorder.handle().render()
        });
        assert!(
            shown.contains("# HELP keyraft_ready 1 if this node is to be sent requests, else 0.\n"),
            "{shown}"
        );
    }
}
