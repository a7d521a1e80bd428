//! The body of `POST /v3/auth/tokens`.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::body::Object;
use crate::http::ApiError;
use crate::identity::password::Password;

/// What the client asks for.
#[derive(Debug)]
pub struct AuthRequest {
    /// The methods named, in order, each once. The body has an entry for each.
    pub methods: Vec<String>,
    /// Data of the method `password`.
    pub password: Option<PasswordLogin>,
    /// Data of the method `token`.
    pub token: Option<Zeroizing<String>>,
    /// The scope asked for.
    pub scope: RequestedScope,
}

/// A user and a password. What is missing is an error only once the scope has been looked up, as in Keystone.
#[derive(Debug, Default)]
pub struct PasswordLogin {
    /// Who.
    pub user: Option<Named>,
    /// The secret.
    pub password: Option<Password>,
}

/// Something given by its id, or by its name within a domain. An empty text counts as not given, and a name
/// goes before an id, as in Keystone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By id.
    Id(String),
    /// By name.
    Name {
        /// The name.
        name: String,
        /// The domain that the name belongs to, if one is given.
        domain: Option<NamedDomain>,
    },
    /// Neither.
    Nothing,
}

/// A domain given by its id or name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedDomain {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
    /// Neither.
    Nothing,
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
    /// A trust, by its id.
    Trust(String),
    /// Not exactly one: refused once the methods are known to be enabled.
    Malformed,
}

impl AuthRequest {
    /// Reads the body.
    ///
    /// # Errors
    /// 400 that names what is missing or of the wrong type.
    pub fn parse(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let auth = Object::auth(body)?;
        let identity = auth.object("identity")?.ok_or_else(|| auth.required("identity"))?;
        let methods = methods(&identity)?;
        let password = identity.object("password")?.map(|data| PasswordLogin::parse(&data)).transpose()?;
        let token = match identity.object("token")? {
            Some(data) => {
                let id = data.text("id")?.ok_or_else(|| data.required("id"))?;
                Some(Zeroizing::new(id.to_owned()))
            }
            None => None,
        };
        let scope = RequestedScope::parse(&auth)?;
        match methods.iter().find(|method| !identity.has(method)) {
            Some(missing) => Err(ApiError::malformed(&format!("Expecting to find {missing} in identity"))),
            None => Ok(Self { methods, password, token, scope }),
        }
    }
}

fn methods(identity: &Object<'_>) -> Result<Vec<String>, ApiError> {
    let mut methods: Vec<String> = Vec::new();
    for name in identity.texts("methods")?.ok_or_else(|| identity.required("methods"))? {
        if !methods.iter().any(|known| known == name) {
            methods.push(name.to_owned());
        }
    }
    Ok(methods)
}

impl PasswordLogin {
    fn parse(data: &Object<'_>) -> Result<Self, ApiError> {
        let Some(user) = data.object("user")? else { return Ok(Self::default()) };
        let named = Named::parse(&user)?;
        let password = user.text("password")?.map(|text| Password::from(text.to_owned()));
        Ok(Self { user: Some(named), password })
    }
}

/// The text, unless it is empty.
fn filled(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

impl Named {
    fn parse(data: &Object<'_>) -> Result<Self, ApiError> {
        let (id, name) = (data.text("id")?, data.text("name")?);
        let domain = data.object("domain")?;
        if id.or(name).is_none() {
            return Err(data.without_id_or_name());
        }
        let domain = domain.map(|domain| NamedDomain::parse(&domain)).transpose()?;
        Ok(match (filled(name), filled(id)) {
            (Some(name), _) => Self::Name { name, domain },
            (None, Some(id)) => Self::Id(id),
            (None, None) => Self::Nothing,
        })
    }
}

impl NamedDomain {
    fn parse(data: &Object<'_>) -> Result<Self, ApiError> {
        let (id, name) = (data.text("id")?, data.text("name")?);
        if id.or(name).is_none() {
            return Err(data.without_id_or_name());
        }
        Ok(match (filled(name), filled(id)) {
            (Some(name), _) => Self::Name(name),
            (None, Some(id)) => Self::Id(id),
            (None, None) => Self::Nothing,
        })
    }
}

impl RequestedScope {
    fn parse(auth: &Object<'_>) -> Result<Self, ApiError> {
        if !auth.has("scope") {
            return Ok(Self::Absent);
        }
        if let Some(text) = auth.text_beside_object("scope")? {
            return Ok(if text == "unscoped" { Self::Unscoped } else { Self::Malformed });
        }
        let Some(scope) = auth.object("scope")? else { return Ok(Self::Absent) };
        let project = scope.object("project")?.map(|data| Named::parse(&data)).transpose()?;
        let domain = scope.object("domain")?.map(|data| NamedDomain::parse(&data)).transpose()?;
        let trust = scope.object("OS-TRUST:trust")?.map(|data| data.text("id").map(filled)).transpose()?;
        let system = scope.object("system")?;
        if let Some(system) = &system {
            system.boolean("all")?;
        }
        let unscoped = scope.has("unscoped").then_some(Self::Unscoped);
        let mut asked = [
            project.map(Self::Project),
            domain.map(Self::Domain),
            trust.map(|id| Self::Trust(id.unwrap_or_default())),
            // Whatever it says, it is the whole system.
            system.map(|_| Self::System),
            unscoped,
        ]
        .into_iter()
        .flatten();
        match (asked.next(), asked.next()) {
            (Some(one), None) => Ok(one),
            _ => Ok(Self::Malformed),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: Value) -> Result<AuthRequest, ApiError> {
        AuthRequest::parse(body.as_object().unwrap())
    }

    fn scope(scope: Value) -> Result<RequestedScope, ApiError> {
        let identity = json!({ "methods": ["token"], "token": { "id": "t" } });
        parse(json!({ "auth": { "identity": identity, "scope": scope } })).map(|request| request.scope)
    }

    fn user(user: Value) -> Result<Named, ApiError> {
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        parse(json!({ "auth": { "identity": identity } }))
            .map(|request| request.password.unwrap().user.unwrap())
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
        let domain = Some(NamedDomain::Name("Default".into()));
        assert_eq!(request.scope, RequestedScope::Project(Named::Name { name: "p".into(), domain }));
        assert_eq!(request.password.unwrap().password.unwrap().expose(), "s");
    }

    #[test]
    fn a_name_goes_before_an_id_and_an_empty_text_counts_as_none() {
        assert_eq!(
            user(json!({ "id": "i", "name": "n" })).unwrap(),
            Named::Name { name: "n".into(), domain: None }
        );
        assert_eq!(user(json!({ "id": "i", "name": "" })).unwrap(), Named::Id("i".into()));
        assert_eq!(user(json!({ "id": "" })).unwrap(), Named::Nothing);
        let domain = json!({ "id": "i", "name": "n" });
        assert_eq!(
            scope(json!({ "domain": domain })).unwrap(),
            RequestedScope::Domain(NamedDomain::Name("n".into()))
        );
    }

    #[test]
    fn two_scopes_or_none_are_malformed() {
        let two = json!({ "system": { "all": true }, "project": { "id": "p" } });
        for malformed in [json!({}), two, json!("system"), json!({ "other": {} })] {
            assert_eq!(scope(malformed).unwrap(), RequestedScope::Malformed);
        }
    }

    #[test]
    fn each_kind_of_scope_is_read() {
        for (asked, read) in [
            (json!("unscoped"), RequestedScope::Unscoped),
            (json!({ "unscoped": null }), RequestedScope::Unscoped),
            (json!({ "system": {} }), RequestedScope::System),
            (json!({ "system": { "all": false } }), RequestedScope::System),
            (json!({ "OS-TRUST:trust": { "id": "t" } }), RequestedScope::Trust("t".into())),
            (json!({ "project": { "id": "p" }, "other": 1 }), RequestedScope::Project(Named::Id("p".into()))),
        ] {
            assert_eq!(scope(asked).unwrap(), read);
        }
    }

    #[test]
    fn what_is_at_fault_is_named_with_its_path_and_no_secret_is_repeated() {
        let identity = |identity: Value| parse(json!({ "auth": { "identity": identity } }));
        let of = |result: Result<AuthRequest, ApiError>| result.unwrap_err().to_string();
        for (error, message) in [
            (
                of(parse(json!({ "auth": "s3cr3t" }))),
                "Invalid input for field 'auth': the value is not of type 'object'",
            ),
            (of(identity(json!({}))), "Invalid input for field 'identity': 'methods' is a required property"),
            (
                of(identity(json!({ "methods": [5] }))),
                "Invalid input for field 'identity/methods/0': 5 is not of type 'string'",
            ),
            (
                of(identity(json!({ "methods": [], "token": { "id": 7 } }))),
                "Invalid input for field 'identity/token/id': the value is not of type 'string'",
            ),
            (
                of(identity(
                    json!({ "methods": [], "password": { "user": { "id": "u", "password": 123 } } }),
                )),
                "Invalid input for field 'identity/password/user/password': the value is not of type 'string'",
            ),
            (
                user(json!({ "id": 5 })).unwrap_err().to_string(),
                "Invalid input for field 'identity/password/user/id': 5 is not of type 'string'",
            ),
            (
                user(json!({ "domain": {} })).unwrap_err().to_string(),
                "Invalid input for field identity/password/user: id or name must be present.",
            ),
            (
                scope(json!({ "project": { "name": "p", "domain": {} } })).unwrap_err().to_string(),
                "Invalid input for field scope/project/domain: id or name must be present.",
            ),
            (
                scope(json!({ "system": { "all": "true" } })).unwrap_err().to_string(),
                "Invalid input for field 'scope/system/all': 'true' is not of type 'boolean'",
            ),
            (
                scope(json!(5)).unwrap_err().to_string(),
                "Invalid input for field 'scope': 5 is not of type 'object', 'string'",
            ),
        ] {
            assert_eq!(error, message);
        }
    }

    #[test]
    fn a_method_without_its_data_is_named() {
        for method in ["foo", "external", "password"] {
            let error = parse(json!({ "auth": { "identity": { "methods": [method] } } })).unwrap_err();
            assert!(error.to_string().starts_with(&format!("Expecting to find {method} in identity.")));
        }
    }
}
