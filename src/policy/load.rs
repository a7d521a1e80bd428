//! Turning named check texts into checks that refer to each other by index.

use std::collections::{BTreeMap, HashMap};

use super::check::{Check, Reference};
use super::defaults::{BASE_RULES, Rule};
use super::evaluate::RuleIndex;
use super::parse::{CheckText, ParseError, parse_text};

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

/// Loads the built-in rules with `overrides` in place of those of the same name. The check of
/// [`Rule`] `r` is at index `r as usize`.
pub(super) fn load(overrides: &BTreeMap<String, CheckText>) -> Result<Vec<Check<RuleIndex>>, PolicyError> {
    let built_in: Vec<(&str, &str)> = Rule::ALL
        .iter()
        .map(|rule| (rule.name(), rule.default_check()))
        .chain(BASE_RULES.iter().copied())
        .collect();
    let mut indexes: HashMap<&str, RuleIndex> =
        built_in.iter().enumerate().map(|(index, (name, _))| (*name, index)).collect();
    let added: Vec<(&str, &CheckText)> = overrides
        .iter()
        .map(|(name, text)| (name.as_str(), text))
        .filter(|(name, _)| !indexes.contains_key(name))
        .collect();
    if added.len() > MAX_ADDED_RULES {
        return Err(PolicyError::TooManyRules { added: added.len() });
    }

    let mut names = Vec::with_capacity(built_in.len().saturating_add(added.len()));
    let mut parsed = Vec::with_capacity(names.capacity());
    for (name, default_check) in &built_in {
        names.push(*name);
        let check = overrides
            .get(*name)
            .map_or_else(|| parse_text(default_check), CheckText::parse)
            .map_err(|source| PolicyError::Check { rule: (*name).to_owned(), source })?;
        parsed.push(check);
    }
    for (name, text) in added {
        if name.starts_with("identity:") {
            tracing::warn!(rule = name, "the policy file names a rule that no request checks");
        }
        indexes.insert(name, names.len());
        names.push(name);
        let check = text.parse().map_err(|source| PolicyError::Check { rule: name.to_owned(), source })?;
        parsed.push(check);
    }

    let checks = names
        .iter()
        .zip(parsed)
        .map(|(name, check)| {
            check.try_map(&mut |reference: Reference| {
                indexes
                    .get(reference.name.as_str())
                    .or_else(|| indexes.get(FALLBACK_RULE))
                    .copied()
                    .ok_or_else(|| PolicyError::UnknownRule {
                        rule: (*name).to_owned(),
                        position: reference.position,
                        reference: reference.name,
                    })
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    Survey { names: &names, checks: &checks, sizes: HashMap::new(), path: Vec::new() }.run()?;
    Ok(checks)
}

/// Walks the references between rules once, depth first.
struct Survey<'s> {
    names: &'s [&'s str],
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
        self.names.get(index).map_or_else(String::new, |name| (*name).to_owned())
    }
}
