//! Lists: filter, order by id, page, links.

use serde_json::{Map, Value, json};

use super::query::{self, Attribute, Query};
use super::{ApiError, Call};

/// How a list of one resource behaves.
pub struct List {
    /// Name of the collection: `users`.
    pub collection: &'static str,
    /// Attributes that filters may name.
    pub filters: &'static [&'static str],
    /// Rows of an answer when nothing else says: users, groups and projects are capped, others are not.
    pub is_capped: bool,
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
        let page_rows = self.page_rows(call)?;
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
        let next = is_cut.then(|| next_link(call, rows.last().map(id_of).unwrap_or_default()));
        Ok(collection(call, self.collection, rows, next))
    }

    /// The answer for records in the order of their ids, of which only those of the page are rendered.
    ///
    /// `is_known` tells whether a marker is the id of any record, also of one that the filters hide. As in
    /// Keystone, where the database pages these lists, a full page counts as cut: nothing looks beyond it.
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
        let page_rows = self.page_rows(call)?.unwrap_or(usize::MAX);
        let marker = marker(query);
        if let Some(marker) = marker.filter(|marker| !is_known(marker)) {
            return Err(unknown_marker(marker));
        }
        let mut found = records
            .filter(|record| marker.is_none_or(|marker| record.id() > marker))
            .filter(|record| query::passes_by(query, self.filters, |name| record.attribute(name)));
        let page: Vec<&R> = found.by_ref().take(page_rows).collect();
        let is_asked_for = query.get("limit").is_some_and(|limit| !limit.is_empty());
        let is_cut = page.len() == page_rows && (is_asked_for || found.next().is_some());
        let next = page.last().filter(|_| is_cut).map(|last| next_link(call, last.id()));
        Ok(collection(call, self.collection, page.into_iter().map(render).collect(), next))
    }

    fn page_rows(&self, call: &Call) -> Result<Option<usize>, ApiError> {
        let max = usize::try_from(call.app.config.http.max_db_limit).unwrap_or(usize::MAX);
        let asked = query::limit(&call.query)?;
        let configured = call.app.config.http.list_limit.and_then(|limit| usize::try_from(limit).ok());
        let default = configured.or(self.is_capped.then_some(max));
        Ok(asked.map(|asked| asked.min(max)).or(default))
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

fn next_link(call: &Call, marker: &str) -> String {
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.query.iter().filter(|(name, _)| *name != "marker") {
        pairs.append_pair(name, value);
    }
    pairs.append_pair("marker", marker);
    format!("{}{}?{}", call.base_url, call.uri.path(), pairs.finish())
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
