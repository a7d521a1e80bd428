//! Compares two responses to one request.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::forms::{BASE, OPAQUE, ORDERED, canon, field_name, form, outline};
use super::headers::{PRESENT_HEADERS, REQUEST_ID, TEXT_HEADERS, allowed_methods, digits_hidden};
use super::ids::{Ids, Part, parts};
use super::report::cut;
use super::response::{Response, Responses};
use super::times::Clock;

const MAX_SHOWN: usize = 600;

/// A place in which two responses differ, and both values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// `status`, `header NAME` or `body POINTER`, with `*` for any member of a list.
    pub field: String,
    pub theirs: String,
    pub ours: String,
}

/// All differences; none when a client could not distinguish the two servers. Ids are learnt from responses
/// that are the same.
pub fn compare(responses: &Responses, is_page: bool, clock: Clock, ids: &mut Ids) -> Vec<Difference> {
    let Responses { theirs, ours } = responses;
    let known = ids.known();
    let mut comparison = Comparison {
        ids,
        clock,
        theirs_url: &theirs.base_url,
        ours_url: &ours.base_url,
        differences: Vec::new(),
    };
    if theirs.status == ours.status {
        comparison.headers(theirs, ours);
        comparison.body(theirs, ours, is_page);
    } else {
        comparison.differ("status", &theirs.status.to_string(), &ours.status.to_string());
    }
    let differences = comparison.differences;
    if !differences.is_empty() {
        ids.forget(known);
    }
    differences
}

struct Comparison<'a> {
    ids: &'a mut Ids,
    clock: Clock,
    theirs_url: &'a str,
    ours_url: &'a str,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn differ(&mut self, field: &str, theirs: &str, ours: &str) {
        let [theirs, ours] = [theirs, ours].map(|text| cut(text, MAX_SHOWN));
        self.differences.push(Difference { field: field.to_owned(), theirs, ours });
    }

    fn headers(&mut self, theirs: &Response, ours: &Response) {
        for name in TEXT_HEADERS {
            let field = format!("header {name}");
            match (theirs.header(name), ours.header(name)) {
                (Some(theirs), Some(ours)) => self.text(&field, theirs, ours),
                (None, None) => {}
                (theirs, ours) => self.differ(&field, theirs.unwrap_or("-"), ours.unwrap_or("-")),
            }
        }
        for name in PRESENT_HEADERS {
            let present =
                |response: &Response| if response.header(name).is_some() { "present" } else { "absent" };
            if present(theirs) != present(ours) {
                self.differ(&format!("header {name}"), present(theirs), present(ours));
            }
        }
        let [theirs_allow, ours_allow] = [theirs, ours].map(allowed_methods);
        if theirs_allow != ours_allow {
            self.differ("header allow", &theirs_allow.join(", "), &ours_allow.join(", "));
        }
        let form = |response: &Response| response.header(REQUEST_ID).map_or_else(String::new, digits_hidden);
        let [theirs_id, ours_id] = [theirs, ours].map(form);
        if theirs_id != ours_id {
            self.differ(&format!("header {REQUEST_ID}"), &theirs_id, &ours_id);
        }
    }

    fn body(&mut self, theirs: &Response, ours: &Response, is_page: bool) {
        match (&theirs.json, &ours.json) {
            (Value::Null, Value::Null) => self.text("body", &theirs.text, &ours.text),
            (Value::Null, _) | (_, Value::Null) => self.differ("body", &theirs.text, &ours.text),
            (theirs, ours) if is_page => self.value("body ", "", &outline(theirs), &outline(ours)),
            (theirs, ours) => self.value("body ", "", theirs, ours),
        }
    }

    fn value(&mut self, at: &str, key: &str, theirs: &Value, ours: &Value) {
        match (theirs, ours) {
            (Value::Object(theirs), Value::Object(ours)) => self.object(at, theirs, ours),
            (Value::Array(theirs), Value::Array(ours)) => self.list(at, key, theirs, ours),
            (Value::String(theirs), Value::String(ours)) if OPAQUE.contains(&key) => {
                if !self.ids.agree(theirs, ours) {
                    self.differ(at, theirs, ours);
                }
            }
            (Value::String(theirs), Value::String(ours)) if key == "message" => {
                self.message(at, theirs, ours)
            }
            (Value::String(theirs), Value::String(ours)) => self.text(at, theirs, ours),
            _ if theirs == ours => {}
            _ => self.differ(at, &theirs.to_string(), &ours.to_string()),
        }
    }

    fn object(&mut self, at: &str, theirs: &Map<String, Value>, ours: &Map<String, Value>) {
        // An object may be a map of ids, as the parents of a project are.
        let mut ours: BTreeMap<String, (&String, &Value)> =
            ours.iter().map(|(key, value)| (self.our_form(key), (key, value))).collect();
        for (key, value) in theirs {
            match ours.remove(&self.their_form(key)) {
                Some((our_key, our_value)) => {
                    self.text(&format!("{at}/{key}"), key, our_key);
                    self.value(&format!("{at}/{}", field_name(key)), key, value, our_value);
                }
                None => self.differ(&format!("{at}/{}", field_name(key)), &value.to_string(), "(absent)"),
            }
        }
        for (key, value) in ours.into_values() {
            self.differ(&format!("{at}/{}", field_name(key)), "(absent)", &value.to_string());
        }
    }

    fn list(&mut self, at: &str, key: &str, theirs: &[Value], ours: &[Value]) {
        let at = format!("{at}/*");
        if ORDERED.contains(&key) && theirs.len() == ours.len() {
            theirs.iter().zip(ours).for_each(|(theirs, ours)| self.value(&at, key, theirs, ours));
            return;
        }
        // Members of the same form are each other's counterparts; what remains is reported as it is.
        let mut by_form: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        ours.iter().for_each(|value| by_form.entry(self.our_canon(value)).or_default().push(value));
        let mut alone = Vec::new();
        for value in theirs {
            let same = by_form.get_mut(&self.their_canon(value)).filter(|same| !same.is_empty());
            match same.map(|same| same.remove(0)) {
                Some(our_value) => self.value(&at, key, value, our_value),
                None => alone.push(value),
            }
        }
        let mut ours_alone: Vec<&Value> = by_form.into_values().flatten().collect();
        for value in alone {
            // The one that is most likely meant to be the same.
            let name = |value: &Value| ["name", "id"].map(|key| value.get(key).cloned());
            let like =
                ours_alone.iter().position(|ours| name(ours)[0].is_some() && name(ours)[0] == name(value)[0]);
            match like {
                Some(place) => self.value(&at, key, value, ours_alone.remove(place)),
                None => self.differ(&at, &value.to_string(), "(absent)"),
            }
        }
        ours_alone.into_iter().for_each(|value| self.differ(&at, "(absent)", &value.to_string()));
    }

    /// Compares messages of errors. Of a schema that Keystone dumps in full, the first line counts.
    fn message(&mut self, at: &str, theirs: &str, ours: &str) {
        let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
        match theirs.contains('\n') {
            true => self.text(at, &first(theirs), &first(ours)),
            false => self.text(at, theirs, ours),
        }
    }

    fn text(&mut self, at: &str, theirs: &str, ours: &str) {
        let normal = [theirs.replace(self.theirs_url, BASE), ours.replace(self.ours_url, BASE)];
        let [theirs_parts, ours_parts] = [parts(&normal[0]), parts(&normal[1])];
        let is_same = theirs_parts.len() == ours_parts.len()
            && theirs_parts.iter().zip(&ours_parts).all(|pair| match pair {
                (Part::Id(theirs), Part::Id(ours)) => self.ids.agree(theirs, ours),
                (Part::Text(theirs), Part::Text(ours)) => theirs == ours || self.clock.agree(theirs, ours),
                _ => false,
            });
        if !is_same {
            self.differ(at, &normal[0], &normal[1]);
        }
    }

    fn their_form(&self, text: &str) -> String {
        form(text, self.theirs_url, |id| self.ids.number_of_theirs(id))
    }

    fn our_form(&self, text: &str) -> String {
        form(text, self.ours_url, |id| self.ids.number_of_ours(id))
    }

    fn their_canon(&self, value: &Value) -> String {
        canon("", value, &|text| self.their_form(text), &|id| self.ids.number_of_theirs(id))
    }

    fn our_canon(&self, value: &Value) -> String {
        canon("", value, &|text| self.our_form(text), &|id| self.ids.number_of_ours(id))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;
    use serde_json::json;

    use super::*;

    const THEIRS: &str = "0123456789abcdef0123456789abcdef";
    const OURS: &str = "fedcba9876543210fedcba9876543210";

    fn response(base_url: &str, json: Value) -> Response {
        let (headers, text) = (HeaderMap::new(), json.to_string());
        Response { status: 200, headers, text, json, base_url: base_url.to_owned() }
    }

    fn fields(theirs: Value, ours: Value) -> Vec<String> {
        let responses =
            Responses { theirs: response("http://a:1", theirs), ours: response("http://b:2", ours) };
        let mut ids = Ids::default();
        ids.agree(THEIRS, OURS);
        compare(&responses, false, Clock::Shared, &mut ids)
            .into_iter()
            .map(|difference| difference.field)
            .collect()
    }

    #[test]
    fn ids_urls_and_times_may_be_each_servers_own() {
        let theirs = json!({"user": {"id": THEIRS, "links": {"self": format!("http://a:1/v3/users/{THEIRS}")},
            "password_expires_at": "2026-01-01T00:00:00.000000"}});
        let ours = json!({"user": {"id": OURS, "links": {"self": format!("http://b:2/v3/users/{OURS}")},
            "password_expires_at": "2026-01-01T00:00:03.000000"}});
        assert_eq!(fields(theirs, ours), [""; 0]);
    }

    #[test]
    fn another_id_value_type_or_key_differs() {
        let with = |value: Value| json!({"user": {"x": value}});
        assert_eq!(fields(with(json!(THEIRS)), with(json!("1".repeat(32)))), ["body /user/x"]);
        assert_eq!(fields(with(json!("a")), with(json!("b"))), ["body /user/x"]);
        assert_eq!(fields(with(json!("1")), with(json!(1))), ["body /user/x"]);
        assert_eq!(fields(with(json!(1)), json!({"user": {}})), ["body /user/x"]);
        assert_eq!(fields(json!({"user": {}}), with(Value::Null)), ["body /user/x"]);
        let time = |text: &str| with(json!(text));
        assert_eq!(
            fields(time("2026-01-01T00:00:00Z"), time("2026-01-01T00:00:00.000000Z")),
            ["body /user/x"]
        );
        assert_eq!(fields(time("2026-01-01T00:00:00Z"), time("2026-01-01T01:00:00Z")), ["body /user/x"]);
    }

    #[test]
    fn lists_have_the_same_members_in_any_order() {
        let users = |names: &[&str]| json!({"users": names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()});
        assert_eq!(fields(users(&["a", "b"]), users(&["b", "a"])), [""; 0]);
        assert_eq!(fields(users(&["a", "b"]), users(&["a"])), ["body /users/*"]);
        assert_eq!(fields(users(&["a"]), users(&["a", "a"])), ["body /users/*"]);
        assert_eq!(
            fields(json!({"audit_ids": ["a", "b", "a"]}), json!({"audit_ids": ["x", "y", "x"]})),
            [""; 0]
        );
        assert_eq!(
            fields(json!({"audit_ids": ["a", "b"]}), json!({"audit_ids": ["x", "x"]})),
            ["body /audit_ids/*"]
        );
    }

    #[test]
    fn maps_of_ids_are_compared_by_what_the_ids_mean() {
        let parents = |id: &str| json!({"parents": {id: {"default": null}}});
        assert_eq!(fields(parents(THEIRS), parents(OURS)), [""; 0]);
        assert_eq!(fields(parents(THEIRS), parents(&"1".repeat(32))), ["body /parents/*", "body /parents/*"]);
    }

    #[test]
    fn of_a_dumped_schema_the_first_line_counts() {
        let error = |message: &str| json!({"error": {"message": message}});
        assert_eq!(fields(error("bad name\n\nFailed validating"), error("bad name")), [""; 0]);
        assert_eq!(fields(error("bad name\n\nFailed validating"), error("bad")), ["body /error/message"]);
        assert_eq!(fields(error("bad name"), error("bad name\nand more")), ["body /error/message"]);
    }
}
