//! From an operator's request to the bootstrap command: the ids and the password hash are made here.

use keyraft_proto::identity as proto;
use serde_json::json;

use crate::app::App;
use crate::http::ApiError;
use crate::identity::password::Password;
use crate::ops::admin::BootstrapRequest;

/// The roles that a bootstrap makes, in the order in which each implies the next; `service` stands alone.
const CHAIN: [&str; 4] = ["admin", "manager", "member", "reader"];

/// The command for a request.
///
/// # Errors
/// 400 or 403 for a password that may not be; 503 when the hashing threads are busy.
pub async fn command(app: &App, request: BootstrapRequest) -> Result<proto::Bootstrap, ApiError> {
    let domain_id = app.config.identity.default_domain_id.clone();
    let password = app.new_password(Password::from(request.password.expose().to_owned())).await?;
    let options = if request.immutable_roles {
        [("immutable".to_owned(), "true".to_owned())].into()
    } else {
        [].into()
    };
    let names = CHAIN
        .into_iter()
        .chain(["service"])
        .chain((!CHAIN.contains(&request.role_name.as_str())).then_some(request.role_name.as_str()));
    let roles = names.map(|name| proto::Role {
        id: app.new_id(),
        name: name.into(),
        options: std::collections::BTreeMap::clone(&options),
        ..proto::Role::default()
    });
    let implications = CHAIN.iter().zip(CHAIN.iter().skip(1)).map(|(prior, implied)| proto::ImpliedRole {
        prior_role_id: (*prior).into(),
        implied_role_id: (*implied).into(),
    });
    let urls =
        [("public", &request.public_url), ("internal", &request.internal_url), ("admin", &request.admin_url)];
    let endpoints: Vec<proto::Endpoint> = urls
        .into_iter()
        .filter_map(|(interface, url)| {
            Some(proto::Endpoint {
                id: app.new_id(),
                interface: interface.into(),
                region_id: request.region_id.clone(),
                url: url.clone()?,
                enabled: true,
                ..proto::Endpoint::default()
            })
        })
        .collect();
    let service = (!endpoints.is_empty()).then(|| proto::Service {
        id: app.new_id(),
        r#type: "identity".into(),
        enabled: true,
        extra: [("name".to_owned(), json!(request.service_name).to_string())].into(),
    });
    Ok(proto::Bootstrap {
        domain: Some(proto::Project {
            id: domain_id.clone(),
            name: "Default".into(),
            is_domain: true,
            enabled: true,
            description: Some("The default domain".into()),
            ..proto::Project::default()
        }),
        project: Some(proto::Project {
            id: app.new_id(),
            name: request.project_name,
            domain_id: domain_id.clone(),
            parent_id: domain_id.clone(),
            enabled: true,
            description: Some("Bootstrap project for initializing the cloud.".into()),
            ..proto::Project::default()
        }),
        user: Some(proto::User {
            id: app.new_id(),
            name: request.username,
            domain_id,
            enabled: true,
            password: Some(password),
            ..proto::User::default()
        }),
        roles: roles.collect(),
        admin_role_name: request.role_name.clone(),
        implications: implications.collect(),
        region: request.region_id.map(|id| proto::Region { id, ..proto::Region::default() }),
        service,
        endpoints,
        rules: Some(app.security_compliance()),
    })
}
