//! The options that have to be the same on all nodes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Config;

/// Sections and options that each node has of its own. All others decide what clients are answered, and
/// a new one does too until it stands here.
const OWN: [&str; 20] = [
    "node",
    "cluster.listen",
    "cluster.peers",
    "cluster.heartbeat_ms",
    "cluster.election_timeout_min_ms",
    "cluster.election_timeout_max_ms",
    "cluster.learner_leases",
    "cluster.read_timeout_ms",
    "cluster.write_timeout_ms",
    "cluster.digest_interval_ms",
    "cluster.promotion_delay_s",
    "operations",
    "log",
    "http.listen",
    "http.shutdown_delay_s",
    "http.trusted_proxies",
    "identity.hashing_threads",
    // A secret is not told, nor where it is.
    "auth.admin_token_file",
    // What the files say is compared, not where they are.
    "policy.policy_file",
    "policy.policy_dirs",
];

impl Config {
    /// The options that have to be the same on all nodes, by their full names.
    ///
    /// Those that have their default value are left out, so that a node of the next version, which may
    /// know more options, tells the same.
    #[must_use]
    pub fn shared_options(&self) -> BTreeMap<String, Value> {
        let mut options = BTreeMap::new();
        collect("", &json!(self), &mut options);
        let untouched = json!({ "node": self.node, "cluster": { "peers": self.cluster.peers } });
        if let Ok(untouched) = serde_json::from_value::<Self>(untouched) {
            let mut defaults = BTreeMap::new();
            collect("", &json!(untouched), &mut defaults);
            options.retain(|name, value| defaults.get(name) != Some(value));
        }
        options
    }
}

fn collect(section: &str, value: &Value, found: &mut BTreeMap<String, Value>) {
    let Value::Object(keys) = value else {
        found.insert(section.to_owned(), value.clone());
        return;
    };
    for (key, value) in keys {
        let name = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        if !OWN.contains(&name.as_str()) {
            collect(&name, value, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn options(sections: &str) -> Value {
        let required = "[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'a:5100' }]\n";
        json!(Config::parse(Path::new("k"), &format!("{required}{sections}")).unwrap().shared_options())
    }

    #[test]
    fn what_each_node_has_of_its_own_is_not_compared() {
        let own = "[http]\nlisten = '127.0.0.1:1'\nshutdown_delay_s = 9\n[identity]\nhashing_threads = 3\n[log]\nlevel = 'debug'\n";
        assert_eq!(options(own), json!({}));
    }

    #[test]
    fn what_has_its_default_value_is_not_compared() {
        assert_eq!(options("[token]\nexpiration_s = 3600\n"), json!({}));
    }

    #[test]
    fn what_decides_the_answers_is_compared() {
        let sections = "[http]\nmax_db_limit = 7\n[token]\nexpiration_s = 60\n[auth]\nmethods = ['token']\n";
        let compared = json!({ "http.max_db_limit": 7, "token.expiration_s": 60, "auth.methods": ["token"] });
        assert_eq!(options(sections), compared);
    }
}
