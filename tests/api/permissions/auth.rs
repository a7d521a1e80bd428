//! `/v3/auth` and `/v3/OS-REVOKE`

use axum::http::Method;
use serde_json::{Value, json};

use super::row::{Row, Step, creates, deletes, reads, row};
use super::{ADMINS, ADMINS_BUT_OF_DOMAIN, SYSTEM_ADMIN, SYSTEM_READERS};
use crate::world::{PASSWORD, Request, password_login};

const TOKENS: &str = "/v3/auth/tokens";
const SUBJECT: &str = "X-Subject-Token";

fn log_in() -> Value {
    password_login(json!({"id": "{owner}"}), PASSWORD)
}

pub fn rows() -> Vec<Row> {
    let mut rows = tokens();
    rows.extend(reach());
    rows.push(
        reads("/v3/OS-REVOKE/events")
            .rule("identity:list_revoke_events")
            .allows(ADMINS_BUT_OF_DOMAIN)
            .allows(&["service"])
            .bad_query("since=soon", "soon"),
    );
    // There is no such list.
    rows.push(reads("/v3/auth/tokens/OS-PKI/revoked").status(403).public());
    rows
}

fn tokens() -> Vec<Row> {
    let about_new = |row: Row| row.before(Step::LogIn("subject", log_in())).header(SUBJECT, "{subject}");
    vec![
        // The credentials are the proof.
        creates(TOKENS, log_in())
            .public()
            .bad(json!({}), "auth")
            .bad(json!({"auth": {"identity": {}}}), "methods")
            .bad(json!({"auth": {"identity": {"methods": "password"}}}), "methods")
            .case("with a wrong password", "owner", with_wrong_password, 401, "requires authentication"),
        about_new(reads(TOKENS))
            .without_head()
            .rule("identity:validate_token")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(&["service", "owner", "unscoped"])
            .case("without a token to look at", "project_member", without_subject, 403, "validate_token")
            .case("without a token to look at", SYSTEM_ADMIN, without_subject, 404, "token")
            .case("about what is no token", SYSTEM_ADMIN, about_no_token, 404, "token"),
        about_new(row(Method::HEAD, TOKENS, 200))
            .rule("identity:check_token")
            .allows(ADMINS)
            .allows(SYSTEM_READERS)
            .allows(&["owner", "unscoped"])
            .case("about what is no token", SYSTEM_ADMIN, about_no_token, 404, ""),
        about_new(deletes(TOKENS))
            .rule("identity:revoke_token")
            .allows(ADMINS)
            .allows(&["owner", "unscoped"])
            .case("about what is no token", SYSTEM_ADMIN, about_no_token, 404, "token"),
    ]
}

/// The scope of the caller's token.
fn reach() -> Vec<Row> {
    // Only a token of a project has a catalog.
    let catalog = reads("/v3/auth/catalog").rule("identity:get_auth_catalog").any_token();
    let of_no_project = |caller: &&&str| {
        ["unscoped", "away_manager"].contains(*caller)
            || caller.starts_with("system_")
            || caller.starts_with("domain_")
    };
    let without: Vec<_> = crate::world::CALLERS.iter().filter(of_no_project).collect();
    let catalog = without.into_iter().fold(catalog, |row, caller| row.except(caller, 403));
    vec![
        catalog,
        reads("/v3/auth/projects").rule("identity:get_auth_projects").any_token(),
        reads("/v3/auth/domains").rule("identity:get_auth_domains").any_token(),
        reads("/v3/auth/system").rule("identity:get_auth_system").any_token(),
    ]
}

fn with_wrong_password(request: Request) -> Request {
    request.body(password_login(json!({"id": "{owner}"}), "wrong"))
}

fn without_subject(mut request: Request) -> Request {
    request.headers.retain(|(name, _)| *name != SUBJECT);
    request
}

fn about_no_token(request: Request) -> Request {
    without_subject(request).about("{token_of_forger}")
}
