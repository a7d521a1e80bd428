//! Turning named check texts into checks that refer to each other by index.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Policy;
use super::check::{Check, Reference};
use super::defaults::{BASE_RULES, Rule, Scope};
use super::evaluate::RuleIndex;
use super::parse::{CheckText, ParseError};

/// The rule that stands in for a reference to an unknown one, if a policy file defines it.
const FALLBACK_RULE: &str = "default";

/// How many rules a policy file may add to the built-in ones.
pub(super) const MAX_ADDED_RULES: usize = 10_000;

/// How long a chain of rules that refer to each other may be.
pub(super) const MAX_REFERENCE_DEPTH: usize = 32;

/// How many checks a rule may come to once its references are written out, which bounds the time
/// of one evaluation.
pub(super) const MAX_EXPANDED_CHECKS: usize = 10_000;

/// Why a policy cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// A check cannot be read.
    #[error("policy rule `{rule}`: {source}")]
    Check {
        /// The rule at fault.
        rule: String,
        /// What is wrong with it, and where.
        source: ParseError,
    },
    /// A reference to a rule that does not exist.
    #[error("policy rule `{rule}`: byte {position}: there is no rule `{reference}`")]
    UnknownRule {
        /// The rule at fault.
        rule: String,
        /// Where the reference stands.
        position: usize,
        /// The name it refers to.
        reference: String,
    },
    /// A rule that refers to itself, directly or through others.
    #[error("policy rule `{rule}` refers to itself: {}", path.join(" -> "))]
    Cycle {
        /// A rule on the cycle.
        rule: String,
        /// The rules of the cycle in the order they refer to each other, from `rule` to `rule`.
        path: Vec<String>,
    },
    /// A chain of references over the limit.
    #[error("policy rule `{rule}`: references are chained deeper than {MAX_REFERENCE_DEPTH}")]
    ChainTooLong {
        /// The rule at fault.
        rule: String,
    },
    /// A rule that grows over the limit once its references are written out.
    #[error("policy rule `{rule}` comes to more than {MAX_EXPANDED_CHECKS} checks")]
    TooLarge {
        /// The rule at fault.
        rule: String,
    },
    /// More rules than are accepted.
    #[error("the policy adds {added} rules, at most {MAX_ADDED_RULES} are accepted")]
    TooManyRules {
        /// How many it adds.
        added: usize,
    },
}

impl PolicyError {
    /// The rules at fault.
    pub(super) fn rules(&self) -> impl Iterator<Item = &str> {
        let (rule, path): (_, &[String]) = match self {
            Self::Check { rule, .. }
            | Self::UnknownRule { rule, .. }
            | Self::ChainTooLong { rule }
            | Self::TooLarge { rule } => (Some(rule.as_str()), &[]),
            Self::Cycle { path, .. } => (None, path),
            Self::TooManyRules { .. } => (None, &[]),
        };
        rule.into_iter().chain(path.iter().map(String::as_str))
    }
}

/// What is in force for a rule that no policy file names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DefaultChecks {
    /// Its check.
    #[default]
    New,
    /// Its check, or the deprecated one that older releases of Keystone had in its place. Keystone:
    /// `[oslo_policy] enforce_new_defaults = false`.
    NewOrDeprecated,
}

/// Where a rule's check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// It is built in.
    Default,
    /// It is built in, joined with the deprecated one.
    DefaultOrDeprecated,
    /// A policy file.
    File,
}

/// A rule as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveRule {
    /// Its name.
    pub name: String,
    /// Its check.
    pub check: CheckText,
    /// Where that comes from.
    pub source: RuleSource,
    /// The scopes a token may have; empty when any will do.
    pub scope_types: &'static [Scope],
}

/// Loads the built-in rules with `overrides` in place of those of the same name. The check of
/// [`Rule`] `r` is at index `r as usize`.
pub(super) fn load(
    overrides: &BTreeMap<String, CheckText>,
    defaults: DefaultChecks,
) -> Result<Policy, PolicyError> {
    let rules = effective_rules(overrides, defaults)?;
    let indexes: HashMap<&str, RuleIndex> =
        rules.iter().enumerate().map(|(index, rule)| (rule.name.as_str(), index)).collect();
    let mut checks = Vec::with_capacity(rules.len());
    for EffectiveRule { name, check, .. } in &rules {
        let check = check.parse().map_err(|source| PolicyError::Check { rule: name.clone(), source })?;
        checks.push(check.try_map(&mut |reference: Reference| {
            let known = indexes.get(reference.name.as_str()).or_else(|| indexes.get(FALLBACK_RULE));
            known.copied().ok_or_else(|| PolicyError::UnknownRule {
                rule: name.clone(),
                position: reference.position,
                reference: reference.name,
            })
        })?);
    }
    Survey { rules: &rules, checks: &checks, sizes: HashMap::new(), path: Vec::new() }.run()?;
    let warnings = warnings(&rules);
    Ok(Policy { checks, rules, warnings })
}

fn effective_rules(
    overrides: &BTreeMap<String, CheckText>,
    defaults: DefaultChecks,
) -> Result<Vec<EffectiveRule>, PolicyError> {
    let enforced = Rule::ALL
        .iter()
        .map(|rule| (rule.name(), rule.default_check(), rule.deprecated_check(), rule.scope_types()));
    let base = BASE_RULES.iter().map(|(name, check)| (*name, *check, None, &[] as &[Scope]));
    let mut rules: Vec<EffectiveRule> = enforced
        .chain(base)
        .map(|(name, default, deprecated, scope_types)| {
            let (check, source) = match (overrides.get(name), deprecated) {
                (Some(check), _) => (check.clone(), RuleSource::File),
                (None, Some(deprecated)) if defaults == DefaultChecks::NewOrDeprecated => {
                    let either = format!("({default}) or ({deprecated})");
                    (CheckText::Text(either), RuleSource::DefaultOrDeprecated)
                }
                (None, _) => (CheckText::Text(default.to_owned()), RuleSource::Default),
            };
            EffectiveRule { name: name.to_owned(), check, source, scope_types }
        })
        .collect();
    let built_in: HashSet<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    let added = overrides.iter().filter(|(name, _)| !built_in.contains(name.as_str()));
    let added: Vec<EffectiveRule> = added
        .map(|(name, check)| EffectiveRule {
            name: name.clone(),
            check: check.clone(),
            source: RuleSource::File,
            scope_types: &[],
        })
        .collect();
    if added.len() > MAX_ADDED_RULES {
        return Err(PolicyError::TooManyRules { added: added.len() });
    }
    rules.extend(added);
    Ok(rules)
}

/// What an operator should look at, each in one line.
fn warnings(rules: &[EffectiveRule]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.source == RuleSource::File) {
        let name = &rule.name;
        let known = Rule::ALL.get(index);
        // Keystone has deprecated this one for removal: nothing checks it.
        let is_unused = match known {
            Some(rule) => *rule == Rule::RevocationList,
            None => name.starts_with("identity:"),
        };
        if is_unused {
            warnings.push(format!("the policy files name {name}, which no request checks"));
        } else if known.is_some_and(|known| rule.check == CheckText::Text(known.default_check().to_owned())) {
            warnings.push(format!("the policy files name {name} with the check that is built in"));
        }
    }
    let deprecated = rules.iter().filter(|rule| rule.source == RuleSource::DefaultOrDeprecated).count();
    if deprecated > 0 {
        warnings.push(format!(
            "policy.enforce_new_defaults is off: {deprecated} rules let through whom their deprecated checks do"
        ));
    }
    warnings
}

/// Walks the references between rules once, depth first.
struct Survey<'s> {
    rules: &'s [EffectiveRule],
    checks: &'s [Check<RuleIndex>],
    /// Extent of each rule already walked.
    sizes: HashMap<RuleIndex, Extent>,
    /// The rules being walked, each referring to the next.
    path: Vec<RuleIndex>,
}

/// Of a rule with its references written out.
#[derive(Clone, Copy)]
struct Extent {
    checks: usize,
    depth: usize,
}

impl Survey<'_> {
    fn run(mut self) -> Result<(), PolicyError> {
        for index in 0..self.checks.len() {
            self.walk(index)?;
        }
        Ok(())
    }

    fn walk(&mut self, index: RuleIndex) -> Result<Extent, PolicyError> {
        if let Some(extent) = self.sizes.get(&index) {
            return Ok(*extent);
        }
        if let Some(start) = self.path.iter().position(|visited| *visited == index) {
            let cycle = self.path.iter().skip(start).chain([&index]);
            return Err(PolicyError::Cycle {
                rule: self.name(index),
                path: cycle.map(|step| self.name(*step)).collect(),
            });
        }
        if self.path.len() >= MAX_REFERENCE_DEPTH {
            return Err(PolicyError::ChainTooLong { rule: self.name(index) });
        }
        self.path.push(index);
        let mut extent = Extent { checks: 0, depth: 0 };
        if let Some(check) = self.checks.get(index) {
            check.visit(&mut |part| {
                let below = match part {
                    Check::Rule(reference) => self.walk(*reference)?,
                    _ => Extent { checks: 0, depth: 0 },
                };
                extent.checks = extent.checks.saturating_add(1).saturating_add(below.checks);
                extent.depth = extent.depth.max(below.depth);
                Ok(())
            })?;
        }
        extent.depth = extent.depth.saturating_add(1);
        self.path.pop();
        if extent.depth > MAX_REFERENCE_DEPTH {
            return Err(PolicyError::ChainTooLong { rule: self.name(index) });
        }
        if extent.checks > MAX_EXPANDED_CHECKS {
            return Err(PolicyError::TooLarge { rule: self.name(index) });
        }
        self.sizes.insert(index, extent);
        Ok(extent)
    }

    fn name(&self, index: RuleIndex) -> String {
        self.rules.get(index).map_or_else(String::new, |rule| rule.name.clone())
    }
}
