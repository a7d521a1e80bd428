//! A token's text, from the header of a request to a valid token: the envelope, the payload, the state.
//!
//! The first byte chooses: the rest is the text itself, or a payload that is sealed with the right key.

use std::sync::LazyLock;

use keyraft::state::{Identity, State};
use keyraft::token::fernet::{FernetKey, KeyRing, MAX_TOKEN_CHARS, decode};
use keyraft::token::payload::MAX_TIME_SECONDS;
use keyraft::token::validate::{Validation, validate};
use keyraft_cluster::{Application, LogMoment, SeededRandom};
use keyraft_proto::identity as proto;
use prost::Message;
use proto::command::Kind;
use serde_json::Value;

/// Tokens of Keystone, with the keys that made them.
const VECTORS: &str = include_str!("../../tests/vectors/fernet.json");
pub const DEFAULT_DOMAIN: &str = "default";
/// Before the tokens of the vectors end.
const NOW_S: u64 = 1_700_000_100;

/// The keys that made the tokens of the vectors.
pub static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let keys = vectors["fernet"]["keys"].as_object().unwrap().iter();
    let keys = keys.map(|(number, key)| {
        (number.parse().unwrap(), FernetKey::from_base64(key.as_str().unwrap()).unwrap())
    });
    KeyRing::new(keys).unwrap()
});

/// A state in which the users and scopes of the vectors exist.
static STATE: LazyLock<State> = LazyLock::new(|| {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let tokens = vectors["fernet"]["tokens"].as_array().unwrap().clone();
    let inputs: Vec<_> = tokens.iter().map(|token| token["input"].clone()).collect();
    let ids = |name: &'static str| {
        inputs.iter().filter_map(move |input| input[name].as_str()).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let mut state = State::default();
    let mut index = 0;
    let mut run = |kind: Kind| {
        index += 1;
        let moment = LogMoment { log_index: index, log_time_ms: 1_600_000_000_000 + index };
        let command = proto::Command { kind: Some(kind) }.encode_to_vec();
        Identity.apply(&mut state, moment, &command, &mut Vec::new());
    };
    let project = |id: &str, domain_id: &str| proto::Project {
        id: id.into(),
        name: id.into(),
        domain_id: domain_id.into(),
        parent_id: domain_id.into(),
        is_domain: domain_id.is_empty(),
        enabled: true,
        ..Default::default()
    };
    let create = |project| Kind::CreateProject(proto::CreateProject { project: Some(project), max_depth: 5 });
    run(create(project(DEFAULT_DOMAIN, "")));
    ids("domain_id").iter().for_each(|id| run(create(project(id, ""))));
    ids("project_id").iter().for_each(|id| run(create(project(id, DEFAULT_DOMAIN))));
    let role = proto::Role { id: "r".into(), name: "r".into(), ..Default::default() };
    run(Kind::CreateRole(proto::CreateRole { role: Some(role) }));
    for user_id in ids("user_id") {
        let (id, name, domain_id) = (user_id.clone(), user_id.clone(), DEFAULT_DOMAIN.into());
        let user = proto::User { id, name, domain_id, enabled: true, ..Default::default() };
        run(Kind::CreateUser(proto::CreateUser { user: Some(user), ..Default::default() }));
        let scopes = ids("project_id").into_iter().map(|id| (proto::TargetKind::Project, id));
        let scopes = scopes.chain(ids("domain_id").into_iter().map(|id| (proto::TargetKind::Domain, id)));
        for (kind, target_id) in scopes {
            let assignment = proto::Assignment {
                actor_id: user_id.clone(),
                target_kind: kind.into(),
                target_id,
                role_id: "r".into(),
                ..Default::default()
            };
            run(Kind::CreateGrant(proto::CreateGrant { assignment: Some(assignment) }));
        }
    }
    state
});

pub fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    if how % 2 == 0 {
        if let Ok(text) = std::str::from_utf8(rest) {
            read(text);
        }
    } else {
        sealed(rest);
    }
}

fn sealed(data: &[u8]) {
    let Some((time, payload)) = data.split_first_chunk::<8>() else { return };
    let issued_at_s = u64::from_be_bytes(*time);
    let text = RING.seal(&SeededRandom::from_seed(u64::from(time[7])), issued_at_s, payload);
    let opened = RING.open(&text);
    match opened {
        Ok(opened) => {
            assert_eq!(opened.plaintext, payload, "what was sealed is what is opened");
            assert_eq!(opened.issued_at_seconds, issued_at_s);
        }
        // What was just sealed is refused only for its length, or for a time that Keystone could not show.
        Err(_) => assert!(text.len() > MAX_TOKEN_CHARS || issued_at_s > MAX_TIME_SECONDS),
    }
    read(&text);
    // Without its last character it is none.
    assert!(RING.open(&text[..text.len() - 1]).is_err());
}

fn read(text: &str) {
    let payload = decode(&RING, text, DEFAULT_DOMAIN);
    let validation = Validation { ring: &RING, default_domain_id: DEFAULT_DOMAIN, now_s: NOW_S, grace_s: 60 };
    let token = validate(&STATE, validation, text);
    if let Ok(token) = token {
        let (payload, issued_at_s) = payload.expect("a valid token has a payload");
        assert_eq!(token.issued_at_s, issued_at_s);
        assert_eq!(token.expires_at_s, payload.expires_at_seconds);
        assert!(token.expires_at_s.saturating_add(60) > NOW_S, "a valid token has not ended");
        assert!(payload.user.is(&token.user.id), "it is of the user that it names");
    }
}
