//! Bodies that the routes take, and invalid values of each attribute.

use serde_json::{Value, json};

use super::routes::Route;

/// The form of an attribute.
#[derive(Clone, Copy)]
pub enum Form {
    /// Text or null.
    Text,
    /// Text.
    Always,
    /// Text or null, of at most so many characters.
    Short(usize),
    /// Text of at least one and at most so many characters, not null.
    Label(usize),
    /// As a label, and not blank.
    Name(usize),
    /// An id.
    Id,
    /// An id or null.
    NullableId,
    /// A boolean or a text that stands for one.
    Boolean,
    /// A boolean.
    Flag,
    /// An object of these options, all booleans.
    Options(&'static str),
    /// Unique tags.
    Tags,
    /// Tags, however many.
    TagTexts,
    /// A list.
    List,
    /// A URL.
    Url,
    /// An interface of an endpoint.
    Interface,
}

/// The object of a body.
pub struct Shape {
    /// The name of the object; none if the attributes are in the body itself.
    pub wrapper: Option<&'static str>,
    /// An object that the route takes.
    pub valid: Value,
    pub fields: &'static [(&'static str, Form)],
    pub required: &'static [&'static str],
    /// True where the body may hold more than the object.
    pub is_open: bool,
    /// The bodies of which the caller is looked at first, as Keystone's schemas let them pass.
    asks_first: fn(&Value) -> bool,
    /// True where the body may be empty.
    pub may_be_empty: bool,
}

const USER: &[(&str, Form)] = &[
    ("domain_id", Form::Id),
    ("default_project_id", Form::Text),
    ("description", Form::Text),
    ("enabled", Form::Boolean),
    ("federated", Form::List),
    ("name", Form::Name(255)),
    ("password", Form::Text),
    ("options", Form::Options("lock_password")),
];
const GROUP: &[(&str, Form)] = &[("description", Form::Text), ("name", Form::Name(255))];
const PROJECT: &[(&str, Form)] = &[
    ("description", Form::Text),
    ("enabled", Form::Boolean),
    ("name", Form::Name(64)),
    ("tags", Form::Tags),
    ("options", Form::Options("immutable")),
];
const NEW_PROJECT: &[(&str, Form)] = &[
    ("description", Form::Text),
    ("enabled", Form::Boolean),
    ("name", Form::Name(64)),
    ("tags", Form::Tags),
    ("options", Form::Options("immutable")),
    ("domain_id", Form::NullableId),
    ("parent_id", Form::NullableId),
    ("is_domain", Form::Boolean),
];
const DOMAIN: &[(&str, Form)] = &[
    ("description", Form::Short(255)),
    ("enabled", Form::Boolean),
    ("name", Form::Name(64)),
    ("tags", Form::Tags),
    ("options", Form::Options("immutable")),
];
const ROLE: &[(&str, Form)] = &[
    ("description", Form::Text),
    ("name", Form::Name(255)),
    ("domain_id", Form::NullableId),
    ("options", Form::Options("immutable")),
];
const REGION: &[(&str, Form)] =
    &[("description", Form::Short(255)), ("parent_region_id", Form::Short(255)), ("id", Form::Short(255))];
const SERVICE: &[(&str, Form)] =
    &[("type", Form::Label(255)), ("name", Form::Label(255)), ("enabled", Form::Flag)];
const ENDPOINT: &[(&str, Form)] = &[
    ("enabled", Form::Flag),
    ("interface", Form::Interface),
    ("region_id", Form::Text),
    ("region", Form::Text),
    ("service_id", Form::Always),
    ("url", Form::Url),
    ("name", Form::Always),
    ("description", Form::Text),
];

/// The body that a route takes, if it takes one. Log-ins and changes of passwords are not among them.
pub fn of(route: &Route) -> Option<Shape> {
    let shape = |wrapper, valid, fields, required| Shape {
        wrapper: Some(wrapper),
        valid,
        fields,
        required,
        is_open: matches!(wrapper, "region" | "service"),
        asks_first: |_| false,
        may_be_empty: false,
    };
    let endpoint = json!({"service_id": "none", "interface": "public", "url": "http://x"});
    let empty: &[&str] = &[];
    Some(match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v3/users") => shape("user", json!({"name": "n"}), USER, &["name"]),
        ("PATCH", "/v3/users/{user_id}") => shape("user", json!({"description": "d"}), USER, empty),
        ("POST", "/v3/groups") => shape("group", json!({"name": "n"}), GROUP, &["name"]),
        ("PATCH", "/v3/groups/{group_id}") => shape("group", json!({"description": "d"}), GROUP, empty),
        ("POST", "/v3/projects") => shape("project", json!({"name": "n"}), NEW_PROJECT, &["name"]),
        ("PATCH", "/v3/projects/{project_id}") => {
            Shape { may_be_empty: true, ..shape("project", json!({"description": "d"}), PROJECT, empty) }
        }
        ("POST", "/v3/domains") => shape("domain", json!({"name": "n"}), DOMAIN, &["name"]),
        ("PATCH", "/v3/domains/{domain_id}") => shape("domain", json!({"description": "d"}), DOMAIN, empty),
        ("POST", "/v3/roles") => shape("role", json!({"name": "n"}), ROLE, &["name"]),
        ("PATCH", "/v3/roles/{role_id}") => shape("role", json!({"description": "d"}), ROLE, empty),
        ("POST", "/v3/regions") => shape("region", json!({"description": "d"}), REGION, empty),
        ("PUT", "/v3/regions/{region_id}") => shape("region", json!({"description": "d"}), REGION, empty),
        ("PATCH", "/v3/regions/{region_id}") => shape("region", json!({"description": "d"}), REGION, empty),
        ("POST", "/v3/services") => Shape {
            asks_first: |body| body.get("service").is_none(),
            ..shape("service", json!({"type": "t"}), SERVICE, &["type"])
        },
        ("PATCH", "/v3/services/{service_id}") => shape("service", json!({"type": "t"}), SERVICE, empty),
        ("POST", "/v3/endpoints") => Shape {
            asks_first: |body| *body == json!({}),
            ..shape("endpoint", endpoint, ENDPOINT, &["interface", "service_id", "url"])
        },
        ("PATCH", "/v3/endpoints/{endpoint_id}") => {
            shape("endpoint", json!({"interface": "public"}), ENDPOINT, empty)
        }
        ("PUT", "/v3/projects/{project_id}/tags") => Shape {
            wrapper: None,
            may_be_empty: true,
            ..shape("tags", json!({"tags": ["a"]}), &[("tags", Form::TagTexts)], empty)
        },
        _ => return None,
    })
}

impl Shape {
    /// The body with this object.
    pub fn body(&self, object: Value) -> Value {
        match self.wrapper {
            Some(wrapper) => json!({ wrapper: object }),
            None => object,
        }
    }

    /// The status for a body that is none of this shape.
    pub fn refusal(&self, body: &Value, has_token: bool) -> u16 {
        if (self.asks_first)(body) && !has_token { 401 } else { 400 }
    }

    /// The body with one attribute of the object set.
    pub fn body_with(&self, name: &str, value: Value) -> Value {
        let mut object = self.valid.clone();
        object[name] = value;
        self.body(object)
    }
}

/// A body that a route takes, for requests whose fault is elsewhere.
pub fn valid_body(route: &Route) -> Option<Value> {
    match (route.method.as_str(), route.path.as_str()) {
        ("POST", "/v3/auth/tokens") => {
            let user = json!({"id": "nobody", "password": "wrong"});
            Some(json!({"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}))
        }
        ("POST", "/v3/users/{user_id}/password") => {
            Some(json!({"user": {"original_password": "wrong", "password": "new"}}))
        }
        _ => of(route).map(|shape| shape.body(shape.valid.clone())),
    }
}

impl Form {
    /// Values that are none of this form.
    pub fn wrong(self) -> Vec<Value> {
        let long = |characters: usize| Value::String("é".repeat(characters));
        let numbers = [json!(0), json!(-1), json!(1.5), json!(1e300), json!(u64::MAX), json!(i64::MIN)];
        let mut wrong = vec![json!({}), json!({"a": {"b": [{"c": null}]}})];
        if !matches!(self, Self::List | Self::Tags | Self::TagTexts) {
            wrong.extend([json!([]), json!([[["x"]]])]);
        }
        wrong.extend(numbers);
        let is_boolean = matches!(self, Self::Boolean | Self::Flag);
        if !is_boolean {
            wrong.push(json!(true));
        }
        if !matches!(self, Self::Text | Self::NullableId | Self::Short(_)) {
            wrong.push(Value::Null);
        }
        match self {
            Self::Text | Self::Always => {}
            Self::Short(max) => wrong.push(long(max + 1)),
            Self::Label(max) => wrong.extend([json!(""), long(max + 1)]),
            Self::Name(max) => wrong.extend([json!(""), json!("   "), json!("\t\n"), long(max + 1)]),
            Self::Id | Self::NullableId => {
                let texts = ["", "a b", "a_b", "../etc", "a/b", "\u{0}", "é", "\u{202e}x", "a\n", "'; DROP"];
                wrong.extend(texts.map(|text| json!(text)));
                wrong.push(json!("a".repeat(65)));
            }
            Self::Boolean => {
                wrong.extend(["maybe", "tRuE", " true", "2", "null", "\u{0}"].map(|text| json!(text)))
            }
            Self::Flag => wrong.extend(["true", "", "1"].map(|text| json!(text))),
            Self::Options(known) => {
                wrong.remove(0);
                wrong.extend([json!("x"), json!({"unknown": true}), json!({known: "x"}), json!({known: 1})]);
                wrong.extend([
                    json!({known: []}),
                    json!({known: {"deep": []}}),
                    json!({known: true, "more": 1}),
                ]);
            }
            Self::Tags | Self::TagTexts => {
                wrong.extend([
                    json!("x"),
                    json!([5]),
                    json!([null]),
                    json!([""]),
                    json!(["a,b"]),
                    json!(["a/b"]),
                ]);
                wrong.extend([json!([["a"]]), json!(["a".repeat(256)]), json!(["ok", {"not": "ok"}])]);
                if matches!(self, Self::Tags) {
                    wrong.push(json!(["a", "a"]));
                    wrong.push((0..81).map(|number| json!(number.to_string())).collect());
                }
            }
            Self::List => wrong.push(json!("x")),
            Self::Url => {
                wrong.extend([json!(""), json!("no colon"), json!(format!("http://{}", "x".repeat(225)))])
            }
            Self::Interface => wrong.extend(["", "Public", "public ", "all"].map(|text| json!(text))),
        }
        wrong
    }
}
