//! Sends requests to both sides and compares what they answer.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::runtime::Runtime;

use super::answer::{Answer, Answers};
use super::callers::{CALLERS, PASSWORD};
use super::compare::compare;
use super::ids::Ids;
use super::names::Names;
use super::pair::{Pair, Side};
use super::report::{Compared, Report};
use super::request::{Body, Request, get, post};
use crate::support::{ADMIN_PASSWORD, KEYSTONE_PASSWORD};

const TIMEOUT: Duration = Duration::from_secs(60);
/// A token that nobody has issued.
const FORGED_TOKEN: &str = "gAAAAABforged";
/// Pages of a list that are walked at most.
const MAX_PAGES: usize = 100;

/// Both sides, and what is known of them.
pub struct Session {
    pub report: Report,
    pub sequence: &'static str,
    runtime: Runtime,
    http: reqwest::Client,
    keystone: String,
    nodes: Vec<String>,
    random: StdRng,
    names: Names,
    ids: Ids,
    /// By caller; `None` is no token.
    tokens: BTreeMap<String, Pair<Option<String>>>,
    counter: u64,
}

impl Session {
    /// With the user admin logged in on both sides.
    pub fn new(keystone: &str, nodes: Vec<String>, seed: u64) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let mut session = Self {
            report: Report::default(),
            sequence: "callers",
            runtime: Runtime::new().unwrap(),
            http,
            keystone: keystone.to_owned(),
            nodes,
            random: StdRng::seed_from_u64(seed),
            names: Names::default(),
            ids: Ids::default(),
            tokens: BTreeMap::new(),
            counter: 0,
        };
        session.tokens.insert("nobody".into(), Pair::same(&None));
        session.tokens.insert("forger".into(), Pair::same(&Some(FORGED_TOKEN.into())));
        let password = Pair { theirs: KEYSTONE_PASSWORD.into(), ours: ADMIN_PASSWORD.into() };
        session.names.set("admin_password", password);
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": "{admin_password}"});
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        session.log_in_as("admin", user, &scope);
        session
    }

    // What sequences are made of.

    /// One request by the user admin in the project admin. `status` is what Keystone must answer, so that a
    /// sequence does test what it is meant to.
    pub fn admin(&mut self, status: u16, request: Request) -> Answers {
        self.by("admin", status, request)
    }

    /// One request by a caller: one of [`CALLERS`], or one who has logged in.
    pub fn by(&mut self, caller: &str, status: u16, request: Request) -> Answers {
        let answers = self.exchange(caller, &request);
        if answers.theirs.status != status {
            let (got, text) = (answers.theirs.status, &answers.theirs.text);
            let sequence = self.sequence;
            self.report
                .fault(format!("{sequence}: Keystone answers {got} and not {status}: {request}: {text}"));
        }
        answers
    }

    /// One request by a caller, whatever Keystone answers to it.
    pub fn try_by(&mut self, caller: &str, request: Request) -> Answers {
        self.exchange(caller, &request)
    }

    /// A request for a token, which then has this caller's name.
    pub fn keep_login(&mut self, caller: &str, request: Request) -> Answers {
        let answers = self.by("nobody", 201, request);
        self.keep_token(caller, &answers);
        answers
    }

    /// Makes a thing as admin and calls its id by a name.
    ///
    /// # Panics
    /// It is not made on both sides, so that the sequence cannot go on.
    pub fn make(&mut self, name: &str, request: Request) -> Answers {
        let answers = self.admin(201, request);
        let id = |answer: &Answer| {
            answer.id().unwrap_or_else(|| panic!("no id for {name}: {}", answer.text)).to_owned()
        };
        self.names.set(name, answers.map(id));
        answers
    }

    /// One request by each of [`CALLERS`], and HEAD besides GET. `{n}` is another number each time.
    pub fn every_caller(&mut self, request: Request) {
        for caller in CALLERS {
            self.count();
            self.exchange(caller, &request);
            if request.method == Method::GET {
                self.exchange(caller, &Request { method: Method::HEAD, ..request.clone() });
            }
        }
    }

    /// [`Self::every_caller`] for a request that spoils its object: it is made anew, by `make`, after each
    /// request that was granted. Use `{n}` in its name.
    pub fn every_caller_on_new(&mut self, name: &str, make: Request, request: Request) {
        let mut is_spoilt = true;
        for caller in CALLERS {
            if is_spoilt {
                self.count();
                self.make(name, make.clone());
            }
            let answers = self.exchange(caller, &request);
            is_spoilt = answers.theirs.is_success() || answers.ours.is_success();
        }
    }

    /// [`Self::every_caller`] for a request that can be granted once only: `undo`, by admin, takes back what
    /// a granted one has done.
    pub fn every_caller_undoing(&mut self, request: Request, undo: Request) {
        for caller in CALLERS {
            self.count();
            let answers = self.exchange(caller, &request);
            if answers.theirs.is_success() || answers.ours.is_success() {
                self.exchange("admin", &undo);
            }
        }
    }

    /// Follows the pages of a list to its end on both sides. `field` names its rows, and the path has a query.
    pub fn pages(&mut self, caller: &str, path: &str, field: &str) {
        let mut request = get(path).page();
        let mut rows = Pair { theirs: Vec::new(), ours: Vec::new() };
        for _ in 0..MAX_PAGES {
            let answers = self.by(caller, 200, request);
            let members = |answer: &Answer| answer.json[field].as_array().cloned().unwrap_or_default();
            // Our pages come from several nodes, each with its own URL in the links.
            rows.theirs.extend(members(&answers.theirs).iter().map(without_links));
            rows.ours.extend(members(&answers.ours).iter().map(without_links));
            let marker = answers.map(|answer| {
                let link = answer.text_at("/links/next")?;
                link.rsplit_once("marker=").map(|(_, marker)| marker.to_owned())
            });
            match (marker.theirs, marker.ours) {
                (Some(theirs), Some(ours)) => self.names.set("marker", Pair { theirs, ours }),
                (None, None) => break,
                // The comparison of the page has told it.
                _ => return,
            }
            request = get(&format!("{path}&marker={{marker}}")).page();
        }
        let whole = |rows: Vec<Value>, base_url: &str| {
            let json = json!({ field: rows });
            let (text, base_url) = (json.to_string(), base_url.to_owned());
            Answer { status: 200, headers: HeaderMap::default(), text, json, base_url }
        };
        let answers =
            Answers { theirs: whole(rows.theirs, &self.keystone), ours: whole(rows.ours, &self.nodes[0]) };
        self.compared(caller, &get(path), &answers);
    }

    /// Logs a user of [`super::callers`]' making in; the caller and the token `{token.CALLER}` have this name
    /// from then on.
    pub fn log_in(&mut self, caller: &str, user: &str, scope: &Value) {
        self.log_in_as(caller, json!({"id": format!("{{{user}}}"), "password": PASSWORD}), scope);
    }

    /// [`Self::log_in`] of any user with any password.
    pub fn log_in_as(&mut self, caller: &str, user: Value, scope: &Value) {
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let auth = json!({"auth": {"identity": identity, "scope": scope}});
        let answers = self.by("nobody", 201, post("/v3/auth/tokens", auth));
        self.keep_token(caller, &answers);
    }

    /// The tokens of two answers, by the name of a caller.
    ///
    /// # Panics
    /// There are none, so that the sequence cannot go on.
    pub fn keep_token(&mut self, caller: &str, answers: &Answers) {
        let token = |answer: &Answer| {
            let token = answer.header("x-subject-token");
            token.unwrap_or_else(|| panic!("no token for {caller}: {}", answer.text)).to_owned()
        };
        let tokens = answers.map(token);
        self.tokens.insert(caller.to_owned(), tokens.map(|token| Some(token.clone())));
        self.names.set(&format!("token.{caller}"), tokens);
    }

    /// Calls what stands at a JSON pointer by a name.
    ///
    /// # Panics
    /// There is no text on a side, so that the sequence cannot go on.
    pub fn keep(&mut self, name: &str, answers: &Answers, pointer: &str) {
        let text = |answer: &Answer| {
            answer.text_at(pointer).unwrap_or_else(|| panic!("no {pointer}: {}", answer.text)).to_owned()
        };
        self.names.set(name, answers.map(text));
    }

    /// Calls a header by a name.
    ///
    /// # Panics
    /// There is none on a side, so that the sequence cannot go on.
    pub fn keep_header(&mut self, name: &str, answers: &Answers, header: &str) {
        let text = |answer: &Answer| {
            answer.header(header).unwrap_or_else(|| panic!("no {header}: {}", answer.text)).to_owned()
        };
        self.names.set(name, answers.map(text));
    }

    /// Asks as admin for something that is there already, and calls it by a name.
    pub fn find(&mut self, name: &str, path: &str, pointer: &str) {
        let answers = self.admin(200, get(path));
        self.keep(name, &answers, pointer);
    }

    /// Something that must hold on each side by itself: a relation between answers, for example.
    pub fn holds(&mut self, what: &str, holds: Pair<bool>) {
        if holds != Pair::same(&true) {
            self.report.fault(format!("{}: {what}: {holds:?}", self.sequence));
        }
    }

    /// Waits for the next second of the clock: Keystone revokes whole seconds, so that a token of the second
    /// in which a password is changed is not valid there.
    pub fn next_second(&mut self) {
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

    // How it is done.

    /// Sends to both at once, and compares; whatever the answer is.
    pub fn exchange(&mut self, caller: &str, request: &Request) -> Answers {
        let node = self.nodes[self.random.random_range(0..self.nodes.len())].clone();
        let theirs = self.build(Side::Theirs, &self.keystone, caller, request);
        let ours = self.build(Side::Ours, &node, caller, request);
        let read = async |request: reqwest::RequestBuilder, base_url: &str| {
            let answer =
                request.send().await.unwrap_or_else(|error| panic!("{base_url} does not answer: {error:?}"));
            Answer::read(answer, base_url).await.unwrap_or_else(|error| panic!("{base_url}: {error:?}"))
        };
        let (theirs, ours) =
            self.runtime.block_on(async { tokio::join!(read(theirs, &self.keystone), read(ours, &node)) });
        let answers = Answers { theirs, ours };
        self.compared(caller, request, &answers);
        answers
    }

    fn compared(&mut self, caller: &str, request: &Request, answers: &Answers) {
        let differences = compare(answers, request.is_page, &mut self.ids);
        let their_path = self.names.fill(&request.path, Side::Theirs);
        let our_path = self.names.fill(&request.path, Side::Ours);
        let tell = |answer: &Answer, path: &str| {
            let Answer { status, headers, text, base_url, .. } = answer;
            let names = ["content-type", "location", "allow", "www-authenticate", "vary", "content-length"];
            let shown = names.iter().filter_map(|name| Some(format!(" {name}={:?}", headers.get(*name)?)));
            let text: String = text.chars().take(1500).collect();
            format!("  {base_url}{path}\n    {status}{}\n    {text}", shown.collect::<String>())
        };
        let told = || format!("{}\n{}", tell(&answers.theirs, &their_path), tell(&answers.ours, &our_path));
        self.report.add(&Compared {
            sequence: self.sequence,
            caller,
            request,
            their_status: answers.theirs.status,
            differences: &differences,
            told: &told,
        });
    }

    fn build(&self, side: Side, base_url: &str, caller: &str, request: &Request) -> reqwest::RequestBuilder {
        let url = format!("{base_url}{}", self.names.fill(&request.path, side));
        let mut builder = self.http.request(request.method.clone(), url);
        let token = self.tokens.get(caller).unwrap_or_else(|| panic!("there is no caller {caller}"));
        if let Some(token) = token.on(side) {
            builder = builder.header("X-Auth-Token", token);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, self.names.fill(value, side));
        }
        match &request.body {
            Body::None => builder,
            Body::Json(body) => builder.json(&self.names.fill_json(body, side)),
            Body::Text(text) => builder.body(self.names.fill(text, side)),
        }
    }
}

fn without_links(row: &Value) -> Value {
    let mut row = row.clone();
    if let Some(fields) = row.as_object_mut() {
        fields.remove("links");
    }
    row
}
