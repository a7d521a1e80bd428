//! JSON-home: the resources of the API by their relations, generated from the routes.

use serde_json::{Map, Value, json};

use super::route::{Route, Routes};

const BASE: &str = "https://docs.openstack.org/api/openstack-identity/3/";

/// The path below which all relations are.
const VERSION: &str = "/v3";

/// The document; its paths begin with `prefix` in place of `/v3`.
#[must_use]
pub fn document(routes: &Routes, prefix: &str) -> Value {
    let resources: Map<String, Value> =
        routes.0.iter().filter_map(|route| Some((relation(route)?, resource(route, prefix)))).collect();
    json!({ "resources": resources })
}

/// Relations of extensions name theirs; the others are of the core.
fn relation(route: &Route) -> Option<String> {
    let relation = route.relation.as_ref()?;
    let is_of_extension = relation.starts_with("ext/");
    Some(format!("{BASE}{}{relation}", if is_of_extension { "" } else { "rel/" }))
}

fn resource(route: &Route, prefix: &str) -> Value {
    let path = route.path.strip_prefix(VERSION).unwrap_or(&route.path);
    let path = format!("{prefix}{path}");
    let variables: Map<String, Value> = route
        .parameters()
        .map(|name| (keystone_name(route, name).to_owned(), json!(format!("{BASE}param/{}", variable(name)))))
        .collect();
    if variables.is_empty() {
        return json!({ "href": path });
    }
    let template = route.parameters().fold(path, |path, name| {
        path.replace(&format!("{{{name}}}"), &format!("{{{}}}", keystone_name(route, name)))
    });
    json!({ "href-template": template, "href-vars": variables })
}

/// The router takes only one name for a parameter at one place of a path; Keystone has two for the role there.
fn keystone_name<'a>(route: &Route, name: &'a str) -> &'a str {
    if name == "role_id" && route.path.contains("/implies") { "prior_role_id" } else { name }
}

/// What kind of thing a parameter names.
fn variable(name: &str) -> &str {
    match name {
        "value" => "tag_value",
        "implied_role_id" => "role_id",
        other => other,
    }
}
