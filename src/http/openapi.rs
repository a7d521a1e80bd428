//! The description of the API in OpenAPI 3.1, generated from the operations that the router serves.

use axum::Extension;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::discovery::Documents;
use super::json_schema::attributes;
use super::operation::{self, Body, Content, Operation};
use super::route::{Route, Routes};

const JSON: &str = "application/json";

/// What may be done on `/openapi.json`.
pub fn operations() -> Vec<Operation> {
    vec![operation::get(show, "Show this description of the API").json()]
}

/// Shows the description of the API.
/// Policy: none.
pub async fn show(Extension(documents): Extension<Documents>) -> Response {
    ([(header::CONTENT_TYPE, JSON)], documents.openapi.to_string()).into_response()
}

/// The document.
#[must_use]
pub fn document(routes: &Routes) -> Value {
    let paths: Map<String, Value> =
        routes.0.iter().map(|route| (route.path.clone(), path_item(route))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Keyraft",
            "summary": "OpenStack Identity, version 3",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "apiKey", "in": "header", "name": "X-Auth-Token" } },
            "schemas": { "Error": error_schema() },
            "responses": {
                "Error": {
                    "description": "The request was refused or has failed.",
                    "content": { JSON: { "schema": { "$ref": "#/components/schemas/Error" } } },
                },
                "TooLarge": {
                    "description": "The body is too large.",
                    "content": { "text/plain": { "schema": { "type": "string" } } },
                },
            },
        },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": {
            "type": "object",
            "required": ["code", "title", "message"],
            "properties": {
                "code": { "type": "integer" },
                "title": { "type": "string" },
                "message": { "type": "string" },
            },
        } },
    })
}

fn path_item(route: &Route) -> Value {
    let mut item = Map::new();
    if route.parameters().next().is_some() {
        let parameters = route.parameters().map(
            |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        );
        item.insert("parameters".into(), parameters.collect());
    }
    for method in route.methods() {
        // A HEAD of its own, or that of GET.
        let operation = route.operations.iter().find(|operation| operation.method == method);
        let operation =
            operation.or_else(|| route.operations.iter().find(|operation| operation.method == Method::GET));
        if let Some(operation) = operation {
            item.insert(method.as_str().to_lowercase(), describe(route, operation, &method));
        }
    }
    Value::Object(item)
}

fn describe(route: &Route, operation: &Operation, method: &Method) -> Value {
    let mut described = Map::new();
    described.insert("operationId".into(), json!(id_of(route, method)));
    described.insert("summary".into(), json!(operation.summary));
    if let Some(tag) = tag_of(route) {
        described.insert("tags".into(), json!([tag]));
    }
    if operation.needs_token() {
        let rules: Vec<&str> = operation.rules.iter().map(|rule| rule.name()).collect();
        described.insert("description".into(), json!(format!("Policy: `{}`.", rules.join("` or `"))));
        described.insert("security".into(), json!([{ "token": [] }]));
    }
    let parameters = parameters(operation);
    if !parameters.is_empty() {
        described.insert("parameters".into(), Value::Array(parameters));
    }
    if let Some(body) = operation.body {
        let is_required = !matches!(body, Body::Bare(_) | Body::Optional(_));
        let content = json!({ JSON: { "schema": body_schema(body) } });
        described.insert("requestBody".into(), json!({ "required": is_required, "content": content }));
    }
    described.insert("responses".into(), responses(route, operation, method));
    Value::Object(described)
}

/// Unique, and the same as long as the path is: the method and the words of the path.
fn id_of(route: &Route, method: &Method) -> String {
    let words = route.path.split(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    let words = words.filter(|word| !word.is_empty());
    [method.as_str().to_lowercase().as_str()].into_iter().chain(words).collect::<Vec<_>>().join("_")
}

/// What the path is about: its first word after the version.
fn tag_of(route: &Route) -> Option<&str> {
    route.path.strip_prefix("/v3/")?.split('/').next()
}

fn parameters(operation: &Operation) -> Vec<Value> {
    let mut parameters: Vec<Value> = Vec::new();
    let mut add = |name: &str, schema: Value| {
        if !parameters.iter().any(|known| known["name"] == name) {
            parameters.push(json!({ "name": name, "in": "query", "schema": schema }));
        }
    };
    for field in operation.query.iter().copied().flatten() {
        add(field.name, field.kind.json_schema());
    }
    for name in &operation.parameters {
        add(name, json!({ "type": "string" }));
    }
    if let Some(list) = operation.list {
        for name in list.filters {
            add(name, json!({ "type": "string" }));
        }
        add("limit", json!({ "type": "integer" }));
        add("marker", json!({ "type": "string" }));
    }
    if operation.has_subject {
        let schema = json!({ "type": "string" });
        parameters
            .push(json!({ "name": "X-Subject-Token", "in": "header", "required": true, "schema": schema }));
    }
    parameters
}

fn body_schema(body: Body) -> Value {
    match body {
        Body::Wrapped(schema) => schema.json_schema(),
        Body::Optional(schema) => {
            json!({ "anyOf": [schema.json_schema(), { "type": "object", "maxProperties": 0 }] })
        }
        Body::Bare(fields) => {
            let mut schema = attributes(fields);
            schema.insert("additionalProperties".into(), json!(false));
            schema.into()
        }
        Body::Opaque(name) => object_schema(name, &json!({ "type": "object" })),
    }
}

fn object_schema(name: &str, of: &Value) -> Value {
    json!({ "type": "object", "required": [name], "properties": { name: of } })
}

fn responses(route: &Route, operation: &Operation, method: &Method) -> Value {
    let mut responses = Map::new();
    for status in operation.failures(route) {
        let name = if status == StatusCode::PAYLOAD_TOO_LARGE { "TooLarge" } else { "Error" };
        let answer = if method == Method::HEAD {
            json!({ "description": status.canonical_reason().unwrap_or_default() })
        } else {
            json!({ "$ref": format!("#/components/responses/{name}") })
        };
        responses.insert(status.as_str().into(), answer);
    }
    let success = operation.success();
    let mut answer = Map::new();
    answer.insert("description".into(), json!(success.canonical_reason().unwrap_or_default()));
    if let Some(content) = content(operation.content).filter(|_| method != Method::HEAD) {
        answer.insert("content".into(), content);
    }
    responses.insert(success.as_str().into(), Value::Object(answer));
    Value::Object(responses)
}

fn content(content: Content) -> Option<Value> {
    let array = |name, of: Value| object_schema(name, &json!({ "type": "array", "items": of }));
    let schema = match content {
        Content::Nothing => return None,
        Content::Text => return Some(json!({ "text/plain": { "schema": { "type": "string" } } })),
        Content::Json => json!({}),
        Content::Object(name) => object_schema(name, &json!({ "type": "object" })),
        Content::List(name) => array(name, json!({ "type": "object" })),
        Content::Texts(name) => array(name, json!({ "type": "string" })),
    };
    Some(json!({ JSON: { "schema": schema } }))
}
