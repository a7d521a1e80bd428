//! Inputs that are right: tokens of Keystone, policies, commands, requests, records.

use keyraft_proto::cluster as wire;
use keyraft_proto::identity as proto;
use prost::Message;
use proto::command::Kind;
use serde_json::{Value, json};

const TOKENS: &str = include_str!("../vectors/fernet.json");
const POLICIES: &str = include_str!("../policy_cases.json");

/// The inputs for each target.
pub fn all() -> [(&'static str, Vec<Vec<u8>>); 7] {
    [
        ("token", tokens()),
        ("payload", payloads()),
        ("policy", policies()),
        ("command", commands()),
        ("request", requests()),
        ("log", records()),
        ("snapshot", snapshots()),
    ]
}

/// All values of these names, however deep.
fn texts<'v>(value: &'v Value, names: &[&str]) -> Vec<&'v str> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, value)| match value.as_str().filter(|_| names.contains(&name.as_str())) {
                Some(text) => vec![text],
                None => texts(value, names),
            })
            .collect(),
        Value::Array(list) => list.iter().flat_map(|value| texts(value, names)).collect(),
        _ => Vec::new(),
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn payloads() -> Vec<Vec<u8>> {
    texts(&serde_json::from_str(TOKENS).unwrap(), &["msgpack_hex"]).into_iter().map(from_hex).collect()
}

/// The texts as they are, and the payloads for an envelope.
fn tokens() -> Vec<Vec<u8>> {
    let vectors: Value = serde_json::from_str(TOKENS).unwrap();
    let texts = texts(&vectors, &["token", "receipt"]);
    let texts = texts.into_iter().map(|text| [b"\0", text.as_bytes()].concat());
    let sealed =
        payloads().into_iter().map(|payload| [&b"\x01\0\0\0\0\x65\x53\xf1\0"[..], &payload].concat());
    texts.chain(sealed).collect()
}

fn policies() -> Vec<Vec<u8>> {
    let cases: Value = serde_json::from_str(POLICIES).unwrap();
    let mut checks = texts(&cases["language"], &["check"]);
    checks.sort_unstable();
    checks.dedup();
    let mut seeds: Vec<Vec<u8>> = checks
        .chunks(3)
        .map(|checks| {
            let names = ["identity:get_user", "identity:list_users", "added"];
            let lines = checks.iter().zip(names).map(|(check, name)| format!("{name}: {check}\n"));
            lines.collect::<String>().into_bytes()
        })
        .collect();
    for text in [
        "identity:get_user: rule:a\na: rule:b or rule:c\nb: not role:admin\nc: (@ and !) or user_id:%(target.user.id)s\n",
        "identity:get_user: [ role:admin user_id:%(user_id)s,rule:owner,@\nowner: user_id:%(target.user.id)s",
        "identity:get_user: not not not (not (not (role:%(target.user.name)s)))\n",
        "identity:get_user: None:%(target.role.domain_id)s or True:%(target.user.enabled)s or 'x':%(request_body.user.name)s\n",
        "identity:get_user: token.user.domain.id:%(target.user.domain_id)s and is_admin_project:True\ndefault: !\n",
        "a: rule:a\n",
        "identity:get_user: http://x/%(user_id)s\n",
    ] {
        seeds.push(text.as_bytes().to_vec());
    }
    seeds
}

fn requests() -> Vec<Vec<u8>> {
    let queries = [
        "name=Alice&enabled=0&domain_id=default&limit=10&marker=x&sort_dir=asc",
        "name__icontains=LI%43&name__startswith=%C3%A9&age=4&limit=-1",
        "limit=99999999999999999999&tags=a,b&unknown__near=%zz&=&&",
    ];
    let paths = ["/v3/users/", "/", "//", "/v3/users/%ff%2F%C3%A9/groups", "/v3/a%20b/%zz///", ""];
    let full = json!({"user": {
        "name": "n", "description": null, "password": "s", "domain_id": "d-1", "enabled": "yes", "strict": true,
        "parent_id": "0123456789abcdef0123456789abcdef", "url": "http://x/$(project_id)s", "interface": "public",
        "options": {"lock": true, "rules": [["password", "totp"], ["password"]]}, "tags": ["a", "b"], "texts": ["a", "a"],
        "list": [1, {}], "extra": {"deep": [1.5, null, "\u{e9}"]}, "x:y-z": 1,
    }});
    let wrong = json!({"user": {"name": "", "tags": ["a,b", 5], "options": {"lock": "x", "more": {}}, "enabled": 5}, "y": 1});
    let password = json!({"auth": {
        "identity": {"methods": ["password", "token"], "token": {"id": "t"}, "password": {"user": {
            "name": "u", "domain": {"name": "Default"}, "password": "s"}}},
        "scope": {"project": {"name": "p", "domain": {"id": "default"}}},
    }});
    let system = json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "t"}}, "scope": {"system": {"all": true}}}});
    let of = |how: u8, text: &str| [&[how], text.as_bytes()].concat();
    let queries = queries.iter().map(|text| of(0, text));
    let paths = paths.iter().map(|text| of(1, text));
    let bodies = [full, wrong].map(|body| of(2, &body.to_string()));
    let log_ins = [password, system].map(|body| of(3, &body.to_string()));
    queries.chain(paths).chain(bodies).chain(log_ins).collect()
}

/// A small deployment as the log has it, and runs of choices.
fn commands() -> Vec<Vec<u8>> {
    let id = |id: &str| id.to_owned();
    let domain =
        proto::Project { id: id("d0"), name: id("d0"), is_domain: true, enabled: true, ..Default::default() };
    let project = proto::Project {
        id: id("p0"),
        name: id("p"),
        domain_id: id("d0"),
        parent_id: id("d0"),
        enabled: true,
        ..Default::default()
    };
    let user =
        proto::User { id: id("u0"), name: id("u"), domain_id: id("d0"), enabled: true, ..Default::default() };
    let group = proto::Group { id: id("g0"), name: id("g"), domain_id: id("d0"), ..Default::default() };
    let membership = Some(proto::Membership { group_id: id("g0"), user_id: id("u0") });
    let role = |text: &str| proto::Role { id: id(text), name: id(text), ..Default::default() };
    let rule = proto::ImpliedRole { prior_role_id: id("r0"), implied_role_id: id("r1") };
    let assignment = Some(proto::Assignment {
        actor_id: id("u0"),
        target_id: id("p0"),
        role_id: id("r0"),
        ..Default::default()
    });
    let region = proto::Region { id: id("a"), ..Default::default() };
    let service =
        proto::Service { id: id("s0"), r#type: id("identity"), enabled: true, ..Default::default() };
    let endpoint = proto::Endpoint {
        id: id("e0"),
        service_id: id("s0"),
        interface: id("public"),
        region_id: Some(id("a")),
        url: id("http://x"),
        enabled: true,
        ..Default::default()
    };
    let kinds = [
        Kind::CreateProject(proto::CreateProject { project: Some(domain.clone()), max_depth: 5 }),
        Kind::CreateProject(proto::CreateProject { project: Some(project.clone()), max_depth: 5 }),
        Kind::CreateUser(proto::CreateUser { user: Some(user.clone()), ..Default::default() }),
        Kind::CreateGroup(proto::CreateGroup { group: Some(group) }),
        Kind::AddUserToGroup(proto::AddUserToGroup { membership: membership.clone() }),
        Kind::CreateRole(proto::CreateRole { role: Some(role("r0")) }),
        Kind::CreateRole(proto::CreateRole { role: Some(role("r1")) }),
        Kind::CreateImpliedRole(proto::CreateImpliedRole { rule: Some(rule.clone()) }),
        Kind::CreateGrant(proto::CreateGrant { assignment: assignment.clone() }),
        Kind::CreateRegion(proto::CreateRegion { region: Some(region.clone()) }),
        Kind::CreateService(proto::CreateService { service: Some(service.clone()) }),
        Kind::CreateEndpoint(proto::CreateEndpoint {
            endpoint: Some(endpoint.clone()),
            create_region: false,
        }),
        Kind::AddProjectTag(proto::AddProjectTag { project_id: id("p0"), tag: id("t") }),
        Kind::UpdateUser(proto::UpdateUser { id: id("u0"), enabled: Some(false), ..Default::default() }),
        Kind::RevokeUserTokens(proto::RevokeUserTokens { user_id: id("u0") }),
        Kind::RemoveUserFromGroup(proto::RemoveUserFromGroup { membership }),
        Kind::RevokeGrant(proto::RevokeGrant { assignment }),
        Kind::DeleteRole(proto::DeleteRole { id: id("r0") }),
        Kind::UpdateProject(proto::UpdateProject {
            id: id("d0"),
            enabled: Some(false),
            ..Default::default()
        }),
        Kind::DeleteProject(proto::DeleteProject { id: id("d0"), is_domain: true }),
    ];
    let bootstrap = Kind::Bootstrap(proto::Bootstrap {
        domain: Some(domain),
        project: Some(project),
        user: Some(user),
        roles: vec![role("r0"), role("r1")],
        admin_role_name: id("r0"),
        implications: vec![rule],
        region: Some(region),
        service: Some(service),
        endpoints: vec![endpoint],
        ..Default::default()
    });
    let raw = |kind: &Kind| {
        let command = proto::Command { kind: Some(kind.clone()) }.encode_to_vec();
        [&[u8::try_from(command.len()).unwrap()], &command[..]].concat()
    };
    let together = [vec![0], kinds.iter().flat_map(raw).collect()].concat();
    let mut seeds = vec![together, [vec![0], raw(&bootstrap)].concat()];
    // Choices that are no worse than others: each byte differs from its neighbours.
    for step in [1, 3, 7, 11, 29, 61, 101, 127] {
        let choices = (0..200_u32).map(|at| u8::try_from((at * at * step + at * step) % 251).unwrap());
        seeds.push([1].into_iter().chain(choices).collect());
    }
    seeds
}

fn log_id() -> Option<wire::LogId> {
    Some(wire::LogId { term: 2, node_id: 1, index: 70_000 })
}

fn membership() -> wire::Membership {
    wire::Membership {
        voter_sets: vec![wire::VoterSet { node_ids: vec![0, 1, 2] }],
        members: (0..3).map(|node_id| wire::Member { node_id, address: "127.0.0.1:5100".into() }).collect(),
    }
}

/// Payloads of records; the first byte tells their kind, and that they want a checksum.
fn records() -> Vec<Vec<u8>> {
    let vote = wire::Vote { term: 2, node_id: 1, committed: true };
    let checkpoint = wire::LogCheckpoint {
        sequence: 3,
        vote: Some(vote),
        purged: log_id(),
        snapshot_received: log_id(),
        committed: log_id(),
        last: log_id(),
        ..wire::LogCheckpoint::default()
    };
    let request = wire::Request {
        id: Some(wire::RequestId { node_id: 1, boot: 2, sequence: 3 }),
        lowest_in_flight: 3,
        body: Some(wire::request::Body::Command(b"command".to_vec().into())),
    };
    let digest = wire::VerifyDigest { index: 9, digest: vec![7; 16].into() };
    let verify = wire::Request { body: Some(wire::request::Body::VerifyDigest(digest)), ..request.clone() };
    let entry = |payload| wire::Entry { log_id: log_id(), payload: Some(payload) }.encode_to_vec();
    let batch = wire::Batch { stamp_ms: 1_700_000_000_000, requests: vec![request, verify] };
    let payloads = [
        (1, checkpoint.encode_to_vec()),
        (2, entry(wire::entry::Payload::Blank(wire::Blank {}))),
        (2, entry(wire::entry::Payload::Batch(batch))),
        (2, entry(wire::entry::Payload::Membership(membership()))),
        (3, vote.encode_to_vec()),
        (4, wire::LogTruncation { from_index: 5 }.encode_to_vec()),
        (5, log_id().unwrap().encode_to_vec()),
        (6, log_id().unwrap().encode_to_vec()),
        (7, log_id().unwrap().encode_to_vec()),
    ];
    payloads.into_iter().map(|(kind, payload)| [&[1 + 2 * kind], &payload[..]].concat()).collect()
}

/// The parts of snapshots, each behind its length; the first byte tells the number of rows, and that they want
/// checksums.
fn snapshots() -> Vec<Vec<u8>> {
    let part = |bytes: Vec<u8>| [&[u8::try_from(bytes.len()).unwrap()], &bytes[..]].concat();
    let row = |key: &[u8], value: &[u8]| {
        let length = |part: &[u8]| u32::try_from(part.len()).unwrap().to_le_bytes();
        [&length(key)[..], key, &length(value), value].concat()
    };
    let of = |rows: u8, frames: Vec<Vec<u8>>| {
        let stored = wire::StoredMembership { log_id: log_id(), membership: Some(membership()) };
        let state = wire::StateMeta {
            last_applied: log_id(),
            membership: Some(stored),
            log_time_ms: 1,
            digest: vec![7; 16].into(),
            ..wire::StateMeta::default()
        };
        let meta = wire::SnapshotMeta {
            snapshot_id: "s".into(),
            state: Some(state),
            rows: rows.into(),
            ..wire::SnapshotMeta::default()
        };
        let frames: Vec<u8> = frames.into_iter().flat_map(part).collect();
        [&[1 + 2 * rows], &part(meta.encode_to_vec())[..], &frames].concat()
    };
    let odd = |value: &[u8]| row(b"\x01key", value);
    vec![of(0, vec![]), of(1, vec![odd(b"one")]), of(2, vec![odd(b"one"), [odd(b"11"), vec![1]].concat()])]
}
