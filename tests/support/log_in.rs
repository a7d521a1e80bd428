//! Bodies of `POST /v3/auth/tokens`.

use serde_json::{Value, json};

/// A log-in with a password, without a scope.
pub fn password_login(mut user: Value, password: &str) -> Value {
    user["password"] = json!(password);
    user_login(user)
}

/// The same for a user that has its password in it, or is no user at all.
pub fn user_login(user: Value) -> Value {
    identity_login(json!({"methods": ["password"], "password": {"user": user}}))
}

/// A log-in by token, without a scope.
pub fn token_login(token: &str) -> Value {
    identity_login(json!({"methods": ["token"], "token": {"id": token}}))
}

/// A log-in with an identity of any form, without a scope.
pub fn identity_login(identity: Value) -> Value {
    json!({"auth": {"identity": identity}})
}

/// The same log-in with a scope.
pub fn scoped(mut body: Value, scope: Value) -> Value {
    body["auth"]["scope"] = scope;
    body
}
