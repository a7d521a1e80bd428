//! The JSON of a token, as Keystone renders it.
//!
//! This is the hot path of validation: it writes one text, and copies into it what was rendered before of the catalog.

use keyraft_proto::identity::Project;

use super::model::{Token, TokenScope};
use super::payload::MethodList;
use crate::catalog::CompiledCatalog;
use crate::catalog::compiled::{Part, escaped};
use crate::clock_text::{iso_micros, iso_seconds};

/// What rendering needs besides the token.
pub struct Rendering<'a> {
    /// The ordered list of methods, which gives the mask its names.
    pub methods: &'a MethodList,
    /// The catalog of the state; none with `?nocatalog`.
    pub catalog: Option<&'a CompiledCatalog>,
    /// This node's public URL, which `$(public_endpoint)s` stands for.
    pub public_endpoint: &'a str,
    /// The name of the admin project and that of its domain, if one is configured.
    pub admin_project: Option<(&'a str, &'a str)>,
}

/// Room for what is left beside the catalog of a token with a few roles.
const USUAL_BYTES: usize = 1024;

/// Renders `{"token": {...}}`.
#[must_use]
pub fn render(token: &Token, rendering: &Rendering<'_>) -> String {
    let has_roles = !matches!(token.scope, TokenScope::Unscoped);
    let catalog = rendering.catalog.filter(|_| has_roles).map(|catalog| parts_for(catalog, token));
    let catalog_bytes = catalog.map_or(0, |parts| parts.iter().map(Part::usual_bytes).sum());
    let mut text = String::with_capacity(USUAL_BYTES + catalog_bytes);
    text.push_str(r#"{"token":{"methods":["#);
    list(&mut text, rendering.methods.names(token.methods), quoted);
    text.push_str(r#"],"user":{"domain":"#);
    domain(&mut text, &token.user_domain);
    text.push_str(r#","id":"#);
    quoted(&mut text, &token.user.id);
    text.push_str(r#","name":"#);
    quoted(&mut text, &token.user.name);
    text.push_str(r#","password_expires_at":"#);
    match token.user.password.as_ref().and_then(|password| password.expires_ms) {
        Some(expires_ms) => quoted(&mut text, &iso_micros(expires_ms)),
        None => text.push_str("null"),
    }
    text.push_str(r#"},"audit_ids":["#);
    list(&mut text, token.audit.iter(), |text, id| quoted(text, &id.text()));
    text.push_str(r#"],"expires_at":"#);
    quoted(&mut text, &iso_seconds(token.expires_at_s));
    text.push_str(r#","issued_at":"#);
    quoted(&mut text, &iso_seconds(token.issued_at_s));
    scope(&mut text, &token.scope);
    if let Some(is_admin_project) = token.is_of_admin_project(rendering.admin_project) {
        text.push_str(r#","is_admin_project":"#);
        text.push_str(if is_admin_project { "true" } else { "false" });
    }
    if has_roles {
        text.push_str(r#","roles":["#);
        list(&mut text, token.roles.iter(), |text, role| {
            text.push_str(r#"{"id":"#);
            quoted(text, &role.id);
            text.push_str(r#","name":"#);
            quoted(text, &role.name);
            text.push('}');
        });
        text.push(']');
    }
    if let Some(parts) = catalog {
        text.push_str(r#","catalog":"#);
        push_catalog(&mut text, parts, token, rendering.public_endpoint);
    }
    text.push_str("}}");
    text
}

/// Renders the catalog of a token alone: a JSON array.
#[must_use]
pub fn render_catalog(token: &Token, catalog: &CompiledCatalog, public_endpoint: &str) -> String {
    let mut text = String::new();
    push_catalog(&mut text, parts_for(catalog, token), token, public_endpoint);
    text
}

fn parts_for<'a>(catalog: &'a CompiledCatalog, token: &Token) -> &'a [Part] {
    match token.project() {
        Some(_) => &catalog.with_project,
        None => &catalog.without_project,
    }
}

fn push_catalog(text: &mut String, parts: &[Part], token: &Token, public_endpoint: &str) {
    let project_id = token.project().map_or("", |project| &project.id);
    for part in parts {
        match part {
            Part::Text(rendered) => text.push_str(rendered),
            Part::ProjectId => push_escaped(text, project_id),
            Part::UserId => push_escaped(text, &token.user.id),
            Part::PublicEndpoint => push_escaped(text, public_endpoint),
        }
    }
}

fn scope(text: &mut String, scope: &TokenScope) {
    match scope {
        TokenScope::Unscoped => {}
        TokenScope::Project { project, domain: of } => {
            text.push_str(r#","project":{"domain":"#);
            domain(text, of);
            text.push_str(r#","id":"#);
            quoted(text, &project.id);
            text.push_str(r#","name":"#);
            quoted(text, &project.name);
            text.push_str(if project.is_domain { r#"},"is_domain":true"# } else { r#"},"is_domain":false"# });
        }
        TokenScope::Domain(of) => {
            text.push_str(r#","domain":"#);
            domain(text, of);
        }
        TokenScope::System => text.push_str(r#","system":{"all":true}"#),
    }
}

fn domain(text: &mut String, domain: &Project) {
    text.push_str(r#"{"id":"#);
    quoted(text, &domain.id);
    text.push_str(r#","name":"#);
    quoted(text, &domain.name);
    text.push('}');
}

fn list<T>(text: &mut String, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
}

/// Writes a JSON string.
fn quoted(text: &mut String, value: &str) {
    text.push('"');
    push_escaped(text, value);
    text.push('"');
}

/// Writes what stands between the quotes. Ids and most names need no escaping and are copied as they are.
fn push_escaped(text: &mut String, value: &str) {
    let is_plain = value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if is_plain {
        text.push_str(value);
    } else {
        text.push_str(&escaped(value));
    }
}
