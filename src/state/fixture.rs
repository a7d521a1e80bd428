//! A small deployment for tests: domain `default`, project `p` with child `c`, user `u`, roles `admin` > `member`.

use keyraft_cluster::LogMoment;
use keyraft_proto::identity as proto;
use proto::command::Kind;

use super::{CommandError, Identity, State, decode_answer};
use keyraft_cluster::Application;
use prost::Message;

/// A state and the log that made it.
pub struct Deployment {
    pub state: State,
    log_index: u64,
    pub now_ms: u64,
}

impl Deployment {
    pub fn small() -> Self {
        let mut this = Self { state: State::default(), log_index: 0, now_ms: 1_700_000_000_000 };
        this.run(Kind::CreateProject(proto::CreateProject {
            project: Some(domain("default")),
            max_depth: 5,
        }))
        .unwrap();
        for (id, parent_id) in [("p", "default"), ("c", "p")] {
            let project = proto::Project {
                id: id.into(),
                name: format!("project {id}"),
                domain_id: "default".into(),
                parent_id: parent_id.into(),
                enabled: true,
                ..proto::Project::default()
            };
            this.run(Kind::CreateProject(proto::CreateProject { project: Some(project), max_depth: 5 }))
                .unwrap();
        }
        this.create_user("u");
        for id in ["admin", "member"] {
            let role = proto::Role { id: id.into(), name: id.into(), ..proto::Role::default() };
            this.run(Kind::CreateRole(proto::CreateRole { role: Some(role) })).unwrap();
        }
        let rule = proto::ImpliedRole { prior_role_id: "admin".into(), implied_role_id: "member".into() };
        this.run(Kind::CreateImpliedRole(proto::CreateImpliedRole { rule: Some(rule) })).unwrap();
        this
    }

    pub fn create_user(&mut self, id: &str) {
        let user = proto::User {
            id: id.into(),
            name: format!("user {id}"),
            domain_id: "default".into(),
            enabled: true,
            ..proto::User::default()
        };
        self.run(Kind::CreateUser(proto::CreateUser { user: Some(user), rules: None })).unwrap();
    }

    /// Applies a command, a second after the one before.
    pub fn run(&mut self, kind: Kind) -> Result<(), CommandError> {
        self.log_index += 1;
        self.now_ms += 1000;
        let command = proto::Command { kind: Some(kind) }.encode_to_vec();
        let moment = LogMoment { log_time_ms: self.now_ms, log_index: self.log_index };
        let answer = Identity.apply(&mut self.state, moment, &command, &mut Vec::new());
        decode_answer(&answer).map(drop)
    }

    pub fn grant(
        &mut self,
        user: &str,
        target_kind: proto::TargetKind,
        target: &str,
        role: &str,
        inherited: bool,
    ) {
        let assignment = Some(assignment(user, target_kind, target, role, inherited));
        self.run(Kind::CreateGrant(proto::CreateGrant { assignment })).unwrap();
    }
}

pub fn assignment(
    user: &str,
    target_kind: proto::TargetKind,
    target: &str,
    role: &str,
    inherited: bool,
) -> proto::Assignment {
    proto::Assignment {
        actor_id: user.into(),
        target_kind: target_kind.into(),
        target_id: target.into(),
        role_id: role.into(),
        inherited,
        ..proto::Assignment::default()
    }
}

pub fn domain(id: &str) -> proto::Project {
    proto::Project {
        id: id.into(),
        name: format!("domain {id}"),
        is_domain: true,
        enabled: true,
        ..proto::Project::default()
    }
}
