//! Credentials and targets from files, for those who ask what a policy decides.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::attribute::python_bool;
use super::{Credentials, Target, TokenAttributes};

/// What of a token's body, as `GET /v3/auth/tokens` gives it, policies can read.
#[derive(Clone, Debug, Default, Deserialize)]
struct TokenBody {
    #[serde(default)]
    methods: Vec<String>,
    user: Option<User>,
    project: Option<InDomain>,
    is_domain: Option<bool>,
    domain: Option<Named>,
    system: Option<System>,
    #[serde(default)]
    roles: Vec<Role>,
    application_credential: Option<Id>,
    #[serde(default = "yes")]
    is_admin_project: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Deserialize)]
struct User {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Named>,
    #[serde(rename = "OS-FEDERATION")]
    federation: Option<Federation>,
}

#[derive(Clone, Debug, Deserialize)]
struct Federation {
    identity_provider: Option<Id>,
    protocol: Option<Id>,
}

#[derive(Clone, Debug, Deserialize)]
struct InDomain {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Named>,
}

#[derive(Clone, Debug, Deserialize)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Id {
    id: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Role {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct System {
    #[serde(default)]
    all: bool,
}

/// What Keystone hands to oslo.policy. The `service_` values are accepted, and read by no policy.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlainCredentials {
    user_id: Option<String>,
    user_domain_id: Option<String>,
    project_id: Option<String>,
    project_domain_id: Option<String>,
    domain_id: Option<String>,
    system_scope: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    is_admin: bool,
    #[serde(default = "yes")]
    is_admin_project: bool,
    #[serde(default)]
    token: TokenBody,
    #[serde(rename = "service_user_id")]
    _service_user_id: Option<Value>,
    #[serde(rename = "service_user_domain_id")]
    _service_user_domain_id: Option<Value>,
    #[serde(rename = "service_project_id")]
    _service_project_id: Option<Value>,
    #[serde(rename = "service_project_domain_id")]
    _service_project_domain_id: Option<Value>,
    #[serde(rename = "service_roles")]
    _service_roles: Option<Value>,
}

/// Credentials from a file: the body of a token, `{"token": {...}}`, or the values that Keystone hands to
/// oslo.policy, `{"user_id": ..., "roles": [...], ...}`.
#[derive(Clone, Debug)]
pub struct CredentialsFile(PlainCredentials);

/// Why a file is no credentials or no target. Its text is one line.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It is not JSON, or not of that form.
    #[error("line {}: {}", .0.line(), reason(.0))]
    Json(#[from] serde_json::Error),
    /// The body of a token names no user.
    #[error("token.user.id: missing")]
    NoUser,
}

/// serde_json tells the place a second time, at the end.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(reason, _)| reason.to_owned())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccessFile {
    token: TokenBody,
}

impl CredentialsFile {
    /// Parses either form.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &str) -> Result<Self, AccessError> {
        let keys: Map<String, Value> = serde_json::from_str(text)?;
        if keys.len() != 1 || !keys.contains_key("token") {
            return Ok(Self(serde_json::from_str(text)?));
        }
        let AccessFile { token } = serde_json::from_str(text)?;
        let user = token.user.as_ref().filter(|user| user.id.is_some()).ok_or(AccessError::NoUser)?;
        let id = |named: &Option<Named>| named.as_ref().and_then(|named| named.id.clone());
        Ok(Self(PlainCredentials {
            user_id: user.id.clone(),
            user_domain_id: id(&user.domain),
            project_id: token.project.as_ref().and_then(|project| project.id.clone()),
            project_domain_id: token.project.as_ref().and_then(|project| id(&project.domain)),
            domain_id: id(&token.domain),
            system_scope: token.system.as_ref().filter(|system| system.all).map(|_| "all".to_owned()),
            roles: token.roles.iter().map(|role| role.name.clone()).collect(),
            is_admin: false,
            is_admin_project: token.is_admin_project,
            token,
            _service_user_id: None,
            _service_user_domain_id: None,
            _service_project_id: None,
            _service_project_domain_id: None,
            _service_roles: None,
        }))
    }

    /// Gives the credentials to `ask`.
    pub fn with<T>(&self, ask: impl FnOnce(&Credentials<'_>) -> T) -> T {
        let PlainCredentials { token, .. } = &self.0;
        let roles: Vec<&str> = self.0.roles.iter().map(String::as_str).collect();
        let methods: Vec<&str> = token.methods.iter().map(String::as_str).collect();
        let user = token.user.as_ref();
        let federation = user.and_then(|user| user.federation.as_ref());
        let project = token.project.as_ref();
        ask(&Credentials {
            is_admin: self.0.is_admin,
            user_id: self.0.user_id.as_deref(),
            user_domain_id: self.0.user_domain_id.as_deref(),
            project_id: self.0.project_id.as_deref(),
            project_domain_id: self.0.project_domain_id.as_deref(),
            domain_id: self.0.domain_id.as_deref(),
            system_scope: self.0.system_scope.as_deref(),
            roles: &roles,
            is_admin_project: self.0.is_admin_project,
            token: TokenAttributes {
                user_name: user.and_then(|user| user.name.as_deref()),
                user_domain_name: name(user.and_then(|user| user.domain.as_ref())),
                project_name: project.and_then(|project| project.name.as_deref()),
                project_domain_name: name(project.and_then(|project| project.domain.as_ref())),
                is_domain: token.is_domain,
                domain_name: name(token.domain.as_ref()),
                methods: &methods,
                application_credential_id: id(token.application_credential.as_ref()),
                identity_provider_id: id(federation.and_then(|known| known.identity_provider.as_ref())),
                protocol_id: id(federation.and_then(|known| known.protocol.as_ref())),
            },
        })
    }
}

fn name(named: Option<&Named>) -> Option<&str> {
    named.and_then(|named| named.name.as_deref())
}

fn id(id: Option<&Id>) -> Option<&str> {
    id.and_then(|id| id.id.as_deref())
}

/// A target from a file: JSON, whose nested names count as Keystone flattens them: `target.user.id`.
pub struct TargetFile {
    values: BTreeMap<String, String>,
    request_body: Option<Value>,
}

impl TargetFile {
    /// Parses a JSON object. Lists in it are read by no policy.
    ///
    /// # Errors
    /// It is not a JSON object.
    pub fn parse(text: &str) -> Result<Self, AccessError> {
        let mut object: Map<String, Value> = serde_json::from_str(text)?;
        let request_body = object.remove("request_body");
        let mut values = BTreeMap::new();
        for (name, value) in object {
            flatten(name, value, &mut values);
        }
        Ok(Self { values, request_body })
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> Target<'_> {
        let target = self.values.iter().fold(Target::new(), |target, (name, value)| target.with(name, value));
        match &self.request_body {
            Some(body) => target.with_request_body(body),
            None => target,
        }
    }
}

fn flatten(name: String, value: Value, found: &mut BTreeMap<String, String>) {
    let text = match value {
        Value::Object(inner) => {
            for (key, value) in inner {
                flatten(format!("{name}.{key}"), value, found);
            }
            return;
        }
        Value::Array(_) => return,
        Value::Null => "None".to_owned(),
        Value::Bool(flag) => python_bool(flag).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text,
    };
    found.insert(name, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Scope;

    #[test]
    fn the_body_of_a_token_gives_what_the_api_reads_from_that_token() {
        let text = r#"{"token": {"methods": ["password"], "user": {"id": "u", "name": "n",
            "domain": {"id": "ud", "name": "UD"}, "password_expires_at": null}, "audit_ids": ["x"],
            "project": {"id": "p", "name": "P", "domain": {"id": "pd", "name": "PD"}}, "is_domain": false,
            "roles": [{"id": "r", "name": "reader"}], "catalog": []}}"#;
        CredentialsFile::parse(text).unwrap().with(|read| {
            assert_eq!((read.user_id, read.user_domain_id), (Some("u"), Some("ud")));
            assert_eq!((read.project_id, read.project_domain_id), (Some("p"), Some("pd")));
            assert_eq!((read.roles, read.token.methods), (&["reader"][..], &["password"][..]));
            assert_eq!((read.token.user_name, read.token.project_domain_name), (Some("n"), Some("PD")));
            assert_eq!((read.token.is_domain, read.scope()), (Some(false), Scope::Project));
        });
        let text = r#"{"token": {"user": {"id": "u"}, "system": {"all": true}, "roles": []}}"#;
        CredentialsFile::parse(text).unwrap().with(|read| assert_eq!(read.scope(), Scope::System));
    }

    #[test]
    fn plain_credentials_are_read_and_a_misspelt_one_is_named() {
        let text = r#"{"user_id": "u", "domain_id": "d", "roles": ["admin"], "service_roles": [],
            "token": {"domain": {"id": "d", "name": "D"}}}"#;
        CredentialsFile::parse(text).unwrap().with(|read| {
            assert_eq!((read.user_id, read.domain_id, read.roles), (Some("u"), Some("d"), &["admin"][..]));
            assert_eq!(read.token.domain_name, Some("D"));
        });
        let error = CredentialsFile::parse("{\n\"user\": \"u\"}").unwrap_err().to_string();
        assert!(error.starts_with("line 2: unknown field `user`"), "{error}");
        assert!(CredentialsFile::parse(r#"{"token": {"roles": []}}"#).is_err());
        assert!(CredentialsFile::parse("[]").is_err());
    }

    #[test]
    fn a_target_is_flattened_as_python_prints_it() {
        let text = r#"{"user_id": "u", "target": {"user": {"id": "v", "enabled": true, "domain_id": null, "n": 7,
            "tags": ["x"]}}, "target.role.name": "r", "request_body": {"user": {"name": "w"}}}"#;
        let file = TargetFile::parse(text).unwrap();
        let target = file.target();
        let read = |path| target.get(path).map(|value| value.into_owned());
        assert_eq!(read("user_id").as_deref(), Some("u"));
        assert_eq!(read("target.user.id").as_deref(), Some("v"));
        assert_eq!(read("target.user.enabled").as_deref(), Some("True"));
        assert_eq!(read("target.user.domain_id").as_deref(), Some("None"));
        assert_eq!(read("target.user.n").as_deref(), Some("7"));
        assert_eq!(read("target.user.tags"), None);
        assert_eq!(read("target.role.name").as_deref(), Some("r"));
        assert_eq!(read("request_body.user.name").as_deref(), Some("w"));
    }
}
