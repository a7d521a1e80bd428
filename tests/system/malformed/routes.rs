//! Every path and method of the API, as its description has them.

use serde_json::Value;

/// One path with one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: String,
    pub path: String,
    /// True where it requires a token.
    pub needs_token: bool,
}

/// The routes of an OpenAPI document.
pub fn described(document: &Value) -> Vec<Route> {
    let paths = document["paths"].as_object().unwrap();
    let routes = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters");
        operations.map(|(method, operation)| Route {
            method: method.to_uppercase(),
            path: path.clone(),
            needs_token: operation.get("security").is_some(),
        })
    });
    routes.collect()
}

impl Route {
    /// The names of its parameters.
    pub fn parameters(&self) -> Vec<&str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
    }
}
