use keyraft_cluster::Application;
use keyraft_proto::identity as proto;
use proto::command::Kind;
use proto::{ActorKind, Project, RevocationEvent, TargetKind, User};

use crate::state::test_log::{
    TestLog, create_project, create_user, delete_domain, delete_project, project, user,
};
use crate::state::{CommandError, Identity, Record};

/// The domain `d` with the tree `a` over `b`, and the empty domain `e`.
fn log() -> TestLog {
    let mut log = TestLog::default();
    log.domain("d");
    log.domain("e");
    log.project("a", "d", "d");
    log.project("b", "d", "a");
    log
}

fn update(id: &str) -> proto::UpdateProject {
    proto::UpdateProject { id: id.into(), ..proto::UpdateProject::default() }
}

fn set_enabled(id: &str, enabled: bool) -> Kind {
    Kind::UpdateProject(proto::UpdateProject { enabled: Some(enabled), ..update(id) })
}

fn set_immutable(id: &str, value: &str) -> proto::UpdateProject {
    let options = [("immutable".to_owned(), value.to_owned())].into_iter().collect();
    proto::UpdateProject { options, ..update(id) }
}

fn refusal(log: &mut TestLog, command: Kind) -> String {
    let rows = log.rows.clone();
    let error = log.run(command).unwrap_err().to_string();
    assert_eq!(log.rows, rows, "a refused command left a trace");
    error
}

#[test]
fn a_name_is_taken_once_in_a_domain_whatever_the_parent() {
    let mut log = log();
    let named = |id: &str, name: &str, domain_id: &str, parent_id: &str| {
        create_project(Project { name: name.into(), ..project(id, domain_id, parent_id) })
    };
    assert_eq!(
        refusal(&mut log, named("x", "a", "d", "a")),
        "Conflict occurred attempting to store project - it is not permitted to have two projects with either the \
         same name or same id in the same domain: name is a, project id x."
    );
    log.run(named("x", "a", "e", "e")).unwrap();
    log.run(named("y", "A", "d", "d")).unwrap();
    assert!(matches!(log.run(named("a", "z", "d", "d")), Err(CommandError::Conflict { .. })));
    let rename = Kind::UpdateProject(proto::UpdateProject { name: Some("a".into()), ..update("b") });
    assert!(matches!(log.run(rename), Err(CommandError::Conflict { .. })));
}

#[test]
fn a_name_of_a_domain_is_taken_once() {
    let mut log = log();
    let domain = |id: &str, name: &str| {
        create_project(Project { name: name.into(), is_domain: true, ..project(id, "", "") })
    };
    let message = "Conflict occurred attempting to store project - it is not permitted to have two projects acting \
                   as domains with the same name: d.";
    assert_eq!(refusal(&mut log, domain("x", "d")), message);
    assert_eq!(refusal(&mut log, domain("d", "d")), message);
    log.run(domain("x", "a")).unwrap();
}

#[test]
fn a_project_stands_in_an_enabled_branch_of_its_domain() {
    let mut log = log();
    let mut place = |domain_id: &str, parent_id: &str| {
        let command = create_project(project("x", domain_id, parent_id));
        refusal(&mut log, command)
    };
    assert_eq!(place("nope", "d"), "Could not find domain: nope.");
    assert_eq!(place("a", "a"), "Could not find domain: a.");
    assert_eq!(place("d", "nope"), "Could not find project: nope.");
    assert_eq!(
        place("e", "d"),
        "Cannot create project, the parent (d) is acting as a domain, but this project's domain id (e) does not \
         match the parent's id."
    );
    assert_eq!(
        place("e", "a"),
        "Cannot create project, since it specifies its domain_id e, but specifies a parent in a different domain \
         (d)."
    );
    assert_eq!(place("d", "b"), "Max hierarchy depth reached for b branch.");
    log.run(set_enabled("d", false)).unwrap();
    let below = create_project(project("x", "d", "a"));
    assert_eq!(
        refusal(&mut log, below),
        "cannot create a project in a branch containing a disabled project: d"
    );
}

#[test]
fn a_branch_is_disabled_from_below_and_enabled_from_above() {
    let mut log = log();
    assert_eq!(
        refusal(&mut log, set_enabled("a", false)),
        "Cannot disable project a since its subtree contains enabled projects."
    );
    log.run(set_enabled("b", false)).unwrap();
    log.run(set_enabled("a", false)).unwrap();
    assert_eq!(
        refusal(&mut log, set_enabled("b", true)),
        "Cannot enable project b since it has disabled parents"
    );
    log.run(set_enabled("a", true)).unwrap();
    log.run(set_enabled("b", true)).unwrap();
    log.run(set_enabled("d", false)).unwrap();
    assert!(log.last_events().is_empty(), "being disabled is checked live");
}

#[test]
fn only_a_leaf_is_deleted_and_its_tokens_are_revoked() {
    let mut log = log();
    log.role("reader", "");
    log.user("u", "e");
    log.grant((ActorKind::User, "u"), (TargetKind::Project, "b"), "reader");
    assert!(
        refusal(&mut log, delete_project("a"))
            .starts_with("Cannot delete the project a since it is not a leaf")
    );
    log.run(delete_project("b")).unwrap();
    assert_eq!(log.last_events(), ["project b"]);
    assert!(log.state.assignment.assignments.is_empty());
    log.run(delete_project("a")).unwrap();
    assert_eq!(refusal(&mut log, delete_project("a")), "Could not find project: a.");
    assert_eq!(refusal(&mut log, delete_domain("a")), "Could not find domain: a.");
}

#[test]
fn an_immutable_project_accepts_only_to_be_mutable_again() {
    let mut log = log();
    log.run(Kind::UpdateProject(set_immutable("b", "true"))).unwrap();
    let message = |verb: &str| {
        format!(
            "Unable to {verb} immutable project resource: `b. Set resource option \"immutable\" to false first."
        )
    };
    let renamed = proto::UpdateProject { name: Some("x".into()), ..update("b") };
    let both = proto::UpdateProject { name: Some("x".into()), ..set_immutable("b", "false") };
    for change in [renamed, both, set_immutable("b", "true"), update("b")] {
        assert_eq!(refusal(&mut log, Kind::UpdateProject(change)), message("update"));
    }
    assert_eq!(refusal(&mut log, delete_project("b")), message("delete"));
    log.run(Kind::UpdateProject(set_immutable("b", "null"))).unwrap();
    log.run(delete_project("b")).unwrap();
}

#[test]
fn a_domain_is_disabled_before_it_is_deleted() {
    let mut log = log();
    for command in [delete_domain("d"), delete_project("d")] {
        assert_eq!(
            refusal(&mut log, command),
            "Cannot delete a domain that is enabled, please disable it first."
        );
    }
    log.run(set_enabled("d", false)).unwrap();
    log.run(Kind::UpdateProject(set_immutable("b", "true"))).unwrap();
    assert!(
        refusal(&mut log, delete_domain("d")).starts_with("Unable to delete immutable project resource: `b.")
    );
}

#[test]
fn a_deleted_domain_takes_all_that_is_in_it_along() {
    let mut log = log();
    log.role("reader", "");
    log.role("own", "d");
    log.user("inside", "d");
    log.user("outside", "e");
    log.group("g", "d", &["inside", "outside"]);
    log.group("h", "e", &["inside", "outside"]);
    log.grant((ActorKind::Group, "g"), (TargetKind::Domain, "e"), "reader");
    log.grant((ActorKind::User, "outside"), (TargetKind::Project, "b"), "reader");
    log.grant((ActorKind::User, "outside"), (TargetKind::Domain, "d"), "reader");
    log.grant((ActorKind::User, "inside"), (TargetKind::Domain, "e"), "reader");
    log.grant((ActorKind::User, "outside"), (TargetKind::Domain, "e"), "reader");
    log.run(set_enabled("d", false)).unwrap();
    log.run(delete_domain("d")).unwrap();

    assert_eq!(
        log.last_events(),
        ["project b", "project a", "user inside", "user outside", "user inside", "project d"]
    );
    let state = &log.state;
    let left: Vec<&str> = state.resource.projects.values().map(|project| project.id.as_str()).collect();
    assert_eq!(left, ["e"]);
    let users: Vec<&str> = state.identity.users.values().map(|user| user.id.as_str()).collect();
    assert_eq!(users, ["outside"]);
    assert!(state.identity.is_member("h", "outside"));
    assert_eq!((state.identity.groups.len(), state.identity.memberships.len()), (1, 1));
    let grants: Vec<_> = state.assignment.assignments.values().collect();
    assert_eq!(
        (grants.len(), grants[0].actor_id.as_str(), grants[0].target_id.as_str()),
        (1, "outside", "e")
    );
    assert!(state.role.roles.contains("own"), "roles of the domain stay, as in Keystone");
}

/// Those of the domain have ids that begin with `gone`.
#[test]
fn a_large_domain_goes_in_one_command_and_leaves_only_its_revocations() {
    const PROJECTS: usize = 400;
    const USERS: usize = 1_000;
    const GROUPS: usize = 20;
    let mut log = TestLog::default();
    log.domain("gone");
    log.domain("kept");
    log.role("reader", "");
    for number in 0..PROJECTS {
        let above = if number % 2 == 0 { "gone".to_owned() } else { format!("gone-p{}", number - 1) };
        log.project(&format!("gone-p{number}"), "gone", &above);
    }
    for number in 0..USERS {
        let id = format!("gone-u{number}");
        log.user(&id, "gone");
        let project = format!("gone-p{}", number % PROJECTS);
        log.grant((ActorKind::User, &id), (TargetKind::Project, &project), "reader");
    }
    for number in 0..GROUPS {
        let id = format!("kept-u{number}");
        let default_project_id = Some(format!("gone-p{number}"));
        log.run(create_user(User { default_project_id, ..user(&id, "kept") })).unwrap();
        let (gone, kept) = (format!("gone-g{number}"), format!("kept-g{number}"));
        log.group(&gone, "gone", &[&id, &format!("gone-u{number}")]);
        log.group(&kept, "kept", &[&id, &format!("gone-u{number}")]);
        log.grant((ActorKind::User, &id), (TargetKind::Domain, "gone"), "reader");
        log.grant((ActorKind::Group, &kept), (TargetKind::Project, "gone-p0"), "reader");
        log.grant((ActorKind::Group, &gone), (TargetKind::Domain, "kept"), "reader");
    }
    log.run(set_enabled("gone", false)).unwrap();
    log.run(delete_domain("gone")).unwrap();

    // Each project, the domain, each user, and each member of a group that had a role.
    assert_eq!(log.last_events().len(), PROJECTS + 1 + USERS + 2 * GROUPS);
    let text_of = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let is_event = |key: &[u8]| key.first() == Some(&RevocationEvent::TABLE);
    let left: Vec<String> = (log.rows.iter())
        .filter(|(key, _)| !is_event(key))
        .map(|(key, value)| text_of(key) + &text_of(value))
        .collect();
    assert!(left.iter().all(|row| !row.contains("gone")), "{left:?}");
    // The role and the domain; the users and groups in it with their memberships.
    assert_eq!(left.len(), 2 + 3 * GROUPS);
    let rows: Vec<_> = Identity.rows(&log.state).map(|row| (row.key, row.value)).collect();
    assert_eq!(rows, log.rows.into_iter().collect::<Vec<_>>());
}

#[test]
fn nothing_has_the_empty_id() {
    let mut log = log();
    let domain = Project { name: "f".into(), is_domain: true, ..project("", "", "") };
    assert!(refusal(&mut log, create_project(domain)).contains("the domain has no id"));
    let project = Project { name: "f".into(), ..project("", "d", "d") };
    assert!(refusal(&mut log, create_project(project)).contains("the project has no id"));
}

#[test]
fn a_domain_is_below_nothing() {
    let mut log = log();
    for (domain_id, parent_id) in [("", "f"), ("", "d"), ("d", "")] {
        let domain = Project { is_domain: true, ..project("f", domain_id, parent_id) };
        let refusal = refusal(&mut log, create_project(domain));
        assert!(refusal.contains("only root projects are allowed to act as domains"), "{refusal}");
    }
}
