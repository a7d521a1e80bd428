//! Who may do what: oslo.policy's rules, evaluated in process.
//!
//! A request names a [`Rule`]; the rule has a check, written in a small language, and perhaps a
//! list of scope types. The caller's token gives the [`Credentials`], the object of the request
//! gives the [`Target`]. The rule passes when the token's scope is among the scope types and the
//! check holds:
//!
//! ```text
//! identity:get_user   (role:reader and domain_id:%(target.user.domain_id)s) or rule:owner
//!                      ~~~~ ~~~~~~     ~~~~~~~~~  ~~~~~~~~~~~~~~~~~~~~~~~
//!                      kind match      attribute  template, filled from
//!                                      of caller  the target
//! ```
//!
//! The defaults are Keystone's. A policy file replaces checks by name and may add rules to refer
//! to; scope types cannot be changed. Texts are parsed and references resolved once, at load, and
//! everything that can be wrong with a policy is wrong there: evaluation cannot fail.

mod access;
mod attribute;
mod check;
mod credentials;
mod defaults;
mod evaluate;
mod explain;
mod files;
mod load;
mod parse;
mod target;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use access::{AccessError, CredentialsFile, TargetFile};
pub use credentials::{Credentials, TokenAttributes};
pub use defaults::{Rule, Scope};
pub use explain::{Decision, Explanation};
pub use files::{PolicyFileError, PolicyFiles, PolicyText};
pub use load::{DefaultChecks, EffectiveRule, PolicyError, RuleSource};
pub use parse::{Alternative, CheckText, ParseError};
pub use target::Target;

use check::Check;
use evaluate::{Evaluation, RuleIndex};

/// The rules in force; immutable, meant to be shared in an `Arc`.
#[derive(Debug)]
pub struct Policy {
    /// By index; the first ones are those of [`Rule`], in its order.
    checks: Vec<Check<RuleIndex>>,
    /// What they were made from, by the same index.
    rules: Vec<EffectiveRule>,
    warnings: Vec<String>,
}

/// The caller may not do this: status 403, in Keystone's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("You are not authorized to perform the requested action: {}.", rule.name())]
pub struct Forbidden {
    /// The rule that did not pass.
    pub rule: Rule,
}

impl Policy {
    /// Keystone's rules, without a policy file.
    pub fn defaults() -> Self {
        // The built-in texts are constants that a test loads; should one be unreadable, a policy
        // without checks refuses everything.
        Self::load(&BTreeMap::new(), DefaultChecks::New).unwrap_or(Self {
            checks: Vec::new(),
            rules: Vec::new(),
            warnings: Vec::new(),
        })
    }

    /// Keystone's rules with `overrides` in place of the ones of the same name.
    ///
    /// # Errors
    /// An unreadable check, a reference to an unknown rule, a cycle, a limit passed; each names
    /// the rule.
    pub fn load(
        overrides: &BTreeMap<String, CheckText>,
        defaults: DefaultChecks,
    ) -> Result<Self, PolicyError> {
        load::load(overrides, defaults)
    }

    /// The rules in force: those that requests are checked against, those they refer to, and those that
    /// policy files have added.
    #[must_use]
    pub fn rules(&self) -> &[EffectiveRule] {
        &self.rules
    }

    /// What an operator should look at, each in one line.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Decides whether the caller may do what `rule` stands for to `target`.
    ///
    /// Authentication comes first: the empty check passes any caller, so a request without a valid
    /// token must have been answered with 401 before.
    ///
    /// # Errors
    /// [`Forbidden`] when the scope of the token is not among the rule's, or the check fails.
    pub fn enforce(
        &self,
        rule: Rule,
        credentials: &Credentials<'_>,
        target: &Target<'_>,
    ) -> Result<(), Forbidden> {
        if credentials.is_admin {
            return Ok(());
        }
        let scope_types = rule.scope_types();
        let is_in_scope = scope_types.is_empty() || scope_types.contains(&credentials.scope());
        let evaluation = Evaluation { checks: &self.checks, credentials, target };
        match self.checks.get(rule as usize) {
            Some(check) if is_in_scope && evaluation.holds(check) => Ok(()),
            _ => Err(Forbidden { rule }),
        }
    }
}
