//! Revocation events, and the index that finds those which match a token.
//!
//! Every event that Keyraft makes names exactly one thing: an audit id, an audit chain, a user, a project or a
//! domain. So a token is matched by one look-up for each thing that it names, whatever the number of events.

use std::cmp::Reverse;
use std::sync::Arc;

use imbl::OrdSet;
use keyraft_proto::identity::RevocationEvent;

use crate::state::{Record, State, Table};

/// Key of an event: index of the log entry, number among its events.
pub type EventKey = (u64, u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    AuditId,
    AuditChain,
    User,
    Project,
    Domain,
}

/// Revocation events.
#[derive(Clone, Default)]
pub struct Tables {
    /// In the order of the log.
    pub events: Table<RevocationEvent>,
    /// Subject, its id, the newest `issued_before_s` first.
    by_subject: OrdSet<(Subject, Arc<str>, Reverse<u64>, EventKey)>,
}

/// What an event is compared with.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Whole seconds since the epoch.
    pub issued_at_s: u64,
    /// The token's own audit id.
    pub audit_id: &'a str,
    /// Its second audit id: that of the first token of its chain.
    pub audit_chain_id: Option<&'a str>,
    /// The user.
    pub user_id: &'a str,
    /// The user's domain.
    pub user_domain_id: &'a str,
    /// Scope, if it is a project.
    pub project_id: Option<&'a str>,
    /// Scope, if it is a domain.
    pub domain_id: Option<&'a str>,
}

impl Record for RevocationEvent {
    const TABLE: u8 = 11;
    const ENTITY: &'static str = "revocation event";
    type Key = EventKey;

    fn key(&self) -> EventKey {
        (self.log_index, self.number)
    }

    fn table(state: &State) -> &Table<Self> {
        &state.revoke.events
    }

    fn table_mut(state: &mut State) -> &mut Table<Self> {
        &mut state.revoke.events
    }

    fn reindex(state: &mut State, before: Option<&Self>, after: Option<&Self>) {
        let index = &mut state.revoke.by_subject;
        if let Some(entry) = before.and_then(index_entry) {
            index.remove(&entry);
        }
        if let Some(entry) = after.and_then(index_entry) {
            index.insert(entry);
        }
    }
}

fn index_entry(event: &RevocationEvent) -> Option<(Subject, Arc<str>, Reverse<u64>, EventKey)> {
    let (subject, id) = [
        (Subject::AuditId, &event.audit_id),
        (Subject::AuditChain, &event.audit_chain_id),
        (Subject::User, &event.user_id),
        (Subject::Project, &event.project_id),
        (Subject::Domain, &event.domain_id),
    ]
    .into_iter()
    .find_map(|(subject, id)| Some((subject, id.as_deref()?)))?;
    Some((subject, id.into(), Reverse(event.issued_before_s), event.key()))
}

impl Tables {
    /// Whether any event matches the token. The cost grows with the logarithm of the number of events.
    ///
    /// An event matches what was issued in its own second too, as in Keystone.
    #[must_use]
    pub fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        let subjects = [
            (Subject::AuditId, Some(token.audit_id)),
            (Subject::AuditChain, token.audit_chain_id),
            (Subject::User, Some(token.user_id)),
            (Subject::Project, token.project_id),
            (Subject::Domain, Some(token.user_domain_id)),
            (Subject::Domain, token.domain_id),
        ];
        !self.events.is_empty()
            && subjects.into_iter().any(|(subject, id)| {
                id.and_then(|id| self.revoked_up_to(subject, id))
                    .is_some_and(|second| token.issued_at_s <= second)
            })
    }

    /// The newest second for which tokens of this subject are revoked.
    fn revoked_up_to(&self, subject: Subject, id: &str) -> Option<u64> {
        let first = (subject, Arc::from(id), Reverse(u64::MAX), (0, 0));
        let (of, of_id, Reverse(second), _) = self.by_subject.range(first..).next()?;
        (*of == subject && **of_id == *id).then_some(*second)
    }

    /// The number that the next event of a log entry gets. No later entry has made any yet.
    pub(super) fn next_number(&self, log_index: u64) -> u32 {
        match self.events.iter().next_back() {
            Some(((index, number), _)) if *index == log_index => number + 1,
            _ => 0,
        }
    }
}
