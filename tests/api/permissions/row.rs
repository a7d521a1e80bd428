//! A row of the table: what one operation does for whom.

use axum::http::Method;
use serde_json::Value;

use crate::world::{CALLERS, Caller, Request, STRANGERS, post, put, request};

/// One operation, on a request that it can fulfil.
pub struct Row {
    pub method: Method,
    /// The path, as the router has it.
    pub route: String,
    /// Distinguishes the rows of one operation.
    pub label: &'static str,
    pub query: &'static str,
    /// Values of parameters of the path, where they are not the usual ones.
    pub parameters: Vec<(&'static str, String)>,
    pub headers: Vec<(&'static str, &'static str)>,
    pub body: Option<Value>,
    /// The policy rules that have to let the caller through, all of them.
    pub rules: Vec<&'static str>,
    /// The callers that may do it. Everybody else with a token gets a 403 that names a rule, and strangers a 401.
    pub allowed: Vec<Caller>,
    /// The status for those who may.
    pub status: u16,
    /// Callers for whom it ends in another way than policy decides.
    pub exceptions: Vec<(Caller, u16)>,
    /// Requests of the admin before each request.
    pub before: Vec<Step>,
    /// The status where nothing has the id that this parameter of the path names, if it is not 404.
    pub missing: Vec<(&'static str, u16)>,
    pub cases: Vec<Case>,
    /// True if HEAD does the same.
    pub has_head: bool,
}

/// A step before a request.
#[derive(Clone)]
pub enum Step {
    /// Something is created, and called so from then on.
    Make(&'static str, Request),
    /// Something is done.
    Do(Request),
    /// A user logs in, and its token is called so from then on.
    LogIn(&'static str, Value),
}

/// A request that is not quite that of the row.
pub struct Case {
    pub what: &'static str,
    pub caller: Caller,
    pub alter: Box<dyn Fn(Request) -> Request>,
    pub status: u16,
    /// A text that the message has to hold.
    pub message: &'static str,
}

pub const SYSTEM_ADMIN: Caller = "system_admin";

/// The row of an operation that succeeds with this status.
pub fn row(method: Method, route: impl Into<String>, status: u16) -> Row {
    Row {
        has_head: method == Method::GET,
        method,
        route: route.into(),
        label: "",
        query: "",
        parameters: Vec::new(),
        headers: Vec::new(),
        body: None,
        rules: Vec::new(),
        allowed: Vec::new(),
        status,
        exceptions: Vec::new(),
        before: Vec::new(),
        missing: Vec::new(),
        cases: Vec::new(),
    }
}

/// GET and HEAD, which succeed with 200.
pub fn reads(route: impl Into<String>) -> Row {
    row(Method::GET, route, 200)
}

/// GET and HEAD, which succeed with 204.
pub fn checks(route: impl Into<String>) -> Row {
    row(Method::GET, route, 204)
}

/// POST, which succeeds with 201.
pub fn creates(route: impl Into<String>, body: Value) -> Row {
    Row { body: Some(body), ..row(Method::POST, route, 201) }
}

/// PATCH, which succeeds with 200.
pub fn changes(route: impl Into<String>, body: Value) -> Row {
    Row { body: Some(body), ..row(Method::PATCH, route, 200) }
}

/// PUT, which succeeds with 204.
pub fn puts(route: impl Into<String>) -> Row {
    row(Method::PUT, route, 204)
}

/// DELETE, which succeeds with 204.
pub fn deletes(route: impl Into<String>) -> Row {
    row(Method::DELETE, route, 204)
}

impl Row {
    /// A note that distinguishes this row from others of the operation.
    #[must_use]
    pub fn label(self, label: &'static str) -> Self {
        Self { label, ..self }
    }

    /// `?` and what follows it.
    #[must_use]
    pub fn query(self, query: &'static str) -> Self {
        Self { query, ..self }
    }

    #[must_use]
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    #[must_use]
    pub fn body(self, body: Value) -> Self {
        Self { body: Some(body), ..self }
    }

    #[must_use]
    pub fn without_head(self) -> Self {
        Self { has_head: false, ..self }
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// A parameter of the path is this.
    #[must_use]
    pub fn with(mut self, parameter: &'static str, value: impl Into<String>) -> Self {
        self.parameters.push((parameter, value.into()));
        self
    }

    #[must_use]
    pub fn rule(mut self, rule: &'static str) -> Self {
        self.rules.push(rule);
        self
    }

    /// Whoever has a token may.
    #[must_use]
    pub fn any_token(mut self) -> Self {
        self.allowed = CALLERS.iter().copied().filter(|caller| !STRANGERS.contains(caller)).collect();
        self
    }

    /// Anybody may, also without a token.
    #[must_use]
    pub fn public(self) -> Self {
        Self { allowed: CALLERS.to_vec(), ..self }
    }

    /// Those may, besides those named before.
    #[must_use]
    pub fn allows(mut self, callers: &[Caller]) -> Self {
        self.allowed.extend(callers);
        self
    }

    /// For this caller it ends so, whatever policy decides.
    #[must_use]
    pub fn except(mut self, caller: Caller, status: u16) -> Self {
        self.exceptions.push((caller, status));
        self
    }

    /// Before each request something is created with that body at that path, and the parameter of the path is its id.
    #[must_use]
    pub fn given(self, parameter: &'static str, path: &str, body: Value) -> Self {
        self.before(Step::Make(parameter, post(path, body))).with(parameter, format!("{{{parameter}}}"))
    }

    /// Before each request the admin puts this.
    #[must_use]
    pub fn after_put(self, path: &str) -> Self {
        self.before(Step::Do(put(path)))
    }

    #[must_use]
    pub fn before(mut self, step: Step) -> Self {
        self.before.push(step);
        self
    }

    /// Sets the status for an id in this parameter that nothing has.
    #[must_use]
    pub fn missing(mut self, parameter: &'static str, status: u16) -> Self {
        self.missing.push((parameter, status));
        self
    }

    /// With this body the admin of the system gets a 400 that names `field`.
    #[must_use]
    pub fn bad(self, body: Value, field: &'static str) -> Self {
        let alter = move |request: Request| request.body(body.clone());
        self.case("a bad body", SYSTEM_ADMIN, alter, 400, field)
    }

    /// With this query the admin of the system gets a 400 that names `field`.
    #[must_use]
    pub fn bad_query(self, query: &'static str, field: &'static str) -> Self {
        let alter = move |request: Request| {
            let path = request.path.split('?').next().unwrap();
            Request { path: format!("{path}?{query}"), ..request.clone() }
        };
        self.case("a bad query", SYSTEM_ADMIN, alter, 400, field)
    }

    #[must_use]
    pub fn case(
        mut self,
        what: &'static str,
        caller: Caller,
        alter: impl Fn(Request) -> Request + 'static,
        status: u16,
        message: &'static str,
    ) -> Self {
        self.cases.push(Case { what, caller, alter: Box::new(alter), status, message });
        self
    }

    pub fn methods(&self) -> Vec<Method> {
        match self.has_head {
            true => vec![self.method.clone(), Method::HEAD],
            false => vec![self.method.clone()],
        }
    }

    /// The names of the path's parameters.
    pub fn parameters(&self) -> Vec<String> {
        let parts = self.route.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        parts.map(ToOwned::to_owned).collect()
    }

    /// The request, where `over` is what a parameter of the path is instead.
    pub fn request(&self, method: &Method, over: Option<(&str, &str)>) -> Request {
        let mut path = self.route.clone();
        for parameter in self.parameters() {
            let own =
                self.parameters.iter().find(|(name, _)| *name == parameter).map(|(_, value)| value.as_str());
            let value = match over {
                Some((name, value)) if name == parameter => value,
                _ => own.unwrap_or_else(|| usual(&parameter)),
            };
            path = path.replace(&format!("{{{parameter}}}"), value);
        }
        let query = if self.query.is_empty() { String::new() } else { format!("?{}", self.query) };
        let headers = self.headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let body = self.body.clone();
        Request { headers, body, ..request(method.clone(), format!("{path}{query}")) }
    }
}

/// The usual value of a parameter of a path.
fn usual(parameter: &str) -> &'static str {
    match parameter {
        "user_id" => "{owner}",
        "group_id" => "{team}",
        "project_id" => "{project}",
        "domain_id" => "{home}",
        "role_id" => "{role_member}",
        other => panic!("a row has to name a value for {other}"),
    }
}
