//! Request ids: which requests were answered, so that a retry is answered alike and applied once.
//!
//! ```text
//!   sequences of one boot of one node
//!   ----- below the floor: forgotten -----|--- answered, or free to be applied ---->
//! ```

use bytes::Bytes;
use imbl::OrdMap;
use keyraft_proto::cluster as proto;
use prost::Message;

use crate::application::{Row, RowChange};
use crate::planted::{Bug, is_planted};
use crate::types::NodeId;

/// First byte of the keys of the cluster's own rows.
pub(crate) const OWN_TABLE: u8 = 0;
const SESSION: u8 = 1;
const ANSWER: u8 = 2;

/// Limits of the outcomes that are remembered for one node, in number and in bytes. A node that leaves more requests in
/// flight loses the oldest. They are part of `apply`: all nodes must have the same.
const MAX_ANSWERS_PER_NODE: usize = 10_000;
const MAX_ANSWER_BYTES_PER_NODE: u64 = 16 << 20;

#[derive(Clone, Debug, Default, PartialEq)]
struct Session {
    boot: u64,
    floor: u64,
    /// Values of their rows: the refusal in one byte, then the application's answer.
    answers: OrdMap<u64, Bytes>,
    /// Of all responses.
    bytes: u64,
}

impl Session {
    fn insert(&mut self, sequence: u64, answer: Bytes) {
        self.bytes += answer.len() as u64;
        if let Some(before) = self.answers.insert(sequence, answer) {
            self.bytes = self.bytes.saturating_sub(before.len() as u64);
        }
    }
}

/// The sessions of all nodes. A clone is O(1).
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sessions(OrdMap<NodeId, Session>);

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Admission {
    /// It is new: apply it, then [`Sessions::remember`] its answer.
    Apply,
    /// It is a retry, or too old: this is its outcome.
    Answered(proto::Outcome),
}

impl Sessions {
    /// Looks a request up, and forgets those that its sender will not repeat, by its own account.
    pub(crate) fn admit(
        &mut self,
        id: &proto::RequestId,
        lowest_in_flight: u64,
        changes: &mut Vec<RowChange>,
    ) -> Admission {
        if is_planted(Bug::ForgottenRequestId) {
            return Admission::Apply;
        }
        let known = self.0.get(&id.node_id).cloned();
        if let Some(session) = &known
            && id.boot < session.boot
        {
            return Admission::Answered(proto::Outcome {
                refusal: proto::outcome::Refusal::Superseded.into(),
                latest_boot: session.boot,
                ..Default::default()
            });
        }
        let mut next = known.clone().unwrap_or_default();
        if id.boot > next.boot {
            forget_below(id.node_id, &mut next, u64::MAX, changes);
            next = Session { boot: id.boot, ..Session::default() };
        }
        // A floor above the request itself would refuse a request that its sender still waits for.
        let floor = lowest_in_flight.min(id.sequence).max(next.floor);
        forget_below(id.node_id, &mut next, floor, changes);
        let is_new = id.sequence >= next.floor && !next.answers.contains_key(&id.sequence);
        if is_new
            && next.answers.len() >= MAX_ANSWERS_PER_NODE
            && let Some((oldest, _)) = next.answers.get_min().cloned()
        {
            forget_below(id.node_id, &mut next, oldest + 1, changes);
        }
        if known.as_ref().is_none_or(|known| (known.boot, known.floor) != (next.boot, next.floor)) {
            changes.push(RowChange {
                key: session_key(id.node_id),
                before: known.as_ref().map(|known| session_value(id.node_id, known)),
                after: Some(session_value(id.node_id, &next)),
            });
        }
        let admission = match next.answers.get(&id.sequence) {
            Some(answer) => Admission::Answered(outcome_of(answer)),
            None if id.sequence < next.floor => Admission::Answered(proto::Outcome {
                refusal: proto::outcome::Refusal::Forgotten.into(),
                ..Default::default()
            }),
            None => Admission::Apply,
        };
        self.0.insert(id.node_id, next);
        admission
    }

    /// The newest boot under which a node has written; 0 when it has not.
    pub(crate) fn boot_of(&self, node: NodeId) -> u64 {
        self.0.get(&node).map_or(0, |session| session.boot)
    }

    /// Remembers the outcome of a request that was admitted.
    pub(crate) fn remember(
        &mut self,
        id: &proto::RequestId,
        outcome: &proto::Outcome,
        changes: &mut Vec<RowChange>,
    ) {
        if is_planted(Bug::ForgottenRequestId) {
            return;
        }
        let session = self.0.entry(id.node_id).or_default();
        let answer = value_of(outcome);
        let key = answer_key(id.node_id, id.sequence);
        changes.push(RowChange { key, before: None, after: Some(answer.to_vec()) });
        session.insert(id.sequence, answer);
        let known = session.clone();
        while session.bytes > MAX_ANSWER_BYTES_PER_NODE
            && session.answers.len() > 1
            && let Some((oldest, _)) = session.answers.get_min().cloned()
        {
            forget_below(id.node_id, session, oldest + 1, changes);
        }
        if known.floor != session.floor {
            changes.push(RowChange {
                key: session_key(id.node_id),
                before: Some(session_value(id.node_id, &known)),
                after: Some(session_value(id.node_id, session)),
            });
        }
    }

    /// The rows that hold the sessions, in key order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> + Send + '_ {
        let sessions = self
            .0
            .iter()
            .map(|(node_id, s)| Row { key: session_key(*node_id), value: session_value(*node_id, s) });
        let answers = self.0.iter().flat_map(|(node_id, session)| {
            session.answers.iter().map(|(sequence, answer)| Row {
                key: answer_key(*node_id, *sequence),
                value: answer.to_vec(),
            })
        });
        sessions.chain(answers)
    }

    /// Takes a row back in, in any order.
    pub(crate) fn load(&mut self, row: &Row) -> Loaded {
        match row.key.as_slice() {
            [OWN_TABLE, SESSION, ..] => {
                let Ok(message) = proto::Session::decode(row.value.as_slice()) else { return Loaded::Broken };
                let session = self.0.entry(message.node_id).or_default();
                session.boot = message.boot;
                session.floor = message.floor;
                Loaded::Whole
            }
            [OWN_TABLE, ANSWER, ..] => {
                let Some((node_id, sequence)) = request_of(&row.key).filter(|_| !row.value.is_empty()) else {
                    return Loaded::Broken;
                };
                self.0.entry(node_id).or_default().insert(sequence, row.value.clone().into());
                Loaded::Whole
            }
            [OWN_TABLE, kind, ..] => Loaded::Unknown { kind: *kind },
            _ => Loaded::Broken,
        }
    }
}

/// Result of loading a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loaded {
    Whole,
    Broken,
    /// Its kind is one that only another version knows.
    Unknown {
        kind: u8,
    },
}

fn value_of(outcome: &proto::Outcome) -> Bytes {
    let refusal = u8::try_from(outcome.refusal).unwrap_or(u8::MAX);
    [[refusal].as_slice(), &outcome.answer].concat().into()
}

fn outcome_of(value: &Bytes) -> proto::Outcome {
    let refusal = value.first().copied().unwrap_or_default();
    proto::Outcome { refusal: refusal.into(), answer: value.slice(value.len().min(1)..), latest_boot: 0 }
}

fn session_key(node_id: NodeId) -> Vec<u8> {
    [[OWN_TABLE, SESSION].as_slice(), &node_id.to_be_bytes()].concat()
}

fn answer_key(node_id: NodeId, sequence: u64) -> Vec<u8> {
    [[OWN_TABLE, ANSWER].as_slice(), &node_id.to_be_bytes(), &sequence.to_be_bytes()].concat()
}

/// The node and the sequence in the key of an answer.
fn request_of(key: &[u8]) -> Option<(NodeId, u64)> {
    let (node_id, sequence) = key.get(2..)?.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*node_id), u64::from_be_bytes(sequence.try_into().ok()?)))
}

fn session_value(node_id: NodeId, session: &Session) -> Vec<u8> {
    proto::Session { node_id, boot: session.boot, floor: session.floor }.encode_to_vec()
}

fn forget_below(node_id: NodeId, session: &mut Session, floor: u64, changes: &mut Vec<RowChange>) {
    while let Some((sequence, answer)) = session.answers.get_min().cloned()
        && (sequence < floor || floor == u64::MAX)
    {
        session.answers.remove(&sequence);
        session.bytes = session.bytes.saturating_sub(answer.len() as u64);
        changes.push(RowChange {
            key: answer_key(node_id, sequence),
            before: Some(answer.to_vec()),
            after: None,
        });
    }
    session.floor = session.floor.max(floor);
}

#[cfg(test)]
mod tests;
