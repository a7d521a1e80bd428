//! A small state for the tests of assignments.
//!
//! ```text
//! domain d: project top > mid > leaf, project side     domain e: project far
//! users ann, bob, cat; group staff: ann, bob
//! roles a -> b -> c -> a (implied); own (of domain d) -> x; lone (of domain d)
//! ```

use keyraft_cluster::LogMoment;
use keyraft_proto::identity::{
    ActorKind, Assignment, Group, ImpliedRole, Membership, Project, Role, TargetKind, User,
};

use super::records::SYSTEM;
use crate::state::{State, Transaction};

/// The state of the page's picture, without assignments.
pub fn begin() -> Transaction {
    let mut tx = Transaction::begin(&State::default(), LogMoment { log_time_ms: 1, log_index: 1 });
    for id in ["d", "e"] {
        tx.put(Project {
            id: id.into(),
            name: format!("domain {id}"),
            is_domain: true,
            ..Project::default()
        });
    }
    for (id, domain_id, parent_id) in
        [("top", "d", "d"), ("mid", "d", "top"), ("leaf", "d", "mid"), ("side", "d", "d"), ("far", "e", "e")]
    {
        let (domain_id, parent_id) = (domain_id.into(), parent_id.into());
        tx.put(Project { id: id.into(), name: id.into(), domain_id, parent_id, ..Project::default() });
    }
    for id in ["ann", "bob", "cat"] {
        tx.put(User { id: id.into(), name: id.into(), domain_id: "d".into(), ..User::default() });
    }
    tx.put(Group { id: "staff".into(), name: "staff".into(), domain_id: "d".into(), ..Group::default() });
    for user_id in ["ann", "bob"] {
        tx.put(Membership { group_id: "staff".into(), user_id: user_id.into() });
    }
    for (id, domain_id) in [("a", ""), ("b", ""), ("c", ""), ("x", ""), ("own", "d"), ("lone", "d")] {
        tx.put(Role { id: id.into(), name: id.into(), domain_id: domain_id.into(), ..Role::default() });
    }
    for (prior, implied) in [("a", "b"), ("b", "c"), ("c", "a"), ("own", "x")] {
        tx.put(ImpliedRole { prior_role_id: prior.into(), implied_role_id: implied.into() });
    }
    tx
}

/// An assignment as text: `user ann a project top`, with `inherited` at the end perhaps.
pub fn assignment(text: &str) -> Assignment {
    let words: Vec<&str> = text.split(' ').collect();
    Assignment {
        actor_kind: if words[0] == "user" { ActorKind::User } else { ActorKind::Group }.into(),
        actor_id: words[1].into(),
        role_id: words[2].into(),
        target_kind: match words[3] {
            "project" => TargetKind::Project,
            "domain" => TargetKind::Domain,
            _ => TargetKind::System,
        }
        .into(),
        target_id: words.get(4).copied().unwrap_or(SYSTEM).into(),
        inherited: words.last() == Some(&"inherited"),
    }
}

/// The state with these assignments.
pub fn state(assignments: &[&str]) -> State {
    let mut tx = begin();
    for text in assignments {
        tx.put(assignment(text));
    }
    tx.commit().0
}
