//! Openraft's calls and the messages they travel as. A peer's message is checked before openraft,
//! which asserts what it takes for granted, may see it.

use keyraft_proto::cluster as proto;
use openraft::EntryPayload;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse,
};
use prost::Message;

use crate::acknowledged::Acknowledgement;
use crate::types::{Entry, Incomplete, LogId, NodeId, TypeConfig, Vote, Wire};

/// A peer's message that no correct peer sends.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
    #[error("a {message} {reason}")]
    Wrong { message: &'static str, reason: &'static str },
}

fn wrong<T>(message: &'static str, reason: &'static str) -> Result<T, Malformed> {
    Err(Malformed::Wrong { message, reason })
}

fn vote_of(vote: Option<proto::Vote>, message: &'static str) -> Result<Vote, Malformed> {
    Ok(Vote::from_message(vote.ok_or(Incomplete { message, field: "vote" })?)?)
}

/// The vote of a leader that may tell this node what to write.
fn leader_vote(vote: Option<proto::Vote>, message: &'static str, me: NodeId) -> Result<Vote, Malformed> {
    let vote = vote_of(vote, message)?;
    if !vote.committed {
        return wrong(message, "came from a node that is not elected");
    }
    if vote.leader_id.node_id == me {
        return wrong(message, "claims to come from its receiver");
    }
    Ok(vote)
}

fn optional_log_id(message: Option<proto::LogId>) -> Result<Option<LogId>, Malformed> {
    Ok(message.map(LogId::from_message).transpose()?)
}

/// The message for as many of the entries as fit in `max_bytes` (one at least), and the last of them
/// when not all did. `acknowledged` is the newest entry that the receiver has acknowledged to this leader.
pub(crate) fn append_to_message(
    rpc: AppendEntriesRequest<TypeConfig>,
    acknowledged: Option<Acknowledgement>,
    max_bytes: usize,
) -> (proto::AppendEntriesRequest, Option<LogId>) {
    let mut entries = Vec::with_capacity(rpc.entries.len());
    let (mut bytes, mut last, mut cut) = (0, None, None);
    for entry in rpc.entries {
        let log_id = entry.log_id;
        let message = entry.to_message();
        bytes += message.encoded_len();
        if bytes > max_bytes && !entries.is_empty() {
            cut = last;
            break;
        }
        entries.push(message);
        last = Some(log_id);
    }
    let message = proto::AppendEntriesRequest {
        vote: Some(rpc.vote.to_message()),
        prev_log_id: rpc.prev_log_id.map(Wire::to_message),
        entries,
        leader_commit: rpc.leader_commit.map(Wire::to_message),
        acknowledged: acknowledged.map(|acknowledged| acknowledged.log_id.to_message()),
        acknowledged_by: acknowledged.map_or(0, |acknowledged| acknowledged.folder),
    };
    (message, cut)
}

/// The vote of the leader that sends a message, and the newest entry that this node has acknowledged to it.
pub(crate) fn acknowledged_of(
    message: &proto::AppendEntriesRequest,
    me: NodeId,
) -> Result<(Vote, Option<Acknowledgement>), Malformed> {
    let vote = leader_vote(message.vote, "append request", me)?;
    let folder = message.acknowledged_by;
    let acknowledged = optional_log_id(message.acknowledged)?;
    Ok((vote, acknowledged.map(|log_id| Acknowledgement { log_id, folder })))
}

pub(crate) fn append_from_message(
    message: proto::AppendEntriesRequest,
    me: NodeId,
) -> Result<AppendEntriesRequest<TypeConfig>, Malformed> {
    const NAME: &str = "append request";
    let vote = leader_vote(message.vote, NAME, me)?;
    let prev_log_id = optional_log_id(message.prev_log_id)?;
    let mut entries = Vec::with_capacity(message.entries.len());
    let mut before = prev_log_id;
    for entry in message.entries {
        let entry = Entry::from_message(entry)?;
        let expected = before.map_or(0, |log_id| log_id.index.saturating_add(1));
        if entry.log_id.index != expected || Some(entry.log_id.leader_id) < before.map(|id| id.leader_id) {
            return wrong(NAME, "has entries out of order");
        }
        if let EntryPayload::Membership(membership) = &entry.payload
            && (membership.get_joint_config().is_empty()
                || membership.get_joint_config().iter().any(std::collections::BTreeSet::is_empty))
        {
            return wrong(NAME, "has a membership without voters");
        }
        before = Some(entry.log_id);
        entries.push(entry);
    }
    let leader_commit = optional_log_id(message.leader_commit)?;
    Ok(AppendEntriesRequest { vote, prev_log_id, entries, leader_commit })
}

/// The response of a node with this folder.
pub(crate) fn append_answer_to_message(
    answer: AppendEntriesResponse<NodeId>,
    folder: u64,
) -> proto::AppendEntriesResponse {
    use proto::append_entries_response::Result as Kind;
    let (kind, matching, vote) = match answer {
        AppendEntriesResponse::Success => (Kind::Success, None, None),
        AppendEntriesResponse::PartialSuccess(matching) => (Kind::PartialSuccess, matching, None),
        AppendEntriesResponse::Conflict => (Kind::Conflict, None, None),
        AppendEntriesResponse::HigherVote(vote) => (Kind::HigherVote, None, Some(vote)),
    };
    proto::AppendEntriesResponse {
        result: kind.into(),
        matching: matching.map(Wire::to_message),
        vote: vote.map(Wire::to_message),
        folder,
    }
}

/// `sent` is the vote that was answered, `had_previous` whether there was an entry to conflict with.
pub(crate) fn append_answer_from_message(
    message: proto::AppendEntriesResponse,
    sent: &Vote,
    had_previous: bool,
) -> Result<AppendEntriesResponse<NodeId>, Malformed> {
    use proto::append_entries_response::Result as Kind;
    const NAME: &str = "answer to an append request";
    Ok(match message.result() {
        Kind::Success => AppendEntriesResponse::Success,
        Kind::PartialSuccess => return wrong(NAME, "is a partial success, which no node gives"),
        Kind::Conflict if had_previous => AppendEntriesResponse::Conflict,
        Kind::Conflict => return wrong(NAME, "is a conflict with nothing"),
        Kind::HigherVote => {
            let vote = vote_of(message.vote, NAME)?;
            if vote <= *sent {
                return wrong(NAME, "names a vote that is not higher");
            }
            AppendEntriesResponse::HigherVote(vote)
        }
    })
}

pub(crate) fn vote_to_message(rpc: VoteRequest<NodeId>) -> proto::VoteRequest {
    proto::VoteRequest {
        vote: Some(rpc.vote.to_message()),
        last_log_id: rpc.last_log_id.map(Wire::to_message),
    }
}

pub(crate) fn vote_from_message(
    message: proto::VoteRequest,
    me: NodeId,
) -> Result<VoteRequest<NodeId>, Malformed> {
    const NAME: &str = "vote request";
    let vote = vote_of(message.vote, NAME)?;
    if vote.committed || vote.leader_id.node_id == me {
        return wrong(NAME, "is not from a candidate");
    }
    Ok(VoteRequest::new(vote, optional_log_id(message.last_log_id)?))
}

pub(crate) fn vote_answer_to_message(answer: VoteResponse<NodeId>) -> proto::VoteResponse {
    proto::VoteResponse {
        vote: Some(answer.vote.to_message()),
        last_log_id: answer.last_log_id.map(Wire::to_message),
        vote_granted: answer.vote_granted,
    }
}

pub(crate) fn vote_answer_from_message(
    message: proto::VoteResponse,
) -> Result<VoteResponse<NodeId>, Malformed> {
    let vote = vote_of(message.vote, "answer to a vote request")?;
    Ok(VoteResponse::new(vote, optional_log_id(message.last_log_id)?, message.vote_granted))
}

pub(crate) fn snapshot_answer_from_message(
    message: proto::SnapshotResponse,
) -> Result<SnapshotResponse<NodeId>, Malformed> {
    Ok(SnapshotResponse::new(vote_of(message.vote, "answer to a snapshot")?))
}

/// The vote under which a snapshot is sent to node `me`.
pub(crate) fn snapshot_vote(vote: Option<proto::Vote>, me: NodeId) -> Result<Vote, Malformed> {
    leader_vote(vote, "snapshot", me)
}

#[cfg(test)]
mod tests {
    use openraft::CommittedLeaderId;

    use super::*;

    fn log_id(term: u64, index: u64) -> LogId {
        LogId::new(CommittedLeaderId::new(term, 1), index)
    }

    fn blank(term: u64, index: u64) -> Entry {
        Entry { log_id: log_id(term, index), payload: EntryPayload::Blank }
    }

    fn append(entries: Vec<Entry>) -> AppendEntriesRequest<TypeConfig> {
        AppendEntriesRequest {
            vote: Vote::new_committed(3, 1),
            prev_log_id: Some(log_id(2, 4)),
            entries,
            leader_commit: Some(log_id(2, 3)),
        }
    }

    #[test]
    fn an_append_request_survives_the_journey() {
        let (message, cut) = append_to_message(append(vec![blank(2, 5), blank(3, 6)]), None, 1 << 20);
        assert_eq!(cut, None);
        let received = append_from_message(message, 2).unwrap();
        assert_eq!(received.vote, Vote::new_committed(3, 1));
        assert_eq!(received.prev_log_id, Some(log_id(2, 4)));
        assert_eq!(received.entries, vec![blank(2, 5), blank(3, 6)]);
        assert_eq!(received.leader_commit, Some(log_id(2, 3)));
    }

    #[test]
    fn what_does_not_fit_is_left_for_the_next_message() {
        let (message, cut) = append_to_message(append(vec![blank(2, 5), blank(2, 6), blank(2, 7)]), None, 1);
        assert_eq!(message.entries.len(), 1);
        assert_eq!(cut, Some(log_id(2, 5)));
    }

    #[test]
    fn malformed_append_requests_are_refused() {
        let good = append_to_message(append(vec![blank(2, 5), blank(2, 6)]), None, 1 << 20).0;
        assert!(append_from_message(good.clone(), 2).is_ok());
        let refused = |change: fn(&mut proto::AppendEntriesRequest)| {
            let mut message = good.clone();
            change(&mut message);
            append_from_message(message, 2).is_err()
        };
        assert!(refused(|m| m.vote = None));
        assert!(refused(|m| m.vote = Some(Vote::new(3, 1).to_message())));
        assert!(refused(|m| m.vote = Some(Vote::new_committed(3, 2).to_message())));
        assert!(refused(|m| m.entries.swap(0, 1)));
        assert!(refused(|m| m.prev_log_id = None));
        assert!(refused(|m| m.entries[0].payload = None));
        assert!(refused(|m| m.entries[1].log_id = Some(log_id(1, 6).to_message())));
        assert!(refused(|m| {
            m.entries[0].payload = Some(proto::entry::Payload::Membership(proto::Membership::default()));
        }));
    }

    #[test]
    fn a_higher_vote_must_be_higher() {
        let answer = |vote| append_answer_to_message(AppendEntriesResponse::HigherVote(vote), 1);
        let sent = Vote::new_committed(3, 1);
        assert!(append_answer_from_message(answer(Vote::new_committed(3, 1)), &sent, true).is_err());
        assert!(append_answer_from_message(answer(Vote::new(4, 2)), &sent, true).is_ok());
        let conflict = append_answer_to_message(AppendEntriesResponse::Conflict, 1);
        assert!(append_answer_from_message(conflict, &sent, true).is_ok());
        assert!(append_answer_from_message(conflict, &sent, false).is_err());
    }
}
