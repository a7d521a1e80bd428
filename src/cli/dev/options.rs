//! `--set section.key=value`: options that the configuration of every node gets.

use std::path::Path;

use keyraft::config::{Config, ConfigError};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::super::failure::Failure;
use super::made_with::Shape;
use super::node_config;

/// Options of nodes, by section and key.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct NodeOptions(Table);

/// Options that differ from node to node, or that say where a node keeps its files.
const OWN: [&str; 8] = [
    "node.id",
    "node.data_dir",
    "node.cluster_key_file",
    "node.public_endpoint",
    "http.listen",
    "cluster.listen",
    "cluster.peers",
    "operations.admin_socket",
];

impl NodeOptions {
    /// Parses texts of the form `section.key=value`; the last of several for one key counts.
    ///
    /// # Errors
    /// A text is not of that form, or a node would not start with the options; the key is named.
    pub fn parse(texts: &[String]) -> Result<Self, Failure> {
        let mut options = Self::default();
        for text in texts {
            options.insert(text).map_err(|failure| failure.within("--set"))?;
        }
        options.check().map_err(|failure| failure.within("--set"))?;
        Ok(options)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Section, key and value of each option.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let sections = self.0.iter().filter_map(|(section, keys)| Some((section, keys.as_table()?)));
        sections.flat_map(|(section, keys)| {
            keys.iter().map(move |(key, value)| (section.as_str(), key.as_str(), value))
        })
    }

    /// The first option, as it would be given, that `recorded` does not have.
    pub fn missing_in(&self, recorded: &Self) -> Option<String> {
        let recorded = |section: &str, key: &str| recorded.0.get(section).and_then(|keys| keys.get(key));
        self.iter()
            .find(|(section, key, value)| recorded(section, key) != Some(value))
            .map(|(section, key, value)| format!("--set {section}.{key}={value}"))
    }

    fn insert(&mut self, text: &str) -> Result<(), Failure> {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        let parts = name.split_once('.').filter(|(section, key)| is_name(section) && is_name(key));
        let Some((section, key)) = parts.filter(|_| text.contains('=')) else {
            return Err(Failure::usage(format_args!("{text:?} is not of the form section.key=value")));
        };
        if OWN.contains(&name) {
            let reason = format!("{name}: keyraft dev chooses it for each node");
            return Err(Failure::usage(reason));
        }
        // What is no value of TOML is a string without its quotes.
        let value = value.parse().unwrap_or_else(|_| Value::String(value.to_owned()));
        let keys = self.0.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(keys) = keys {
            keys.insert(key.to_owned(), value);
        }
        Ok(())
    }

    /// Checks that a node accepts them; the rest of its configuration does not matter.
    fn check(&self) -> Result<(), Failure> {
        let text = node_config::text(Shape::default(), self, 0);
        match Config::parse(Path::new("config.toml"), &text) {
            Ok(_) => Ok(()),
            Err(ConfigError::Key { key, reason, .. }) => Err(Failure::usage(format_args!("{key}: {reason}"))),
            Err(error) => Err(error.into()),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<NodeOptions, Failure> {
        NodeOptions::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn value(text: &str) -> Value {
        let options = parse(&[text]).unwrap();
        let (_, _, value) = options.iter().next().unwrap();
        value.clone()
    }

    #[test]
    fn values_are_of_toml_and_strings_may_be_bare() {
        assert_eq!(value("token.expiration_s=15"), Value::Integer(15));
        assert_eq!(value("cluster.leases=false"), Value::Boolean(false));
        for text in ["log.level=info,keyraft=debug", "log.level=\"info,keyraft=debug\""] {
            assert_eq!(value(text), Value::String("info,keyraft=debug".to_owned()));
        }
        assert_eq!(value("auth.methods=['token']"), Value::Array(vec![Value::String("token".to_owned())]));
    }

    #[test]
    fn the_last_of_several_values_counts() {
        let options = parse(&["token.expiration_s=15", "token.expiration_s=16"]).unwrap();
        assert_eq!(options, parse(&["token.expiration_s=16"]).unwrap());
    }

    #[test]
    fn what_no_node_would_accept_is_one_line_that_names_the_key() {
        for (text, reason) in [
            ("token.expiratoin_s=15", "--set: token.expiratoin_s: unknown key"),
            ("tokens.expiration_s=15", "--set: tokens: unknown key"),
            ("token.expiration_s=0", "--set: token.expiration_s: 0 is not in the range"),
            ("token.expiration_s=long", "--set: token.expiration_s: invalid type: string \"long\""),
            ("token.expiration_s=1\nb=2", "--set: token.expiration_s: invalid type: string"),
            ("auth.methods=['token'", "--set: auth.methods: invalid type: string"),
            ("cluster.heartbeat_ms=1000", "--set: cluster.election_timeout_min_ms: "),
            ("cluster.peers=[]", "--set: cluster.peers: keyraft dev chooses it"),
            ("token.expiration_s", "--set: \"token.expiration_s\" is not of the form section.key=value"),
            ("expiration_s=15", "--set: \"expiration_s=15\" is not of the form"),
            (".expiration_s=15", "--set: \".expiration_s=15\" is not of the form"),
            ("token.expiration_s.more=15", "--set: \"token.expiration_s.more=15\" is not of the form"),
            ("", "--set: \"\" is not of the form"),
        ] {
            let error = parse(&[text]).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn an_option_that_was_not_recorded_with_that_value_is_named() {
        let recorded = parse(&["token.expiration_s=15", "log.level=warn"]).unwrap();
        let missing = |text| parse(&[text]).unwrap().missing_in(&recorded);
        assert_eq!(missing("log.level=warn"), None);
        assert_eq!(missing("token.expiration_s=16"), Some("--set token.expiration_s=16".to_owned()));
        assert_eq!(missing("http.list_limit=3"), Some("--set http.list_limit=3".to_owned()));
    }
}
