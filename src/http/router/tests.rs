//! The router, the description of the API and the list of what Keystone answers hold the same rows.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::http::json_home;

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

#[test]
fn json_home_has_the_resources_by_their_relations() {
    let base = "https://docs.openstack.org/api/openstack-identity/3";
    let document = json_home::document(&routes(), "/v3");
    let resource = |relation: &str| &document["resources"][format!("{base}/{relation}")];
    assert_eq!(resource("rel/users"), &json!({ "href": "/v3/users" }));
    assert_eq!(
        resource("rel/implied_role"),
        &json!({
            "href-template": "/v3/roles/{prior_role_id}/implies/{implied_role_id}",
            "href-vars": {
                "prior_role_id": format!("{base}/param/role_id"),
                "implied_role_id": format!("{base}/param/role_id"),
            },
        })
    );
    assert_eq!(
        resource("ext/OS-INHERIT/1.0/rel/domain_user_roles_inherited_to_projects"),
        &json!({
            "href-template": "/v3/OS-INHERIT/domains/{domain_id}/users/{user_id}/roles/inherited_to_projects",
            "href-vars": {
                "domain_id": format!("{base}/param/domain_id"),
                "user_id": format!("{base}/param/user_id"),
            },
        })
    );
}

/// The framework panics where two operations of a path have one method.
#[test]
fn the_routes_can_be_served() {
    let routes = routes();
    let _: Router<App> =
        routes.0.iter().fold(Router::new(), |router, route| router.route(&route.path, route.method_router()));
}
