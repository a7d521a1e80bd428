//! Revocation events, and the index that finds those which match a token.
//!
//! Every event that Keyraft makes names exactly one thing: an audit id, an audit chain, a user, a project or a
//! domain. So a token is matched by one look-up for each thing that it names, by hash, whatever the number of events.

use std::sync::Arc;

use imbl::OrdSet;
use keyraft_proto::identity::RevocationEvent;

use crate::state::{HashIndex, Record, State, Table};

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

/// By id, the newest second for which tokens of it are revoked.
type Newest = HashIndex<Arc<str>, u64>;

/// Revocation events.
#[derive(Clone, Default)]
pub struct Tables {
    /// In the order of the log.
    pub events: Table<RevocationEvent>,
    /// All events: what is left of a subject when one of its events is purged.
    by_subject: OrdSet<(Subject, Arc<str>, u64, EventKey)>,
    audit_ids: Newest,
    audit_chains: Newest,
    users: Newest,
    projects: Newest,
    domains: Newest,
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
        let tables = &mut state.revoke;
        if let Some((subject, id, second, key)) = before.and_then(index_entry) {
            tables.by_subject.remove(&(subject, Arc::clone(&id), second, key));
            tables.note_newest(subject, id);
        }
        if let Some((subject, id, second, key)) = after.and_then(index_entry) {
            tables.by_subject.insert((subject, Arc::clone(&id), second, key));
            tables.note_newest(subject, id);
        }
    }
}

fn index_entry(event: &RevocationEvent) -> Option<(Subject, Arc<str>, u64, EventKey)> {
    let (subject, id) = [
        (Subject::AuditId, &event.audit_id),
        (Subject::AuditChain, &event.audit_chain_id),
        (Subject::User, &event.user_id),
        (Subject::Project, &event.project_id),
        (Subject::Domain, &event.domain_id),
    ]
    .into_iter()
    .find_map(|(subject, id)| Some((subject, id.as_deref()?)))?;
    Some((subject, id.into(), event.issued_before_s, event.key()))
}

impl Tables {
    /// Whether any event matches the token. The cost does not depend on the number of events.
    ///
    /// An event matches what was issued in its own second too, as in Keystone.
    #[must_use]
    pub fn is_revoked(&self, token: &TokenFacts<'_>) -> bool {
        let is_before =
            |newest: &Newest, id| newest.get(id).is_some_and(|second| token.issued_at_s <= *second);
        is_before(&self.audit_ids, token.audit_id)
            || token.audit_chain_id.is_some_and(|id| is_before(&self.audit_chains, id))
            || is_before(&self.users, token.user_id)
            || token.project_id.is_some_and(|id| is_before(&self.projects, id))
            || is_before(&self.domains, token.user_domain_id)
            || token.domain_id.is_some_and(|id| is_before(&self.domains, id))
    }

    /// Brings what is known of a subject up to date with its events.
    fn note_newest(&mut self, subject: Subject, id: Arc<str>) {
        let (first, last) = ((0, 0), (u64::MAX, u32::MAX));
        let all = (subject, Arc::clone(&id), 0, first)..=(subject, Arc::clone(&id), u64::MAX, last);
        let second = self.by_subject.range(all).next_back().map(|(_, _, second, _)| *second);
        let newest = match subject {
            Subject::AuditId => &mut self.audit_ids,
            Subject::AuditChain => &mut self.audit_chains,
            Subject::User => &mut self.users,
            Subject::Project => &mut self.projects,
            Subject::Domain => &mut self.domains,
        };
        match second {
            Some(second) => newest.insert(id, second),
            None => newest.remove(&id),
        };
    }

    /// The number that the next event of a log entry gets. No later entry has made any yet.
    pub(super) fn next_number(&self, log_index: u64) -> u32 {
        match self.events.iter().next_back() {
            Some(((index, number), _)) if *index == log_index => number + 1,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use keyraft_cluster::LogMoment;
    use proptest::prelude::*;

    use super::*;
    use crate::state::Transaction;

    const IDS: [&str; 3] = ["a", "b", "c"];

    fn event(number: u32, subject: usize, id: &str, issued_before_s: u64) -> RevocationEvent {
        let names = |of| (subject == of).then(|| id.to_owned());
        RevocationEvent {
            number,
            issued_before_s,
            audit_id: names(0),
            audit_chain_id: names(1),
            user_id: names(2),
            project_id: names(3),
            domain_id: names(4),
            ..RevocationEvent::default()
        }
    }

    fn matches(event: &RevocationEvent, token: &TokenFacts<'_>) -> bool {
        let names = |id: &Option<String>, of: &[Option<&str>]| id.is_some() && of.contains(&id.as_deref());
        token.issued_at_s <= event.issued_before_s
            && (names(&event.audit_id, &[Some(token.audit_id)])
                || names(&event.audit_chain_id, &[token.audit_chain_id])
                || names(&event.user_id, &[Some(token.user_id)])
                || names(&event.project_id, &[token.project_id])
                || names(&event.domain_id, &[Some(token.user_domain_id), token.domain_id]))
    }

    fn tokens() -> impl Strategy<Value = Vec<(u64, [usize; 6])>> {
        proptest::collection::vec((0..6_u64, proptest::array::uniform6(0..IDS.len())), 20)
    }

    proptest! {
        #[test]
        fn what_is_looked_up_is_what_a_scan_finds_whichever_events_are_gone(
            events in proptest::collection::vec((0..5_usize, 0..IDS.len(), 0..6_u64, any::<bool>()), 1..40),
            tokens in tokens(),
        ) {
            let mut tx =
                Transaction::begin(&State::default(), LogMoment { log_time_ms: 1, log_index: 1 });
            for (number, (subject, id, second, _)) in (0..).zip(&events) {
                tx.put(event(number, *subject, IDS[*id], *second));
            }
            for (number, (.., is_gone)) in (0..).zip(&events) {
                if *is_gone {
                    tx.delete::<RevocationEvent>(&(0, number));
                }
            }
            let state = tx.commit().0;
            for (issued_at_s, ids) in tokens {
                let [own, chain, user, user_domain, project, domain] = ids.map(|id| IDS[id]);
                let token = TokenFacts {
                    issued_at_s,
                    audit_id: own,
                    audit_chain_id: Some(chain),
                    user_id: user,
                    user_domain_id: user_domain,
                    project_id: Some(project),
                    domain_id: Some(domain),
                };
                let expected = state.revoke.events.values().any(|event| matches(event, &token));
                prop_assert_eq!(state.revoke.is_revoked(&token), expected);
            }
        }
    }
}
