//! Keyraft beside a real Keystone: the same requests to both, and the responses have to be the same.
//!
//!     cargo test --test differential
//!
//! replays recordings of Keystone (`recordings/`) against a cluster of three nodes, in less than a minute and without
//! Keystone, Python or a network. Each request goes to a node that chance chooses; status, headers and JSON of the
//! response are compared with the recorded ones. Ids, audit ids and URLs are each server's own: those at the same
//! place mean the same, from then on everywhere. Times have the same form and mean the same moment (`times.rs`). Lists
//! have the same members in any order. A difference is printed with both responses; those on purpose are listed in
//! `allowed.rs` and, with the reason, in `docs/differences.md`. A request that was not recorded is an error, and so is a
//! recorded one that is not sent.
//!
//!     tests/differential/live [--record] [SEQUENCE...]
//!
//! starts Keystone (from PyPI, on MariaDB) beside the cluster, sends each request to both at once, and compares their
//! responses and besides those of Keystone with the recordings. It prints what has changed, and fails; with `--record`
//! it replaces the recordings instead. The same behaviour has the same bytes, so that only what has changed is in
//! the diff. Some sequences alone are for work on them, and are not held against recordings.
//!
//! | variable | |
//! |---|---|
//! | `KEYRAFT_DIFFERENTIAL_LIVE` | set: a live run, as `tests/differential/live` starts it |
//! | `KEYRAFT_DIFFERENTIAL_RECORD` | set: a live run that replaces the recordings |
//! | `KEYRAFT_DIFFERENTIAL` | the sequences to run, `users,groups`; a replay runs all up to the last of them; without it all |
//! | `KEYRAFT_SEED` | chooses the node of each request; without it 0 |
//! | `KEYRAFT_BINARY` | another binary than the one that was built with the tests |
//!
//! `zcat tests/differential/recordings/users.jsonl.gz | jq .` shows a recording, and `recordings/about.json` the Keystone
//! and the database that it is of. A sequence whose requests have changed, or a new one, has to be recorded.
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
//! `tests/support/callers.rs` lists the callers and what there is at the start. Prefix names with the resource: other
//! sequences run before, on the same servers. `s.next_second()` after a change that revokes tokens, before one is got. A
//! component whose rows are all there is added to [`COMPLETE`]; from then on the run fails when one of its rows lacks a
//! caller, a success or a failure.
//!
//! Run `tests/differential/live NAME` until the two agree, then `tests/differential/live --record`. A sequence that is
//! not the last changes what later ones find in their lists, and so their recordings.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, prints what it measured, and waits by the clock of the machine"
)]

mod allowed;
mod callers;
mod changes;
mod compare;
mod exchange;
mod forms;
mod headers;
mod ids;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod names;
mod normal;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod pair;
mod pattern;
mod peer;
mod recording;
mod report;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod request;
mod resource;
#[allow(dead_code, reason = "steps for sequences to choose from")]
mod response;
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
mod letter_case;
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

use std::path::Path;
use std::time::Instant;

use changes::Recorded;
use peer::{Live, Peer, Replay};
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
    ("letter_case", letter_case::letter_case),
];

/// Components whose every row has to be compared, with all callers, a success and a failure.
const COMPLETE: &[&str] =
    &["discovery", "auth", "identity", "resource", "role", "assignment", "catalog", "revoke"];

/// The fewest comparisons of a whole run.
const LEAST_COMPARISONS: usize = 16_600;

const LIVE_VARIABLE: &str = "KEYRAFT_DIFFERENTIAL_LIVE";
const RECORD_VARIABLE: &str = "KEYRAFT_DIFFERENTIAL_RECORD";
const CHOSEN_VARIABLE: &str = "KEYRAFT_DIFFERENTIAL";
const SEED_VARIABLE: &str = "KEYRAFT_SEED";

/// A run, as the environment asks for it.
struct Plan {
    is_live: bool,
    is_recorded: bool,
    seed: u64,
    sequences: Vec<Sequence>,
}

impl Plan {
    fn of_environment() -> Self {
        let is_set = |name| std::env::var_os(name).is_some();
        let (is_live, is_recorded) = (is_set(LIVE_VARIABLE), is_set(RECORD_VARIABLE));
        let seed = std::env::var(SEED_VARIABLE).map_or(0, |seed| seed.parse().unwrap());
        let mut sequences = SEQUENCES.to_vec();
        if let Ok(chosen) = std::env::var(CHOSEN_VARIABLE) {
            let is_chosen = |(name, _): &Sequence| chosen.split(',').any(|part| part == *name);
            let last =
                SEQUENCES.iter().rposition(is_chosen).unwrap_or_else(|| panic!("no sequence is {chosen}"));
            match is_live {
                true => sequences.retain(is_chosen),
                // Lists have the rows of the sequences before in them, and so have the recordings.
                false => sequences.truncate(last + 1),
            }
        }
        let plan = Self { is_live, is_recorded, seed, sequences };
        assert!(!is_recorded || (is_live && plan.is_whole()), "all sequences are recorded, live");
        plan
    }

    fn is_whole(&self) -> bool {
        self.sequences.len() == SEQUENCES.len()
    }
}

#[test]
fn keyraft_responds_as_keystone_does() {
    let started = Instant::now();
    let plan = Plan::of_environment();
    let folder = tempfile::tempdir().unwrap();
    let (cluster, keystone) = std::thread::scope(|scope| {
        let keystone = plan.is_live.then(|| scope.spawn(|| Keystone::start_on_mariadb(folder.path())));
        (DevCluster::start(), keystone.map(|keystone| keystone.join().unwrap()))
    });
    eprintln!("seed {}; the servers are up after {:.1?}", plan.seed, started.elapsed());

    let peer = match &keystone {
        Some(keystone) => Peer::Live(Box::new(Live::new(&keystone.url))),
        None => Peer::Recorded(Replay::new(recording::folder())),
    };
    let mut session = Session::new(peer, cluster.urls(), plan.seed);
    let is_complete = run_all(&mut session, &plan);
    if is_complete && plan.is_whole() {
        COMPLETE.iter().for_each(|component| session.report.demand_rows_of(component));
        session.report.demand_allowed();
        session.report.demand_comparisons(LEAST_COMPARISONS);
        check_recordings(&mut session, folder.path(), &plan);
    }
    session.report.print();
    eprintln!("in all {:.1?}", started.elapsed());
    assert!(session.report.is_good(), "the two respond differently, or something is missing: see above");
}

/// Runs the sequences. Returns whether all came to their end; after one that did not, the servers are in a state that
/// no recording fits.
fn run_all(session: &mut Session, plan: &Plan) -> bool {
    let callers: Sequence = ("callers", callers::make);
    for (name, run) in std::iter::once(&callers).chain(&plan.sequences) {
        let started = Instant::now();
        let outcome = session.run(name, run);
        eprintln!("{name}: {:.1?}", started.elapsed());
        if outcome.is_err() {
            return false;
        }
    }
    true
}

/// Compares the recordings with a live run, or replaces them. Of a replay each recording has to be that of a sequence.
fn check_recordings(session: &mut Session, keystone_folder: &Path, plan: &Plan) {
    let folder = recording::folder();
    match &session.peer {
        Peer::Live(live) => {
            let about = recording::load_about(keystone_folder).unwrap();
            let recorded = Recorded { about: &about, steps: &live.steps };
            let changed = recorded.print_changes(&folder);
            if plan.is_recorded {
                recorded.save(&folder, &changed, &times::now().date().to_string());
            } else if !changed.is_empty() {
                session.report.fault(format!("the recordings of {changed:?} are out of date"));
            }
        }
        Peer::Recorded(_) => {
            let is_known =
                |name: &String| name == "callers" || SEQUENCES.iter().any(|(known, _)| known == name);
            let mut unused = recording::recorded_sequences(&folder);
            unused.retain(|name| !is_known(name));
            if !unused.is_empty() {
                session.report.fault(format!("recordings of no sequence: {unused:?}"));
            }
        }
    }
}

/// Keyraft makes what Keystone refuses there: lists of a later sequence would differ.
#[test]
fn letter_case_is_the_last_sequence() {
    assert_eq!(SEQUENCES.last().map(|(name, _)| *name), Some("letter_case"));
}
