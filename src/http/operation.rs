//! An operation: one method of a path, with what answers it and how the description of the API shows it.
//!
//! Each resource lists its operations beside its handlers; `router.rs` says on which paths they are. An operation says
//! only what cannot be derived:
//!
//! ```ignore
//! pub fn of_collection() -> Vec<Operation> {
//!     vec![
//!         get(list, "List users").rule(Rule::ListUsers).query(QUERY).list(&LIST),
//!         post(create, "Create a user").rule(Rule::CreateUser).body(&CREATE).object("user").conflicts(),
//!     ]
//! }
//! ```
//!
//! | derived | from |
//! |---|---|
//! | parameters of the path, 404 | the path |
//! | HEAD | GET |
//! | the success status | the method, and whether there is a body in the answer |
//! | 400, 408, 413 | any request may have a body that is refused |
//! | a token is needed, 401, 403 | a policy rule |

use std::collections::BTreeSet;

use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, MethodRouter, on};

use super::body::HEALTHCHECK;
use super::list::List;
use super::route::Route;
use super::schema::{Field, Schema};
use crate::app::App;
use crate::policy::Rule;

/// What the body of a request holds.
#[derive(Clone, Copy)]
pub enum Body {
    /// An object in its wrapper.
    Wrapped(&'static Schema),
    /// The same, or nothing.
    Optional(&'static Schema),
    /// Attributes without a wrapper.
    Bare(&'static [Field]),
    /// An object of this name, whose attributes are not described.
    Opaque(&'static str),
}

/// What the body of a successful answer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing.
    Nothing,
    /// An object of this name.
    Object(&'static str),
    /// An array of objects of this name.
    List(&'static str),
    /// An array of texts of this name.
    Texts(&'static str),
    /// JSON of no common form.
    Json,
    /// Text that is no JSON.
    Text,
}

/// One method of a path.
pub struct Operation {
    /// The method; a GET answers HEAD too.
    pub method: Method,
    /// What it does, in a few words.
    pub summary: &'static str,
    /// The policy rules of which one is asked; none for those that need no token.
    pub rules: Vec<Rule>,
    /// Parameters of the query with a form of their own.
    pub query: Vec<&'static [Field]>,
    /// Parameters of the query that are flags or any text.
    pub parameters: Vec<&'static str>,
    /// The list that is paged and filtered.
    pub list: Option<&'static List>,
    /// The body of the request.
    pub body: Option<Body>,
    /// The body of the answer.
    pub content: Content,
    /// Whether it is about the token in `X-Subject-Token`.
    pub has_subject: bool,
    failures: Vec<StatusCode>,
    status: Option<StatusCode>,
    pub(super) handler: MethodRouter<App>,
}

fn operation<H, T>(method: Method, filter: MethodFilter, handler: H, summary: &'static str) -> Operation
where
    H: Handler<T, App>,
    T: 'static,
{
    Operation {
        method,
        summary,
        rules: Vec::new(),
        query: Vec::new(),
        parameters: Vec::new(),
        list: None,
        body: None,
        content: Content::Nothing,
        has_subject: false,
        failures: Vec::new(),
        status: None,
        handler: on(filter, handler),
    }
}

/// GET, and HEAD unless the path has an operation of its own for it.
pub fn get<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::GET, MethodFilter::GET, handler, summary)
}

/// HEAD, where it is not just GET without a body.
pub fn head<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::HEAD, MethodFilter::HEAD, handler, summary)
}

/// POST.
pub fn post<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::POST, MethodFilter::POST, handler, summary)
}

/// PUT.
pub fn put<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::PUT, MethodFilter::PUT, handler, summary)
}

/// PATCH.
pub fn patch<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::PATCH, MethodFilter::PATCH, handler, summary)
}

/// DELETE.
pub fn delete<H: Handler<T, App>, T: 'static>(handler: H, summary: &'static str) -> Operation {
    operation(Method::DELETE, MethodFilter::DELETE, handler, summary)
}

impl Operation {
    /// A policy rule decides, so a token is needed. Of several, the request tells which.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The query may hold these.
    #[must_use]
    pub fn query(mut self, fields: &'static [Field]) -> Self {
        self.query.push(fields);
        self
    }

    /// The query may hold these, with any value.
    #[must_use]
    pub fn parameters(mut self, names: &[&'static str]) -> Self {
        self.parameters.extend_from_slice(names);
        self
    }

    fn reading(mut self, body: Body) -> Self {
        self.body = Some(body);
        self
    }

    fn answering(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// The body is an object in its wrapper.
    #[must_use]
    pub fn body(self, schema: &'static Schema) -> Self {
        self.reading(Body::Wrapped(schema))
    }

    /// The body is an object in its wrapper, or empty.
    #[must_use]
    pub fn optional_body(self, schema: &'static Schema) -> Self {
        self.reading(Body::Optional(schema))
    }

    /// The body holds these attributes.
    #[must_use]
    pub fn bare_body(self, fields: &'static [Field]) -> Self {
        self.reading(Body::Bare(fields))
    }

    /// The body holds an object of this name.
    #[must_use]
    pub fn opaque_body(self, name: &'static str) -> Self {
        self.reading(Body::Opaque(name))
    }

    /// The answer holds an object of this name.
    #[must_use]
    pub fn object(self, name: &'static str) -> Self {
        self.answering(Content::Object(name))
    }

    /// The answer holds a list that the query may filter and page.
    #[must_use]
    pub fn list(mut self, list: &'static List) -> Self {
        self.list = Some(list);
        self.array(list.collection)
    }

    /// The answer holds an array of this name, whole.
    #[must_use]
    pub fn array(self, name: &'static str) -> Self {
        self.answering(Content::List(name))
    }

    /// The answer holds an array of texts of this name.
    #[must_use]
    pub fn texts(self, name: &'static str) -> Self {
        self.answering(Content::Texts(name))
    }

    /// The answer holds JSON of no common form.
    #[must_use]
    pub fn json(self) -> Self {
        self.answering(Content::Json)
    }

    /// The answer holds text that is no JSON.
    #[must_use]
    pub fn text(self) -> Self {
        self.answering(Content::Text)
    }

    /// It is about the token in `X-Subject-Token`.
    #[must_use]
    pub fn subject(mut self) -> Self {
        self.has_subject = true;
        self.fails(StatusCode::NOT_FOUND)
    }

    /// Success has this status, and not the usual one of the method.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// It may fail with this, besides what is derived.
    #[must_use]
    pub fn fails(mut self, status: StatusCode) -> Self {
        self.failures.push(status);
        self
    }

    /// What its body names may be missing: 404.
    #[must_use]
    pub fn refers(self) -> Self {
        self.fails(StatusCode::NOT_FOUND)
    }

    /// It may fail with 409.
    #[must_use]
    pub fn conflicts(self) -> Self {
        self.fails(StatusCode::CONFLICT)
    }

    /// Whether a token is needed.
    #[must_use]
    pub fn needs_token(&self) -> bool {
        !self.rules.is_empty()
    }

    /// The statuses that it may fail with on such a path.
    #[must_use]
    pub fn failures(&self, route: &Route) -> BTreeSet<StatusCode> {
        let reads_body = route.path != HEALTHCHECK;
        let can_be_missing = self.list.is_some() || route.parameters().next().is_some();
        let derived = [
            (reads_body, StatusCode::BAD_REQUEST),
            (self.needs_token(), StatusCode::UNAUTHORIZED),
            (self.needs_token(), StatusCode::FORBIDDEN),
            (can_be_missing, StatusCode::NOT_FOUND),
            (reads_body, StatusCode::REQUEST_TIMEOUT),
            (reads_body, StatusCode::PAYLOAD_TOO_LARGE),
            (self.needs_token() || self.body.is_some(), StatusCode::SERVICE_UNAVAILABLE),
        ];
        let derived = derived.into_iter().filter(|(may_fail, _)| *may_fail).map(|(_, status)| status);
        derived.chain(self.failures.iter().copied()).collect()
    }

    /// The status of success.
    #[must_use]
    pub fn success(&self) -> StatusCode {
        let creates = self.method == Method::POST || self.method == Method::PUT;
        self.status.unwrap_or(match self.content {
            Content::Nothing => StatusCode::NO_CONTENT,
            _ if creates => StatusCode::CREATED,
            _ => StatusCode::OK,
        })
    }
}
