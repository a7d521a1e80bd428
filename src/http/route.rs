//! A path, and what answers the methods that it does not have.

use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;

use super::answer::HTML;
use super::operation::Operation;
use crate::app::App;

/// A path and its operations.
pub struct Route {
    /// The path, with its parameters in braces.
    pub path: String,
    /// What JSON-home calls it, if it lists it.
    pub relation: Option<String>,
    /// What may be done there.
    pub operations: Vec<Operation>,
}

impl Route {
    /// The methods that the path answers, but for OPTIONS; with GET goes HEAD.
    #[must_use]
    pub fn methods(&self) -> Vec<Method> {
        let mut methods: Vec<Method> =
            self.operations.iter().map(|operation| operation.method.clone()).collect();
        if methods.contains(&Method::GET) && !methods.contains(&Method::HEAD) {
            methods.push(Method::HEAD);
        }
        methods
    }

    /// The names of the path's parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// What answers on this path; other methods get a 405, and OPTIONS the list of those that there are.
    pub(super) fn method_router(&self) -> MethodRouter<App> {
        let refusal = Refusal { allow: self.allow(), is_page: !self.path.starts_with("/v3/") };
        self.operations
            .iter()
            .fold(MethodRouter::new(), |router, operation| router.merge(operation.handler.clone()))
            .fallback(move |method: Method| async move { refusal.answer(&method) })
    }

    fn allow(&self) -> String {
        let methods = self.methods();
        let names = methods.iter().map(Method::as_str).chain(["OPTIONS"]);
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The answer to a method that a path does not have.
#[derive(Clone)]
struct Refusal {
    allow: String,
    /// Keystone refuses on its resources in JSON, and elsewhere as its framework does.
    is_page: bool,
}

const REFUSAL: &str = "{\"message\": \"The method is not allowed for the requested URL.\"}\n";
const REFUSAL_PAGE: &str = "<!doctype html>\n<html lang=en>\n<title>405 Method Not Allowed</title>\n<h1>Method Not \
                            Allowed</h1>\n<p>The method is not allowed for the requested URL.</p>\n";

impl Refusal {
    fn answer(self, method: &Method) -> Response {
        let (status, kind, body) = match (method == Method::OPTIONS, self.is_page) {
            (true, _) => (StatusCode::OK, HTML, ""),
            (false, true) => (StatusCode::METHOD_NOT_ALLOWED, HTML, REFUSAL_PAGE),
            (false, false) => (StatusCode::METHOD_NOT_ALLOWED, "application/json", REFUSAL),
        };
        (status, [(header::CONTENT_TYPE, kind), (header::ALLOW, self.allow.as_str())], body).into_response()
    }
}

/// The paths of the API, in the order in which `router.rs` lists them.
#[derive(Default)]
pub struct Routes(pub Vec<Route>);

impl Routes {
    /// Adds a path.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>, operations: Vec<Operation>) -> Self {
        self.0.push(Route { path: path.into(), relation: None, operations });
        self
    }

    /// Adds a path that JSON-home lists: `users`, or `ext/OS-REVOKE/1.0/rel/events`.
    #[must_use]
    pub fn listed(
        mut self,
        path: impl Into<String>,
        relation: impl Into<String>,
        operations: Vec<Operation>,
    ) -> Self {
        self.0.push(Route { path: path.into(), relation: Some(relation.into()), operations });
        self
    }
}
