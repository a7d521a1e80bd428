//! The JSON of a token, as Keystone renders it.
//!
//! This is the hot path of validation: it writes text once and shares the catalog's text between answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
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

/// A body made of pieces that other answers share.
#[derive(Debug, Default)]
pub struct PiecesBody {
    pieces: VecDeque<Bytes>,
    bytes: u64,
}

impl PiecesBody {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len() as u64;
        self.pieces.push_back(piece);
    }

    /// Length of what is left, in bytes.
    #[must_use]
    pub fn len_bytes(&self) -> u64 {
        self.bytes
    }

    /// Everything in one piece.
    #[must_use]
    pub fn concat(&self) -> Vec<u8> {
        self.pieces.iter().flat_map(|piece| piece.iter().copied()).collect()
    }
}

impl Body for PiecesBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.pop_front();
        self.bytes -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

/// Renders `{"token": {...}}`.
#[must_use]
pub fn render(token: &Token, rendering: &Rendering<'_>) -> PiecesBody {
    let mut text = String::with_capacity(1024);
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
    list(&mut text, token.audit.iter(), |text, id| quoted(text, &id.to_string()));
    text.push_str(r#"],"expires_at":"#);
    quoted(&mut text, &iso_seconds(token.expires_at_s));
    text.push_str(r#","issued_at":"#);
    quoted(&mut text, &iso_seconds(token.issued_at_s));
    scope(&mut text, &token.scope);
    if let Some(is_admin_project) = token.is_of_admin_project(rendering.admin_project) {
        text.push_str(r#","is_admin_project":"#);
        text.push_str(if is_admin_project { "true" } else { "false" });
    }
    let has_roles = !matches!(token.scope, TokenScope::Unscoped);
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
    let mut body = PiecesBody::default();
    if let Some(catalog) = rendering.catalog.filter(|_| has_roles) {
        text.push_str(r#","catalog":"#);
        body.push(std::mem::take(&mut text).into());
        push_catalog(&mut body, catalog, token, rendering.public_endpoint);
    }
    text.push_str("}}");
    body.push(text.into());
    body
}

/// Renders the catalog of a token alone: a JSON array.
#[must_use]
pub fn render_catalog(token: &Token, catalog: &CompiledCatalog, public_endpoint: &str) -> Vec<u8> {
    let mut body = PiecesBody::default();
    push_catalog(&mut body, catalog, token, public_endpoint);
    body.concat()
}

fn push_catalog(body: &mut PiecesBody, catalog: &CompiledCatalog, token: &Token, public_endpoint: &str) {
    let project_id = token.project().map(|project| project.id.as_str());
    let parts = if project_id.is_some() { &catalog.with_project } else { &catalog.without_project };
    let endpoint: Bytes = escaped(public_endpoint).into();
    for part in parts {
        body.push(match part {
            Part::Text(text) => text.clone(),
            Part::ProjectId => escaped(project_id.unwrap_or_default()).into(),
            Part::UserId => escaped(&token.user.id).into(),
            Part::PublicEndpoint => endpoint.clone(),
        });
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

/// Writes a JSON string. Ids and most names need no escaping and are copied as they are.
fn quoted(text: &mut String, value: &str) {
    text.push('"');
    let is_plain = value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if is_plain {
        text.push_str(value);
    } else {
        text.push_str(&escaped(value));
    }
    text.push('"');
}
