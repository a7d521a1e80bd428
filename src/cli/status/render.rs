//! A status as text.

use keyraft::ops::status::{ClusterStatus, NodeStatus, Quorum};

use super::super::table;

/// What is not known.
const UNKNOWN: &str = "-";

/// The status for people: what matters most first, then a line of two tables for each node, then what is wrong.
pub fn text(status: &ClusterStatus, problems: &[String]) -> String {
    let node =
        |number: Option<u64>| number.map_or_else(|| "none".to_owned(), |number| format!("node {number}"));
    let readiness = match status.ready {
        Some(true) => "ready".to_owned(),
        Some(false) => format!("not ready ({})", status.reasons.join("; ")),
        None => UNKNOWN.to_owned(),
    };
    let mut lines = vec![
        format!(
            "{}:  {readiness}",
            status.node.map_or_else(|| "node".to_owned(), |number| format!("node {number}"))
        ),
        format!("leader:  {}", node(status.leader)),
        format!("term:    {}", status.term),
        format!("quorum:  {}", quorum(status.quorum)),
        String::new(),
        table::render(&processes(&status.nodes)),
        String::new(),
        table::render(&states(&status.nodes)),
    ];
    let notices = status.nodes.iter().filter_map(|node| Some((node.number, node.notice.as_ref()?)));
    let notices: Vec<_> = notices.map(|(number, notice)| format!("node {number}: {notice}")).collect();
    for (heading, texts) in [("problems", problems), ("notices", notices.as_slice())] {
        if !texts.is_empty() {
            lines.push(String::new());
            lines.push(format!("{heading}:"));
            lines.extend(texts.iter().map(|text| format!("  {text}")));
        }
    }
    lines.join("\n")
}

fn quorum(quorum: Option<Quorum>) -> String {
    let Some(Quorum { is_there, voters, responding, may_fail }) = quorum else {
        return "not known".to_owned();
    };
    let counted = format!("{responding} of {voters} voters respond");
    match is_there {
        true => format!("yes, {counted}; {may_fail} more may fail"),
        false => format!("NO, {counted}"),
    }
}

fn processes(nodes: &[NodeStatus]) -> Vec<Vec<String>> {
    let heading = ["node", "role", "vote", "address", "up", "version", "formats", "public url"];
    let rows = nodes.iter().map(|node| {
        let formats: Vec<_> =
            node.formats.iter().map(|(name, version)| format!("{name} {version}")).collect();
        vec![
            node.number.to_string(),
            node.role.clone(),
            choice(node.is_voter, "yes", "no"),
            node.address.clone(),
            node.uptime_ms.map_or_else(unknown, duration),
            node.version.clone().unwrap_or_else(unknown),
            if formats.is_empty() { unknown() } else { formats.join(", ") },
            node.public_url.clone().unwrap_or_else(unknown),
        ]
    });
    with_heading(&heading, rows)
}

fn states(nodes: &[NodeStatus]) -> Vec<Vec<String>> {
    let heading = [
        "node",
        "last log index",
        "applied index",
        "unapplied",
        "lag",
        "lease",
        "options",
        "state",
        "digest",
    ];
    let number = |value: Option<u64>| value.map_or_else(unknown, |value| value.to_string());
    let rows = nodes.iter().map(|node| {
        let lease = match (node.is_lease_held, node.lease_age_ms) {
            (Some(true), Some(age_ms)) => format!("held {}", duration(age_ms)),
            (held, _) => choice(held, "held", "none"),
        };
        vec![
            node.number.to_string(),
            number(node.last_log_index),
            number(node.applied_index),
            number(node.unapplied),
            number(node.lag),
            lease,
            choice(node.options_differ, "differ", "same"),
            choice(node.state_differs, "differs", "same"),
            node.digest.clone().unwrap_or_else(unknown),
        ]
    });
    with_heading(&heading, rows)
}

fn with_heading(heading: &[&str], rows: impl Iterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    let heading = heading.iter().map(|text| (*text).to_owned()).collect();
    std::iter::once(heading).chain(rows).collect()
}

fn unknown() -> String {
    UNKNOWN.to_owned()
}

fn choice(value: Option<bool>, yes: &str, no: &str) -> String {
    match value {
        Some(true) => yes,
        Some(false) => no,
        None => UNKNOWN,
    }
    .to_owned()
}

/// The two largest units of a duration.
fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, minutes) => format!("{minutes}m{}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h{}m", minutes % 60),
        (days, hours, _) => format!("{days}d{}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn cluster() -> ClusterStatus {
        let present = |number: u64, role: &str| NodeStatus {
            number,
            address: format!("host-{number}:5100"),
            role: role.to_owned(),
            last_log_index: Some(120),
            applied_index: Some(118),
            lag: Some(2),
            public_url: Some(format!("http://host-{number}:5000")),
            digest: Some("0a1b".to_owned()),
            options_differ: Some(false),
            is_voter: Some(true),
            state_differs: Some(false),
            unapplied: Some(2),
            is_lease_held: Some(true),
            lease_age_ms: Some(90_000),
            version: Some("0.1.0".to_owned()),
            formats: BTreeMap::from([("snapshot".to_owned(), 1)]),
            uptime_ms: Some(93_600_000),
            ..NodeStatus::default()
        };
        let absent = NodeStatus {
            number: 2,
            address: "host-2:5100".to_owned(),
            role: "unreachable".to_owned(),
            is_voter: Some(true),
            ..NodeStatus::default()
        };
        ClusterStatus {
            node: Some(0),
            ready: Some(true),
            leader: Some(1),
            term: 7,
            quorum: Some(Quorum { is_there: true, voters: 3, responding: 2, may_fail: 0 }),
            nodes: vec![present(0, "follower"), present(1, "leader"), absent],
            ..ClusterStatus::default()
        }
    }

    #[test]
    fn a_cluster_is_shown_with_every_node_and_what_is_wrong() {
        let expected = "\
node 0:  ready
leader:  node 1
term:    7
quorum:  yes, 2 of 3 voters respond; 0 more may fail

node  role         vote  address      up    version  formats     public url
0     follower     yes   host-0:5100  1d2h  0.1.0    snapshot 1  http://host-0:5000
1     leader       yes   host-1:5100  1d2h  0.1.0    snapshot 1  http://host-1:5000
2     unreachable  yes   host-2:5100  -     -        -           -

node  last log index  applied index  unapplied  lag  lease       options  state  digest
0     120             118            2          2    held 1m30s  same     same   0a1b
1     120             118            2          2    held 1m30s  same     same   0a1b
2     -               -              -          -    -           -        -      -

problems:
  node 2 does not respond";
        assert_eq!(text(&cluster(), &["node 2 does not respond".to_owned()]), expected);
    }

    #[test]
    fn a_node_that_knows_nothing_of_the_others_shows_itself() {
        let loading = NodeStatus {
            number: 0,
            address: "a:1".to_owned(),
            role: "loading".to_owned(),
            ..NodeStatus::default()
        };
        let status = ClusterStatus {
            node: Some(0),
            ready: Some(false),
            reasons: vec!["the node loads its state".to_owned()],
            nodes: vec![loading],
            ..ClusterStatus::default()
        };
        let expected = "\
node 0:  not ready (the node loads its state)
leader:  none
term:    0
quorum:  not known

node  role     vote  address  up  version  formats  public url
0     loading  -     a:1      -   -        -        -

node  last log index  applied index  unapplied  lag  lease  options  state  digest
0     -               -              -          -    -      -        -      -";
        assert_eq!(text(&status, &[]), expected);
    }

    #[test]
    fn what_differs_is_marked_and_notices_are_shown() {
        let mut status = cluster();
        status.quorum = Some(Quorum { is_there: false, voters: 3, responding: 1, may_fail: 0 });
        let node = &mut status.nodes[0];
        (node.options_differ, node.state_differs) = (Some(true), Some(true));
        (node.is_lease_held, node.lease_age_ms) = (Some(false), None);
        node.notice = Some("look at its log".to_owned());
        let shown = text(&status, &[]);
        assert!(shown.contains("\nquorum:  NO, 1 of 3 voters respond\n"), "{shown}");
        assert!(shown.contains("  none        differ   differs  0a1b"), "{shown}");
        assert!(shown.ends_with("\n\nnotices:\n  node 0: look at its log"), "{shown}");
    }

    #[test]
    fn durations_have_their_two_largest_units() {
        for (ms, shown) in
            [(999, "0s"), (59_000, "59s"), (61_000, "1m1s"), (3_600_000, "1h0m"), (90_000_000, "1d1h")]
        {
            assert_eq!(duration(ms), shown);
        }
    }
}
