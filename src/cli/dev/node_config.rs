//! `DIR/node-i/config.toml`

use std::fmt::Write;

use super::made_with::Shape;
use super::options::NodeOptions;

/// Keys and their values, in TOML.
type Keys = Vec<(String, String)>;

/// The configuration of one node: what `keyraft dev` chooses, and the options it was given. Its paths are relative, so
/// that the folder of the cluster may move.
pub fn text(shape: Shape, options: &NodeOptions, number: u16) -> String {
    let mut sections = chosen(shape, number);
    for (section, key, value) in options.iter() {
        set(&mut sections, section, key, value.to_string());
    }
    let mut text = format!(
        "# Written by keyraft dev for node {number}; keyraft.sample.toml documents every key.\n\
         # To start this node by itself: keyraft serve --config FILE, with this file.\n"
    );
    for (section, keys) in sections {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n[{section}]\n");
        for (key, value) in keys {
            let _ = writeln!(text, "{key} = {value}");
        }
    }
    text
}

fn chosen(shape: Shape, number: u16) -> Vec<(String, Keys)> {
    let http = shape.http_address(number);
    let mut peers = "[\n".to_owned();
    for peer in shape.numbers() {
        let _ = writeln!(peers, "    {{ id = {peer}, address = \"{}\" }},", shape.cluster_address(peer));
    }
    peers.push(']');
    let mut sections = Vec::new();
    for (section, key, value) in [
        ("node", "id", number.to_string()),
        ("node", "data_dir", "\".\"".to_owned()),
        ("node", "cluster_key_file", "\"../cluster.key\"".to_owned()),
        ("node", "public_endpoint", format!("\"http://{http}\"")),
        ("http", "listen", format!("\"{http}\"")),
        // No load balancer asks it.
        ("http", "shutdown_delay_s", 0.to_string()),
        ("cluster", "listen", format!("\"{}\"", shape.cluster_address(number))),
        ("cluster", "peers", peers),
        ("operations", "status_without_credentials", true.to_string()),
        ("operations", "metrics", true.to_string()),
    ] {
        set(&mut sections, section, key, value);
    }
    sections
}

/// Replaces the value of a key, or adds the key.
fn set(sections: &mut Vec<(String, Keys)>, section: &str, key: &str, value: String) {
    let Some((_, keys)) = sections.iter_mut().find(|(name, _)| name == section) else {
        sections.push((section.to_owned(), vec![(key.to_owned(), value)]));
        return;
    };
    match keys.iter_mut().find(|(name, _)| name == key) {
        Some((_, present)) => *present = value,
        None => keys.push((key.to_owned(), value)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use keyraft::config::Config;

    use super::*;

    fn config(options: &[&str]) -> Config {
        let options = options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>();
        let options = NodeOptions::parse(&options).unwrap();
        let text = text(Shape { nodes: 3, http_port: 5000 }, &options, 2);
        Config::parse(Path::new("config.toml"), &text).unwrap()
    }

    #[test]
    fn a_node_accepts_its_configuration() {
        let config = config(&[]);
        assert_eq!(config.node.id, 2);
        assert_eq!(config.public_endpoint(), "http://127.0.0.1:5002");
        let peers: Vec<_> = config.cluster.peers.iter().map(|peer| peer.address.as_str()).collect();
        assert_eq!(peers, ["127.0.0.1:5100", "127.0.0.1:5101", "127.0.0.1:5102"]);
        assert_eq!(config.cluster.listen.unwrap().to_string(), "127.0.0.1:5102");
        assert!(config.operations.metrics);
    }

    #[test]
    fn the_options_that_it_was_given_are_in_force() {
        let regex = r#"(?=.*["'\\]).*"#;
        let regex_option = format!("security_compliance.password_regex={regex}");
        let config = config(&[
            "operations.metrics=false",
            "cluster.read_timeout_ms=500",
            "token.expiration_s=15",
            &regex_option,
        ]);
        assert!(!config.operations.metrics && config.operations.status_without_credentials);
        assert_eq!((config.cluster.read_timeout_ms, config.token.expiration_s), (500, 15));
        let shown = serde_json::to_value(&config.security_compliance.password_regex).unwrap();
        assert_eq!(shown, regex);
        assert_eq!(config.cluster.peers.len(), 3);
    }
}
