//! Bodies: what is no JSON, what is not the JSON that was asked for, and what is too much of it.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::request::{Draft, Malformed};
use super::routes::Route;
use super::shapes::{self, Shape};
use super::world::World;

/// Depth of the deepest body.
const LEVELS: usize = 10_000;
/// The largest body that is taken: Keystone's limit.
const MAX_BODY_BYTES: usize = 114_688;

const NO_JSON: &str = "body: no JSON";
const CONTENT_TYPE: &str = "body: of another content type";
const TOO_LARGE: &str = "body: too large";
const WRONG_ATTRIBUTE: &str = "body: an attribute of the wrong form";
const WRONG_WRAPPER: &str = "body: not the object that was asked for";
const WRONG_LOGIN: &str = "body: no log-in";
const WRONG_CHANGE: &str = "body: no change of a password";

pub fn add(world: &World, rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    for route in world.routes.iter().filter(|route| route.path != "/healthcheck") {
        let path = world.path(&route.path);
        for token in [None, Some(world.admin.as_str())] {
            let draft = || Draft::new(&route.method, &path).token(token);
            for _ in 0..3 {
                let body = no_json(rng);
                requests.push(draft().body("application/json", body).expect(NO_JSON, 400));
            }
            let kind = *OTHER_TYPES.choose(rng).unwrap();
            let body = shapes::valid_body(route).unwrap_or_else(|| json!({})).to_string();
            requests.push(draft().body(kind, body.into_bytes()).expect(CONTENT_TYPE, 400));
        }
        let token = Some(world.admin.as_str()).filter(|_| rng.random());
        let draft = Draft::new(&route.method, &path).token(token).may_close();
        let body = vec![b' '; MAX_BODY_BYTES + rng.random_range(1..40_000)];
        requests.push(draft.body("application/json", body).expect(TOO_LARGE, 413));
        if let Some(shape) = shapes::of(route) {
            add_of_shape(world, rng, route, &shape, requests);
        }
    }
    add_logins(world, requests);
    add_changes(world, requests);
}

fn add_of_shape(
    world: &World,
    rng: &mut ChaCha8Rng,
    route: &Route,
    shape: &Shape,
    requests: &mut Vec<Malformed>,
) {
    let path = world.path(&route.path);
    let token = |rng: &mut ChaCha8Rng| Some(world.admin.as_str()).filter(|_| rng.random());
    let draft = |rng: &mut ChaCha8Rng| Draft::new(&route.method, &path).token(token(rng));
    for (name, form) in shape.fields {
        for value in form.wrong().choose_multiple(rng, 8).cloned().collect::<Vec<_>>() {
            let body = shape.body_with(name, value);
            requests.push(draft(rng).json(&body).expect(WRONG_ATTRIBUTE, 400));
        }
    }
    for body in wrong_wrappers(shape) {
        let token = token(rng);
        let status = shape.refusal(&body, token.is_some());
        let draft = Draft::new(&route.method, &path).token(token);
        requests.push(draft.json(&body).expect(WRONG_WRAPPER, status));
    }
    // Of an attribute that is there twice the last counts.
    if let Some((wrapper, name)) = shape.wrapper.zip(shape.fields.first().map(|(name, _)| name)) {
        let body = format!("{{\"{wrapper}\": {{\"{name}\": \"x\", \"{name}\": 5}}}}");
        requests.push(draft(rng).body("application/json", body.into_bytes()).expect(WRONG_ATTRIBUTE, 400));
        let body = format!("{{\"{wrapper}\": {}, \"{wrapper}\": 5}}", shape.valid);
        requests.push(draft(rng).body("application/json", body.into_bytes()).expect(WRONG_WRAPPER, 400));
    }
}

fn wrong_wrappers(shape: &Shape) -> Vec<Value> {
    let mut bodies = vec![json!({"wrong": shape.valid})];
    if !shape.may_be_empty {
        bodies.push(json!({}));
    }
    let Some(wrapper) = shape.wrapper else { return bodies };
    for inner in [json!([]), json!([shape.valid]), json!("x"), json!(5), json!(null), json!(true)] {
        bodies.push(json!({ wrapper: inner }));
    }
    bodies.push(json!({ wrapper.to_uppercase(): shape.valid }));
    bodies.push(json!({ (format!("{wrapper}s")): shape.valid }));
    if !shape.is_open {
        bodies.push(json!({ wrapper: shape.valid, "beside": 1 }));
        bodies.push(json!({ wrapper: shape.valid, "": {} }));
    }
    for name in shape.required {
        let mut object = shape.valid.clone();
        object.as_object_mut().unwrap().remove(*name);
        bodies.push(json!({ wrapper: object }));
    }
    bodies
}

fn add_logins(world: &World, requests: &mut Vec<Malformed>) {
    let identity = |methods: Value| json!({"auth": {"identity": {"methods": methods}}});
    let password = |data: Value| json!({"auth": {"identity": {"methods": ["password"], "password": data}}});
    let user = |user: Value| password(json!({"user": user}));
    let scope = |scope: Value| {
        let mut body = user(json!({"id": "nobody", "password": "x"}));
        body["auth"]["scope"] = scope;
        body
    };
    let odd = || [json!(null), json!(5), json!(true), json!("x"), json!([]), json!(["x"])];
    let mut bodies =
        vec![json!({}), json!({"AUTH": {}}), json!({"auth": {}}), json!({"auth": {"scope": {}}})];
    for odd in odd() {
        bodies.push(json!({ "auth": odd }));
        bodies.push(json!({"auth": { "identity": odd }}));
        bodies.push(password(odd.clone()));
        bodies.push(user(odd.clone()));
        bodies.push(json!({"auth": {"identity": {"methods": ["token"], "token": odd}}}));
        if !odd.is_array() {
            bodies.push(identity(odd.clone()));
        }
        bodies.push(identity(json!([odd])));
        if !odd.is_string() {
            bodies.push(user(json!({"id": odd, "password": "x"})));
            bodies.push(user(json!({"name": odd, "domain": {"id": "default"}, "password": "x"})));
            bodies.push(user(json!({"name": "x", "domain": {"id": odd}, "password": "x"})));
            bodies.push(user(json!({"id": "x", "password": odd})));
            bodies.push(json!({"auth": {"identity": {"methods": ["token"], "token": {"id": odd}}}}));
        }
        bodies.push(user(json!({"name": "x", "domain": odd, "password": "x"})));
        bodies.push(scope(odd.clone()));
        bodies.push(scope(json!({ "project": odd })));
        bodies.push(scope(json!({ "domain": odd })));
    }
    bodies.push(identity(json!(["password"])));
    bodies.push(user(json!({"password": "x"})));
    bodies.push(user(json!({"name": "x", "password": "x"})));
    bodies.push(scope(json!({})));
    bodies.push(scope(json!({"project": {"id": "x"}, "domain": {"id": "x"}})));
    bodies.push(scope(json!({"system": {"all": true}, "project": {"id": "x"}})));
    bodies.push(scope(json!({"project": {"name": "x"}})));
    bodies.push(scope(json!({"nothing": {}})));
    for body in bodies {
        requests.push(Draft::new("POST", "/v3/auth/tokens").json(&body).expect(WRONG_LOGIN, 400));
        let draft = Draft::new("POST", "/v3/auth/tokens").token(Some(&world.admin));
        requests.push(draft.json(&body).expect(WRONG_LOGIN, 400));
    }
}

fn add_changes(world: &World, requests: &mut Vec<Malformed>) {
    let path = world.path("/v3/users/{user_id}/password");
    let mut bodies = vec![json!({}), json!({"user": {}}), json!({"user": {"password": "x"}})];
    bodies.push(json!({"user": {"original_password": "right"}}));
    bodies.push(json!({"user": {"original_password": "right", "password": "x", "more": 1}}));
    for odd in [json!(null), json!(5), json!([]), json!({}), json!(false)] {
        if !odd.is_object() {
            bodies.push(json!({ "user": odd }));
        }
        bodies.push(json!({"user": {"original_password": "right", "password": odd}}));
        bodies.push(json!({"user": {"original_password": odd, "password": "x"}}));
    }
    for body in bodies {
        requests.push(Draft::new("POST", &path).json(&body).expect(WRONG_CHANGE, 400));
    }
}

const OTHER_TYPES: &[&str] = &[
    "text/plain",
    "text/xml; charset=utf-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonx",
    "application/json/x",
    "application",
    "json",
    "*/*",
    "application/json, text/plain",
    "\u{e9}",
    "application /json",
];

/// Bytes that are no JSON object, whatever they are wrapped in.
fn no_json(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let pieces: &[&[u8]] = &[
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"01",
        b"+1",
        b"1.",
        b".5",
        b"0x10",
        b"1_000",
        b"'x'",
        b"x",
        b"True",
        b"None",
        b"undefined",
        b"\"a\nb\"",
        b"\"a\0b\"",
        b"\"\x01\"",
        b"\"\xff\"",
        b"\"\xc0\x80\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf8\x88\x80\x80\x80\"",
        b"\"\\ud800\"",
        b"\"\\udc00\\ud800\"",
        b"\"\\ud800x\"",
        b"\"\\x41\"",
        b"\"\\u12G4\"",
        b"\"\\u12\"",
        b"\"open",
        b"[1,]",
        b"[,1]",
        b"{\"a\":1,}",
        b"{a:1}",
        b"{\"a\"}",
        b"{\"a\":}",
        b"{1:1}",
        b"// c\n1",
        b"/* c */ 1",
        b"[1 2]",
        b"\xef\xbb\xbf1",
        b"",
    ];
    match rng.random_range(0..10) {
        0 => {
            let whole: &[&[u8]] = &[
                b" ",
                b"\0",
                b"null",
                b"true",
                b"5",
                b"\"x\"",
                b"[]",
                b"[{\"user\": {}}]",
                b"{} {}",
                b"{}x",
                b"{}}",
                b"{\"a\": 1} // c",
                b"\xef\xbb\xbf\xef\xbb\xbf{}",
                b"{\x00\"\x00a\x00\"\x00:\x001\x00}\x00",
                b"<user/>",
                b"name=x",
                b"{",
                b"}",
                b"\x1f\x8b\x08\0",
                b"---\nuser: {}",
                b"{\"user\"",
                b"{,}",
            ];
            whole.choose(rng).unwrap().to_vec()
        }
        1 => {
            let (open, close): (&[u8], &[u8]) =
                *[(&b"["[..], &b"]"[..]), (b"{\"a\":", b"}"), (b"[{\"a\":", b"}]")].choose(rng).unwrap();
            let closed = if rng.random() { LEVELS } else { rng.random_range(0..LEVELS) };
            let middle: &[u8] = if rng.random() { b"1" } else { b"" };
            [b"{\"user\": ", &open.repeat(LEVELS)[..], middle, &close.repeat(closed), b"}"].concat()
        }
        2 => {
            let digits = "9".repeat(rng.random_range(310..5_000));
            format!("{{\"user\": {{\"name\": {digits}}}}}").into_bytes()
        }
        3 | 4 => {
            let text = json!({"user": {"name": "é", "enabled": true, "options": {}, "n": [1, 2.5, null]}})
                .to_string();
            text.as_bytes()[..rng.random_range(1..text.len())].to_vec()
        }
        _ => {
            let piece = pieces.choose(rng).unwrap();
            let (before, after): (&[u8], &[u8]) = *[
                (&b"{\"user\": "[..], &b"}"[..]),
                (b"{\"user\": {\"name\": ", b"}}"),
                (b"{\"user\": {\"name\": \"n\", \"deep\": {\"a\": [1, {\"b\": ", b"}]}}}"),
                (b"{\"auth\": {\"identity\": {\"methods\": ", b"}}}"),
                (b"{\"extra\": [", b", 1], \"project\": {\"name\": \"n\"}}"),
            ]
            .choose(rng)
            .unwrap();
            [before, piece, after].concat()
        }
    }
}
