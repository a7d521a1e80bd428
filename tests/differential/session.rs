//! The steps that sequences are made of; `exchange.rs` sends their requests.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};
use tokio::runtime::Runtime;

use super::callers::callers;
use super::ids::Ids;
use super::names::Names;
use super::pair::Pair;
use super::peer::Peer;
use super::report::Report;
use super::request::{Request, get, with_password};
use super::response::{Response, Responses};
use super::times;
use crate::support::callers::{FORGED_TOKEN, PASSWORD};
use crate::support::{ADMIN_PASSWORD, KEYSTONE_PASSWORD};

const TIMEOUT: Duration = Duration::from_secs(60);

/// Both sides, and what is known of them.
pub struct Session {
    pub report: Report,
    pub sequence: &'static str,
    pub(super) runtime: Runtime,
    pub(super) http: reqwest::Client,
    pub(super) peer: Peer,
    pub(super) nodes: Vec<String>,
    pub(super) start: PrimitiveDateTime,
    pub(super) names: Names,
    pub(super) ids: Ids,
    /// By caller; `None` is no token.
    pub(super) tokens: BTreeMap<String, Pair<Option<String>>>,
    random: StdRng,
    counter: u64,
}

impl Session {
    pub fn new(peer: Peer, nodes: Vec<String>, seed: u64) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut session = Self {
            report: Report::default(),
            sequence: "",
            runtime: Runtime::new().unwrap(),
            http,
            peer,
            nodes,
            start: times::now(),
            names: Names::default(),
            ids: Ids::default(),
            tokens: BTreeMap::new(),
            random: StdRng::seed_from_u64(seed),
            counter: 0,
        };
        session.tokens.insert("nobody".into(), Pair::same(&None));
        session.tokens.insert("forger".into(), Pair::same(&Some(FORGED_TOKEN.into())));
        let password = Pair { theirs: KEYSTONE_PASSWORD.into(), ours: ADMIN_PASSWORD.into() };
        session.names.set("admin_password", password);
        session
    }

    /// Runs a sequence. `{n}` counts from its begin, so that a recording does not depend on the sequences before.
    ///
    /// # Errors
    /// It did not come to its end, and left the servers in a state that no other can start from.
    pub fn run(&mut self, name: &'static str, sequence: impl FnOnce(&mut Self)) -> Result<(), ()> {
        self.sequence = name;
        self.counter = 0;
        let entered = self.peer.enter(name);
        let outcome = entered.and_then(|()| {
            let run = catch_unwind(AssertUnwindSafe(|| sequence(self)));
            run.map_err(|panic| {
                let literal = || panic.downcast_ref::<&str>().map(ToString::to_string);
                let reason = panic.downcast_ref::<String>().cloned().or_else(literal);
                format!("{name} ended early: {}", reason.unwrap_or_default())
            })?;
            self.peer.leave()
        });
        outcome.map_err(|fault| self.report.fault(fault))
    }

    /// Logs the user admin in, in the project admin.
    pub fn log_in_admin(&mut self) {
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": "{admin_password}"});
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        self.log_in_as("admin", user, &scope);
    }

    // What sequences are made of.

    /// One request by the user admin in the project admin. `status` is that of Keystone's response, so that a
    /// sequence does test what it is meant to.
    pub fn admin(&mut self, status: u16, request: Request) -> Responses {
        self.by("admin", status, request)
    }

    /// One request by a caller: one of [`callers`], or one who has logged in.
    pub fn by(&mut self, caller: &str, status: u16, request: Request) -> Responses {
        let responses = self.exchange(caller, &request);
        if responses.theirs.status != status {
            let (got, text) = (responses.theirs.status, &responses.theirs.text);
            let sequence = self.sequence;
            self.report
                .fault(format!("{sequence}: Keystone responds {got} and not {status}: {request}: {text}"));
        }
        responses
    }

    /// One request by a caller, whatever Keystone's response is.
    pub fn try_by(&mut self, caller: &str, request: Request) -> Responses {
        self.exchange(caller, &request)
    }

    /// A request for a token, which then has this caller's name.
    pub fn keep_login(&mut self, caller: &str, request: Request) -> Responses {
        let responses = self.by("nobody", 201, request);
        self.keep_token(caller, &responses);
        responses
    }

    /// Makes a thing as admin and calls its id by a name.
    ///
    /// # Panics
    /// It is not made on both sides, so that the sequence cannot go on.
    pub fn make(&mut self, name: &str, request: Request) -> Responses {
        let responses = self.admin(201, request);
        let id = |response: &Response| {
            response.id().unwrap_or_else(|| panic!("no id for {name}: {}", response.text)).to_owned()
        };
        self.names.set(name, responses.map(id));
        responses
    }

    /// One request by each of [`callers`], and HEAD besides GET. `{n}` is another number each time.
    pub fn every_caller(&mut self, request: Request) {
        if request.method == Method::GET {
            return self.reads(&request);
        }
        for caller in callers() {
            self.count();
            self.exchange(caller, &request);
        }
    }

    /// [`Self::every_caller`] for a request that spoils its object: it is made anew, by `make`, after each
    /// request that was granted. Use `{n}` in its name.
    pub fn every_caller_on_new(&mut self, name: &str, make: Request, request: Request) {
        let mut is_spoilt = true;
        for caller in callers() {
            if is_spoilt {
                self.count();
                self.make(name, make.clone());
            }
            let responses = self.exchange(caller, &request);
            is_spoilt = responses.theirs.is_success() || responses.ours.is_success();
        }
    }

    /// [`Self::every_caller`] for a request that can be granted once only: `undo`, by admin, takes back what
    /// a granted one has done.
    pub fn every_caller_undoing(&mut self, request: Request, undo: Request) {
        for caller in callers() {
            self.count();
            let responses = self.exchange(caller, &request);
            if responses.theirs.is_success() || responses.ours.is_success() {
                self.exchange("admin", &undo);
            }
        }
    }

    /// Logs a user of [`super::callers`]' making in; the caller and the token `{token.CALLER}` have this name
    /// from then on.
    pub fn log_in(&mut self, caller: &str, user: &str, scope: &Value) {
        self.log_in_as(caller, json!({"id": format!("{{{user}}}"), "password": PASSWORD}), scope);
    }

    /// [`Self::log_in`] of any user with any password.
    pub fn log_in_as(&mut self, caller: &str, user: Value, scope: &Value) {
        self.keep_login(caller, with_password(user, scope));
    }

    /// The tokens of two responses, by the name of a caller.
    ///
    /// # Panics
    /// There are none, so that the sequence cannot go on.
    pub fn keep_token(&mut self, caller: &str, responses: &Responses) {
        let token = |response: &Response| {
            let token = response.header("x-subject-token");
            token.unwrap_or_else(|| panic!("no token for {caller}: {}", response.text)).to_owned()
        };
        let tokens = responses.map(token);
        self.tokens.insert(caller.to_owned(), tokens.map(|token| Some(token.clone())));
        self.names.set(&format!("token.{caller}"), tokens);
    }

    /// Names the text at a JSON pointer.
    ///
    /// # Panics
    /// There is no text on a side, so that the sequence cannot go on.
    pub fn keep(&mut self, name: &str, responses: &Responses, pointer: &str) {
        let text = |response: &Response| {
            response.text_at(pointer).unwrap_or_else(|| panic!("no {pointer}: {}", response.text)).to_owned()
        };
        self.names.set(name, responses.map(text));
    }

    /// Calls a header by a name.
    ///
    /// # Panics
    /// There is none on a side, so that the sequence cannot go on.
    pub fn keep_header(&mut self, name: &str, responses: &Responses, header: &str) {
        let text = |response: &Response| {
            response.header(header).unwrap_or_else(|| panic!("no {header}: {}", response.text)).to_owned()
        };
        self.names.set(name, responses.map(text));
    }

    /// Asks as admin for something that is there already, and calls it by a name.
    pub fn find(&mut self, name: &str, path: &str, pointer: &str) {
        let responses = self.admin(200, get(path));
        self.keep(name, &responses, pointer);
    }

    /// Something that must hold on each side by itself: a relation between responses, for example.
    pub fn holds(&mut self, what: &str, holds: Pair<bool>) {
        if holds != Pair::same(&true) {
            self.report.fault(format!("{}: {what}: {holds:?}", self.sequence));
        }
    }

    /// Waits for the next second of the clock where Keystone needs it: it revokes whole seconds, so that a token of
    /// the second in which a password is changed is not valid there. Ours holds such a token back by itself.
    pub fn next_second(&self) {
        if matches!(self.peer, Peer::Live(_)) {
            self.pass_second();
        }
    }

    /// [`Self::next_second`] in a replay too: both sides have to see the time pass.
    pub fn pass_second(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        std::thread::sleep(Duration::from_secs(1) - Duration::from_nanos(now.subsec_nanos().into()));
    }

    /// Calls the time of now, in whole seconds, by a name.
    pub fn keep_time(&mut self, name: &str) {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let now = OffsetDateTime::from_unix_timestamp(seconds.try_into().unwrap()).unwrap();
        self.names.set(name, Pair::same(&now.format(&Rfc3339).unwrap()));
    }

    /// A new `{n}`.
    pub fn count(&mut self) {
        self.counter += 1;
        self.names.set("n", Pair::same(&self.counter.to_string()));
    }

    /// The URL of a node that chance chooses.
    pub fn draw_node(&mut self) -> String {
        self.nodes[self.random.random_range(0..self.nodes.len())].clone()
    }
}
