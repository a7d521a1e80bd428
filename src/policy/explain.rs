//! Why a decision is what it is: each part of a check with the values that it compares.

use std::fmt::Write;

use super::attribute::Held;
use super::check::Check;
use super::evaluate::{Evaluation, RuleIndex};
use super::template::Template;
use super::{Credentials, Policy, Rule, Scope, Target};

/// A decision and its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The rule that was asked for.
    pub rule: String,
    /// Whether it lets the caller through.
    pub is_allowed: bool,
    /// The credentials pass every rule, whatever it says.
    pub is_admin_token: bool,
    /// The scope of the credentials.
    pub scope: Scope,
    /// The scopes that the rule takes; empty: all.
    pub scope_types: &'static [Scope],
    /// The check, part by part.
    pub check: Explanation,
}

/// One part of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it holds.
    pub holds: bool,
    /// What it is: `any of`, `all of`, `not`, or the check as a policy file has it.
    pub text: String,
    /// The values that it compares, unless it consists of parts.
    pub values: Option<String>,
    /// Its parts; all of them, also those that evaluation would not look at.
    pub parts: Vec<Explanation>,
}

impl Decision {
    /// Whether the scope of the credentials is one that the rule takes.
    #[must_use]
    pub fn is_in_scope(&self) -> bool {
        self.scope_types.is_empty() || self.scope_types.contains(&self.scope)
    }
}

impl Policy {
    /// Decides as [`Policy::enforce`] does, and says why. `None` when there is no such rule.
    #[must_use]
    pub fn explain(
        &self,
        rule: &str,
        credentials: &Credentials<'_>,
        target: &Target<'_>,
    ) -> Option<Decision> {
        let index = self.rules.iter().position(|known| known.name == rule)?;
        let check = self.checks.get(index)?;
        let scope_types = Rule::ALL.get(index).map_or(&[] as &[Scope], |rule| rule.scope_types());
        let evaluation = Evaluation { checks: &self.checks, credentials, target };
        let mut decision = Decision {
            rule: rule.to_owned(),
            is_allowed: false,
            is_admin_token: credentials.is_admin,
            scope: credentials.scope(),
            scope_types,
            check: Explainer { policy: self, evaluation }.explain(check),
        };
        decision.is_allowed = decision.is_admin_token || decision.is_in_scope() && decision.check.holds;
        Some(decision)
    }
}

struct Explainer<'e> {
    policy: &'e Policy,
    evaluation: Evaluation<'e>,
}

impl Explainer<'_> {
    fn explain(&self, check: &Check<RuleIndex>) -> Explanation {
        let (text, parts) = match check {
            Check::Not(inner) => ("not".to_owned(), vec![self.explain(inner)]),
            Check::All(parts) => ("all of".to_owned(), parts.iter().map(|part| self.explain(part)).collect()),
            Check::Any(parts) => ("any of".to_owned(), parts.iter().map(|part| self.explain(part)).collect()),
            Check::Rule(index) => {
                let name = self.policy.rules.get(*index).map_or("", |rule| rule.name.as_str());
                let parts = self.policy.checks.get(*index).map(|check| self.explain(check));
                (format!("rule:{name}"), parts.into_iter().collect())
            }
            leaf => (leaf_text(leaf), Vec::new()),
        };
        Explanation { holds: self.evaluation.holds(check), text, values: self.values(check), parts }
    }

    fn values(&self, check: &Check<RuleIndex>) -> Option<String> {
        let credentials = self.evaluation.credentials;
        let (left, template) = match check {
            Check::Always => return Some("always".to_owned()),
            Check::Never => return Some("never".to_owned()),
            Check::Role(template) => (many("roles", credentials.roles), Some(template)),
            Check::Literal { template, .. } => (None, Some(template)),
            Check::Attribute { attribute, path, template } => {
                let left = match attribute.read(credentials) {
                    Held::Nothing => Some(format!("the credentials have no {path}")),
                    Held::One(value) => Some(format!("{path} is {}", quoted(value))),
                    Held::Many(values) => many(path, values),
                };
                (left, Some(template))
            }
            Check::Not(_) | Check::All(_) | Check::Any(_) | Check::Rule(_) => return None,
        };
        let right =
            template.into_iter().flat_map(Template::keys).map(|key| match self.evaluation.target.get(key) {
                Some(value) => format!("{key} is {}", quoted(&value)),
                None => format!("the target has no {key}"),
            });
        let values: Vec<_> = left.into_iter().chain(right).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }
}

fn leaf_text(check: &Check<RuleIndex>) -> String {
    match check {
        Check::Always => "@".to_owned(),
        Check::Never => "!".to_owned(),
        Check::Role(template) => format!("role:{template}"),
        Check::Literal { value, template } if is_bare(value) => format!("{value}:{template}"),
        Check::Literal { value, template } => format!("'{value}':{template}"),
        Check::Attribute { path, template, .. } => format!("{path}:{template}"),
        Check::Not(_) | Check::All(_) | Check::Any(_) | Check::Rule(_) => String::new(),
    }
}

/// Whether a literal is one that is written without quotes.
fn is_bare(value: &str) -> bool {
    matches!(value, "None" | "True" | "False") || value.parse::<i64>().is_ok()
}

fn many(name: &str, values: &[&str]) -> Option<String> {
    if values.is_empty() {
        return Some(format!("there are no {name}"));
    }
    let mut text = format!("{name} are ");
    for (place, value) in values.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(text, "{comma}{}", quoted(value));
    }
    Some(text)
}

/// `None` stands for a value that is not set, and is shown as policies write it.
fn quoted(value: &str) -> String {
    if value == "None" { value.to_owned() } else { format!("{value:?}") }
}
