use keyraft_proto::identity as proto;
use proto::command::Kind;
use proto::{ActorKind, NullableString, Password, TargetKind, User};

use crate::state::CommandError;
use crate::state::test_log::{TestLog, add_to_group, create_user, delete_project, remove_from_group, user};

fn log() -> TestLog {
    let mut log = TestLog::default();
    log.domain("d");
    log.domain("e");
    log.role("reader", "");
    log.user("u", "d");
    log
}

fn update(id: &str) -> proto::UpdateUser {
    proto::UpdateUser { id: id.into(), ..proto::UpdateUser::default() }
}

fn password(hash: &'static [u8]) -> Option<Password> {
    Some(Password { sealed_hash: hash.into(), ..Password::default() })
}

#[test]
fn of_two_users_with_one_name_the_second_is_refused() {
    let mut log = log();
    let twin = |id: &str, domain_id: &str, name: &str| {
        create_user(User { name: name.into(), ..user(id, domain_id) })
    };
    let error = log.run(twin("v", "d", "u")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Conflict occurred attempting to store user - Duplicate entry found with name u at domain ID d."
    );
    assert!(!log.state.identity.users.contains("v"));
    log.run(twin("w", "e", "u")).unwrap();
    log.run(twin("x", "d", "U")).unwrap();
    assert!(matches!(log.run(twin("u", "d", "y")), Err(CommandError::Conflict { .. })));
}

#[test]
fn a_user_needs_its_domain_and_no_domain_as_default_project() {
    let mut log = log();
    assert_eq!(
        log.run(create_user(user("v", "nope"))).unwrap_err().to_string(),
        "Could not find domain: nope."
    );
    let astray = User { default_project_id: Some("e".into()), ..user("v", "d") };
    let error = log.run(create_user(astray)).unwrap_err();
    assert_eq!(error, CommandError::Invalid("User's default project ID cannot be a domain ID: e".into()));
    let default_project_id = Some("missing".into());
    log.run(create_user(User { default_project_id, ..user("v", "d") })).unwrap();
}

#[test]
fn a_refused_rename_changes_nothing_and_a_rename_frees_the_old_name() {
    let mut log = log();
    log.user("v", "d");
    let rename =
        |id: &str, name: &str| Kind::UpdateUser(proto::UpdateUser { name: Some(name.into()), ..update(id) });
    let error = log.run(rename("v", "u")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Conflict occurred attempting to store user - Duplicate entry found with name u."
    );
    assert_eq!(log.state.identity.user_by_name("d", "v").unwrap().id, "v");
    log.run(rename("u", "u")).unwrap();
    log.run(rename("u", "z")).unwrap();
    log.run(rename("v", "u")).unwrap();
    assert_eq!(log.state.identity.user_by_name("d", "u").unwrap().id, "v");
    assert_eq!(log.state.identity.user_by_name("d", "z").unwrap().id, "u");
}

#[test]
fn updates_revoke_tokens_as_in_keystone() {
    let mut log = log();
    for (change, events) in [
        (proto::UpdateUser { name: Some("n".into()), ..update("u") }, 0),
        (proto::UpdateUser { password: password(b"new"), ..update("u") }, 1),
        (proto::UpdateUser { remove_password: true, ..update("u") }, 0),
        (proto::UpdateUser { enabled: Some(false), ..update("u") }, 1),
        (proto::UpdateUser { enabled: Some(false), ..update("u") }, 0),
        (proto::UpdateUser { enabled: Some(true), ..update("u") }, 0),
        (proto::UpdateUser { enabled: Some(false), password: password(b"new"), ..update("u") }, 1),
    ] {
        log.run(Kind::UpdateUser(change.clone())).unwrap();
        assert_eq!(log.last_events(), vec!["user u"; events], "{change:?}");
    }
}

#[test]
fn an_update_merges_extra_attributes_and_options() {
    let mut log = log();
    let texts = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    for (extra, options) in [
        (texts(&[("email", "\"a\""), ("phone", "1")]), texts(&[("lock_password", "true")])),
        (
            texts(&[("email", "null")]),
            texts(&[("lock_password", "null"), ("ignore_password_expiry", "false")]),
        ),
    ] {
        log.run(Kind::UpdateUser(proto::UpdateUser { extra, options, ..update("u") })).unwrap();
    }
    let user = log.state.identity.users.get("u").unwrap();
    assert_eq!(user.extra, texts(&[("email", "null"), ("phone", "1")]));
    assert_eq!(user.options, texts(&[("ignore_password_expiry", "false")]));
}

#[test]
fn a_deleted_user_leaves_nothing_behind_but_its_revocation() {
    let mut log = log();
    log.group("g", "e", &["u"]);
    log.grant((ActorKind::User, "u"), (TargetKind::Domain, "e"), "reader");
    log.run(Kind::DeleteUser(proto::DeleteUser { id: "u".into() })).unwrap();
    assert_eq!(log.last_events(), ["user u"]);
    let state = &log.state;
    assert!(state.identity.users.is_empty() && state.identity.memberships.is_empty());
    assert!(state.assignment.assignments.is_empty() && state.identity.groups.contains("g"));
    assert!(log.run(Kind::DeleteUser(proto::DeleteUser { id: "u".into() })).is_err());
}

#[test]
fn tokens_of_a_user_are_revoked_on_demand() {
    let mut log = log();
    let revoke = |id: &str| Kind::RevokeUserTokens(proto::RevokeUserTokens { user_id: id.into() });
    log.run(revoke("u")).unwrap();
    assert_eq!(log.last_events(), ["user u"]);
    assert_eq!(log.run(revoke("v")).unwrap_err().to_string(), "Could not find user: v.");
}

#[test]
fn a_membership_is_added_once_and_its_removal_revokes_tokens() {
    let mut log = log();
    log.group("g", "d", &[]);
    for _ in 0..2 {
        log.run(add_to_group("g", "u")).unwrap();
        assert!(log.last_events().is_empty());
    }
    log.run(remove_from_group("g", "u")).unwrap();
    assert_eq!(log.last_events(), ["user u"]);
    assert!(matches!(log.run(remove_from_group("g", "u")), Err(CommandError::NotFound { .. })));
    assert!(log.last_events().is_empty());
    assert_eq!(log.run(add_to_group("h", "v")).unwrap_err().to_string(), "Could not find group: h.");
    assert_eq!(log.run(add_to_group("g", "v")).unwrap_err().to_string(), "Could not find user: v.");
}

#[test]
fn a_deleted_group_revokes_its_members_tokens_if_it_had_grants() {
    let mut log = log();
    log.user("v", "e");
    let delete = |id: &str| Kind::DeleteGroup(proto::DeleteGroup { id: id.into() });
    log.group("idle", "d", &["u", "v"]);
    log.run(delete("idle")).unwrap();
    assert!(log.last_events().is_empty());
    log.group("g", "d", &["u", "v"]);
    log.grant((ActorKind::Group, "g"), (TargetKind::System, "system"), "reader");
    log.run(delete("g")).unwrap();
    assert_eq!(log.last_events(), ["user u", "user v"]);
    let state = &log.state;
    assert!(state.identity.memberships.is_empty() && state.assignment.assignments.is_empty());
}

#[test]
fn a_group_keeps_its_name_to_itself_and_short_and_its_description_may_be_null() {
    let mut log = log();
    log.group("g", "d", &[]);
    log.group("h", "d", &[]);
    let rename =
        |name: &str| proto::UpdateGroup { id: "h".into(), name: Some(name.into()), ..Default::default() };
    assert!(matches!(log.run(Kind::UpdateGroup(rename("g"))), Err(CommandError::Conflict { .. })));
    log.run(Kind::UpdateGroup(rename(&"ü".repeat(64)))).unwrap();
    let error = log.run(Kind::UpdateGroup(rename(&"ü".repeat(65)))).unwrap_err();
    assert!(error.to_string().ends_with("exceeds the limit of column name(CHAR(64))."), "{error}");
    let describe = |value: Option<&str>| {
        let description = Some(NullableString { value: value.map(str::to_owned) });
        Kind::UpdateGroup(proto::UpdateGroup { id: "h".into(), description, ..Default::default() })
    };
    for value in [Some("text"), None] {
        let group: proto::Group = log.write(describe(value)).unwrap();
        assert_eq!(group.description.as_deref(), value);
    }
}

#[test]
fn a_deleted_project_is_nobodys_default_project() {
    let mut log = log();
    log.project("p", "d", "d");
    for (id, domain_id, project_id) in [("v", "d", "p"), ("w", "e", "p"), ("x", "e", "q")] {
        let default_project_id = Some(project_id.into());
        log.run(create_user(User { default_project_id, ..user(id, domain_id) })).unwrap();
    }
    log.run(delete_project("p")).unwrap();
    assert_eq!(log.last_events(), ["project p"]);
    let default_of = |id: &str| log.state.identity.users.get(id).unwrap().default_project_id.clone();
    assert_eq!((default_of("v"), default_of("w")), (None, None));
    assert_eq!(default_of("x").as_deref(), Some("q"));
}
