//! Holds `keyraft.sample.toml` and `docs/configuration.md` to the code.

use std::path::Path;

use serde_json::Value;

use super::Config;

const SAMPLE: &str = include_str!("../../keyraft.sample.toml");
const DOCUMENT: &str = include_str!("../../docs/configuration.md");

/// The sample with every `#key = value` in force.
fn uncommented() -> String {
    let is_key = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = ");
    let lines = SAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if is_key(rest) => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every key with its value; `null` for one that is unset.
fn leaves(prefix: &str, value: &Value, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                let dot = if prefix.is_empty() { "" } else { "." };
                leaves(&format!("{prefix}{dot}{key}"), value, found);
            }
        }
        other => found.push((prefix.to_owned(), other.clone())),
    }
}

fn leaves_of(config: &Config) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    leaves("", &serde_json::to_value(config).unwrap(), &mut found);
    found
}

#[test]
fn the_sample_is_a_valid_configuration_as_it_stands() {
    let config = Config::parse(Path::new("keyraft.sample.toml"), SAMPLE).unwrap();
    assert_eq!(config.cluster.peers.len(), 3);
}

#[test]
fn the_sample_mentions_every_key_and_shows_its_default() {
    let defaults = Config::parse(Path::new("sample"), SAMPLE).unwrap();
    let shown: toml::Table = uncommented().parse().unwrap();
    let shown = serde_json::to_value(shown).unwrap();
    for (key, default) in leaves_of(&defaults) {
        let value = shown.pointer(&format!("/{}", key.replace('.', "/")));
        let value = value.unwrap_or_else(|| panic!("the sample does not mention {key}"));
        if !default.is_null() {
            assert_eq!(value, &default, "{key}");
        }
    }
}

#[test]
fn every_value_that_the_sample_shows_is_valid() {
    let shown = Config::parse(Path::new("sample"), &uncommented()).unwrap();
    let unset: Vec<_> = leaves_of(&shown).into_iter().filter(|(_, value)| value.is_null()).collect();
    assert!(unset.is_empty(), "the sample has no example of {unset:?}");
}

/// The keys that `docs/configuration.md` names: what stands in its code spans and begins with a section of ours.
/// `section.*` stands for every key of it.
fn documented(keys: &[String]) -> Vec<&'static str> {
    let sections: Vec<&str> = keys.iter().filter_map(|key| key.split('.').next()).collect();
    let spans = DOCUMENT.split('`').skip(1).step_by(2);
    spans
        .filter(|span| span.split_once('.').is_some_and(|(section, _)| sections.contains(&section)))
        .collect()
}

#[test]
fn the_document_of_the_configuration_names_every_key_and_no_other() {
    let defaults = Config::parse(Path::new("sample"), SAMPLE).unwrap();
    let keys: Vec<String> = leaves_of(&defaults).into_iter().map(|(key, _)| key).collect();
    let documented = documented(&keys);
    let covers = |span: &str, key: &str| match span.strip_suffix('*') {
        Some(section) => key.starts_with(section),
        None => span == key,
    };
    for key in &keys {
        assert!(documented.iter().any(|span| covers(span, key)), "docs/configuration.md lacks {key}");
    }
    for span in &documented {
        assert!(
            keys.iter().any(|key| covers(span, key)),
            "docs/configuration.md names {span}, which is no key"
        );
    }
}
