//! What a client sends, before anything is looked up: paths, query strings, bodies, log-ins.
//!
//! The first byte chooses.

use keyraft::auth::request::AuthRequest;
use keyraft::http::query::{Attribute, is_true, limit, passes, passes_by};
use keyraft::http::schema::{
    Field, Kind, OptionKind, Schema, check_query, check_tag, field, name, nullable, text,
};
use keyraft::http::{Fields, Query, path};
use serde_json::{Map, Value, json};

/// An object with an attribute of every kind.
const SCHEMA: Schema = Schema {
    wrapper: "user",
    fields: &[
        name("name", 8),
        text("description"),
        text("password"),
        nullable("domain_id", Kind::Id),
        field("parent_id", Kind::Uuid),
        field("enabled", Kind::Boolean),
        field("strict", Kind::StrictBoolean),
        field("url", Kind::Url),
        field("interface", Kind::OneOf(&["public", "admin"])),
        field("options", Kind::Options(&[("lock", OptionKind::Boolean), ("rules", OptionKind::MethodLists)])),
        field("tags", Kind::Tags),
        field("texts", Kind::TagTexts),
        field("list", Kind::List),
    ],
    required: &["name"],
    allows_extra: true,
    needs_property: true,
};
const CLOSED: Schema = Schema { allows_extra: false, required: &[], ..SCHEMA };
const QUERY: &[Field] = &[
    name("name", 8),
    field("enabled", Kind::Boolean),
    field("domain_id", Kind::Id),
    field("sort_dir", Kind::OneOf(&["asc", "desc"])),
];

pub fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    match how % 4 {
        0 => query(&String::from_utf8_lossy(rest)),
        1 => a_path(&String::from_utf8_lossy(rest)),
        2 => body(rest),
        _ => log_in(rest),
    }
}

fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

fn query(text: &str) {
    let query = Query::parse(text);
    let _ = check_query(&query, QUERY);
    if let Ok(Some(rows)) = limit(&query) {
        assert!(rows > 0, "a page has rows");
    }
    for (name, value) in query.iter() {
        assert!(query.has(name));
        let _ = (query.flag(name), is_true(value), check_tag(value));
    }
    let user = json!({"name": "Alice \u{130}", "enabled": true, "domain_id": null, "age": 3});
    let filterable = ["name", "enabled", "domain_id", "age"];
    let of = |name: &str| match name {
        "name" => Attribute::Text("Alice \u{130}"),
        "enabled" => Attribute::Flag(true),
        "domain_id" => Attribute::Absent,
        _ => Attribute::Other,
    };
    let does = passes(&user, &query, &filterable);
    assert_eq!(does, passes_by(&query, &filterable, of), "a record passes as its JSON does");
    assert!(passes(&user, &query, &[]), "what is no filter filters nothing");
}

fn a_path(text: &str) {
    let path = path::routed(text);
    assert_eq!(path::routed(&path), path, "a path that is routed is routed as it is");
    assert!(path.len() <= 1 || !path.ends_with('/'));
}

fn body(bytes: &[u8]) {
    let Some(body) = object(bytes) else { return };
    for schema in [&SCHEMA, &CLOSED] {
        for checked in [schema.check(body.clone()), schema.check_among_others(body.clone())] {
            let object = match checked {
                Ok(object) => object,
                Err(refusal) => {
                    assert!(!refusal.to_string().is_empty());
                    continue;
                }
            };
            let mut fields = Fields::new(object);
            if let Some(name) = fields.name("name") {
                assert!(!name.is_empty(), "a name that passes has text");
            }
            let _ = (fields.boolean("enabled"), fields.nullable("description"), fields.texts("tags"));
            let _ = (fields.options_of_create(), fields.check_id("x"), fields.extra_of_create());
        }
    }
}

fn log_in(bytes: &[u8]) {
    let Some(body) = object(bytes) else { return };
    if let Ok(request) = AuthRequest::parse(&body) {
        let mut methods = request.methods.clone();
        methods.sort();
        methods.dedup();
        assert_eq!(methods.len(), request.methods.len(), "each method is named once");
    }
}
