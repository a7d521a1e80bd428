//! A log for tests: commands one after another, with a copy of the rows that they leave on disk.

use std::collections::BTreeMap;

use keyraft_cluster::{Application, LogMoment, Row};
use keyraft_proto::identity as proto;
use prost::Message;
use proto::command::Kind;

use super::{CommandError, Identity, State, decode_answer};

/// Milliseconds between two commands: each has a second of its own.
const STEP_MS: u64 = 1000;

/// The state after some commands.
#[derive(Default)]
pub(crate) struct TestLog {
    pub(crate) state: State,
    pub(crate) rows: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
    waited_ms: u64,
}

impl TestLog {
    /// Applies a command; gives the record that it made or changed.
    pub(crate) fn write<R: Message + Default>(&mut self, kind: Kind) -> Result<R, CommandError> {
        self.index += 1;
        let command = proto::Command { kind: Some(kind) }.encode_to_vec();
        let moment = LogMoment { log_index: self.index, log_time_ms: self.now_ms() };
        let mut changes = Vec::new();
        let answer = Identity.apply(&mut self.state, moment, &command, &mut changes);
        for change in changes {
            let before = match change.after {
                Some(after) => self.rows.insert(change.key, after),
                None => self.rows.remove(&change.key),
            };
            assert_eq!(before, change.before, "a change names another row than the one that it replaces");
        }
        decode_answer(&answer).map(|record| R::decode(record).unwrap())
    }

    /// Log time of the last command.
    pub(crate) fn now_ms(&self) -> u64 {
        self.index * STEP_MS + self.waited_ms
    }

    /// Lets time pass before the next command.
    pub(crate) fn wait_ms(&mut self, wait_ms: u64) {
        self.waited_ms += wait_ms;
    }

    /// Applies a command that gives nothing back.
    pub(crate) fn run(&mut self, kind: Kind) -> Result<(), CommandError> {
        self.write::<proto::NullableString>(kind).map(|_| ())
    }

    /// The subjects of the revocation events that the last command made: `user u`, `project p`.
    pub(crate) fn last_events(&self) -> Vec<String> {
        let events = self.state.revoke.events.range_from((self.index, 0));
        let subject = |event: &proto::RevocationEvent| {
            assert_eq!(event.issued_before_s, self.now_ms() / 1000);
            match (&event.user_id, &event.project_id) {
                (Some(id), None) => format!("user {id}"),
                (None, Some(id)) => format!("project {id}"),
                other => panic!("an event of {other:?}"),
            }
        };
        events.map(|(_, event)| subject(event)).collect()
    }

    /// What loading the rows of the disk gives.
    pub(crate) fn reloaded(&self) -> State {
        let mut rows = self.rows.iter().map(|(key, value)| Row { key: key.clone(), value: value.clone() });
        Identity.load(&mut rows).unwrap()
    }

    /// A domain.
    pub(crate) fn domain(&mut self, id: &str) {
        let domain = proto::Project { is_domain: true, ..project(id, "", "") };
        self.run(create_project(domain)).unwrap();
    }

    /// A project named as its id, below a parent.
    pub(crate) fn project(&mut self, id: &str, domain_id: &str, parent_id: &str) {
        self.run(create_project(project(id, domain_id, parent_id))).unwrap();
    }

    /// A user named as its id, with a password.
    pub(crate) fn user(&mut self, id: &str, domain_id: &str) {
        self.run(create_user(user(id, domain_id))).unwrap();
    }

    /// A group named as its id, with these users in it.
    pub(crate) fn group(&mut self, id: &str, domain_id: &str, users: &[&str]) {
        let group = proto::Group {
            id: id.into(),
            name: id.into(),
            domain_id: domain_id.into(),
            ..proto::Group::default()
        };
        self.run(Kind::CreateGroup(proto::CreateGroup { group: Some(group) })).unwrap();
        for user_id in users {
            self.run(add_to_group(id, user_id)).unwrap();
        }
    }

    /// A role named as its id; in a domain if one is named.
    pub(crate) fn role(&mut self, id: &str, domain_id: &str) {
        let role = proto::Role {
            id: id.into(),
            name: id.into(),
            domain_id: domain_id.into(),
            ..proto::Role::default()
        };
        self.run(Kind::CreateRole(proto::CreateRole { role: Some(role) })).unwrap();
    }

    /// A role on a project or domain.
    pub(crate) fn grant(
        &mut self,
        actor: (proto::ActorKind, &str),
        target: (proto::TargetKind, &str),
        role_id: &str,
    ) {
        let assignment = Some(assignment(actor, target, role_id));
        self.run(Kind::CreateGrant(proto::CreateGrant { assignment })).unwrap();
    }
}

pub(crate) fn project(id: &str, domain_id: &str, parent_id: &str) -> proto::Project {
    proto::Project {
        id: id.into(),
        name: id.into(),
        domain_id: domain_id.into(),
        parent_id: parent_id.into(),
        enabled: true,
        ..proto::Project::default()
    }
}

pub(crate) fn user(id: &str, domain_id: &str) -> proto::User {
    let password =
        Some(proto::Password { sealed_hash: b"old".to_vec().into(), ..proto::Password::default() });
    proto::User {
        id: id.into(),
        name: id.into(),
        domain_id: domain_id.into(),
        enabled: true,
        password,
        ..proto::User::default()
    }
}

pub(crate) fn assignment(
    (actor_kind, actor_id): (proto::ActorKind, &str),
    (target_kind, target_id): (proto::TargetKind, &str),
    role_id: &str,
) -> proto::Assignment {
    proto::Assignment {
        actor_kind: actor_kind.into(),
        actor_id: actor_id.into(),
        target_kind: target_kind.into(),
        target_id: target_id.into(),
        role_id: role_id.into(),
        inherited: false,
    }
}

/// Two levels of projects fit below a domain.
pub(crate) fn create_project(project: proto::Project) -> Kind {
    Kind::CreateProject(proto::CreateProject { project: Some(project), max_depth: 2 })
}

pub(crate) fn create_user(user: proto::User) -> Kind {
    Kind::CreateUser(proto::CreateUser { user: Some(user), rules: None })
}

pub(crate) fn add_to_group(group_id: &str, user_id: &str) -> Kind {
    let membership = Some(proto::Membership { group_id: group_id.into(), user_id: user_id.into() });
    Kind::AddUserToGroup(proto::AddUserToGroup { membership })
}

pub(crate) fn remove_from_group(group_id: &str, user_id: &str) -> Kind {
    let membership = Some(proto::Membership { group_id: group_id.into(), user_id: user_id.into() });
    Kind::RemoveUserFromGroup(proto::RemoveUserFromGroup { membership })
}

pub(crate) fn delete_project(id: &str) -> Kind {
    Kind::DeleteProject(proto::DeleteProject { id: id.into(), is_domain: false })
}

pub(crate) fn delete_domain(id: &str) -> Kind {
    Kind::DeleteProject(proto::DeleteProject { id: id.into(), is_domain: true })
}
