//! Keyraft beside a real Keystone: the same requests to both, and the answers have to be the same.
//!
//! The whole run takes some minutes and is one test:
//!
//!     cargo test --test differential
//!
//! It starts Keystone (from PyPI, on SQLite) and a cluster of three nodes, sends each request to both at once,
//! ours to a node that chance chooses, and compares status, headers and JSON. Ids, audit ids and URLs are each
//! server's own: what stands in the same place means the same, from then on everywhere. Times have the same form
//! and are near one another. Lists have the same members in any order. A difference is printed with both
//! answers; those on purpose are listed in `allowed.rs` and, with the reason, in `docs/differences.md`.
//!
//! | variable | |
//! |---|---|
//! | `KEYRAFT_DIFFERENTIAL` | the sequences to run, `users,groups`; without it all |
//! | `KEYRAFT_SEED` | chooses the node of each request; without it 0 |
//! | `KEYRAFT_BINARY` | another binary than the one that was built with the tests |
//!
//! # To add a sequence
//!
//! A sequence is a function in a file of its own, one for each resource, and a line in [`SEQUENCES`]. It gets a
//! [`Session`], whose methods are its steps:
//!
//! ```ignore
//! pub fn regions(s: &mut Session) {
//!     s.make("north", post("/v3/regions", json!({"region": {"id": "north-{n}"}})));   // admin, 201, id = {north}
//!     s.every_caller(get("/v3/regions/{north}"));                                     // all callers, GET and HEAD
//!     s.every_caller(post("/v3/regions", json!({"region": {"id": "r-{n}"}})));        // {n}: another each time
//!     s.every_caller_on_new("victim", post("/v3/regions", json!({"region": {}})), delete("/v3/regions/{victim}"));
//!     s.admin(409, post("/v3/regions", json!({"region": {"id": "{north}"}})));        // a documented failure
//!     s.by("domain_reader", 200, get("/v3/regions?parent_region_id={north}"));
//! }
//! ```
//!
//! `callers.rs` tells who the callers are and what there is at the start. Prefix names with the resource: other
//! sequences run before, on the same servers. `s.next_second()` after a change that revokes tokens, before one
//! is got. A component whose rows are all there is added to [`COMPLETE`]; from then on the run fails when one of
//! its rows lacks a caller, a success or a failure.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, tells what it measured, and waits by the clock of the machine"
)]

mod allowed;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod answer;
mod callers;
mod compare;
mod ids;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod names;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod pair;
mod report;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod request;
mod resource;
mod rows;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod session;
#[path = "../support/mod.rs"]
mod support;
mod times;

mod bodies;
mod discovery;
mod domains;
mod endpoints;
mod exchanges;
mod grants;
mod groups;
mod implied_roles;
mod logins;
mod methods;
mod multi_factor;
mod passwords;
mod projects;
mod regions;
mod role_assignments;
mod roles;
mod scopes;
mod services;
mod tags;
mod users;
mod validations;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use session::Session;
use support::{DevCluster, Keystone};

/// A sequence and its name.
type Sequence = (&'static str, fn(&mut Session));

/// All sequences, in the order in which they run.
const SEQUENCES: &[Sequence] = &[
    ("discovery", discovery::discovery),
    ("scopes", scopes::scopes),
    ("logins", logins::logins),
    ("exchanges", exchanges::exchanges),
    ("validations", validations::validations),
    ("revocations", validations::revocations),
    ("multi_factor", multi_factor::multi_factor),
    ("users", users::users),
    ("roles", roles::roles),
    ("implied_roles", implied_roles::implied_roles),
    ("grants", grants::grants),
    ("grants_across", grants::grants_across),
    ("missing_grants", grants::missing_grants),
    ("grants_of_the_deleted", grants::grants_of_the_deleted),
    ("role_assignments", role_assignments::role_assignments),
    ("regions", regions::regions),
    ("services", services::services),
    ("endpoints", endpoints::endpoints),
    ("passwords", passwords::passwords),
    ("groups", groups::groups),
    ("memberships", groups::memberships),
    ("domains", domains::domains),
    ("projects", projects::projects),
    ("hierarchy", projects::hierarchy),
    ("tags", tags::tags),
    ("methods", methods::methods),
    ("bodies", bodies::bodies),
];

/// Components whose every row has to be compared, with all callers, a success and a failure.
const COMPLETE: &[&str] =
    &["discovery", "auth", "identity", "resource", "role", "assignment", "catalog", "revoke"];

/// What a whole run compares at least.
const LEAST_COMPARISONS: usize = 3_000;

const CHOSEN_VARIABLE: &str = "KEYRAFT_DIFFERENTIAL";
const SEED_VARIABLE: &str = "KEYRAFT_SEED";

#[test]
fn keyraft_answers_as_keystone_does() {
    let started = Instant::now();
    let seed = std::env::var(SEED_VARIABLE).map_or(0, |seed| seed.parse().unwrap());
    let chosen = std::env::var(CHOSEN_VARIABLE).ok();
    let is_chosen =
        |name: &str| chosen.as_ref().is_none_or(|chosen| chosen.split(',').any(|part| part == name));

    let folder = tempfile::tempdir().unwrap();
    let (cluster, keystone) = std::thread::scope(|scope| {
        let keystone = scope.spawn(|| Keystone::start(folder.path(), None));
        (DevCluster::start(), keystone.join().unwrap())
    });
    eprintln!("seed {seed}; both sides are up after {:.1?}", started.elapsed());

    let mut session = Session::new(&keystone.url, cluster.urls(), seed);
    callers::make(&mut session);
    for (name, run) in SEQUENCES.iter().filter(|(name, _)| is_chosen(name)) {
        let sequence_started = Instant::now();
        session.sequence = name;
        if catch_unwind(AssertUnwindSafe(|| run(&mut session))).is_err() {
            session.report.fault(format!("{name} ended early"));
        }
        eprintln!("{name}: {:.1?}", sequence_started.elapsed());
    }
    if chosen.is_none() {
        COMPLETE.iter().for_each(|component| session.report.demand_rows_of(component));
        session.report.demand_allowed();
        session.report.demand_comparisons(LEAST_COMPARISONS);
    }
    session.report.print();
    eprintln!("in all {:.1?}", started.elapsed());
    assert!(session.report.is_good(), "the two answer differently, or something is missing: see above");
}
