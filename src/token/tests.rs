use keyraft_cluster::SeededRandom;
use keyraft_proto::identity as proto;
use proto::TargetKind;
use proto::command::Kind;
use serde_json::{Value, json};

use super::audit::AuditIds;
use super::fernet::{self, FernetKey, KeyRing};
use super::model::Token;
use super::payload::{MethodList, MethodMask, Payload, PayloadId, PayloadScope};
use super::render::{Rendering, render};
use super::validate::{InvalidToken, Validation, validate};
use crate::state::fixture::{Deployment, assignment};

mod revocation;

const LIFE_S: u64 = 3600;

struct Issued {
    text: String,
    audit: AuditIds,
}

struct World {
    deployment: Deployment,
    ring: KeyRing,
    random: SeededRandom,
}

impl World {
    fn new() -> Self {
        let random = SeededRandom::from_seed(7);
        let ring = KeyRing::new([(1, FernetKey::generate(&random))]).unwrap();
        let mut deployment = Deployment::small();
        deployment.grant("u", TargetKind::Project, "p", "admin", false);
        Self { deployment, ring, random }
    }

    fn now_s(&self) -> u64 {
        self.deployment.now_ms / 1000
    }

    fn issue(&self, scope: PayloadScope) -> Issued {
        self.issue_with(scope, AuditIds::first(&self.random))
    }

    fn issue_with(&self, scope: PayloadScope, audit: AuditIds) -> Issued {
        let payload = Payload {
            user: PayloadId::from("u"),
            methods: MethodMask(2),
            expires_at_seconds: self.now_s() + LIFE_S,
            audit,
            scope,
        };
        let text = fernet::encode(&self.ring, &self.random, &payload, self.now_s(), "default").unwrap();
        Issued { text, audit }
    }

    fn on_project(&self, id: &str) -> Issued {
        self.issue(PayloadScope::Project(PayloadId::from(id)))
    }

    fn check_at(&self, token: &Issued, now_s: u64, grace_s: u64) -> Result<Token, InvalidToken> {
        let validation = Validation { ring: &self.ring, default_domain_id: "default", now_s, grace_s };
        validate(&self.deployment.state, validation, &token.text)
    }

    fn check(&self, token: &Issued) -> Result<Token, InvalidToken> {
        self.check_at(token, self.now_s(), 0)
    }

    fn run(&mut self, kind: Kind) {
        self.deployment.run(kind).unwrap();
    }

    fn revoke(&mut self, token: &Issued, cascade: bool) {
        let audit_id = token.audit.own.to_string();
        self.run(Kind::RevokeToken(proto::RevokeToken { audit_id, cascade }));
    }
}

#[test]
fn a_project_token_carries_the_roles_of_now_with_the_implied_ones() {
    let mut world = World::new();
    let token = world.on_project("p");
    let roles: Vec<String> =
        world.check(&token).unwrap().roles.iter().map(|role| role.name.clone()).collect();
    assert_eq!(roles, ["admin", "member"]);

    world.deployment.grant("u", TargetKind::Project, "p", "member", false);
    let revoked = Some(assignment("u", TargetKind::Project, "p", "admin", false));
    world.run(Kind::RevokeGrant(proto::RevokeGrant { assignment: revoked }));
    let roles: Vec<String> =
        world.check(&token).unwrap().roles.iter().map(|role| role.name.clone()).collect();
    assert_eq!(roles, ["member"]);

    let last = Some(assignment("u", TargetKind::Project, "p", "member", false));
    world.run(Kind::RevokeGrant(proto::RevokeGrant { assignment: last }));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::NoRoles);
}

#[test]
fn an_inherited_role_counts_below_the_project_and_not_on_it() {
    let mut world = World::new();
    assert_eq!(world.check(&world.on_project("c")).unwrap_err(), InvalidToken::NoRoles);
    world.deployment.grant("u", TargetKind::Project, "p", "member", true);
    assert!(world.check(&world.on_project("c")).is_ok());
}

#[test]
fn a_token_ends_with_its_time_and_the_grace_that_was_asked_for() {
    let world = World::new();
    let token = world.on_project("p");
    let end_s = world.now_s() + LIFE_S;
    assert!(world.check_at(&token, end_s - 1, 0).is_ok());
    assert_eq!(world.check_at(&token, end_s, 0).unwrap_err(), InvalidToken::Expired);
    assert!(world.check_at(&token, end_s + 9, 10).is_ok());
    assert_eq!(world.check_at(&token, end_s + 10, 10).unwrap_err(), InvalidToken::Expired);
}

#[test]
fn revoking_a_token_leaves_its_siblings_and_takes_those_rescoped_from_it() {
    let mut world = World::new();
    let (token, sibling) = (world.on_project("p"), world.on_project("p"));
    let scope = || PayloadScope::Project(PayloadId::from("p"));
    let child = world.issue_with(scope(), token.audit.rescoped(&world.random));
    let other_child = world.issue_with(scope(), token.audit.rescoped(&world.random));
    world.revoke(&child, true);
    assert_eq!(world.check(&child).unwrap_err(), InvalidToken::Revoked);
    assert!(world.check(&token).is_ok() && world.check(&other_child).is_ok());
    world.revoke(&token, true);
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
    assert_eq!(world.check(&other_child).unwrap_err(), InvalidToken::Revoked);
    assert!(world.check(&sibling).is_ok());
}

#[test]
fn without_cascade_the_rescoped_tokens_stay() {
    let mut world = World::new();
    let token = world.on_project("p");
    let child =
        world.issue_with(PayloadScope::Project(PayloadId::from("p")), token.audit.rescoped(&world.random));
    world.revoke(&token, false);
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
    assert!(world.check(&child).is_ok());
}

#[test]
fn a_new_password_revokes_what_was_issued_up_to_its_own_second() {
    let mut world = World::new();
    let password = Some(proto::Password::default());
    let update = proto::UpdateUser { id: "u".into(), password, ..proto::UpdateUser::default() };
    let before = world.on_project("p");
    world.run(Kind::UpdateUser(update));
    assert_eq!(world.check(&before).unwrap_err(), InvalidToken::Revoked);
    let same_second = world.on_project("p");
    assert_eq!(world.check(&same_second).unwrap_err(), InvalidToken::Revoked);
    world.deployment.now_ms += 1000;
    let next_second = world.on_project("p");
    assert!(world.check(&next_second).is_ok());
}

#[test]
fn a_purged_event_revokes_nothing_and_a_younger_one_still_does() {
    let mut world = World::new();
    let token = world.on_project("p");
    world.revoke(&token, true);
    let kept_ms = world.deployment.now_ms;
    world.run(Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms: kept_ms }));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
    world.run(Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms: kept_ms + 1 }));
    assert!(world.deployment.state.revoke.events.is_empty());
    assert!(world.check(&token).is_ok());
}

#[test]
fn a_disabled_project_or_domain_suspends_its_tokens() {
    let mut world = World::new();
    let token = world.on_project("p");
    for (id, is_domain) in [("c", false), ("p", false)] {
        let update =
            proto::UpdateProject { id: id.into(), is_domain, enabled: Some(false), ..Default::default() };
        world.run(Kind::UpdateProject(update));
    }
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Scope);
    let update = proto::UpdateProject { id: "p".into(), enabled: Some(true), ..Default::default() };
    world.run(Kind::UpdateProject(update));
    assert!(world.check(&token).is_ok());
}

#[test]
fn a_disabled_or_deleted_user_has_no_valid_token() {
    let mut world = World::new();
    let token = world.issue(PayloadScope::Unscoped);
    let disable = proto::UpdateUser { id: "u".into(), enabled: Some(false), ..Default::default() };
    world.run(Kind::UpdateUser(disable));
    assert!(world.check(&token).is_err());
    world.run(Kind::DeleteUser(proto::DeleteUser { id: "u".into() }));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::User);
}

#[test]
fn a_token_of_another_key_and_a_damaged_one_are_not_recognized() {
    let world = World::new();
    let mut token = world.on_project("p");
    let other =
        World { ring: KeyRing::new([(1, FernetKey::generate(&world.random))]).unwrap(), ..World::new() };
    assert_eq!(other.check(&token).unwrap_err(), InvalidToken::Unrecognized);
    token.text.truncate(token.text.len() - 4);
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Unrecognized);
}

fn rendered(token: &Token, world: &World, has_catalog: bool) -> Value {
    rendered_with(token, world, has_catalog, None)
}

fn rendered_with(
    token: &Token,
    world: &World,
    has_catalog: bool,
    admin_project: Option<(&str, &str)>,
) -> Value {
    let rendering = Rendering {
        methods: &MethodList::default(),
        catalog: has_catalog.then(|| world.deployment.state.catalog.compiled()),
        public_endpoint: "http://node \"1\"",
        admin_project,
    };
    serde_json::from_str(&render(token, &rendering)).unwrap()
}

#[test]
fn a_token_renders_as_keystone_renders_it() {
    let mut world = World::new();
    let service =
        proto::Service { id: "s".into(), r#type: "identity".into(), enabled: true, ..Default::default() };
    world.run(Kind::CreateService(proto::CreateService { service: Some(service) }));
    let endpoint = proto::Endpoint {
        id: "e".into(),
        service_id: "s".into(),
        interface: "public".into(),
        url: "$(public_endpoint)s/v3/$(project_id)s".into(),
        enabled: true,
        ..Default::default()
    };
    world.run(Kind::CreateEndpoint(proto::CreateEndpoint { endpoint: Some(endpoint), create_region: false }));
    let issued = world.on_project("p");
    let token = world.check(&issued).unwrap();
    let body = rendered(&token, &world, true);
    let domain = json!({ "id": "default", "name": "domain default" });
    assert_eq!(
        body,
        json!({ "token": {
            "methods": ["password"],
            "user": { "id": "u", "name": "user u", "domain": domain, "password_expires_at": null },
            "audit_ids": [issued.audit.own.to_string()],
            "expires_at": body["token"]["expires_at"],
            "issued_at": body["token"]["issued_at"],
            "project": { "id": "p", "name": "project p", "domain": domain },
            "is_domain": false,
            "roles": [{ "id": "admin", "name": "admin" }, { "id": "member", "name": "member" }],
            "catalog": [{ "id": "s", "type": "identity", "name": "", "endpoints": [{
                "id": "e", "interface": "public", "region": null, "region_id": null,
                "url": "http://node \"1\"/v3/p",
            }]}],
        }})
    );
    let bare = rendered(&token, &world, false);
    assert!(bare["token"].get("catalog").is_none());
}

#[test]
fn an_unscoped_token_renders_without_roles_and_catalog() {
    let world = World::new();
    let token = world.check(&world.issue(PayloadScope::Unscoped)).unwrap();
    let body = rendered(&token, &world, true);
    for name in ["roles", "catalog", "project", "domain", "system", "is_domain"] {
        assert!(body["token"].get(name).is_none(), "{name}");
    }
}

#[test]
fn only_a_project_token_says_whether_it_is_of_the_admin_project_and_only_where_there_is_one() {
    let world = World::new();
    let token = world.check(&world.on_project("p")).unwrap();
    let says = |token: &Token, admin_project| {
        rendered_with(token, &world, false, admin_project)["token"].get("is_admin_project").cloned()
    };
    assert_eq!(says(&token, None), None);
    assert_eq!(says(&token, Some(("project p", "domain default"))), Some(json!(true)));
    assert_eq!(says(&token, Some(("project p", "other"))), Some(json!(false)));
    assert_eq!(says(&token, Some(("other", "domain default"))), Some(json!(false)));
    let unscoped = world.check(&world.issue(PayloadScope::Unscoped)).unwrap();
    assert_eq!(says(&unscoped, Some(("project p", "domain default"))), None);
}
