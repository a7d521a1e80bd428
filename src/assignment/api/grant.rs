//! Grants: `/v3/{projects,domains}/{id}/{users,groups}/{id}/roles`, the same below `/v3/OS-INHERIT` for roles that
//! projects inherit, and `/v3/system/{users,groups}/{id}/roles`.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use proto::{ActorKind, Assignment, TargetKind};

use crate::assignment::commands::grant_missing;
use crate::assignment::records::SYSTEM;
use crate::http::list::collection;
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, no_content, ok};
use crate::policy::{Rule, Target};
use crate::role::api::role::{describe, render};
use crate::state::Record;

/// What differs between the actions.
struct Action {
    /// The rule on projects and domains.
    rule: Rule,
    /// The rule for a user on the system.
    system_user_rule: Rule,
    /// The rule for a group on the system.
    system_group_rule: Rule,
    /// What may be missing without a 404 of its own.
    optional: &'static [Part],
    /// The same for grants that projects inherit.
    optional_if_inherited: &'static [Part],
}

const LIST: Action = Action {
    rule: Rule::ListGrants,
    system_user_rule: Rule::ListSystemGrantsForUser,
    system_group_rule: Rule::ListSystemGrantsForGroup,
    optional: &[],
    optional_if_inherited: &[Part::Actor],
};

const CHECK: Action = Action {
    rule: Rule::CheckGrant,
    system_user_rule: Rule::CheckSystemGrantForUser,
    system_group_rule: Rule::CheckSystemGrantForGroup,
    optional: &[],
    optional_if_inherited: &[Part::Actor],
};

const CREATE: Action = Action {
    rule: Rule::CreateGrant,
    system_user_rule: Rule::CreateSystemGrantForUser,
    system_group_rule: Rule::CreateSystemGrantForGroup,
    optional: &[],
    // Keystone lets the actor be missing, and keeps a grant to nobody, which nothing can use.
    optional_if_inherited: &[],
};

const REVOKE: Action = Action {
    rule: Rule::RevokeGrant,
    system_user_rule: Rule::RevokeSystemGrantForUser,
    system_group_rule: Rule::RevokeSystemGrantForGroup,
    optional: &[Part::Actor],
    optional_if_inherited: &[Part::Actor, Part::Target],
};

impl Action {
    /// The rule for such an actor on such a target.
    fn rule_for(&self, actor: ActorKind, target: TargetKind) -> Rule {
        match (target, actor) {
            (TargetKind::System, ActorKind::User) => self.system_user_rule,
            (TargetKind::System, ActorKind::Group) => self.system_group_rule,
            _ => self.rule,
        }
    }
}

/// What may be done on all roles that such an actor was granted on such a target.
pub fn on_all(actor: ActorKind, target: TargetKind) -> Vec<Operation> {
    let rule = |action: &Action| action.rule_for(actor, target);
    vec![operation::get(list, "List the roles granted on a target").rule(rule(&LIST)).array("roles")]
}

/// What may be done on one of them.
pub fn on_one(actor: ActorKind, target: TargetKind) -> Vec<Operation> {
    let rule = |action: &Action| action.rule_for(actor, target);
    let create_one = operation::put(create, "Grant a role").rule(rule(&CREATE));
    let on_system = target == TargetKind::System;
    vec![
        operation::get(check, "Say whether a role was granted").rule(rule(&CHECK)),
        // A domain's own role is refused on the system.
        if on_system { create_one.fails(StatusCode::BAD_REQUEST) } else { create_one },
        operation::delete(revoke, "Take a granted role away").rule(rule(&REVOKE)),
    ]
}

/// Lists the roles that a user or group was granted on a target.
/// Policy: `identity:list_grants`, on the system `identity:list_system_grants_for_{user,group}`.
///
/// # Errors
/// 401, 403, 404.
pub async fn list(call: Call) -> Answer {
    let wanted = Grant::of(&call).authorize(&LIST)?;
    let tables = &call.state().assignment;
    // A domain is a project too, and Keystone lists what was granted on the id either way.
    let is_system = |kind| kind == TargetKind::System;
    let roles: BTreeSet<&str> = tables
        .of_actor(wanted.actor_kind(), &wanted.actor_id)
        .filter(|found| found.target_id == wanted.target_id && found.inherited == wanted.inherited)
        .filter(|found| is_system(found.target_kind()) == is_system(wanted.target_kind()))
        .map(|found| found.role_id.as_str())
        .collect();
    let roles = roles.into_iter().filter_map(|id| call.state().role.roles.get(id));
    let rows = roles.map(|role| render(&call, role)).collect();
    Ok(ok(&collection(&call, "roles", rows, None)))
}

/// Says whether a role was granted.
/// Policy: `identity:check_grant`, on the system `identity:check_system_grant_for_{user,group}`.
///
/// # Errors
/// 401, 403, 404 also when it was not.
pub async fn check(call: Call) -> Answer {
    let wanted = Grant::of(&call).authorize(&CHECK)?;
    check_granted(&call, &wanted)?;
    Ok(no_content())
}

fn check_granted(call: &Call, wanted: &Assignment) -> Result<(), ApiError> {
    let is_granted = call.state().assignment.assignments.contains(&wanted.key());
    if is_granted { Ok(()) } else { Err(grant_missing(wanted).into()) }
}

/// Grants a role; nothing happens if it was granted.
/// Policy: `identity:create_grant`, on the system `identity:create_system_grant_for_{user,group}`.
///
/// # Errors
/// 400 for a domain's own role on the system, 401, 403 also for such a role on a project of another domain, 404.
pub async fn create(call: Call) -> Answer {
    let assignment = Some(Grant::of(&call).authorize(&CREATE)?);
    call.run(Command::CreateGrant(proto::CreateGrant { assignment })).await?;
    Ok(no_content())
}

/// Takes a granted role away. The user or group may be gone.
/// Policy: `identity:revoke_grant`, on the system `identity:revoke_system_grant_for_{user,group}`.
///
/// # Errors
/// 401, 403, 404.
pub async fn revoke(call: Call) -> Answer {
    let wanted = Grant::of(&call).authorize(&REVOKE)?;
    check_granted(&call, &wanted)?;
    call.run(Command::RevokeGrant(proto::RevokeGrant { assignment: Some(wanted) })).await?;
    Ok(no_content())
}

/// The grant that a path names.
struct Grant<'a> {
    call: &'a Call,
    /// Empty in the path of a list.
    role_id: &'a str,
    actor: (ActorKind, &'a str),
    target: (TargetKind, &'a str),
    is_inherited: bool,
}

impl<'a> Grant<'a> {
    fn of(call: &'a Call) -> Self {
        let actor = match (call.parameter("user_id"), call.parameter("group_id")) {
            ("", group_id) => (ActorKind::Group, group_id),
            (user_id, _) => (ActorKind::User, user_id),
        };
        let target = match (call.parameter("project_id"), call.parameter("domain_id")) {
            ("", "") => (TargetKind::System, SYSTEM),
            ("", domain_id) => (TargetKind::Domain, domain_id),
            (project_id, _) => (TargetKind::Project, project_id),
        };
        let is_inherited = call.uri.path().ends_with("/inherited_to_projects");
        Self { call, role_id: call.parameter("role_id"), actor, target, is_inherited }
    }

    /// Passes if the caller may do this, and if what the path names exists.
    ///
    /// As in Keystone, what is missing is 404 before policy is asked; but with inherited grants it is 403 to a caller
    /// without rights over all.
    fn authorize(&self, action: &Action) -> Result<Assignment, ApiError> {
        let caller = self.call.caller()?;
        let rule = action.rule_for(self.actor.0, self.target.0);
        let (target, missing) = self.look_up(action);
        match missing {
            Some(missing) if !self.is_inherited => return Err(missing),
            missing => {
                caller.enforce(rule, &target)?;
                missing.map_or(Ok(()), Err)?;
            }
        }
        Ok(Assignment {
            actor_kind: self.actor.0.into(),
            actor_id: self.actor.1.into(),
            target_kind: self.target.0.into(),
            target_id: self.target.1.into(),
            role_id: self.role_id.into(),
            inherited: self.is_inherited,
        })
    }

    /// What policy reads, and the first thing that is missing.
    fn look_up(&self, action: &Action) -> (Target<'a>, Option<ApiError>) {
        // The order in which Keystone looks: it decides which of several missing things is told.
        let parts = match self.target.0 {
            // That the actor is missing Keystone does not tell here.
            _ if self.is_inherited => [Part::Role, Part::Target, Part::Actor],
            TargetKind::Domain => [Part::Target, Part::Role, Part::Actor],
            _ => [Part::Role, Part::Actor, Part::Target],
        };
        let optional = if self.is_inherited { action.optional_if_inherited } else { action.optional };
        let mut target = Target::new();
        let mut missing = None;
        for part in parts {
            match self.describe(part, target.clone()) {
                Ok(described) => target = described,
                Err(_) if optional.contains(&part) => {}
                Err(error) => {
                    missing.get_or_insert(error);
                }
            }
        }
        (target, missing)
    }

    /// Adds to what policy reads: the path's parameters by their names, the attributes below `target.`.
    fn describe(&self, part: Part, target: Target<'a>) -> Result<Target<'a>, ApiError> {
        match part {
            Part::Role => self.describe_role(target),
            Part::Actor => self.describe_actor(target),
            Part::Target => self.describe_target(target),
        }
    }

    fn describe_role(&self, target: Target<'a>) -> Result<Target<'a>, ApiError> {
        let id = self.role_id;
        if id.is_empty() {
            return Ok(target);
        }
        let role = self.call.state().role.roles.get(id).ok_or_else(|| ApiError::missing("role", id))?;
        Ok(describe(target.with("role_id", id), role))
    }

    fn describe_actor(&self, target: Target<'a>) -> Result<Target<'a>, ApiError> {
        let id = self.actor.1;
        let tables = &self.call.state().identity;
        match self.actor.0 {
            ActorKind::User => {
                let user = tables.users.get(id).ok_or_else(|| ApiError::missing("user", id))?;
                let target = target.with("user_id", id).with("target.user.id", id);
                let target = target.with("target.user.name", user.name.as_str());
                Ok(target.with("target.user.domain_id", user.domain_id.as_str()))
            }
            ActorKind::Group => {
                let group = tables.groups.get(id).ok_or_else(|| ApiError::missing("group", id))?;
                let target = target.with("group_id", id).with("target.group.id", id);
                let target = target.with("target.group.name", group.name.as_str());
                Ok(target.with("target.group.domain_id", group.domain_id.as_str()))
            }
        }
    }

    fn describe_target(&self, target: Target<'a>) -> Result<Target<'a>, ApiError> {
        let id = self.target.1;
        let tables = &self.call.state().resource;
        match self.target.0 {
            TargetKind::System => Ok(target),
            TargetKind::Domain => {
                let domain = tables.domain(id).ok_or_else(|| ApiError::missing("domain", id))?;
                let target = target.with("domain_id", id).with("target.domain.id", id);
                Ok(target.with("target.domain.name", domain.name.as_str()))
            }
            TargetKind::Project => {
                let project = tables.projects.get(id).ok_or_else(|| ApiError::missing("project", id))?;
                let domain_id = Some(project.domain_id.as_str()).filter(|id| !id.is_empty());
                let target = target.with("project_id", id).with("target.project.id", id);
                let target = target.with("target.project.name", project.name.as_str());
                Ok(target.with_optional("target.project.domain_id", domain_id))
            }
        }
    }
}

/// What a path names, as far as it is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Role,
    Actor,
    Target,
}
