//! The catalog as JSON, cut into pieces that requests share.
//!
//! A token's catalog differs between requests only where a URL names the project, the user or the node.
//! All the rest is rendered once for each change of the catalog, so that a validation copies none of it.

use bytes::Bytes;
use keyraft_proto::identity::{Endpoint, Service};
use serde_json::{Value, json};

use super::records::Tables;
use super::url::{self, Piece};
use crate::state::table::Record;

/// A piece of the catalog's JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that is the same in every answer.
    Text(Bytes),
    /// Here goes the project's id.
    ProjectId,
    /// Here goes the user's id.
    UserId,
    /// Here goes the public URL of the node, escaped for JSON.
    PublicEndpoint,
}

/// The JSON array of a token's catalog, in pieces.
#[derive(Debug, Default)]
pub struct CompiledCatalog {
    /// For tokens scoped to a project.
    pub with_project: Vec<Part>,
    /// For the others: endpoints whose URL names a project are left out, as Keystone does.
    pub without_project: Vec<Part>,
}

impl CompiledCatalog {
    pub(super) fn new(tables: &Tables) -> Self {
        Self { with_project: render(tables, true), without_project: render(tables, false) }
    }
}

fn render(tables: &Tables, has_project: bool) -> Vec<Part> {
    let mut writer = Writer::default();
    writer.text("[");
    let mut is_first = true;
    for service in tables.services.values().filter(|service| service.enabled) {
        if !std::mem::take(&mut is_first) {
            writer.text(",");
        }
        let name = service_name(service);
        writer.text(&format!(
            r#"{{"id":{},"type":{},"name":{},"endpoints":["#,
            json!(service.id),
            json!(service.r#type),
            name
        ));
        let mut is_first_endpoint = true;
        for endpoint in tables.endpoints_of_service(&service.id).filter(|endpoint| endpoint.enabled) {
            let Some(pieces) = pieces_for(endpoint, has_project) else { continue };
            if !std::mem::take(&mut is_first_endpoint) {
                writer.text(",");
            }
            writer.endpoint(endpoint, &pieces);
        }
        writer.text("]}");
    }
    writer.text("]");
    writer.finish()
}

fn service_name(service: &Service) -> Value {
    service.extra.get("name").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!(""))
}

/// The pieces of an endpoint's URL; none when it cannot be filled in for such a token.
fn pieces_for(endpoint: &Endpoint, has_project: bool) -> Option<Vec<Piece>> {
    let pieces = match url::parse(&endpoint.url) {
        Ok(pieces) => pieces,
        Err(_) => {
            tracing::warn!(endpoint = endpoint.key().as_str(), "malformed URL: left out of the catalog");
            return None;
        }
    };
    let is_fillable =
        !pieces.contains(&Piece::ComputeHost) && (has_project || !pieces.contains(&Piece::ProjectId));
    is_fillable.then_some(pieces)
}

#[derive(Default)]
struct Writer {
    parts: Vec<Part>,
    text: String,
}

impl Writer {
    fn text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn part(&mut self, part: Part) {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(std::mem::take(&mut self.text).into()));
        }
        self.parts.push(part);
    }

    fn endpoint(&mut self, endpoint: &Endpoint, pieces: &[Piece]) {
        let region = json!(endpoint.region_id);
        self.text(&format!(
            r#"{{"id":{},"interface":{},"region_id":{region},"url":""#,
            json!(endpoint.id),
            json!(endpoint.interface)
        ));
        for piece in pieces {
            match piece {
                Piece::Text(text) => self.text(&escaped(text)),
                Piece::ProjectId => self.part(Part::ProjectId),
                Piece::UserId => self.part(Part::UserId),
                Piece::PublicEndpoint => self.part(Part::PublicEndpoint),
                Piece::ComputeHost => {}
            }
        }
        self.text(&format!(r#"","region":{region}}}"#));
    }

    fn finish(mut self) -> Vec<Part> {
        if !self.text.is_empty() {
            self.parts.push(Part::Text(self.text.into()));
        }
        self.parts
    }
}

/// The text as it stands between the quotes of a JSON string.
#[must_use]
pub fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default().to_owned()
}
