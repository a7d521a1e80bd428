//! The catalog as JSON, cut into pieces that requests copy.
//!
//! A token's catalog differs between requests only where a URL names the project, the user or the node.
//! All the rest is rendered once for each change of the catalog.

use keyraft_proto::identity::{Endpoint, Service};
use serde_json::{Value, json};

use super::records::Tables;
use super::url::{self, Piece};
use crate::state::table::Record;

/// A piece of the catalog's JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that is the same in every answer.
    Text(Box<str>),
    /// Here goes the project's id.
    ProjectId,
    /// Here goes the user's id.
    UserId,
    /// Here goes the public URL of the node, escaped for JSON.
    PublicEndpoint,
}

impl Part {
    /// How much room it takes in an answer, where that is known.
    #[must_use]
    pub fn usual_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::ProjectId | Self::UserId | Self::PublicEndpoint => 40,
        }
    }
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

/// What an endpoint in a catalog has of its own, or does not show. Its extra attributes come beside, as in
/// Keystone.
const OWN_NAMES: [&str; 8] =
    ["id", "interface", "region_id", "region", "url", "service_id", "enabled", "legacy_endpoint_id"];

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
        self.text(&format!(r#"","region":{region}"#));
        for (name, value) in endpoint.extra.iter().filter(|(name, _)| !OWN_NAMES.contains(&name.as_str())) {
            self.text(&format!(",{}:{value}", json!(name)));
        }
        self.text("}");
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

#[cfg(test)]
mod tests {
    use keyraft_cluster::LogMoment;

    use super::*;
    use crate::state::{State, Transaction};

    fn state(services: Vec<Service>, endpoints: Vec<Endpoint>) -> State {
        let moment = LogMoment { log_time_ms: 1, log_index: 1 };
        let mut tx = Transaction::begin(&State::default(), moment);
        services.into_iter().for_each(|service| tx.put(service));
        endpoints.into_iter().for_each(|endpoint| tx.put(endpoint));
        tx.commit().0
    }

    fn service(id: &str) -> Service {
        Service { id: id.into(), r#type: "compute".into(), enabled: true, ..Service::default() }
    }

    fn endpoint(id: &str, url: &str) -> Endpoint {
        Endpoint {
            id: id.into(),
            service_id: "s".into(),
            interface: "public".into(),
            url: url.into(),
            enabled: true,
            ..Endpoint::default()
        }
    }

    /// The catalog as a client gets it.
    fn filled(parts: &[Part]) -> Value {
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(rendered) => text.push_str(rendered),
                Part::ProjectId => text.push_str("PROJECT"),
                Part::UserId => text.push_str("USER"),
                Part::PublicEndpoint => text.push_str("http://node:5000"),
            }
        }
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    fn urls(catalog: &Value) -> Vec<&str> {
        catalog[0]["endpoints"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| found["url"].as_str().unwrap())
            .collect()
    }

    #[test]
    fn a_service_and_its_endpoint_are_shown_as_keystone_shows_them() {
        let mut named = service("s");
        named.extra.insert("name".into(), r#""nova \"x\"""#.into());
        named.extra.insert("description".into(), r#""hidden""#.into());
        let mut shown = endpoint("e", "http://h/a");
        shown.region_id = Some("One \"1\"".into());
        for (name, text) in
            [("name", r#""n""#), ("more", r#"{"a":[1,null]}"#), ("region", "null"), ("url", "1")]
        {
            shown.extra.insert(name.into(), text.into());
        }
        let state = state(vec![named], vec![shown]);
        let expected = json!([{
            "id": "s", "type": "compute", "name": "nova \"x\"",
            "endpoints": [{
                "id": "e", "interface": "public", "region_id": "One \"1\"", "region": "One \"1\"", "url": "http://h/a",
                "name": "n", "more": { "a": [1, null] },
            }],
        }]);
        assert_eq!(filled(&state.catalog.compiled().with_project), expected);
        assert_eq!(filled(&state.catalog.compiled().without_project), expected);
    }

    #[test]
    fn substitutions_are_filled_in_and_project_urls_are_left_out_without_a_project() {
        let endpoints = vec![
            endpoint("1", "$(public_endpoint)s/v3"),
            endpoint("2", "http://h/$(tenant_id)s/%(project_id)s"),
            endpoint("3", "http://h/%(user_id)s"),
            endpoint("4", "http://h/\"\\\u{1}100%%"),
        ];
        let state = state(vec![service("s")], endpoints);
        let compiled = state.catalog.compiled();
        let others = ["http://h/USER", "http://h/\"\\\u{1}100%"];
        let without = filled(&compiled.without_project);
        assert_eq!(urls(&without), [&["http://node:5000/v3"][..], &others].concat());
        let with = filled(&compiled.with_project);
        assert_eq!(urls(&with), [&["http://node:5000/v3", "http://h/PROJECT/PROJECT"][..], &others].concat());
    }

    #[test]
    fn what_is_disabled_or_malformed_is_left_out_and_a_service_without_endpoints_stays() {
        let disabled = Service { enabled: false, ..service("d") };
        let endpoints = vec![
            Endpoint { enabled: false, ..endpoint("1", "http://h/1") },
            endpoint("2", "http://h/$(nothing)s"),
            endpoint("3", "http://h/$(compute_host)s"),
            Endpoint { service_id: "d".into(), ..endpoint("4", "http://h/4") },
        ];
        let state = state(vec![disabled, service("s")], endpoints);
        let expected = json!([{ "id": "s", "type": "compute", "name": "", "endpoints": [] }]);
        assert_eq!(filled(&state.catalog.compiled().with_project), expected);
    }

    #[test]
    fn a_change_of_the_catalog_makes_it_anew_and_the_old_state_keeps_its_own() {
        let before = state(vec![service("s")], vec![endpoint("1", "http://h/1")]);
        assert_eq!(urls(&filled(&before.catalog.compiled().with_project)), ["http://h/1"]);
        let mut tx = Transaction::begin(&before, LogMoment { log_time_ms: 2, log_index: 2 });
        tx.put(endpoint("2", "http://h/2"));
        let after = tx.commit().0;
        assert_eq!(urls(&filled(&after.catalog.compiled().with_project)), ["http://h/1", "http://h/2"]);
        assert_eq!(urls(&filled(&before.catalog.compiled().with_project)), ["http://h/1"]);
    }

    #[test]
    fn an_empty_catalog_is_an_empty_list() {
        assert_eq!(filled(&State::default().catalog.compiled().with_project), json!([]));
    }
}
