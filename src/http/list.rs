//! Lists: filter, order by id, page, links.

use serde_json::{Map, Value, json};

use super::query::{self, Query};
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
        if let Some(marker) = query.get("marker") {
            let at = rows.iter().position(|row| id_of(row) == marker);
            let after =
                at.ok_or_else(|| ApiError::NotFound(format!("Marker could not be found: {marker}.")))? + 1;
            rows.drain(..after);
        }
        let is_cut = page_rows.is_some_and(|page_rows| rows.len() > page_rows);
        if let Some(page_rows) = page_rows {
            rows.truncate(page_rows);
        }
        let next = is_cut.then(|| next_link(call, rows.last().map(id_of).unwrap_or_default()));
        Ok(collection(call, self.collection, rows, next))
    }

    fn page_rows(&self, call: &Call) -> Result<Option<usize>, ApiError> {
        let max = usize::try_from(call.app.config.http.max_db_limit).unwrap_or(usize::MAX);
        let asked = query::limit(&call.query)?;
        let configured = call.app.config.http.list_limit.and_then(|limit| usize::try_from(limit).ok());
        let default = configured.or(self.is_capped.then_some(max));
        Ok(asked.map(|asked| asked.min(max)).or(default))
    }
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

/// The filters of a query that only a scan would need: whether it names none of these attributes.
#[must_use]
pub fn is_unfiltered(query: &Query, attributes: &[&str]) -> bool {
    !query.iter().any(|(name, _)| attributes.contains(&name.split("__").next().unwrap_or(name)))
}
