//! Random commands for tests: few ids and names, so that they meet often.

use keyraft_proto::identity as proto;
use proptest::prelude::*;
use proto::command::Kind;
use proto::{ActorKind, TargetKind};

use super::test_log::{
    TestLog, add_to_group, assignment, create_project, create_user, delete_domain, delete_project, project,
    remove_from_group, user,
};

/// The one role, which every log of this kind begins with.
const ROLE: &str = "role";

fn domain_id() -> impl Strategy<Value = String> {
    (0..2_u8).prop_map(|number| format!("d{number}"))
}

fn project_id() -> impl Strategy<Value = String> {
    (0..5_u8).prop_map(|number| format!("p{number}"))
}

fn user_id() -> impl Strategy<Value = String> {
    (0..4_u8).prop_map(|number| format!("u{number}"))
}

fn group_id() -> impl Strategy<Value = String> {
    (0..3_u8).prop_map(|number| format!("g{number}"))
}

fn name() -> impl Strategy<Value = String> {
    (0..3_u8).prop_map(|number| format!("n{number}"))
}

fn place() -> impl Strategy<Value = (TargetKind, String)> {
    prop_oneof![
        project_id().prop_map(|id| (TargetKind::Project, id)),
        domain_id().prop_map(|id| (TargetKind::Domain, id)),
    ]
}

fn actor() -> impl Strategy<Value = (ActorKind, String)> {
    prop_oneof![
        user_id().prop_map(|id| (ActorKind::User, id)),
        group_id().prop_map(|id| (ActorKind::Group, id)),
    ]
}

fn of_resource() -> impl Strategy<Value = Kind> {
    prop_oneof![
        domain_id().prop_map(|id| create_project(proto::Project { is_domain: true, ..project(&id, "", "") })),
        (project_id(), domain_id(), prop_oneof![domain_id(), project_id()], name()).prop_map(
            |(id, domain_id, parent_id, name)| {
                create_project(proto::Project { name, ..project(&id, &domain_id, &parent_id) })
            }
        ),
        (
            prop_oneof![domain_id(), project_id()],
            proptest::option::of(name()),
            proptest::option::of(any::<bool>())
        )
            .prop_map(|(id, name, enabled)| {
                Kind::UpdateProject(proto::UpdateProject {
                    id,
                    name,
                    enabled,
                    ..proto::UpdateProject::default()
                })
            }),
        project_id().prop_map(|id| delete_project(&id)),
        domain_id().prop_map(|id| delete_domain(&id)),
    ]
}

fn of_users() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (user_id(), domain_id(), name(), proptest::option::of(project_id())).prop_map(
            |(id, domain_id, name, default_project_id)| {
                create_user(proto::User { name, default_project_id, ..user(&id, &domain_id) })
            }
        ),
        (user_id(), proptest::option::of(name()), proptest::option::of(any::<bool>()), project_id())
            .prop_map(|(id, name, enabled, project_id)| {
                let default_project_id = Some(proto::NullableString { value: Some(project_id) });
                let update =
                    proto::UpdateUser { id, name, enabled, default_project_id, ..Default::default() };
                Kind::UpdateUser(update)
            }),
        user_id().prop_map(|id| Kind::DeleteUser(proto::DeleteUser { id })),
    ]
}

fn of_groups() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (group_id(), domain_id(), name()).prop_map(|(id, domain_id, name)| {
            let group = Some(proto::Group { id, domain_id, name, ..proto::Group::default() });
            Kind::CreateGroup(proto::CreateGroup { group })
        }),
        (group_id(), name()).prop_map(|(id, name)| {
            Kind::UpdateGroup(proto::UpdateGroup { id, name: Some(name), ..proto::UpdateGroup::default() })
        }),
        group_id().prop_map(|id| Kind::DeleteGroup(proto::DeleteGroup { id })),
        (group_id(), user_id()).prop_map(|(group_id, user_id)| add_to_group(&group_id, &user_id)),
        (group_id(), user_id()).prop_map(|(group_id, user_id)| remove_from_group(&group_id, &user_id)),
    ]
}

fn of_grants() -> impl Strategy<Value = Kind> {
    (actor(), place(), any::<bool>()).prop_map(|((kind, actor), (on, target), is_grant)| {
        let assignment = Some(assignment((kind, &actor), (on, &target), ROLE));
        if is_grant {
            Kind::CreateGrant(proto::CreateGrant { assignment })
        } else {
            Kind::RevokeGrant(proto::RevokeGrant { assignment })
        }
    })
}

/// Few cases of many commands: the commands are what varies.
pub(crate) fn config() -> ProptestConfig {
    ProptestConfig::with_cases(60)
}

/// Up to 150 random commands, most of which are refused.
pub(crate) fn commands() -> impl Strategy<Value = Vec<Kind>> {
    let command = prop_oneof![3 => of_resource(), 2 => of_users(), 3 => of_groups(), 2 => of_grants()];
    proptest::collection::vec(command, 1..150)
}

/// The log of these commands. Those that are refused must leave no trace.
pub(crate) fn log_of(commands: Vec<Kind>) -> TestLog {
    let mut log = TestLog::default();
    log.role(ROLE, "");
    for command in commands {
        let rows = log.rows.clone();
        if log.run(command).is_err() {
            assert_eq!(log.rows, rows, "a refused command left a trace");
        }
    }
    log
}
