//! Roles and tokens: a role that was taken away is in no later token and no later validation, one that was
//! given is.
//!
//! Each role of each user is a flag that grants set, revocations of grants clear, and tokens show, as does a
//! revocation that finds nothing to take away: together they are linearizable. Most faults show in two
//! operations, which are looked for first; the search finds the rest. A role that is neither granted nor revoked
//! in the history is of no interest, and any other is absent at first.
//!
//! Every user has some role for good. So its tokens are valid, whatever else is taken away.

use std::collections::BTreeSet;

use crate::checker::Checker;
use crate::checker::linearizable::{self, Call, MAX_CONFIGURATIONS, Model, Search};
use crate::checker::verdict::{Fault, Findings, Verdict};
use crate::function::Function;
use crate::history::{History, Operation};
use crate::value::Value;

/// Judges `grant`s and `revoke-grant`s of a role (the argument) by user (the key) against the roles that
/// `issue` and `validate` answer. A `revoke-grant` that answers false found no such role. A validation that answers
/// nothing found the token not valid, which nothing explains.
#[derive(Debug)]
pub struct Grants {
    /// The bound of the search of each role of each user.
    pub max_configurations: usize,
}

impl Default for Grants {
    fn default() -> Self {
        Self { max_configurations: MAX_CONFIGURATIONS }
    }
}

impl Checker for Grants {
    fn name(&self) -> &'static str {
        "tokens have the roles that were granted"
    }

    fn check(&self, history: &History) -> Verdict {
        let mut findings = Findings::default();
        for (user, operations) in history.by_key() {
            check_invalid(user, &operations, &mut findings);
            let changes = operations.iter().filter(|operation| operation.function.is_write());
            let roles: BTreeSet<&Value> = changes.map(|change| &change.argument).collect();
            for role in roles {
                let flag = Flag::new(user, role, &operations);
                if !flag.check_pairs(&mut findings) {
                    self.search(&flag, &mut findings);
                }
            }
        }
        findings.verdict()
    }

    /// What shows a role needs its grants; what does not, what took it away.
    fn needs(&self, operation: &Operation, other: &Operation) -> bool {
        if operation.key != other.key || !other.may_have_effect() {
            return false;
        }
        match shows(operation, &other.argument) {
            Some(true) => other.function == Function::Grant,
            Some(false) => other.function == Function::RevokeGrant,
            None => false,
        }
    }
}

/// Whether a role was found to be there.
fn shows(operation: &Operation, role: &Value) -> Option<bool> {
    match (operation.function, &operation.answer) {
        _ if !operation.is_done() => None,
        (Function::Issue | Function::Validate, Value::List(roles)) => Some(roles.contains(role)),
        (Function::RevokeGrant, Value::Bool(false)) if operation.argument == *role => Some(false),
        _ => None,
    }
}

fn is_invalid(operation: &Operation) -> bool {
    operation.function == Function::Validate && operation.is_done() && operation.answer.is_nil()
}

fn check_invalid(user: &str, operations: &[&Operation], findings: &mut Findings) {
    for invalid in operations.iter().filter(|operation| is_invalid(operation)) {
        let issue = operations.iter().find(|issue| {
            issue.function == Function::Issue
                && !invalid.argument.is_nil()
                && issue.argument == invalid.argument
        });
        let node = invalid.node + 1;
        let what = format!("{user}: a token is not valid on n{node} although its user has a role");
        findings.add(Fault::of(what, issue.into_iter().chain([invalid]).copied()));
    }
}

/// One role of one user.
struct Flag<'a> {
    user: &'a str,
    role: &'a Value,
    sets: Vec<&'a Operation>,
    clears: Vec<&'a Operation>,
    /// What shows it, with what it shows.
    views: Vec<(&'a Operation, bool)>,
}

impl<'a> Flag<'a> {
    fn new(user: &'a str, role: &'a Value, operations: &[&'a Operation]) -> Self {
        let changes = |function| {
            let is_one = |operation: &&Operation| {
                operation.function == function
                    && operation.argument == *role
                    && operation.may_have_effect()
                    && shows(operation, role).is_none()
            };
            operations.iter().copied().filter(is_one).collect()
        };
        let views =
            operations.iter().filter_map(|operation| Some((*operation, shows(operation, role)?))).collect();
        Self { user, role, sets: changes(Function::Grant), clears: changes(Function::RevokeGrant), views }
    }

    /// Looks for what shows the role to be there, or not, although the other was certain before and nothing
    /// could have changed it since. Says whether there was anything.
    fn check_pairs(&self, findings: &mut Findings) -> bool {
        let (user, role) = (self.user, self.role);
        let mut is_found = false;
        for (view, is_there) in &self.views {
            let (causes, opposites) =
                if *is_there { (&self.sets, &self.clears) } else { (&self.clears, &self.sets) };
            let possible: Vec<&Operation> =
                causes.iter().copied().filter(|cause| cause.sent_at <= view.ended_at).collect();
            let changed = opposites.iter().copied();
            let seen = self.views.iter().filter(|(_, shown)| shown != is_there).map(|(other, _)| *other);
            // The last moment at which the opposite is certain.
            let certain = changed
                .chain(seen)
                .filter(|other| other.is_before(view))
                .max_by_key(|other| (other.sent_at, other.function.is_write()));
            let is_explained = match certain {
                Some(certain) => possible.iter().any(|cause| !cause.is_before(certain)),
                None => !is_there || !possible.is_empty(),
            };
            if is_explained {
                continue;
            }
            is_found = true;
            let node = view.node + 1;
            let seen = match (view.function, is_there) {
                (Function::Issue, true) => format!("{user}: a new token of n{node} has {role}"),
                (Function::Issue, false) => format!("{user}: a new token of n{node} lacks {role}"),
                (_, true) => format!("{user}: a validation of n{node} has {role}"),
                (Function::Validate, false) => format!("{user}: a validation of n{node} lacks {role}"),
                (_, false) => format!("{user}: a removal on n{node} finds no {role}"),
            };
            let what = match (is_there, certain) {
                (true, Some(certain)) if self.clears.contains(&certain) => {
                    format!("{seen} after its removal was acknowledged")
                }
                (false, Some(certain)) if self.sets.contains(&certain) => {
                    format!("{seen} after its grant was acknowledged")
                }
                (true, Some(certain)) => {
                    format!("{seen} again, which n{} no longer showed", certain.node + 1)
                }
                (false, Some(certain)) => format!("{seen}, which n{} showed", certain.node + 1),
                (_, None) => format!("{seen}, which nobody granted"),
            };
            let last_cause = possible.into_iter().max_by_key(|cause| cause.ended_at);
            // What made the opposite so, where it was only seen.
            let before =
                |other: &&&Operation| certain.is_some_and(|certain| other.sent_at <= certain.ended_at);
            let reason = opposites.iter().filter(before).max_by_key(|other| other.ended_at);
            let part = last_cause.into_iter().chain(reason.copied()).chain(certain).chain([*view]);
            findings.add(Fault::of(what, part));
        }
        is_found
    }
}

impl Model for Flag<'_> {
    type State = bool;

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, state: &bool, operation: &Operation) -> Option<bool> {
        match (operation.function, shows(operation, self.role)) {
            (_, Some(is_there)) => (is_there == *state).then_some(*state),
            (Function::Grant, None) => Some(true),
            _ => Some(false),
        }
    }
}

impl Grants {
    fn search(&self, flag: &Flag<'_>, findings: &mut Findings) {
        let views = flag.views.iter().map(|(view, _)| view);
        let operations: Vec<&Operation> =
            flag.sets.iter().chain(&flag.clears).chain(views).copied().collect();
        let calls: Vec<Call<'_>> = operations.iter().map(|operation| Call::of(operation)).collect();
        let (user, role) = (flag.user, flag.role);
        match linearizable::search(flag, &calls, self.max_configurations) {
            Search::Linearizable => {}
            Search::GaveUp => findings.add_undecided(format!(
                "{role} of {user}: given up after {} configurations of {} operations",
                self.max_configurations,
                operations.len()
            )),
            Search::NotLinearizable { stuck_at } => {
                let moment = stuck_at.as_secs_f64();
                let what = format!("{user}: no order explains where {role} was seen by {moment:.3} s");
                let matters = |operation: &&&Operation| {
                    let is_over = operation.ended_at <= stuck_at || operation.function.is_write();
                    operation.sent_at <= stuck_at && is_over
                };
                findings.add(Fault::of(what, operations.iter().filter(matters).copied()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
