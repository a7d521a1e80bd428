//! The state after an entry: the application's, the sessions, and the position in the log.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use keyraft_proto::cluster as proto;
use openraft::EntryPayload;
use prost::Message;

use super::digest;
use super::rows::ROWS_FORMAT;
use super::sessions::{Admission, Sessions};
use crate::application::{Application, LogMoment, Row, RowChange};
use crate::published::Published;
use crate::types::{BatchAnswer, Entry, LogId, LogIndex, StoredMembership, Wire};

/// An immutable point of the log; a clone is O(1).
pub(crate) struct Applied<A: Application> {
    pub state: A::State,
    pub sessions: Sessions,
    pub log_time_ms: u64,
    pub digest: u128,
    pub rows: u64,
    /// The rows of each table that has some.
    pub tables: BTreeMap<u8, u64>,
    pub last_applied: Option<LogId>,
    pub membership: StoredMembership,
    /// Upper bound of every stamp so far, in milliseconds since the epoch.
    pub time_ceiling_ms: u64,
}

impl<A: Application> Clone for Applied<A> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            sessions: self.sessions.clone(),
            log_time_ms: self.log_time_ms,
            digest: self.digest,
            rows: self.rows,
            tables: self.tables.clone(),
            last_applied: self.last_applied,
            membership: self.membership.clone(),
            time_ceiling_ms: self.time_ceiling_ms,
        }
    }
}

/// Effect of one entry.
#[derive(Default)]
pub(crate) struct Effect {
    pub answer: BatchAnswer,
    /// In order; a row may occur more than once.
    pub changes: Vec<RowChange>,
    /// Digests of earlier entries that the leader has found at a majority.
    pub claims: Vec<proto::VerifyDigest>,
    /// A time ceiling, if the entry has raised it.
    pub time_ceiling_ms: Option<u64>,
}

/// A request in the log of a kind that only another version knows. Nothing behind it may be applied here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {log_index} holds a request that this version does not know: another version wrote it")]
pub(crate) struct UnknownRequest {
    pub log_index: LogIndex,
}

impl UnknownRequest {
    /// Looks for one in an entry.
    ///
    /// # Errors
    /// There is one.
    pub(crate) fn find(entry: &Entry) -> Result<(), Self> {
        match &entry.payload {
            EntryPayload::Normal(batch) if batch.requests.iter().any(|request| request.body.is_none()) => {
                Err(Self { log_index: entry.log_id.index })
            }
            _ => Ok(()),
        }
    }
}

impl<A: Application> Applied<A> {
    pub(crate) fn empty(app: &A) -> Self {
        Self {
            state: app.empty(),
            sessions: Sessions::default(),
            log_time_ms: 0,
            digest: 0,
            rows: 0,
            tables: BTreeMap::new(),
            last_applied: None,
            membership: StoredMembership::default(),
            time_ceiling_ms: 0,
        }
    }

    /// Index of the last applied entry; 0 before the first.
    pub(crate) fn index(&self) -> LogIndex {
        self.last_applied.map_or(0, |last| last.index)
    }

    /// Digest of all that later entries depend on: the rows, the log time, the time ceiling and the membership.
    pub(crate) fn whole_digest(&self) -> u128 {
        let beside_rows = proto::StateMeta {
            membership: Some(self.membership.clone().to_message()),
            log_time_ms: self.log_time_ms,
            time_ceiling_ms: self.time_ceiling_ms,
            ..proto::StateMeta::default()
        };
        self.digest.wrapping_add(digest::of_row(&[], &beside_rows.encode_to_vec()))
    }

    /// Applies one entry. Pure: the same state and entry give the same result on every node.
    ///
    /// # Errors
    /// A request is not known here; nothing is changed then.
    pub(crate) fn apply(&mut self, app: &A, entry: Entry) -> Result<Effect, UnknownRequest> {
        UnknownRequest::find(&entry)?;
        let mut effect = Effect::default();
        match entry.payload {
            EntryPayload::Blank => {}
            EntryPayload::Membership(membership) => {
                self.membership = StoredMembership::new(Some(entry.log_id), membership);
            }
            EntryPayload::Normal(batch) => {
                self.log_time_ms = self.log_time_ms.max(batch.stamp_ms);
                for request in batch.requests {
                    let outcome = self.answer(app, entry.log_id.index, request, &mut effect);
                    effect.answer.outcomes.push(outcome);
                }
            }
        }
        for change in &effect.changes {
            self.sum_up(change);
        }
        self.last_applied = Some(entry.log_id);
        Ok(effect)
    }

    /// Brings the digest and the numbers of rows behind a change.
    pub(super) fn sum_up(&mut self, change: &RowChange) {
        (self.digest, self.rows) = digest::after(self.digest, self.rows, change);
        let table = change.key.first().copied().unwrap_or_default();
        let rows = self.tables.entry(table).or_default();
        *rows = match (&change.before, &change.after) {
            (None, Some(_)) => *rows + 1,
            (Some(_), None) => rows.saturating_sub(1),
            _ => *rows,
        };
        if *rows == 0 {
            self.tables.remove(&table);
        }
    }

    /// Runs a command. One at which the application panics changes nothing, on every node alike.
    fn run(&mut self, app: &A, moment: LogMoment, command: &[u8], effect: &mut Effect) -> proto::Outcome {
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let (mut state, mut changes) = (self.state.clone(), Vec::new());
            let answer = app.apply(&mut state, moment, command, &mut changes);
            (state, changes, answer)
        }));
        match ran {
            Ok((state, mut changes, answer)) => {
                self.state = state;
                effect.changes.append(&mut changes);
                answered(answer)
            }
            Err(_) => {
                metrics::counter!("keyraft_apply_panics_total").increment(1);
                let log_index = moment.log_index;
                tracing::error!(log_index, "the application panicked at a command; every node refuses it");
                proto::Outcome {
                    refusal: proto::outcome::Refusal::Panicked.into(),
                    ..proto::Outcome::default()
                }
            }
        }
    }

    fn answer(
        &mut self,
        app: &A,
        log_index: LogIndex,
        request: proto::Request,
        effect: &mut Effect,
    ) -> proto::Outcome {
        if let Some(id) = &request.id
            && let Admission::Answered(outcome) =
                self.sessions.admit(id, request.lowest_in_flight, &mut effect.changes)
        {
            return outcome;
        }
        let outcome = match request.body {
            Some(proto::request::Body::Command(command)) => {
                let moment = LogMoment { log_time_ms: self.log_time_ms, log_index };
                self.run(app, moment, &command, effect)
            }
            Some(proto::request::Body::VerifyDigest(claim)) => {
                effect.claims.push(claim);
                proto::Outcome::default()
            }
            Some(proto::request::Body::TimeCeiling(ceiling)) => {
                self.time_ceiling_ms = self.time_ceiling_ms.max(ceiling.ceiling_ms);
                effect.time_ceiling_ms = Some(self.time_ceiling_ms);
                proto::Outcome::default()
            }
            // Not reached: `UnknownRequest::find` has refused the entry.
            None => proto::Outcome::default(),
        };
        if let Some(id) = &request.id {
            self.sessions.remember(id, &outcome, &mut effect.changes);
        }
        outcome
    }

    /// Content of the meta row.
    pub(crate) fn meta(&self) -> proto::StateMeta {
        proto::StateMeta {
            last_applied: self.last_applied.map(Wire::to_message),
            membership: Some(self.membership.clone().to_message()),
            log_time_ms: self.log_time_ms,
            digest: self.digest.to_be_bytes().to_vec().into(),
            time_ceiling_ms: self.time_ceiling_ms,
            format: ROWS_FORMAT,
        }
    }

    /// All rows but the meta row, in key order.
    pub(crate) fn all_rows<'a>(&'a self, app: &'a A) -> impl Iterator<Item = Row> + 'a {
        self.sessions.rows().chain(app.rows(&self.state))
    }

    pub(crate) fn published(&self) -> Published<A> {
        Published {
            state: self.state.clone(),
            applied_index: self.index(),
            log_time_ms: self.log_time_ms,
            digest: self.digest,
        }
    }
}

fn answered(answer: bytes::Bytes) -> proto::Outcome {
    proto::Outcome { answer, ..proto::Outcome::default() }
}
