//! Which tokens may be exchanged for which.

use crate::config::Auth;
use crate::http::ApiError;
use crate::token::model::TokenScope;

/// Methods by which a user logs in itself. A token made in any other way was delegated for one purpose, and is not
/// exchanged for one that may reach further (Keystone's `delegation`).
const PRIMARY_METHODS: [&str; 9] =
    ["external", "kerberos", "mapped", "openid", "password", "saml2", "token", "totp", "x509"];

/// The mark of a token that was got with EC2 credentials: no configuration makes it primary.
const ALWAYS_DELEGATED: &str = "ec2credential";

/// A token that is presented for another.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The scope of the presented token.
    pub source: &'a TokenScope,
    /// The names of its methods.
    pub source_methods: &'a [&'a str],
    /// The scope that the new token would get.
    pub scope: &'a TokenScope,
}

impl Exchange<'_> {
    /// Passes if the exchange is allowed.
    ///
    /// # Errors
    /// 403 for a system-scoped token that would become a project's or domain's, for a delegated token, and for a
    /// scoped one where `allow_rescope_scoped_token` is off.
    pub fn check(&self, auth: &Auth, allows_rescoping: bool) -> Result<(), ApiError> {
        let is_narrower =
            |scope: &TokenScope| matches!(scope, TokenScope::Project { .. } | TokenScope::Domain(_));
        if matches!(self.source, TokenScope::System) && is_narrower(self.scope) {
            return Err(refused(
                "Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.",
            ));
        }
        if self.source_methods.is_empty()
            || self.source_methods.iter().any(|method| !is_primary(auth, method))
        {
            return Err(refused("Using a delegated token to create another token is not allowed."));
        }
        if !allows_rescoping && !matches!(self.source, TokenScope::Unscoped) {
            return Err(refused("rescope a scoped token"));
        }
        Ok(())
    }
}

fn is_primary(auth: &Auth, method: &str) -> bool {
    let is_additional = || auth.additional_primary_auth_methods.iter().any(|known| known == method);
    method != ALWAYS_DELEGATED && (PRIMARY_METHODS.contains(&method) || is_additional())
}

fn refused(action: &str) -> ApiError {
    ApiError::Forbidden(format!("You are not authorized to perform the requested action: {action}."))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyraft_proto::identity::Project;

    use super::*;

    fn domain() -> TokenScope {
        TokenScope::Domain(Arc::new(Project::default()))
    }

    fn outcome(
        source: &TokenScope,
        methods: &[&str],
        scope: &TokenScope,
        allows_rescoping: bool,
    ) -> Result<(), String> {
        let auth = Auth {
            additional_primary_auth_methods: vec!["sso".into(), "ec2credential".into()],
            ..Auth::default()
        };
        Exchange { source, source_methods: methods, scope }
            .check(&auth, allows_rescoping)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_system_token_stays_one_or_loses_its_scope() {
        let (system, unscoped) = (TokenScope::System, TokenScope::Unscoped);
        assert!(outcome(&system, &["password"], &system, true).is_ok());
        assert!(outcome(&system, &["password"], &unscoped, true).is_ok());
        assert!(outcome(&domain(), &["password"], &system, true).is_ok());
        assert_eq!(
            outcome(&system, &["password"], &domain(), true).unwrap_err(),
            "You are not authorized to perform the requested action: Using a system-scoped token to create a \
             project-scoped or domain-scoped token is not allowed.."
        );
    }

    #[test]
    fn a_token_that_was_delegated_is_not_exchanged() {
        for methods in [&["application_credential"][..], &["password", "oauth1"], &["ec2credential"], &[]] {
            let error = outcome(&TokenScope::Unscoped, methods, &domain(), true).unwrap_err();
            assert!(error.contains("delegated"), "{methods:?}: {error}");
        }
        for methods in [&["password", "token"][..], &["sso"], &["totp", "external"]] {
            assert!(outcome(&TokenScope::Unscoped, methods, &domain(), true).is_ok(), "{methods:?}");
        }
    }

    #[test]
    fn without_rescoping_only_unscoped_tokens_are_exchanged() {
        assert!(outcome(&TokenScope::Unscoped, &["password"], &domain(), false).is_ok());
        for source in [domain(), TokenScope::System] {
            let error = outcome(&source, &["password"], &TokenScope::Unscoped, false).unwrap_err();
            assert!(error.contains("rescope a scoped token"), "{error}");
        }
    }
}
