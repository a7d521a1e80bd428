//! `keyraft policy show`

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use keyraft::policy::{CheckText, EffectiveRule, RuleSource};
use serde_json::{Value, json};

use super::super::failure::Failure;
use super::super::{output, table};
use super::{load, scope_names};

/// Show the rules in force: the built-in ones, with those of the policy files in their place.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The configuration of the node, as given to `keyraft serve`; without it, the built-in rules
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only this rule
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// How to print; yaml gives a policy file
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Table,
    Json,
    Yaml,
}

pub fn run(args: &ShowArgs) -> Result<(), Failure> {
    let policy = load(args.config.as_ref())?;
    let mut rules = policy.rules().to_vec();
    if let Some(name) = &args.rule {
        rules.retain(|rule| rule.name == *name);
        if rules.is_empty() {
            return Err(Failure::usage(format_args!("there is no rule {name}")));
        }
    }
    rules.sort_by(|one, other| one.name.cmp(&other.name));
    match args.format {
        Format::Table => output::line(as_table(&rules)),
        Format::Json => {
            output::line(serde_json::to_string_pretty(&as_json(&rules)).map_err(Failure::runtime)?)
        }
        Format::Yaml => output::line(as_yaml(&rules)),
    }
}

fn source(source: RuleSource) -> &'static str {
    match source {
        RuleSource::Default => "default",
        RuleSource::DefaultOrDeprecated => "default or deprecated",
        RuleSource::File => "file",
    }
}

/// A check in one line.
fn one_line(check: &CheckText) -> String {
    match check {
        CheckText::Text(text) if text.is_empty() => "@".to_owned(),
        CheckText::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        CheckText::Lists(lists) => json!(lists).to_string(),
    }
}

fn as_table(rules: &[EffectiveRule]) -> String {
    let mut rows = vec![["rule", "from", "scope types", "check"].map(str::to_owned).to_vec()];
    for rule in rules {
        let scopes = scope_names(rule.scope_types);
        rows.push(vec![rule.name.clone(), source(rule.source).to_owned(), scopes, one_line(&rule.check)]);
    }
    table::render(&rows)
}

fn as_json(rules: &[EffectiveRule]) -> Value {
    let rules = rules.iter().map(|rule| {
        let scopes: Vec<_> = rule.scope_types.iter().map(|scope| scope.name()).collect();
        json!({ "rule": rule.name, "check": rule.check, "scope_types": scopes, "from": source(rule.source) })
    });
    rules.collect()
}

/// JSON's quoting is YAML's too.
fn as_yaml(rules: &[EffectiveRule]) -> String {
    let mut text = String::new();
    for rule in rules {
        let check = match &rule.check {
            CheckText::Text(text) => json!(text.split_whitespace().collect::<Vec<_>>().join(" ")),
            CheckText::Lists(lists) => json!(lists),
        };
        let (scopes, from) = (scope_names(rule.scope_types), source(rule.source));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# scope types: {scopes}; from: {from}\n{}: {check}", json!(rule.name));
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use keyraft::policy::{Policy, PolicyFiles};

    use super::*;

    #[test]
    fn the_yaml_is_a_policy_file_with_the_same_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        std::fs::write(&path, as_yaml(Policy::defaults().rules())).unwrap();
        let files = PolicyFiles { file: Some(path), ..PolicyFiles::default() };
        let loaded = files.load(&files.read().unwrap()).unwrap();
        let checks = |policy: &Policy| -> Vec<String> {
            policy.rules().iter().map(|rule| format!("{} {}", rule.name, one_line(&rule.check))).collect()
        };
        assert_eq!(checks(&loaded), checks(&Policy::defaults()));
        assert!(loaded.rules().iter().all(|rule| rule.source == RuleSource::File));
    }
}
