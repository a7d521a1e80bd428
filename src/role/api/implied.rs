//! `/v3/roles/{prior_role_id}/implies`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Value, json};

use super::role::domain_id;
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, created, no_content, ok};
use crate::policy::{Rule, Target};
use crate::state::{Record, State};

/// The JSON of a role in an implication.
pub(super) fn render_role(call: &Call, role: &proto::Role) -> Value {
    json!({
        "id": role.id,
        "links": { "self": call.link(&format!("roles/{}", role.id)) },
        "name": role.name,
    })
}

/// The JSON of what a role implies: one role, or a list of them.
fn render(call: &Call, prior: &proto::Role, implies: &Value) -> Value {
    json!({
        "role_inference": { "prior_role": render_role(call, prior), "implies": implies },
        "links": { "self": format!("{}{}", call.base_url, call.uri.path()) },
    })
}

fn render_one(call: &Call, (prior, implied): (&proto::Role, &proto::Role)) -> Value {
    render(call, prior, &render_role(call, implied))
}

/// The roles that a role implies directly, by id.
pub(super) fn implied_roles<'a>(state: &'a State, prior_role_id: &str) -> Vec<&'a proto::Role> {
    let roles = &state.role;
    roles.implied_by(prior_role_id).filter_map(|id| roles.roles.get(id)).map(|role| &**role).collect()
}

/// A role that the path names; in paths the prior role is called `role_id`, as all routes below a role call it.
///
/// A missing role is told to any caller with a token, as in Keystone, which looks it up for the rule.
fn role_of_path<'a>(call: &'a Call, parameter: &str) -> Result<&'a proto::Role, ApiError> {
    call.caller()?;
    let id = call.parameter(parameter);
    call.state().role.roles.get(id).map(|role| &**role).ok_or_else(|| ApiError::missing("role", id))
}

fn describe_prior(prior: &proto::Role) -> Target<'_> {
    Target::new()
        .with("prior_role_id", prior.id.as_str())
        .with("target.prior_role.id", prior.id.as_str())
        .with("target.prior_role.name", prior.name.as_str())
        .with_optional("target.prior_role.domain_id", domain_id(prior))
}

/// The prior and the implied role that the path names, if the caller may do all this to them.
fn authorized<'a>(call: &'a Call, rules: &[Rule]) -> Result<(&'a proto::Role, &'a proto::Role), ApiError> {
    let prior = role_of_path(call, "role_id")?;
    let implied = role_of_path(call, "implied_role_id")?;
    let target = describe_prior(prior)
        .with("implied_role_id", implied.id.as_str())
        .with("target.implied_role.id", implied.id.as_str())
        .with("target.implied_role.name", implied.name.as_str())
        .with_optional("target.implied_role.domain_id", domain_id(implied));
    for rule in rules {
        call.caller()?.enforce(*rule, &target)?;
    }
    Ok((prior, implied))
}

/// As [`authorized`], if the one role implies the other.
fn find<'a>(call: &'a Call, rules: &[Rule]) -> Result<(&'a proto::Role, &'a proto::Role), ApiError> {
    let (prior, implied) = authorized(call, rules)?;
    if !call.state().role.implied_roles.contains(&rule_of((prior, implied)).key()) {
        return Err(ApiError::NotFound(format!("{} does not imply {}.", prior.id, implied.id)));
    }
    Ok((prior, implied))
}

fn rule_of((prior, implied): (&proto::Role, &proto::Role)) -> proto::ImpliedRole {
    proto::ImpliedRole { prior_role_id: prior.id.clone(), implied_role_id: implied.id.clone() }
}

/// What may be done on all roles that a role implies.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(list, "List the roles that a role implies")
            .rule(Rule::ListImpliedRoles)
            .object("role_inference"),
    ]
}

/// What may be done on one of them.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(show, "Show that a role implies another")
            .rule(Rule::GetImpliedRole)
            .object("role_inference"),
        operation::head(check, "Tell whether a role implies another").rule(Rule::CheckImpliedRole),
        operation::put(create, "Make a role imply another")
            .rule(Rule::CreateImpliedRole)
            .object("role_inference")
            .conflicts(),
        operation::delete(delete, "End an implication").rule(Rule::DeleteImpliedRole),
    ]
}

/// Lists the roles that a role implies directly.
/// Policy: `identity:list_implied_roles`.
///
/// # Errors
/// 401, 403, 404.
pub async fn list(call: Call) -> Answer {
    let prior = role_of_path(&call, "role_id")?;
    call.caller()?.enforce(Rule::ListImpliedRoles, &describe_prior(prior))?;
    let implied = implied_roles(call.state(), &prior.id).into_iter().map(|role| render_role(&call, role));
    Ok(ok(&render(&call, prior, &implied.collect())))
}

/// Shows that a role implies another.
/// Policy: `identity:get_implied_role`.
///
/// # Errors
/// 401, 403, 404, also when it does not.
pub async fn show(call: Call) -> Answer {
    let rule = find(&call, &[Rule::GetImpliedRole])?;
    Ok(ok(&render_one(&call, rule)))
}

/// Tells whether a role implies another.
/// Policy: `identity:check_implied_role` and `identity:get_implied_role`.
///
/// # Errors
/// 401, 403, 404, also when it does not.
pub async fn check(call: Call) -> Answer {
    find(&call, &[Rule::CheckImpliedRole, Rule::GetImpliedRole])?;
    Ok(no_content())
}

/// Makes a role imply another.
/// Policy: `identity:create_implied_role`.
///
/// # Errors
/// 401, 403, also for a role that may not be implied, 404, 409 when it does already.
pub async fn create(call: Call) -> Answer {
    let roles = authorized(&call, &[Rule::CreateImpliedRole])?;
    let rule = Some(rule_of(roles));
    call.run(Command::CreateImpliedRole(proto::CreateImpliedRole { rule })).await?;
    Ok(created(&render_one(&call, roles)))
}

/// Ends an implication.
/// Policy: `identity:delete_implied_role`.
///
/// # Errors
/// 401, 403, 404, also when there is none.
pub async fn delete(call: Call) -> Answer {
    let rule = Some(rule_of(find(&call, &[Rule::DeleteImpliedRole])?));
    call.run(Command::DeleteImpliedRole(proto::DeleteImpliedRole { rule })).await?;
    Ok(no_content())
}
