//! `/v3/groups/{group_id}/users`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;

use super::expiry_filter::ExpiryFilter;
use super::{group, user_object};
use crate::http::list::{List, Section};
use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, no_content, ok};
use crate::policy::{Rule, Target};

const USERS: List = List {
    collection: "users",
    filters: &["domain_id", "enabled", "name"],
    section: Some(Section::Identity),
    is_capped: false,
};

/// Authenticates the caller, checks its rights on the group and the user in the path, and then whether both exist.
fn authorized(call: &Call, rule: Rule) -> Result<proto::Membership, ApiError> {
    let (group_id, user_id) = (call.parameter("group_id"), call.parameter("user_id"));
    let caller = call.caller()?;
    let group = group::find(call);
    let user = call.state().identity.users.get(user_id).map(|user| &**user);
    let target = Target::new().with("group_id", group_id).with("user_id", user_id);
    caller.enforce(rule, &user_object::describe(call, group::describe(target, group), user))?;
    group.ok_or_else(|| group::missing(call))?;
    user.ok_or_else(|| ApiError::missing("user", user_id))?;
    Ok(proto::Membership { group_id: group_id.into(), user_id: user_id.into() })
}

fn check_is_member(call: &Call, membership: &proto::Membership) -> Result<(), ApiError> {
    let proto::Membership { group_id, user_id } = membership;
    if call.state().identity.is_member(group_id, user_id) {
        return Ok(());
    }
    Err(ApiError::NotFound(format!("User '{user_id}' not found in group '{group_id}'")))
}

/// What may be done on all members of a group.
pub fn on_all() -> Vec<Operation> {
    vec![
        operation::get(users, "List the users in a group")
            .rule(Rule::ListUsersInGroup)
            .list(&USERS)
            .parameters(&["password_expires_at"]),
    ]
}

/// What may be done on one of them.
pub fn on_one() -> Vec<Operation> {
    vec![
        operation::get(check, "Tell whether a user is in a group").rule(Rule::CheckUserInGroup),
        operation::put(add, "Put a user into a group").rule(Rule::AddUserToGroup),
        operation::delete(remove, "Take a user out of a group").rule(Rule::RemoveUserFromGroup),
    ]
}

/// Lists the users in a group; a domain-scoped token sees those of its domain.
/// Policy: `identity:list_users_in_group`.
///
/// # Errors
/// 400 for a bad filter or page, 401, 403, 404.
pub async fn users(call: Call) -> Answer {
    let group = group::authorized(&call, Rule::ListUsersInGroup)?;
    let expiry = ExpiryFilter::parse(&call.query)?;
    let own_domain_id = call.caller()?.domain_id();
    let identity = &call.state().identity;
    let rows = identity
        .users_in_group(&group.id)
        .filter_map(|id| identity.users.get(id))
        .filter(|user| own_domain_id.is_none_or(|domain_id| domain_id == user.domain_id))
        .filter(|user| expiry.passes(user))
        .map(|user| user_object::render(&call, user));
    Ok(ok(&USERS.render(&call, rows)?))
}

/// Puts a user into a group; 204 also if it is there.
/// Policy: `identity:add_user_to_group`.
///
/// # Errors
/// 401, 403, 404.
pub async fn add(call: Call) -> Answer {
    let membership = Some(authorized(&call, Rule::AddUserToGroup)?);
    call.run(Command::AddUserToGroup(proto::AddUserToGroup { membership })).await?;
    Ok(no_content())
}

/// Tells whether a user is in a group.
/// Policy: `identity:check_user_in_group`.
///
/// # Errors
/// 401, 403, 404, also when the user is not in it.
pub async fn check(call: Call) -> Answer {
    let membership = authorized(&call, Rule::CheckUserInGroup)?;
    check_is_member(&call, &membership)?;
    Ok(no_content())
}

/// Takes a user out of a group, and revokes its tokens.
/// Policy: `identity:remove_user_from_group`.
///
/// # Errors
/// 401, 403, 404, also when the user is not in it.
pub async fn remove(call: Call) -> Answer {
    let membership = authorized(&call, Rule::RemoveUserFromGroup)?;
    check_is_member(&call, &membership)?;
    let membership = Some(membership);
    call.run(Command::RemoveUserFromGroup(proto::RemoveUserFromGroup { membership })).await?;
    Ok(no_content())
}
