//! A user as requests give it and answers show it.

use keyraft_proto::identity::User;
use serde_json::{Map, Value, json};

use crate::clock_text::iso_micros;
use crate::http::answer::{add_extra, options};
use crate::http::list::Listed;
use crate::http::query::Attribute;
use crate::http::schema::{Field, Kind, OptionKind, Schema, field, name, text};
use crate::http::{ApiError, Call, Fields};
use crate::identity::account;
use crate::policy::Target;

const OPTIONS: &[(&str, OptionKind)] = &[
    ("ignore_change_password_upon_first_use", OptionKind::Boolean),
    ("ignore_password_expiry", OptionKind::Boolean),
    ("ignore_lockout_failure_attempts", OptionKind::Boolean),
    ("lock_password", OptionKind::Boolean),
    ("ignore_user_inactivity", OptionKind::Boolean),
    ("multi_factor_auth_rules", OptionKind::MethodLists),
    ("multi_factor_auth_enabled", OptionKind::Boolean),
];

const FIELDS: &[Field] = &[
    field("domain_id", Kind::Id),
    text("default_project_id"),
    text("description"),
    field("enabled", Kind::Boolean),
    field("federated", Kind::List),
    name("name", 255),
    text("password"),
    field("options", Kind::Options(OPTIONS)),
];

/// What a create may hold.
pub(super) const CREATE: Schema = Schema {
    wrapper: "user",
    fields: FIELDS,
    required: &["name"],
    allows_extra: true,
    needs_property: false,
};

/// What an update may hold.
pub(super) const UPDATE: Schema = Schema { required: &[], needs_property: true, ..CREATE };

/// What the query of a list may hold.
pub(super) const QUERY: &[Field] = &[
    field("domain_id", Kind::Id),
    field("enabled", Kind::Boolean),
    name("name", 255),
    field("sort_dir", Kind::OneOf(&["asc", "desc"])),
];

/// Attributes that a client may send, though they are the server's.
pub(super) const READ_ONLY: &[&str] = &["id", "password_expires_at"];

/// The JSON of a user. The password is never in it.
#[must_use]
pub fn render(call: &Call, user: &User) -> Value {
    Value::Object(object(call, user))
}

/// The JSON of a user as the answer of an update shows it: with an object of its extra attributes besides.
#[must_use]
pub(super) fn render_updated(call: &Call, user: &User) -> Value {
    let mut object = object(call, user);
    object.insert("extra".into(), options(&user.extra));
    Value::Object(object)
}

fn object(call: &Call, user: &User) -> Map<String, Value> {
    let expires_ms = user.password.as_ref().and_then(|password| password.expires_ms);
    let mut object = Map::new();
    object.insert("id".into(), json!(user.id));
    object.insert("name".into(), json!(user.name));
    object.insert("domain_id".into(), json!(user.domain_id));
    object.insert("enabled".into(), json!(is_enabled(call, user)));
    if let Some(project_id) = &user.default_project_id {
        object.insert("default_project_id".into(), json!(project_id));
    }
    object.insert("password_expires_at".into(), json!(expires_ms.map(iso_micros)));
    object.insert("options".into(), options(&user.options));
    object.insert("links".into(), json!({ "self": call.link(&format!("users/{}", user.id)) }));
    add_extra(&mut object, &user.extra);
    object
}

/// Whether a user is enabled, and not idle for too long.
pub(super) fn is_enabled(call: &Call, user: &User) -> bool {
    let (rules, now_ms) = (call.app.security_compliance(), call.app.node.cluster_time_ms());
    account::is_enabled(call.state(), user, &rules, now_ms)
}

/// Adds a user to what policy may look at.
#[must_use]
pub(super) fn describe<'a>(call: &Call, target: Target<'a>, user: Option<&'a User>) -> Target<'a> {
    match user {
        Some(user) => target
            .with("target.user.id", user.id.as_str())
            .with("target.user.domain_id", user.domain_id.as_str())
            .with("target.user.name", user.name.as_str())
            .with_flag("target.user.enabled", is_enabled(call, user)),
        // Whether it exists is told to those who could have seen it.
        None => target,
    }
}

/// Takes the federated identities out of a request. There is no identity provider that one could come from.
///
/// # Errors
/// 400 for any.
pub(super) fn refuse_federated(fields: &mut Fields) -> Result<(), ApiError> {
    let Some(federated) = fields.take("federated") else {
        return Ok(());
    };
    match federated.as_array().and_then(|identities| identities.first()) {
        Some(identity) => {
            let provider_id = identity.get("idp_id").and_then(Value::as_str).unwrap_or_default();
            Err(ApiError::BadRequest(format!("Could not find Identity Provider: {provider_id}")))
        }
        None => Ok(()),
    }
}

impl Listed for User {
    fn id(&self) -> &str {
        &self.id
    }

    fn attribute(&self, name: &str) -> Attribute<'_> {
        match name {
            "name" => Attribute::Text(&self.name),
            "domain_id" => Attribute::Text(&self.domain_id),
            "enabled" => Attribute::Flag(self.enabled),
            _ => Attribute::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_create_takes_texts_for_booleans_and_null_for_an_unset_option() {
        let body = json!({ "user": {
            "name": " u ", "password": null, "enabled": "no", "options": { "lock_password": null }, "email": "e",
        }});
        let Value::Object(body) = body else { panic!("an object") };
        let mut fields = Fields::new(CREATE.check(body).unwrap());
        assert_eq!(fields.name("name").as_deref(), Some("u"));
        assert_eq!(fields.boolean("enabled"), Some(false));
        assert!(fields.options_of_create().is_empty());
    }

    #[test]
    fn a_federated_identity_is_refused_and_an_empty_list_is_not() {
        let fields =
            |federated: Value| Fields::new([("federated".to_owned(), federated)].into_iter().collect());
        assert!(refuse_federated(&mut fields(json!([]))).is_ok());
        let error = refuse_federated(&mut fields(json!([{ "idp_id": "acme" }]))).unwrap_err();
        assert_eq!(error.to_string(), "Could not find Identity Provider: acme");
    }
}
