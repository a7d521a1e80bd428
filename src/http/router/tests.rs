//! The router, the description of the API and the list of what Keystone answers hold the same rows.

use std::collections::BTreeSet;

use super::*;

/// The rows that are compared with Keystone: method, path and component of each.
const KEYSTONE: &str = include_str!("../../../tests/differential/rows.tsv");

/// Keystone has this path for these methods too, to answer 405.
const REFUSED: (&str, [&str; 2]) = ("/v3/users/{user_id}/password", ["GET", "HEAD"]);

/// Paths that are about the node.
const OF_NODE: [&str; 5] = ["/healthcheck", "/openapi.json", "/ready", "/metrics", ops::status::STATUS_PATH];

fn rows_of_router() -> BTreeSet<(String, String)> {
    let routes = routes();
    let rows = routes
        .0
        .iter()
        .flat_map(|route| route.methods().into_iter().map(|method| (method.to_string(), route.path.clone())));
    let listed: Vec<(String, String)> = rows.collect();
    let rows: BTreeSet<(String, String)> = listed.iter().cloned().collect();
    assert_eq!(rows.len(), listed.len(), "no row stands twice");
    rows
}

#[test]
fn the_description_lists_exactly_the_rows_of_the_router() {
    let document = openapi::document(&routes());
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                assert!(operation["responses"].as_object().is_some_and(|answers| !answers.is_empty()));
                described.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    assert_eq!(described, rows_of_router());
}

#[test]
fn every_operation_has_an_id_of_its_own() {
    let document = openapi::document(&routes());
    let mut ids = BTreeSet::new();
    for item in document["paths"].as_object().unwrap().values() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "parameters" {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{id}");
            }
        }
    }
}

#[test]
fn the_rows_are_those_of_keystone_and_those_of_the_node() {
    let named = |path: &str| path.replace("{prior_role_id}", "{role_id}");
    let needed: BTreeSet<(String, String)> = KEYSTONE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|row| row[1] != REFUSED.0 || !REFUSED.1.contains(&row[0]))
        .map(|row| (row[0].to_owned(), named(row[1])))
        .collect();
    let present: BTreeSet<(String, String)> =
        rows_of_router().into_iter().filter(|(_, path)| !OF_NODE.contains(&path.as_str())).collect();
    assert_eq!(present, needed);
}

/// The framework panics where two operations of a path have one method.
#[test]
fn the_routes_can_be_served() {
    let routes = routes();
    let _: Router<App> =
        routes.0.iter().fold(Router::new(), |router, route| router.route(&route.path, route.method_router()));
}
