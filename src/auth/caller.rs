//! The caller of a request: the token it sent, and what policy says to it.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use crate::app::App;
use crate::http::ApiError;
use crate::policy::{Credentials, Policy, Rule, Target, TokenAttributes};
use crate::state::State;
use crate::token::model::{Token, TokenScope};

/// Header with the caller's token.
pub const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");

/// The mark of a token that was got with EC2 credentials. It is for other services, and proves nothing here.
const EC2: &str = "ec2credential";

/// Who calls.
pub struct Caller {
    /// None for who sent the admin token, and so is nobody.
    token: Option<Token>,
    policy: Arc<Policy>,
    app: App,
}

impl Caller {
    /// Validates the `X-Auth-Token` of a request, whose rules are those of `policy`.
    ///
    /// # Errors
    /// 401 when there is none or it is not valid, 403 for one that was got with EC2 credentials, 503 while the cluster
    /// has no keys.
    pub fn authenticate(
        app: &App,
        policy: Arc<Policy>,
        state: &State,
        headers: &HeaderMap,
    ) -> Result<Self, ApiError> {
        let mut given = headers.get_all(AUTH_TOKEN).iter();
        let text = given
            .next()
            .and_then(|value| value.to_str().ok())
            .ok_or(ApiError::Unauthorized("no X-Auth-Token"))?;
        if given.next().is_some() {
            return Err(ApiError::Unauthorized("more than one X-Auth-Token"));
        }
        if app.admin_token.as_ref().is_some_and(|admin_token| admin_token.is(text)) {
            tracing::warn!(target: "keyraft::audit", "a request with the admin token passes every policy rule");
            return Ok(Self { token: None, policy, app: app.clone() });
        }
        let token = app
            .validate_token(state, text, 0)?
            .map_err(|_| ApiError::Unauthorized("the X-Auth-Token is not valid"))?;
        if app.methods.names(token.methods).any(|method| method == EC2) {
            return Err(ApiError::NotAuthorized);
        }
        Ok(Self { token: Some(token), policy, app: app.clone() })
    }

    /// The caller's token; none if it sent the admin token.
    #[must_use]
    pub fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// The user that the caller's token speaks for.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.token().map(|token| token.user.id.as_str())
    }

    /// Passes if the rule allows the call.
    ///
    /// # Errors
    /// 403 that names the rule's action.
    pub fn enforce(&self, rule: Rule, target: &Target<'_>) -> Result<(), ApiError> {
        self.decide(rule, target).map_err(ApiError::Policy)
    }

    /// Whether the rule allows the call.
    #[must_use]
    pub fn may(&self, rule: Rule, target: &Target<'_>) -> bool {
        self.decide(rule, target).is_ok()
    }

    fn decide(&self, rule: Rule, target: &Target<'_>) -> Result<(), crate::policy::Forbidden> {
        let Some(token) = self.token() else {
            let credentials = Credentials { is_admin: true, ..Credentials::default() };
            return self.policy.enforce(rule, &credentials, target);
        };
        let roles: SmallVec<[&str; 8]> = token.roles.iter().map(|role| role.name.as_str()).collect();
        let (project, project_domain) = match &token.scope {
            TokenScope::Project { project, domain } => (Some(project), Some(domain)),
            _ => (None, None),
        };
        let domain = token.domain();
        let credentials = Credentials {
            user_id: Some(&token.user.id),
            user_domain_id: Some(&token.user.domain_id),
            project_id: project.map(|project| project.id.as_str()),
            project_domain_id: project_domain.map(|domain| domain.id.as_str()),
            domain_id: domain.map(|domain| domain.id.as_str()),
            system_scope: matches!(token.scope, TokenScope::System).then_some("all"),
            roles: &roles,
            is_admin_project: token
                .is_of_admin_project(self.app.config.resource.admin_project())
                .unwrap_or(true),
            token: TokenAttributes {
                user_name: Some(&token.user.name),
                user_domain_name: Some(&token.user_domain.name),
                project_name: project.map(|project| project.name.as_str()),
                project_domain_name: project_domain.map(|domain| domain.name.as_str()),
                is_domain: project.map(|project| project.is_domain),
                domain_name: domain.map(|domain| domain.name.as_str()),
                ..TokenAttributes::default()
            },
            ..Credentials::default()
        };
        self.policy.enforce(rule, &credentials, target)
    }

    /// What the rule of a list is asked about: a list shows a domain-scoped caller only what is in its domain, so that
    /// domain stands under this name.
    #[must_use]
    pub fn list_target<'a>(&'a self, name: &'a str) -> Target<'a> {
        match self.domain_id() {
            Some(domain_id) => Target::new().with(name, domain_id),
            None => Target::new(),
        }
    }

    /// The domain of a domain-scoped token: lists show such a caller only what is in it.
    #[must_use]
    pub fn domain_id(&self) -> Option<&str> {
        self.token()?.domain().map(|domain| domain.id.as_str())
    }
}
