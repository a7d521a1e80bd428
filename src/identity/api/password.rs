//! `/v3/users/{user_id}/password`

use keyraft_proto::identity as proto;
use proto::command::Kind as Command;
use serde_json::{Map, Value};

use crate::http::operation::{self, Operation};
use crate::http::{Answer, ApiError, Call, no_content};
use crate::identity::account;
use crate::identity::authenticate::authenticate;
use crate::identity::password::Password;
use axum::http::StatusCode;

/// What the user proves, and what it asks for.
#[derive(Debug)]
struct Change {
    original: Password,
    new: Password,
}

impl Change {
    /// Reads a body, of which only `user` counts. The passwords are not repeated in its errors.
    fn parse(mut body: Map<String, Value>) -> Result<Self, ApiError> {
        let mut object = match body.remove("user") {
            None => Map::new(),
            Some(Value::Object(object)) => object,
            Some(_) => {
                return Err(ApiError::BadRequest(
                    "Invalid input for field 'user': not of type 'object'".into(),
                ));
            }
        };
        let original = take(&mut object, "original_password")?;
        let new = take(&mut object, "password")?;
        match object.keys().next() {
            None => Ok(Self { original, new }),
            Some(unknown) => Err(ApiError::BadRequest(format!(
                "Additional properties are not allowed ('{unknown}' was unexpected)"
            ))),
        }
    }
}

fn take(object: &mut Map<String, Value>, name: &str) -> Result<Password, ApiError> {
    match object.remove(name) {
        Some(Value::String(text)) => Ok(text.into()),
        Some(_) => {
            Err(ApiError::BadRequest(format!("Invalid input for field '{name}': not of type 'string'")))
        }
        None => Err(ApiError::BadRequest(format!("'{name}' is a required property"))),
    }
}

/// What may be done on the password of a user.
pub fn operations() -> Vec<Operation> {
    vec![
        operation::post(change, "Change one's own password")
            .opaque_body("user")
            .fails(StatusCode::UNAUTHORIZED)
            .fails(StatusCode::FORBIDDEN),
    ]
}

/// Changes a user's password on the strength of the old one, and revokes the user's tokens.
/// Policy: none; the old password is the proof, and it may have expired.
///
/// # Errors
/// 400 for a bad body, or a new password that the rules for passwords forbid; 401 for a wrong password or a user that
/// is disabled or locked out; 403 for a password that is too long.
pub async fn change(call: Call) -> Answer {
    let change = Change::parse(call.json())?;
    let user = call.state().identity.users.get(call.parameter("user_id"));
    let (user, _) = authenticate(&call.app, call.state(), user, change.original).await?;
    call.app.check_password_rules(Some(&change.new))?;
    let rules = call.app.security_compliance();
    account::check_self_service(user, &rules, call.app.node.cluster_time_ms())?;
    check_history(&call, user, &rules, &change.new).await?;
    let command = proto::ChangePassword {
        user_id: user.id.clone(),
        verified_sealed_hash: user.password.as_ref().map(|old| old.sealed_hash.clone()).unwrap_or_default(),
        password: Some(call.app.new_password(change.new).await?),
        rules: Some(rules),
    };
    call.run(Command::ChangePassword(command)).await?;
    Ok(no_content())
}

/// Whether the user has not had this password lately. It costs a hash for each password it is compared with.
async fn check_history(
    call: &Call,
    user: &proto::User,
    rules: &proto::SecurityCompliance,
    new: &Password,
) -> Result<(), ApiError> {
    for recent in account::recent_passwords(user, rules) {
        if call.app.matches(recent, new.clone()).await? {
            return Err(ApiError::BadRequest(format!(
                "The new password cannot be identical to a previous password. The total number which includes the \
                 new password must be unique is {}.",
                rules.unique_last_password_count
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(body: Value) -> Result<Change, String> {
        let Value::Object(body) = body else { panic!("an object") };
        Change::parse(body).map_err(|error| error.to_string())
    }

    #[test]
    fn a_change_names_both_passwords() {
        let change =
            parse(json!({ "user": { "original_password": "a", "password": "" }, "more": 1 })).unwrap();
        assert_eq!((change.original.expose(), change.new.expose()), ("a", ""));
    }

    #[test]
    fn a_bad_body_is_refused_without_repeating_a_password() {
        for (body, message) in [
            (json!({}), "'original_password' is a required property"),
            (json!({ "user": { "original_password": "s3cr3t" } }), "'password' is a required property"),
            (
                json!({ "user": { "original_password": "s3cr3t", "password": 5 } }),
                "Invalid input for field 'password': not of type 'string'",
            ),
            (json!({ "user": "s3cr3t" }), "Invalid input for field 'user': not of type 'object'"),
            (
                json!({ "user": { "original_password": "s3cr3t", "password": "n3w", "x": 1 } }),
                "Additional properties are not allowed ('x' was unexpected)",
            ),
        ] {
            assert_eq!(parse(body).unwrap_err(), message);
        }
    }
}
