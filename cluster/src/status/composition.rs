//! The responses of the members, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keyraft_proto::cluster as proto;

use super::{ClusterStatus, NodeDetails, NodeStatus};
use crate::network::handshake::HandshakeError;
use crate::quorum::Quorum;
use crate::types::NodeId;

/// The response of each member, with its address.
pub(super) type Responses = BTreeMap<NodeId, (String, Option<proto::NodeStatusResponse>)>;

/// The cluster as these responses show it. `failure`: the reason why there is no connection to a node.
pub(super) fn compose(
    responses: Responses,
    failure: impl Fn(NodeId) -> Option<HandshakeError>,
) -> ClusterStatus {
    let given = || responses.values().filter_map(|(_, response)| response.as_ref());
    let term = given().map(|response| response.term).max().unwrap_or_default();
    let newest = || given().filter(|response| response.term == term);
    let leading = newest().find(|response| response.role == "leader").map(|response| response.node_id);
    let leader = leading.or_else(|| newest().find_map(|response| response.leader));
    let leaders =
        leader.and_then(|number| responses.get(&number)).and_then(|(_, response)| response.as_ref());
    let leaders_options = leaders.map(|response| response.options_digest.clone()).unwrap_or_default();
    let longest = given().map(|response| response.last_log_index).max().unwrap_or_default();
    let voter_sets = voter_sets(given());
    let runs = |node: NodeId| given().any(|response| response.node_id == node && is_running(&response.role));
    let quorum = Quorum::of(&voter_sets, runs);
    let is_voter = |node: NodeId| quorum.map(|_| voter_sets.iter().any(|set| set.contains(&node)));
    let nodes = responses
        .iter()
        .map(|(number, (address, response))| {
            let (number, address, is_voter) = (*number, address.clone(), is_voter(*number));
            let Some(response) = response else {
                let notice = failure(number).map(|failed| failed.to_string()).unwrap_or_default();
                return NodeStatus { is_voter, lag: longest, notice, ..unreachable(number, address) };
            };
            NodeStatus {
                number,
                address,
                public_url: response.public_url.clone(),
                role: response.role.clone(),
                last_log_index: response.last_log_index,
                applied_index: response.applied_index,
                lag: longest.saturating_sub(response.applied_index),
                digest: response.digest.clone(),
                options_differ: options_differ(&response.options_digest, &leaders_options),
                options_digest: hexadecimal(&response.options_digest),
                notice: response.notice.clone(),
                is_voter,
                state_differs: state_differs(response, leaders, given()),
                details: Some(details(response)),
            }
        })
        .collect();
    ClusterStatus { leader, term, quorum, nodes }
}

/// Returns true if two digests of options differ; `None` when one of them is not known.
pub(super) fn options_differ(one: &[u8], other: &[u8]) -> Option<bool> {
    if one.is_empty() || other.is_empty() { None } else { Some(one != other) }
}

/// The voters by the newest membership of all responses.
fn voter_sets<'a>(given: impl Iterator<Item = &'a proto::NodeStatusResponse>) -> Vec<BTreeSet<NodeId>> {
    let newest = given
        .filter(|response| !response.voter_sets.is_empty())
        .max_by_key(|response| response.membership_index);
    let sets = newest.map(|response| response.voter_sets.as_slice()).unwrap_or_default();
    sets.iter().map(|set| set.node_ids.iter().copied().collect()).collect()
}

/// Returns true if consensus runs on a node of this role.
fn is_running(role: &str) -> bool {
    matches!(role, "leader" | "follower" | "candidate" | "learner")
}

/// Digests are compared at the same index only, and with the leader's where that has one: this shows which nodes differ, not
/// who is right, for which the leader has the digests of the voters compared.
fn state_differs<'a>(
    own: &proto::NodeStatusResponse,
    leaders: Option<&proto::NodeStatusResponse>,
    mut given: impl Iterator<Item = &'a proto::NodeStatusResponse>,
) -> Option<bool> {
    let is_comparable = |other: &proto::NodeStatusResponse| {
        other.node_id != own.node_id && other.applied_index == own.applied_index && own.applied_index > 0
    };
    if let Some(leaders) = leaders.filter(|leaders| is_comparable(leaders)) {
        return Some(leaders.digest != own.digest);
    }
    if leaders.is_some_and(|leaders| leaders.node_id == own.node_id) {
        return given.any(is_comparable).then_some(false);
    }
    let compared: Vec<_> = given.filter(|other| is_comparable(other)).collect();
    (!compared.is_empty()).then(|| compared.iter().any(|other| other.digest != own.digest))
}

fn unreachable(number: NodeId, address: String) -> NodeStatus {
    NodeStatus {
        number,
        address,
        public_url: String::new(),
        role: "unreachable".to_owned(),
        last_log_index: 0,
        applied_index: 0,
        lag: 0,
        digest: String::new(),
        options_digest: String::new(),
        options_differ: None,
        notice: String::new(),
        is_voter: None,
        state_differs: None,
        details: None,
    }
}

fn details(response: &proto::NodeStatusResponse) -> NodeDetails {
    let formats = response.formats.iter().map(|format| (format.name.clone(), format.version));
    NodeDetails {
        version: response.version.clone(),
        formats: formats.collect(),
        uptime_ms: response.uptime_ms,
        unapplied: response.last_log_index.saturating_sub(response.applied_index),
        is_lease_held: response.lease_held,
        lease_age_ms: response.lease_age_ms,
        fault: response.fault.clone(),
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::LogIndex;

    fn response(node_id: NodeId, role: &str, term: u64, index: LogIndex) -> proto::NodeStatusResponse {
        proto::NodeStatusResponse {
            node_id,
            role: role.into(),
            term,
            last_log_index: index,
            applied_index: index,
            ..Default::default()
        }
    }

    /// Of nodes to which there are connections.
    fn shown(responses: Responses) -> ClusterStatus {
        compose(responses, |_| None)
    }

    #[test]
    fn the_leader_of_the_highest_term_is_named_and_lag_is_counted_from_the_longest_log() {
        let responses = BTreeMap::from([
            (1, ("a:1".to_owned(), Some(response(1, "leader", 3, 10)))),
            (2, ("b:1".to_owned(), Some(response(2, "leader", 4, 15)))),
            (3, ("c:1".to_owned(), None)),
        ]);
        let other_key = HandshakeError::WrongProof;
        let status = compose(responses, |_| Some(other_key.clone()));
        assert_eq!((status.leader, status.term), (Some(2), 4));
        assert_eq!(status.nodes.iter().map(|node| node.lag).collect::<Vec<_>>(), [5, 0, 15]);
        assert_eq!(status.nodes[2].role, "unreachable");
        assert_eq!(status.nodes[2].address, "c:1");
        let notices: Vec<_> = status.nodes.iter().map(|node| node.notice.as_str()).collect();
        assert_eq!(notices, ["", "", other_key.to_string().as_str()]);
    }

    #[test]
    fn a_node_with_other_options_than_the_leader_is_distinguished_from_one_that_has_announced_none() {
        let with_options = |node_id, role: &str, options: &[u8]| {
            let response = proto::NodeStatusResponse {
                options_digest: options.to_vec().into(),
                ..response(node_id, role, 1, 1)
            };
            (node_id, (String::new(), Some(response)))
        };
        let status = shown(BTreeMap::from([
            with_options(1, "follower", &[0xab]),
            with_options(2, "leader", &[0xab]),
            with_options(3, "follower", &[0x0c]),
            with_options(4, "follower", &[]),
        ]));
        let differ: Vec<_> = status.nodes.iter().map(|node| node.options_differ).collect();
        assert_eq!(differ, [Some(false), Some(false), Some(true), None]);
        assert_eq!(status.nodes[2].options_digest, "0c");
    }

    #[test]
    fn the_newest_membership_shows_who_has_a_vote_and_who_is_missed() {
        let with_voters = |node_id, role: &str, membership_index, voters: &[NodeId]| {
            let voter_sets = vec![proto::VoterSet { node_ids: voters.to_vec() }];
            let response =
                proto::NodeStatusResponse { voter_sets, membership_index, ..response(node_id, role, 1, 1) };
            (node_id, (String::new(), Some(response)))
        };
        let status = shown(BTreeMap::from([
            with_voters(1, "leader", 7, &[1, 2, 3]),
            with_voters(2, "stopped", 3, &[2]),
            (3, (String::new(), None)),
            with_voters(4, "learner", 7, &[1, 2, 3]),
            (5, (String::new(), Some(response(5, "starting", 0, 0)))),
        ]));
        let quorum = Quorum { voters: 3, responding: 1, is_there: false, may_fail: 0 };
        assert_eq!(status.quorum, Some(quorum));
        let is_voter: Vec<_> = status.nodes.iter().map(|node| node.is_voter).collect();
        assert_eq!(is_voter, [Some(true), Some(true), Some(true), Some(false), Some(false)]);
        let unformed = shown(BTreeMap::from([(5, (String::new(), Some(response(5, "starting", 0, 0))))]));
        assert_eq!((unformed.quorum, unformed.nodes[0].is_voter), (None, None));
    }

    #[test]
    fn states_are_compared_where_as_much_is_applied_and_with_the_leaders_where_that_is() {
        let with_digest = |node_id, role: &str, index, digest: &str| {
            let response =
                proto::NodeStatusResponse { digest: digest.to_owned(), ..response(node_id, role, 1, index) };
            (node_id, (String::new(), Some(response)))
        };
        let differing = |leader: &str| -> Vec<_> {
            let status = shown(BTreeMap::from([
                with_digest(1, leader, 9, "a"),
                with_digest(2, "follower", 9, "b"),
                with_digest(3, "follower", 9, "a"),
                with_digest(4, "follower", 8, "c"),
            ]));
            status.nodes.iter().map(|node| node.state_differs).collect()
        };
        assert_eq!(differing("leader"), [Some(false), Some(true), Some(false), None]);
        assert_eq!(differing("follower"), [Some(true), Some(true), Some(true), None]);
    }
}
