//! Lists: filter, order by id, page, links.

use serde_json::{Map, Value, json};

use super::query::{self, Attribute, Query};
use super::{ApiError, Call};
use crate::config::Config;

/// How a list of one resource behaves.
pub struct List {
    /// Name of the collection: `users`.
    pub collection: &'static str,
    /// Attributes that filters may name.
    pub filters: &'static [&'static str],
    /// The section of the configuration whose `list_limit` counts; without one, none does.
    pub section: Option<Section>,
    /// Rows of an answer when nothing else says: users, groups and projects are capped, others are not.
    pub is_capped: bool,
}

/// A section of the configuration with a `list_limit` of its own, in place of `http.list_limit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// `[identity]`: users and groups.
    Identity,
    /// `[resource]`: projects and domains.
    Resource,
    /// `[role]`
    Role,
    /// `[catalog]`
    Catalog,
}

impl Section {
    fn list_limit(self, config: &Config) -> Option<u64> {
        let own = match self {
            Self::Identity => config.identity.list_limit,
            Self::Resource => config.resource.list_limit,
            Self::Role => config.role.list_limit,
            Self::Catalog => config.catalog.list_limit,
        };
        own.or(config.http.list_limit)
    }
}

/// How many rows an answer has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limit {
    rows: usize,
    /// The request or the configuration says so; else it is the bound of all answers.
    is_said: bool,
}

impl List {
    /// The answer: the rendered resources that pass the filters, cut to a page, with links.
    ///
    /// # Errors
    /// 400 for a bad limit, 404 for a marker that is not in the list.
    pub fn render(&self, call: &Call, resources: impl IntoIterator<Item = Value>) -> Result<Value, ApiError> {
        let query = &call.query;
        let mut rows: Vec<Value> =
            resources.into_iter().filter(|row| query::passes(row, query, self.filters)).collect();
        let page_rows = self.limit(call)?.map(|limit| limit.rows);
        if query.has("marker") || page_rows.is_some() {
            rows.sort_by(|one, other| id_of(one).cmp(id_of(other)));
        }
        if let Some(marker) = marker(query) {
            let at = rows.iter().position(|row| id_of(row) == marker);
            let after = at.ok_or_else(|| unknown_marker(marker))? + 1;
            rows.drain(..after);
        }
        let is_cut = page_rows.is_some_and(|page_rows| rows.len() > page_rows);
        if let Some(page_rows) = page_rows {
            rows.truncate(page_rows);
        }
        let next = page_rows
            .filter(|_| is_cut)
            .map(|page_rows| next_link(call, rows.last().map(id_of).unwrap_or_default(), page_rows));
        Ok(collection(call, self.collection, rows, next))
    }

    /// The answer for records in the order of their ids, of which only those of the page are rendered.
    ///
    /// `is_known` tells whether a marker is the id of any record, also of one that the filters hide. As in
    /// Keystone, where the database pages these lists, a full page counts as cut: nothing looks beyond it, but in lists
    /// of users and groups that no filter narrows.
    ///
    /// # Errors
    /// 400 for a bad limit, 404 for an unknown marker.
    pub fn page<'r, R: Listed + 'r>(
        &self,
        call: &Call,
        records: impl Iterator<Item = &'r R>,
        is_known: impl FnOnce(&str) -> bool,
        render: impl Fn(&R) -> Value,
    ) -> Result<Value, ApiError> {
        let query = &call.query;
        let limit = self.limit(call)?.unwrap_or(Limit { rows: usize::MAX, is_said: false });
        let marker = marker(query);
        if let Some(marker) = marker.filter(|marker| !is_known(marker)) {
            return Err(unknown_marker(marker));
        }
        let mut found = records
            .filter(|record| marker.is_none_or(|marker| record.id() > marker))
            .filter(|record| query::passes_by(query, self.filters, |name| record.attribute(name)));
        let page: Vec<&R> = found.by_ref().take(limit.rows).collect();
        let looks_beyond = self.section == Some(Section::Identity) && !query::has_filter(query, self.filters);
        let is_cut = page.len() == limit.rows && (limit.is_said && !looks_beyond || found.next().is_some());
        let next = page.last().filter(|_| is_cut).map(|last| next_link(call, last.id(), limit.rows));
        Ok(collection(call, self.collection, page.into_iter().map(render).collect(), next))
    }

    fn limit(&self, call: &Call) -> Result<Option<Limit>, ApiError> {
        let config = &call.app.config;
        let max = usize::try_from(config.http.max_db_limit).unwrap_or(usize::MAX);
        let asked = query::limit(&call.query)?.map(|asked| asked.min(max));
        let configured = self.section.and_then(|section| section.list_limit(config));
        let configured = configured.and_then(|limit| usize::try_from(limit).ok());
        let said = asked.or(configured).map(|rows| Limit { rows, is_said: true });
        Ok(said.or(self.is_capped.then_some(Limit { rows: max, is_said: false })))
    }
}

/// A record that is filtered before it is rendered.
pub trait Listed {
    /// Its id.
    fn id(&self) -> &str;
    /// An attribute that a filter names.
    fn attribute(&self, name: &str) -> Attribute<'_>;
}

/// The exact name and domain that a query names, by which an index finds what would else be a scan.
///
/// The filters are applied all the same: this only narrows what they look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Narrowed<'q> {
    /// `name=`
    pub name: Option<&'q str>,
    /// The domain of the caller's token, else `domain_id=`.
    pub domain_id: Option<&'q str>,
}

impl<'q> Narrowed<'q> {
    /// What the query, and the domain that the caller is bound to, leave to look at.
    #[must_use]
    pub fn new(query: &'q Query, own_domain_id: Option<&'q str>) -> Self {
        Self { name: query.get("name"), domain_id: own_domain_id.or_else(|| query.get("domain_id")) }
    }
}

fn marker(query: &Query) -> Option<&str> {
    query.get("marker").filter(|marker| !marker.is_empty())
}

fn unknown_marker(marker: &str) -> ApiError {
    ApiError::NotFound(format!("Marker {marker} could not be found."))
}

fn id_of(row: &Value) -> &str {
    row.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// The request for what follows `marker`: the query as it was, but for its marker and limit.
fn next_link(call: &Call, marker: &str, page_rows: usize) -> String {
    let page_rows = page_rows.to_string();
    let changed = [("marker", marker), ("limit", page_rows.as_str())];
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for (name, value) in call.query.iter().chain(changed) {
        let is_changed = changed.contains(&(name, value));
        match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some(known) if is_changed => known.1 = value,
            // Of a parameter that is given twice the first counts.
            Some(_) => {}
            None => pairs.push((name, value)),
        }
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{}{}?{query}", call.base_url, call.uri.path())
}

/// The JSON of a collection. `next` is the link to the page after; with it the list is marked as truncated.
#[must_use]
pub fn collection(call: &Call, name: &str, rows: Vec<Value>, next: Option<String>) -> Value {
    let mut body = Map::new();
    body.insert(name.into(), Value::Array(rows));
    body.insert("links".into(), json!({ "next": next, "self": call.self_url(), "previous": null }));
    if next.is_some() {
        body.insert("truncated".into(), Value::Bool(true));
    }
    Value::Object(body)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_limit_of_a_section_goes_before_that_of_all() {
        let text = "[node]\nid = 0\n[cluster]\npeers = [{ id = 0, address = 'a:5100' }]\n\
                    [http]\nlist_limit = 9\n[identity]\nlist_limit = 1\n[resource]\nlist_limit = 2\n\
                    [role]\nlist_limit = 3\n";
        let config = Config::parse(Path::new("k.toml"), text).unwrap();
        for (section, limit) in
            [(Section::Identity, 1), (Section::Resource, 2), (Section::Role, 3), (Section::Catalog, 9)]
        {
            assert_eq!(section.list_limit(&config), Some(limit), "{section:?}");
        }
    }
}
