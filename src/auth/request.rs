//! The body of `POST /v3/auth/tokens`.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::http::ApiError;
use crate::identity::password::Password;

/// What the client asks for.
pub struct AuthRequest {
    /// The methods named, in order, each once.
    pub methods: Vec<String>,
    /// Data of the method `password`.
    pub password: Option<PasswordLogin>,
    /// Data of the method `token`.
    pub token: Option<Zeroizing<String>>,
    /// The scope asked for.
    pub scope: RequestedScope,
}

/// A user and a password.
pub struct PasswordLogin {
    /// Who.
    pub user: Named,
    /// The secret.
    pub password: Password,
}

/// Something given by its id, or by its name within a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// The domain that the name belongs to.
        domain: NamedDomain,
    },
}

/// A domain given by its id or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedDomain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// The scope that the client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestedScope {
    /// None was asked for: the user's default project, if there is one.
    Absent,
    /// Explicitly none.
    Unscoped,
    /// A project.
    Project(Named),
    /// A domain.
    Domain(NamedDomain),
    /// The system.
    System,
    /// A trust.
    Trust,
}

fn required(name: &str) -> ApiError {
    ApiError::BadRequest(format!("'{name}' is a required property"))
}

/// The value is shown only where it cannot be a secret.
fn wrong_type(path: &str, value: &Value, kinds: &str) -> ApiError {
    let shown = if path.contains("password") { "the value".to_owned() } else { value.to_string() };
    ApiError::BadRequest(format!("Invalid input for field '{path}': {shown} is not of type {kinds}"))
}

fn no_scope() -> ApiError {
    ApiError::malformed("Expecting to find system, project, domain, OS-TRUST:trust or unscoped in scope")
}

fn no_id_or_name(of: &str) -> ApiError {
    ApiError::BadRequest(format!("Invalid input for field {of}: id or name must be present."))
}

fn object<'a>(
    parent: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, ApiError> {
    match parent.get(name) {
        None => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(wrong_type(name, other, "'object'")),
    }
}

fn text<'a>(parent: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, ApiError> {
    match parent.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(wrong_type(name, other, "'string'")),
    }
}

impl AuthRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 that names what is missing or of the wrong type.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let auth = object(body, "auth")?
            .ok_or_else(|| ApiError::malformed("Expecting to find auth in request body"))?;
        let identity = object(auth, "identity")?.ok_or_else(|| required("identity"))?;
        let listed = match identity.get("methods") {
            None => return Err(required("methods")),
            Some(Value::Array(listed)) => listed,
            Some(other) => return Err(wrong_type("identity/methods", other, "'array'")),
        };
        let mut methods: Vec<String> = Vec::new();
        for method in listed {
            let name = method.as_str().ok_or_else(|| wrong_type("identity/methods", method, "'string'"))?;
            if !methods.iter().any(|known| known == name) {
                methods.push(name.to_owned());
            }
        }
        if let Some(missing) =
            methods.iter().find(|method| !identity.contains_key(*method) && *method != "external")
        {
            return Err(ApiError::malformed(&format!("Expecting to find {missing} in identity")));
        }
        let is_asked = |method: &str| methods.iter().any(|asked| asked == method);
        let password = match object(identity, "password")? {
            Some(data) if is_asked("password") => Some(PasswordLogin::parse(data)?),
            _ => None,
        };
        let token = match object(identity, "token")? {
            Some(data) if is_asked("token") => {
                let id = text(data, "id")?.ok_or_else(|| required("id"))?;
                Some(Zeroizing::new(id.to_owned()))
            }
            _ => None,
        };
        let scope = RequestedScope::parse(auth.get("scope"))?;
        Ok(Self { methods, password, token, scope })
    }
}

impl PasswordLogin {
    fn parse(data: &Map<String, Value>) -> Result<Self, ApiError> {
        let user =
            object(data, "user")?.ok_or_else(|| ApiError::malformed("Expecting to find user in None"))?;
        let named = Named::parse(user, "identity/password/user")?;
        // As in Keystone: without a password the proof fails, and the request is not malformed.
        let password = text(user, "password")?.ok_or(ApiError::Unauthorized("no password was given"))?;
        Ok(Self { user: named, password: Password::from(password.to_owned()) })
    }
}

impl Named {
    fn parse(data: &Map<String, Value>, of: &str) -> Result<Self, ApiError> {
        if let Some(id) = text(data, "id")? {
            return Ok(Self::Id(id.to_owned()));
        }
        let name = text(data, "name")?.ok_or_else(|| no_id_or_name(of))?;
        let domain = object(data, "domain")?.ok_or_else(|| {
            ApiError::malformed(&format!(
                "Expecting to find domain in {}",
                of.rsplit('/').next().unwrap_or(of)
            ))
        })?;
        Ok(Self::Name { name: name.to_owned(), domain: NamedDomain::parse(domain, &format!("{of}/domain"))? })
    }
}

impl NamedDomain {
    fn parse(data: &Map<String, Value>, of: &str) -> Result<Self, ApiError> {
        if let Some(id) = text(data, "id")? {
            return Ok(Self::Id(id.to_owned()));
        }
        let name = text(data, "name")?.ok_or_else(|| no_id_or_name(of))?;
        Ok(Self::Name(name.to_owned()))
    }
}

impl RequestedScope {
    fn parse(value: Option<&Value>) -> Result<Self, ApiError> {
        let scope = match value {
            None => return Ok(Self::Absent),
            Some(Value::String(text)) if text == "unscoped" => return Ok(Self::Unscoped),
            Some(Value::Object(scope)) => scope,
            Some(Value::String(_)) => return Err(no_scope()),
            Some(other) => return Err(wrong_type("scope", other, "'object', 'string'")),
        };
        let kinds = ["project", "domain", "OS-TRUST:trust", "unscoped", "system"];
        let named = kinds.iter().filter(|kind| scope.contains_key(**kind)).count();
        if named != 1 {
            return Err(no_scope());
        }
        if let Some(project) = object(scope, "project")? {
            return Named::parse(project, "scope/project").map(Self::Project);
        }
        if let Some(domain) = object(scope, "domain")? {
            return NamedDomain::parse(domain, "scope/domain").map(Self::Domain);
        }
        if scope.contains_key("system") {
            return Ok(Self::System);
        }
        Ok(if scope.contains_key("OS-TRUST:trust") { Self::Trust } else { Self::Unscoped })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<AuthRequest, ApiError> {
        AuthRequest::parse(body.as_object().unwrap())
    }

    #[test]
    fn a_password_login_with_a_project_by_name_is_read() {
        let domain = json!({ "id": "default" });
        let request = parse(json!({ "auth": {
            "identity": { "methods": ["password", "password"],
                "password": { "user": { "name": "u", "domain": domain, "password": "s" } } },
            "scope": { "project": { "name": "p", "domain": { "name": "Default" } } }
        }}))
        .unwrap();
        assert_eq!(request.methods, ["password"]);
        assert_eq!(
            request.scope,
            RequestedScope::Project(Named::Name {
                name: "p".into(),
                domain: NamedDomain::Name("Default".into())
            })
        );
    }

    #[test]
    fn two_scopes_or_none_are_refused() {
        for scope in [json!({}), json!({ "system": {"all": true}, "project": {"id": "p"} })] {
            let body = json!({ "auth": { "identity": { "methods": ["token"], "token": {"id": "t"} }, "scope": scope }});
            assert!(matches!(parse(body), Err(ApiError::BadRequest(_))));
        }
    }

    #[test]
    fn a_method_without_its_data_is_named() {
        let error = parse(json!({ "auth": { "identity": { "methods": ["foo"] } } })).err().unwrap();
        assert!(error.to_string().starts_with("Expecting to find foo in identity."));
    }
}
