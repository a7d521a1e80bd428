//! What requests may hold, as JSON Schema, for the description of the API.

use serde_json::{Map, Value, json};

use super::kind::{FALSE_TEXTS, MAX_TAG_CHARS, TRUE_TEXTS};
use super::schema::{Field, Kind, OptionKind, Schema};
use crate::resource::commands::tags::MAX_TAGS;

impl Schema {
    /// The JSON Schema of the body.
    #[must_use]
    pub fn json_schema(&self) -> Value {
        let mut object = attributes(self.fields);
        object.insert("additionalProperties".into(), json!(self.allows_extra));
        if !self.required.is_empty() {
            object.insert("required".into(), json!(self.required));
        }
        if self.needs_property {
            object.insert("minProperties".into(), json!(1));
        }
        json!({
            "type": "object",
            "required": [self.wrapper],
            "properties": { self.wrapper: object },
        })
    }
}

/// The JSON Schema of an object with these attributes.
#[must_use]
pub fn attributes(fields: &[Field]) -> Map<String, Value> {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), field.json_schema())).collect();
    Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), properties.into())])
}

impl Field {
    /// The JSON Schema of the attribute's value.
    #[must_use]
    pub fn json_schema(&self) -> Value {
        let schema = self.kind.json_schema();
        if self.is_nullable { json!({ "anyOf": [schema, { "type": "null" }] }) } else { schema }
    }
}

impl Kind {
    /// The JSON Schema of such a value.
    #[must_use]
    pub fn json_schema(&self) -> Value {
        match self {
            Self::Text { min, max, must_have_text } => text(*min, *max, *must_have_text),
            Self::Id => {
                json!({ "type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-zA-Z0-9-]+$" })
            }
            Self::Uuid => json!({
                "type": "string",
                "pattern": "^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$",
            }),
            Self::Boolean => {
                let values = [json!(true), json!(false)];
                let texts = TRUE_TEXTS.iter().chain(&FALSE_TEXTS).map(|text| json!(text));
                json!({ "enum": values.into_iter().chain(texts).collect::<Vec<_>>() })
            }
            Self::StrictBoolean => json!({ "type": "boolean" }),
            Self::Url => json!({ "type": "string", "maxLength": 225, "pattern": "^[a-zA-Z0-9+.-]+:.+" }),
            Self::OneOf(texts) => json!({ "enum": texts }),
            Self::Options(options) => {
                let properties: Map<String, Value> =
                    options.iter().map(|(name, kind)| ((*name).to_owned(), kind.json_schema())).collect();
                json!({ "type": "object", "properties": properties, "additionalProperties": false })
            }
            Self::Tags => {
                json!({ "type": "array", "items": tag(), "maxItems": MAX_TAGS, "uniqueItems": true })
            }
            Self::TagTexts => json!({ "type": "array", "items": tag() }),
            Self::List => json!({ "type": "array" }),
        }
    }
}

impl OptionKind {
    fn json_schema(self) -> Value {
        match self {
            Self::Boolean => json!({ "type": ["boolean", "null"] }),
            Self::MethodLists => {
                let methods = json!({
                    "type": "array", "items": { "type": "string" }, "minItems": 1, "uniqueItems": true,
                });
                json!({ "type": ["array", "null"], "items": methods, "uniqueItems": true })
            }
        }
    }
}

fn text(min: usize, max: usize, must_have_text: bool) -> Value {
    let mut schema = Map::from_iter([("type".to_owned(), json!("string"))]);
    if min > 0 {
        schema.insert("minLength".into(), json!(min));
    }
    if max < usize::MAX {
        schema.insert("maxLength".into(), json!(max));
    }
    if must_have_text {
        schema.insert("pattern".into(), json!(r"\S"));
    }
    schema.into()
}

fn tag() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": MAX_TAG_CHARS, "pattern": "^[^,/]*$" })
}
