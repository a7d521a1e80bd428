//! The cost of a validation without the network: from the texts of two tokens and a state to the bytes of the answer.
//!
//! `cargo bench --bench validation` asks states of a few and of many users, with and without revocation events, in turns,
//! and prints nanoseconds. `cargo bench --bench validation -- --users 100000 --events 100000 --count 20000` asks one
//! state a fixed number of times, for `valgrind --tool=callgrind --toggle-collect='*::ask'`.

#![allow(clippy::disallowed_methods, reason = "it measures time")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "it is a program for developers"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use clap::Parser;
use keyraft::state::{Identity, State, decode_answer};
use keyraft::token::audit::AuditIds;
use keyraft::token::fernet::{self, FernetKey, KeyRing};
use keyraft::token::payload::{MethodList, MethodMask, Payload, PayloadId, PayloadScope};
use keyraft::token::render::{Rendering, render};
use keyraft::token::validate::{Validation, validate};
use keyraft_cluster::{Application, LogMoment, Random, SeededRandom};
use keyraft_proto::identity as proto;
use prost::Message;
use proto::command::Kind;

const DOMAIN: &str = "default";
const FEW: usize = 10;
const MANY: usize = 100_000;
const TOKENS: usize = 1_000;
const NOW_MS: u64 = 1_700_000_000_000;
const LIFE_S: u64 = 3_600;

#[derive(Parser)]
struct Arguments {
    /// Users of the one state to ask.
    #[arg(long, requires = "count")]
    users: Option<usize>,
    /// Its revocation events.
    #[arg(long, default_value_t = 0)]
    events: usize,
    /// Users that have tokens.
    #[arg(long, default_value_t = FEW)]
    owners: usize,
    /// Validations.
    #[arg(long)]
    count: Option<usize>,
    /// What `cargo bench` adds.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A state, and tokens that are valid in it.
struct World {
    state: State,
    log_index: u64,
    random: SeededRandom,
    ring: KeyRing,
    methods: MethodList,
    users: Vec<String>,
    caller: String,
    subjects: Vec<String>,
}

impl World {
    fn new(users: usize, events: usize, owners: usize) -> Self {
        let random = SeededRandom::from_seed(7);
        let ring = KeyRing::new((0..3).map(|number| (number, FernetKey::generate(&random)))).unwrap();
        let (state, methods) = (State::default(), MethodList::default());
        let mut this = Self {
            state,
            log_index: 0,
            random,
            ring,
            methods,
            users: Vec::new(),
            caller: String::new(),
            subjects: Vec::new(),
        };
        this.found();
        for number in 0..users {
            let id = this.id();
            let (name, domain_id) = (format!("user-{number}"), DOMAIN.to_owned());
            let user = proto::User { id: id.clone(), name, domain_id, enabled: true, ..Default::default() };
            this.run(Kind::CreateUser(proto::CreateUser { user: Some(user), rules: None }));
            this.users.push(id);
        }
        let with_roles: Vec<String> = this.users.iter().take(owners).cloned().collect();
        for owner in &with_roles {
            this.grant(owner, "member");
        }
        this.grant(&this.users[0].clone(), "admin");
        this.caller = this.token(&this.users[0].clone());
        this.subjects = (0..TOKENS).map(|number| this.token(&this.users[number % owners].clone())).collect();
        for number in 0..events {
            let user_id = this.users[owners + number % (users - owners)].clone();
            this.run(Kind::RevokeUserTokens(proto::RevokeUserTokens { user_id }));
        }
        this
    }

    /// A domain, a project, roles, and a catalog of one service.
    fn found(&mut self) {
        let domain =
            proto::Project { id: DOMAIN.into(), name: "Default".into(), is_domain: true, ..project() };
        let project =
            proto::Project { id: "p".into(), name: "p".into(), parent_id: DOMAIN.into(), ..project() };
        for project in [domain, proto::Project { domain_id: DOMAIN.into(), ..project }] {
            self.run(Kind::CreateProject(proto::CreateProject { project: Some(project), max_depth: 5 }));
        }
        for id in ["admin", "manager", "member", "reader"] {
            let role = proto::Role { id: id.into(), name: id.into(), ..Default::default() };
            self.run(Kind::CreateRole(proto::CreateRole { role: Some(role) }));
        }
        for (prior, implied) in [("admin", "manager"), ("manager", "member"), ("member", "reader")] {
            let rule = proto::ImpliedRole { prior_role_id: prior.into(), implied_role_id: implied.into() };
            self.run(Kind::CreateImpliedRole(proto::CreateImpliedRole { rule: Some(rule) }));
        }
        let service =
            proto::Service { id: "s".into(), r#type: "identity".into(), enabled: true, ..Default::default() };
        self.run(Kind::CreateService(proto::CreateService { service: Some(service) }));
        for interface in ["admin", "internal", "public"] {
            let endpoint = proto::Endpoint {
                id: interface.into(),
                service_id: "s".into(),
                interface: interface.into(),
                url: "$(public_endpoint)s/v3".into(),
                enabled: true,
                ..Default::default()
            };
            let endpoint = Some(endpoint);
            self.run(Kind::CreateEndpoint(proto::CreateEndpoint { endpoint, create_region: false }));
        }
    }

    fn id(&self) -> String {
        let mut bytes = [0; 16];
        self.random.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn run(&mut self, kind: Kind) {
        self.log_index += 1;
        let moment = LogMoment { log_time_ms: NOW_MS, log_index: self.log_index };
        let command = proto::Command { kind: Some(kind) }.encode_to_vec();
        decode_answer(&Identity.apply(&mut self.state, moment, &command, &mut Vec::new())).unwrap();
    }

    fn grant(&mut self, user: &str, role: &str) {
        let assignment = proto::Assignment {
            actor_id: user.into(),
            target_kind: proto::TargetKind::Project.into(),
            target_id: "p".into(),
            role_id: role.into(),
            ..Default::default()
        };
        self.run(Kind::CreateGrant(proto::CreateGrant { assignment: Some(assignment) }));
    }

    /// A token that was rescoped from another one.
    fn token(&self, user: &str) -> String {
        let issued_at_s = NOW_MS / 1000 + 1;
        let payload = Payload {
            user: PayloadId::from(user),
            methods: MethodMask(6),
            expires_at_seconds: issued_at_s + LIFE_S,
            audit: AuditIds::first(&self.random).rescoped(&self.random),
            scope: PayloadScope::Project(PayloadId::from("p")),
        };
        fernet::encode(&self.ring, &self.random, &payload, issued_at_s, DOMAIN).unwrap()
    }

    fn validation(&self) -> Validation<'_> {
        Validation { ring: &self.ring, default_domain_id: DOMAIN, now_s: NOW_MS / 1000 + 2, grace_s: 0 }
    }

    /// The time that `count` validations take.
    fn time(&self, count: usize) -> Duration {
        let started = Instant::now();
        for number in 0..count {
            black_box(ask(self, &self.subjects[number % TOKENS]));
        }
        started.elapsed()
    }
}

fn project() -> proto::Project {
    proto::Project { enabled: true, ..Default::default() }
}

/// One validation: the length of the answer's body.
#[inline(never)]
fn ask(world: &World, subject: &str) -> usize {
    let caller = validate(&world.state, world.validation(), &world.caller).unwrap();
    let subject = validate(&world.state, world.validation(), subject).unwrap();
    let rendering = Rendering {
        methods: &world.methods,
        catalog: Some(world.state.catalog.compiled()),
        public_endpoint: "http://127.0.0.1:5000",
        admin_project: None,
    };
    black_box(&caller);
    black_box(render(&subject, &rendering)).len()
}

fn main() {
    let arguments = Arguments::parse();
    if let (Some(users), Some(count)) = (arguments.users, arguments.count) {
        let world = World::new(users, arguments.events, arguments.owners);
        let took = world.time(count);
        println!("{count} validations of {} bytes in {took:?}", ask(&world, &world.subjects[0]));
        return;
    }
    let sizes = [
        (FEW + 1, 0, FEW),
        (MANY, 0, FEW),
        (MANY, MANY, FEW),
        (TOKENS, 0, TOKENS),
        (MANY, 0, TOKENS),
        (MANY, MANY, TOKENS),
    ];
    let worlds = sizes.map(|(users, events, owners)| World::new(users, events, owners));
    let mut best = [Duration::MAX; 6];
    const ROUND: usize = 2_000;
    for _ in 0..60 {
        for (world, best) in worlds.iter().zip(&mut best) {
            *best = world.time(ROUND).min(*best);
        }
    }
    println!("| users | revocation events | users with tokens | ns a validation, least of 60 rounds |");
    println!("|---|---|---|---|");
    for ((users, events, owners), best) in sizes.iter().zip(best) {
        println!("| {users} | {events} | {owners} | {:.0} |", best.as_nanos() as f64 / ROUND as f64);
    }
}
