//! The table of all operations, with the response to each caller, and the code that compares.
//!
//! Each row is asked by all callers, with every HEAD that goes with its GET; with each of its rules set so that nobody
//! passes; with each parameter of its path naming nothing; and in the cases that it adds. So an operation that forgets
//! a rule, or asks for another, fails here.

mod auth;
mod catalog;
mod domains;
mod grants;
mod groups;
mod node;
mod projects;
mod roles;
mod row;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use keyraft::http::router::routes;
use keyraft::policy::{CheckText, DefaultChecks, Policy};

use self::row::{Row, SYSTEM_ADMIN, Step};
use crate::world::{CALLERS, Caller, Request, Response, STRANGERS, TestApi};

/// Admins of every kind.
pub const ADMINS: &[Caller] = &["project_admin", "domain_admin", "system_admin"];
/// Those whose token is of no domain.
pub const ADMINS_BUT_OF_DOMAIN: &[Caller] = &["project_admin", "system_admin"];
/// Readers of the system, and who is more than that.
pub const SYSTEM_READERS: &[Caller] = &["system_reader", "system_member", "system_manager"];
/// Readers of the domain `home`, and who is more than that.
pub const DOMAIN_READERS: &[Caller] = &["domain_reader", "domain_member", "domain_manager"];
/// Whoever has a token of the project `project`.
pub const IN_PROJECT: &[Caller] =
    &["owner", "service", "project_reader", "project_member", "project_manager", "project_admin"];

/// The id of nothing.
const NOTHING: &str = "0123456789abcdef0123456789abcdef";

type Rows = fn() -> Vec<Row>;

/// The table, by the name of the test that asks it.
const TABLE: &[(&str, Rows)] = &[
    ("auth", auth::rows),
    ("domains", domains::rows),
    ("endpoints", catalog::endpoints),
    ("grants of groups", grants::of_groups),
    ("grants of users", grants::of_users),
    ("groups", groups::rows),
    ("implied roles", roles::implied),
    ("members", groups::members),
    ("node", node::rows),
    ("projects", projects::rows),
    ("regions", catalog::regions),
    ("role assignments", grants::assignments),
    ("roles", roles::rows),
    ("services", catalog::services),
    ("tags", projects::tags),
    ("users", users::rows),
];

#[test]
fn every_operation_of_the_router_has_a_row_with_its_rules_and_no_other_has() {
    type Rules = BTreeMap<(String, String), BTreeSet<&'static str>>;
    let mut listed = Rules::new();
    let rows: Vec<Row> = TABLE.iter().flat_map(|(_, rows)| rows()).collect();
    let cases: usize = rows.iter().map(Row::number_of_cases).sum();
    println!("{} rows, {} callers, {cases} cases", rows.len(), CALLERS.len());
    for row in &rows {
        for method in row.methods() {
            listed.entry((row.route.clone(), method.to_string())).or_default().extend(&row.rules);
        }
    }
    let mut routed = Rules::new();
    for route in &routes().0 {
        for method in route.methods() {
            let own = route.operations.iter().find(|operation| operation.method == method);
            let get = || route.operations.iter().find(|operation| operation.method == Method::GET);
            let rules = own.or_else(get).unwrap().rules.iter().map(|rule| rule.name());
            routed.insert((route.path.clone(), method.to_string()), rules.collect());
        }
    }
    // HEAD of an implied role has two rules, of which its description names one.
    let checked = ("/v3/roles/{role_id}/implies/{implied_role_id}".to_owned(), "HEAD".to_owned());
    routed.get_mut(&checked).unwrap().insert("identity:get_implied_role");
    assert_eq!(listed, routed);
}

#[test]
fn every_operation_with_a_body_has_a_case_of_a_bad_one() {
    let rows: Vec<Row> = TABLE.iter().flat_map(|(_, rows)| rows()).collect();
    let is_refused = |row: &&Row| row.cases.iter().any(|case| case.status == 400);
    let refused = rows.iter().filter(is_refused).map(|row| format!("{} {}", row.method, row.route));
    let refused: BTreeSet<String> = refused.collect();
    for route in &routes().0 {
        for operation in route.operations.iter().filter(|operation| operation.body.is_some()) {
            let shown = format!("{} {}", operation.method, route.path);
            assert!(refused.contains(&shown), "{shown}");
        }
    }
}

/// A request, and what was wrong with its response.
#[derive(Default)]
struct Tally {
    cases: usize,
    asking: Duration,
    failures: Vec<String>,
}

/// Asks a part of the table.
async fn ask(part: &str) {
    let (_, rows) = TABLE.iter().find(|(name, _)| *name == part).unwrap();
    let started = Instant::now();
    let api = TestApi::with_callers().await;
    let start = started.elapsed();
    let usual = api.app.policy.load_full();
    let mut tally = Tally::default();
    for row in rows() {
        row.ask(&api, &usual, &mut tally).await;
    }
    let Tally { cases, asking, failures } = tally;
    let each_us = asking.as_micros() / cases.max(1) as u128;
    println!("{part}: {cases} cases, {each_us} us each; started in {} ms", start.as_millis());
    assert!(failures.is_empty(), "{} of {cases} cases:\n{}", failures.len(), failures.join("\n"));
}

impl Row {
    fn number_of_cases(&self) -> usize {
        let of_method = CALLERS.len() + self.rules.len() + self.parameters().len();
        self.methods().len() * of_method + self.cases.len()
    }

    async fn ask(&self, api: &TestApi, usual: &Arc<Policy>, tally: &mut Tally) {
        for method in self.methods() {
            for caller in CALLERS {
                let (status, message) = self.expected(caller);
                let request = self.request(&method, None);
                self.prepare(api).await;
                self.try_one(api, tally, &format!("as {caller}"), caller, request, status, message).await;
            }
            for rule in &self.rules {
                let caller = self.allowed[0];
                let what = format!("as {caller}, whom {rule} refuses");
                let request = self.request(&method, None);
                self.prepare(api).await;
                api.app.policy.store(Arc::new(refusing(rule)));
                self.try_one(api, tally, &what, caller, request, 403, rule).await;
                api.app.policy.store(Arc::clone(usual));
            }
            for parameter in self.parameters() {
                let own = self.missing.iter().find(|(name, _)| *name == parameter);
                let status = own.map_or(404, |(_, status)| *status);
                let request = self.request(&method, Some((&parameter, NOTHING)));
                let what = format!("where no {parameter} is such");
                self.prepare(api).await;
                self.try_one(api, tally, &what, SYSTEM_ADMIN, request, status, "").await;
            }
        }
        for case in &self.cases {
            let request = (case.alter)(self.request(&self.method, None));
            let what = format!("as {}, {}", case.caller, case.what);
            self.prepare(api).await;
            self.try_one(api, tally, &what, case.caller, request, case.status, case.message).await;
        }
    }

    /// The status for a caller, and what has to be in the message.
    fn expected(&self, caller: &str) -> (u16, &'static str) {
        if let Some((_, status)) = self.exceptions.iter().find(|(exception, _)| *exception == caller) {
            return (*status, "");
        }
        match () {
            () if self.allowed.contains(&caller) => (self.status, ""),
            () if STRANGERS.contains(&caller) => (401, "requires authentication"),
            () => (403, if self.rules.len() == 1 { self.rules[0] } else { "not authorized" }),
        }
    }

    async fn prepare(&self, api: &TestApi) {
        for step in &self.before {
            match step {
                Step::Make(name, request) => drop(api.make(name, request.clone()).await),
                Step::Do(request) => drop(api.admin(request.clone()).await),
                Step::LogIn(name, body) => api.names.set(name, api.log_in(body.clone()).await),
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "a case")]
    async fn try_one(
        &self,
        api: &TestApi,
        tally: &mut Tally,
        what: &str,
        caller: &str,
        request: Request,
        status: u16,
        message: &str,
    ) {
        let request = match caller {
            "nobody" => request,
            _ => request.by(format!("{{token_of_{caller}}}")),
        };
        let is_head = request.method == Method::HEAD;
        let shown = format!("{} {}", request.method, self.route);
        let started = Instant::now();
        let response = api.send(request).await;
        tally.asking += started.elapsed();
        tally.cases += 1;
        if response.status != status || !(is_head || has_message(&response, message)) {
            let label = if self.label.is_empty() { String::new() } else { format!(" ({})", self.label) };
            let (got, body) = (response.status, &response.body);
            tally
                .failures
                .push(format!("{shown}{label} {what}: expected {status} {message}, got {got} {body}"));
        }
    }
}

/// Returns true if the message of a response holds a text.
fn has_message(response: &Response, text: &str) -> bool {
    text.is_empty()
        || response.body["error"]["message"].as_str().is_some_and(|message| message.contains(text))
}

/// The usual policy, but for a rule that lets nobody pass.
fn refusing(rule: &str) -> Policy {
    let overrides = BTreeMap::from([(rule.to_owned(), CheckText::Text("!".to_owned()))]);
    Policy::load(&overrides, DefaultChecks::New).unwrap()
}

macro_rules! tests {
    ($($name:ident = $part:literal;)+) => {
        $(#[tokio::test]
        async fn $name() {
            ask($part).await;
        })+

        #[test]
        fn every_part_of_the_table_is_asked() {
            let asked = BTreeSet::from([$($part),+]);
            assert_eq!(asked, TABLE.iter().map(|(part, _)| *part).collect());
        }
    };
}

tests! {
    auth_lets_through_whom_policy_lets_through = "auth";
    domains_let_through_whom_policy_lets_through = "domains";
    endpoints_let_through_whom_policy_lets_through = "endpoints";
    grants_of_groups_let_through_whom_policy_lets_through = "grants of groups";
    grants_of_users_let_through_whom_policy_lets_through = "grants of users";
    groups_let_through_whom_policy_lets_through = "groups";
    implied_roles_let_through_whom_policy_lets_through = "implied roles";
    members_let_through_whom_policy_lets_through = "members";
    the_node_lets_through_whom_it_says = "node";
    projects_let_through_whom_policy_lets_through = "projects";
    regions_let_through_whom_policy_lets_through = "regions";
    role_assignments_let_through_whom_policy_lets_through = "role assignments";
    roles_let_through_whom_policy_lets_through = "roles";
    services_let_through_whom_policy_lets_through = "services";
    tags_let_through_whom_policy_lets_through = "tags";
    users_let_through_whom_policy_lets_through = "users";
}
