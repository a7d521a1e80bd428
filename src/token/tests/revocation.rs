//! Which operation ends which tokens, with an event or without: Keystone's table, row by row.

use proto::command::Kind;

use super::*;

/// What each event names, in the order of the log.
fn events(world: &World) -> Vec<(&'static str, String)> {
    let name = |event: &proto::RevocationEvent| {
        let names = [
            ("audit_id", &event.audit_id),
            ("audit_chain_id", &event.audit_chain_id),
            ("user_id", &event.user_id),
            ("project_id", &event.project_id),
            ("domain_id", &event.domain_id),
        ];
        names.into_iter().find_map(|(kind, id)| Some((kind, id.clone()?))).unwrap()
    };
    world.deployment.state.revoke.events.values().map(|event| name(event)).collect()
}

fn user_event(id: &str) -> Vec<(&'static str, String)> {
    vec![("user_id", id.to_owned())]
}

/// The user is in two groups; only one of them has a role.
fn in_groups(world: &mut World) {
    for id in ["idle", "staff"] {
        let group = proto::Group {
            id: id.into(),
            name: id.into(),
            domain_id: "default".into(),
            ..proto::Group::default()
        };
        world.run(Kind::CreateGroup(proto::CreateGroup { group: Some(group) }));
        world.run(Kind::AddUserToGroup(proto::AddUserToGroup { membership: membership(id) }));
    }
    let assignment = proto::Assignment {
        actor_kind: proto::ActorKind::Group.into(),
        ..assignment("staff", TargetKind::Project, "c", "member", false)
    };
    world.run(Kind::CreateGrant(proto::CreateGrant { assignment: Some(assignment) }));
}

fn membership(group_id: &str) -> Option<proto::Membership> {
    Some(proto::Membership { group_id: group_id.into(), user_id: "u".into() })
}

fn update_project(id: &str, is_domain: bool, enabled: bool) -> Kind {
    Kind::UpdateProject(proto::UpdateProject {
        id: id.into(),
        is_domain,
        enabled: Some(enabled),
        ..proto::UpdateProject::default()
    })
}

#[test]
fn revoking_a_token_names_it_and_the_chain_that_begins_with_it() {
    let mut world = World::new();
    let token = world.on_project("p");
    world.revoke(&token, true);
    let id = token.audit.own.to_string();
    assert_eq!(events(&world), [("audit_chain_id", id.clone()), ("audit_id", id)]);
}

#[test]
fn what_changes_the_proof_of_a_user_ends_all_its_tokens() {
    let password = || Some(proto::Password { sealed_hash: b"new".to_vec().into(), ..Default::default() });
    let update = |update: proto::UpdateUser| Kind::UpdateUser(proto::UpdateUser { id: "u".into(), ..update });
    for operation in [
        Kind::RevokeUserTokens(proto::RevokeUserTokens { user_id: "u".into() }),
        update(proto::UpdateUser { password: password(), ..Default::default() }),
        update(proto::UpdateUser { enabled: Some(false), ..Default::default() }),
        Kind::DeleteUser(proto::DeleteUser { id: "u".into() }),
    ] {
        let mut world = World::new();
        let tokens = [world.on_project("p"), world.issue(PayloadScope::Unscoped)];
        world.run(operation);
        assert_eq!(events(&world), user_event("u"));
        assert!(tokens.iter().all(|token| world.check(token).is_err()));
    }
}

#[test]
fn a_password_that_the_user_changes_itself_ends_all_its_tokens() {
    let mut world = World::new();
    let set = |hash: &[u8]| Some(proto::Password { sealed_hash: hash.to_vec().into(), ..Default::default() });
    let update = proto::UpdateUser { id: "u".into(), password: set(b"old"), ..Default::default() };
    world.run(Kind::UpdateUser(update));
    let token = world.on_project("p");
    world.run(Kind::ChangePassword(proto::ChangePassword {
        user_id: "u".into(),
        verified_sealed_hash: b"old".to_vec().into(),
        password: set(b"new"),
        ..Default::default()
    }));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
    assert_eq!(events(&world), [user_event("u"), user_event("u")].concat());
}

#[test]
fn a_user_that_is_enabled_again_needs_a_new_token() {
    let mut world = World::new();
    let token = world.on_project("p");
    for enabled in [Some(false), Some(true)] {
        world.run(Kind::UpdateUser(proto::UpdateUser { id: "u".into(), enabled, ..Default::default() }));
    }
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
    world.deployment.now_ms += 1000;
    assert!(world.check(&world.on_project("p")).is_ok());
}

#[test]
fn what_proves_nothing_else_ends_no_token() {
    let mut world = World::new();
    let token = world.on_project("p");
    let update = |update: proto::UpdateUser| Kind::UpdateUser(proto::UpdateUser { id: "u".into(), ..update });
    for operation in [
        update(proto::UpdateUser { name: Some("renamed".into()), ..Default::default() }),
        update(proto::UpdateUser { enabled: Some(true), ..Default::default() }),
        update(proto::UpdateUser { remove_password: true, ..Default::default() }),
    ] {
        world.run(operation);
    }
    assert!(events(&world).is_empty());
    assert_eq!(world.check(&token).unwrap().user.name, "renamed");
}

#[test]
fn leaving_a_group_ends_the_tokens_of_who_leaves() {
    let mut world = World::new();
    in_groups(&mut world);
    let token = world.on_project("p");
    let membership = membership("idle");
    world.run(Kind::RemoveUserFromGroup(proto::RemoveUserFromGroup { membership }));
    assert_eq!(events(&world), user_event("u"));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
}

#[test]
fn deleting_a_group_ends_the_tokens_of_its_members_only_if_it_had_a_role() {
    let mut world = World::new();
    in_groups(&mut world);
    let token = world.on_project("p");
    world.run(Kind::DeleteGroup(proto::DeleteGroup { id: "idle".into() }));
    assert!(events(&world).is_empty());
    assert!(world.check(&token).is_ok());
    world.run(Kind::DeleteGroup(proto::DeleteGroup { id: "staff".into() }));
    assert_eq!(events(&world), user_event("u"));
    assert_eq!(world.check(&token).unwrap_err(), InvalidToken::Revoked);
}

#[test]
fn deleting_a_project_names_it_and_deleting_a_domain_all_that_is_in_it() {
    let mut world = World::new();
    world.deployment.grant("u", TargetKind::Project, "c", "member", false);
    let (child, parent) = (world.on_project("c"), world.on_project("p"));
    world.run(Kind::DeleteProject(proto::DeleteProject { id: "c".into(), is_domain: false }));
    assert_eq!(events(&world), [("project_id", "c".to_owned())]);
    assert!(world.check(&child).is_err() && world.check(&parent).is_ok());

    let mut world = World::new();
    world.run(update_project("default", true, false));
    world.run(Kind::DeleteProject(proto::DeleteProject { id: "default".into(), is_domain: true }));
    let mut named = events(&world);
    named.sort();
    let projects: Vec<_> = named.iter().filter(|(kind, _)| *kind == "project_id").collect();
    assert!(["c", "p"].iter().all(|id| projects.iter().any(|(_, named)| named == id)), "{named:?}");
    assert!(named.contains(&("user_id", "u".to_owned())), "{named:?}");
}

#[test]
fn a_role_that_is_taken_away_or_deleted_leaves_no_event_and_the_token_with_the_rest() {
    let mut world = World::new();
    let other = proto::Role { id: "other".into(), name: "other".into(), ..proto::Role::default() };
    world.run(Kind::CreateRole(proto::CreateRole { role: Some(other) }));
    world.deployment.grant("u", TargetKind::Project, "p", "other", false);
    let token = world.on_project("p");
    let roles = |world: &World| {
        world.check(&token).map(|token| token.roles.iter().map(|role| role.id.clone()).collect::<Vec<_>>())
    };
    assert_eq!(roles(&world).unwrap(), ["admin", "member", "other"]);
    world.run(Kind::DeleteRole(proto::DeleteRole { id: "admin".into() }));
    assert_eq!(roles(&world).unwrap(), ["other"]);
    let assignment = Some(assignment("u", TargetKind::Project, "p", "other", false));
    world.run(Kind::RevokeGrant(proto::RevokeGrant { assignment }));
    assert_eq!(roles(&world).unwrap_err(), InvalidToken::NoRoles);
    assert!(events(&world).is_empty());
    world.deployment.grant("u", TargetKind::Project, "p", "member", false);
    assert_eq!(roles(&world).unwrap(), ["member"]);
}

#[test]
fn a_disabled_domain_suspends_the_tokens_of_its_users_and_projects() {
    let mut world = World::new();
    let tokens = [world.on_project("p"), world.issue(PayloadScope::Unscoped)];
    world.run(update_project("default", true, false));
    assert_eq!(world.check(&tokens[0]).unwrap_err(), InvalidToken::Scope);
    assert_eq!(world.check(&tokens[1]).unwrap_err(), InvalidToken::User);
    world.run(update_project("default", true, true));
    assert!(tokens.iter().all(|token| world.check(token).is_ok()));
    assert!(events(&world).is_empty());
}

#[test]
fn a_system_or_domain_token_ends_with_its_last_role_there() {
    for (kind, id, scope) in [
        (TargetKind::System, "system", PayloadScope::System),
        (TargetKind::Domain, "default", PayloadScope::Domain(PayloadId::from("default"))),
    ] {
        let mut world = World::new();
        let token = world.issue(scope);
        assert_eq!(world.check(&token).unwrap_err(), InvalidToken::NoRoles);
        world.deployment.grant("u", kind, id, "member", false);
        assert_eq!(world.check(&token).unwrap().roles.len(), 1);
        let assignment = Some(assignment("u", kind, id, "member", false));
        world.run(Kind::RevokeGrant(proto::RevokeGrant { assignment }));
        assert_eq!(world.check(&token).unwrap_err(), InvalidToken::NoRoles);
    }
}

#[test]
fn an_expired_password_ends_no_token() {
    let mut world = World::new();
    let expires_ms = Some(world.deployment.now_ms);
    let password = Some(proto::Password { expires_ms, ..Default::default() });
    world.run(Kind::UpdateUser(proto::UpdateUser { id: "u".into(), password, ..Default::default() }));
    world.deployment.now_ms += 10_000;
    assert!(world.check(&world.on_project("p")).is_ok());
}

#[test]
fn a_revoked_token_stays_revoked_as_long_as_anybody_may_ask_for_it() {
    let (token, revoke) = (crate::config::Token::default(), crate::config::Revoke::default());
    let mut world = World::new();
    let issued = world.on_project("p");
    world.revoke(&issued, true);
    let last_asked_s = issued_at_s(&world, &issued) + token.expiration_s + token.allow_expired_window_s - 1;
    let revoked_before_ms = (last_asked_s * 1000).saturating_sub(crate::revoke::kept_ms(&token, &revoke));
    world.run(Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms }));
    let asked = world.check_at(&issued, last_asked_s, token.allow_expired_window_s);
    assert_eq!(asked.unwrap_err(), InvalidToken::Revoked);
}

fn issued_at_s(world: &World, token: &Issued) -> u64 {
    fernet::decode(&world.ring, &token.text, "default").unwrap().1
}
