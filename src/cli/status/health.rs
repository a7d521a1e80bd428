//! How a cluster does, and what is wrong with it.

use keyraft::ops::status::{ClusterStatus, NodeStatus};

/// How a cluster does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// The node that reports serves, and all members are there.
    Good,
    /// There is a quorum, but not all is as it should be.
    Degraded,
    /// There is no quorum as far as the node knows.
    Down,
}

impl Health {
    /// The exit code of `keyraft status`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Degraded => 1,
            Self::Down => 2,
        }
    }
}

/// How the cluster does, and each problem in one line.
pub fn of(status: &ClusterStatus) -> (Health, Vec<String>) {
    let mut problems = Vec::new();
    let is_down = !status.quorum.is_some_and(|quorum| quorum.is_there);
    match status.quorum {
        None => problems.push("whether there is a quorum is not known".to_owned()),
        Some(_) if is_down => problems.push("there is no quorum: nothing can be written".to_owned()),
        Some(_) => {}
    }
    if status.leader.is_none() {
        problems.push("there is no leader".to_owned());
    }
    if status.ready == Some(false) {
        let number = status.node.map_or_else(|| "the node".to_owned(), |number| format!("node {number}"));
        problems.push(format!("{number} is not ready: {}", status.reasons.join("; ")));
    }
    for node in &status.nodes {
        let number = node.number;
        problems.extend(of_node(node).map(|problem| format!("node {number} {problem}")));
    }
    let health = match (is_down, problems.is_empty()) {
        (true, _) => Health::Down,
        (false, false) => Health::Degraded,
        (false, true) => Health::Good,
    };
    (health, problems)
}

fn of_node(node: &NodeStatus) -> impl Iterator<Item = String> {
    // A learner that nobody has configured may come and go.
    let is_member = node.is_voter != Some(false) || node.is_configured != Some(false);
    let absence = match node.role.as_str() {
        "leader" | "follower" | "candidate" | "learner" => None,
        "unreachable" => Some("does not respond".to_owned()),
        "starting" => Some("belongs to no cluster yet".to_owned()),
        "stopped" => Some(match &node.fault {
            Some(fault) => format!("has stopped serving: {fault}"),
            None => "has stopped serving".to_owned(),
        }),
        "loading" => Some("loads its state".to_owned()),
        other => Some(format!("is {other}")),
    };
    let is_waiting = node.is_voter == Some(false) && node.is_configured == Some(true);
    [
        absence.filter(|_| is_member),
        is_waiting.then(|| "has no vote, although it is configured as a member".to_owned()),
        (node.options_differ == Some(true))
            .then(|| "has other options than the leader where they have to be the same".to_owned()),
        (node.state_differs == Some(true))
            .then(|| "has another state than nodes that have applied as much".to_owned()),
    ]
    .into_iter()
    .flatten()
}

#[cfg(test)]
mod tests {
    use keyraft::ops::status::Quorum;

    use super::*;

    fn healthy() -> ClusterStatus {
        let node = |number, role: &str| NodeStatus {
            number,
            role: role.to_owned(),
            is_voter: Some(true),
            is_configured: Some(true),
            options_differ: Some(false),
            state_differs: Some(false),
            ..NodeStatus::default()
        };
        ClusterStatus {
            node: Some(0),
            ready: Some(true),
            leader: Some(1),
            quorum: Some(Quorum { is_there: true, voters: 3, responding: 3, may_fail: 1 }),
            nodes: vec![node(0, "follower"), node(1, "leader"), node(2, "follower")],
            ..ClusterStatus::default()
        }
    }

    /// The exit code and the problems after `change` of a healthy cluster.
    fn after(change: impl FnOnce(&mut ClusterStatus)) -> (u8, Vec<String>) {
        let mut status = healthy();
        change(&mut status);
        let (health, problems) = of(&status);
        (health.exit_code(), problems)
    }

    #[test]
    fn a_cluster_with_all_its_members_is_good() {
        assert_eq!(after(|_| {}), (0, Vec::new()));
    }

    #[test]
    fn what_a_quorum_can_do_without_is_a_problem_nevertheless() {
        let one = |problem: &str| (1, vec![problem.to_owned()]);
        let changed = |change: fn(&mut NodeStatus)| after(|status| change(&mut status.nodes[2]));
        assert_eq!(changed(|node| node.role = "unreachable".into()), one("node 2 does not respond"));
        assert_eq!(changed(|node| node.role = "starting".into()), one("node 2 belongs to no cluster yet"));
        let stopped = changed(|node| {
            node.role = "stopped".into();
            node.fault = Some("the disk is full".into());
        });
        assert_eq!(stopped, one("node 2 has stopped serving: the disk is full"));
        let learner = changed(|node| {
            node.role = "learner".into();
            node.is_voter = Some(false);
        });
        assert_eq!(learner, one("node 2 has no vote, although it is configured as a member"));
        let options = "node 2 has other options than the leader where they have to be the same";
        assert_eq!(changed(|node| node.options_differ = Some(true)), one(options));
        let state = "node 2 has another state than nodes that have applied as much";
        assert_eq!(changed(|node| node.state_differs = Some(true)), one(state));
        assert_eq!(after(|status| status.leader = None), one("there is no leader"));
        let unready = after(|status| {
            status.ready = Some(false);
            status.reasons = vec!["stopping".into(), "tired".into()];
        });
        assert_eq!(unready, one("node 0 is not ready: stopping; tired"));
    }

    #[test]
    fn a_learner_that_is_not_configured_is_none_and_may_be_away() {
        for role in ["learner", "unreachable"] {
            let outcome = after(|status| {
                status.nodes[2].role = role.into();
                (status.nodes[2].is_voter, status.nodes[2].is_configured) = (Some(false), Some(false));
            });
            assert_eq!(outcome, (0, Vec::new()), "{role}");
        }
    }

    #[test]
    fn a_cluster_without_a_quorum_or_of_which_nothing_is_known_is_down() {
        let lost = after(|status| {
            status.quorum = Some(Quorum { is_there: false, voters: 3, responding: 1, may_fail: 0 });
        });
        assert_eq!(lost, (2, vec!["there is no quorum: nothing can be written".to_owned()]));
        let unknown = after(|status| status.quorum = None);
        assert_eq!(unknown, (2, vec!["whether there is a quorum is not known".to_owned()]));
    }
}
