//! Every path with every method: OPTIONS, and those that it does not have.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;

use super::request::request;
use super::rows::rows;
use super::session::Session;

const METHODS: &[Method] = &[Method::GET, Method::PUT, Method::POST, Method::PATCH, Method::DELETE];

pub fn methods(s: &mut Session) {
    let mut by_path: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows() {
        by_path.entry(row.path).or_default().insert(row.method);
    }
    for (path, has) in by_path {
        let path = without_parameters(path);
        s.exchange("nobody", &request(Method::OPTIONS, &path));
        s.exchange("admin", &request(Method::OPTIONS, &path));
        for method in METHODS.iter().filter(|method| !has.contains(method.as_str())) {
            s.exchange("nobody", &request(method.clone(), &path));
        }
        s.exchange("nobody", &request(Method::OPTIONS, &format!("{path}/")));
    }
}

/// The path with `x` for each `{parameter}`.
fn without_parameters(path: &str) -> String {
    let parts = path.split('/').map(|part| if part.starts_with('{') { "x" } else { part });
    parts.collect::<Vec<_>>().join("/")
}
