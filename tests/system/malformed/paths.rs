//! Paths: ids that cannot be, paths that lead nowhere, and methods that a path does not have.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::request::{Draft, Malformed};
use super::routes::Route;
use super::shapes::valid_body;
use super::world::World;

const ID: &str = "path: an id that cannot be";
const TAG: &str = "path: a tag that cannot be";
const UNKNOWN: &str = "path: it leads nowhere";
const METHOD: &str = "path: it does not have the method";

pub fn add(world: &World, rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    let routes = &world.routes;
    for route in routes {
        for _ in 0..4 {
            add_id(world, rng, route, requests);
        }
    }
    for value in ["%2C", "a%2Cb", &"a".repeat(256), &"%C3%A9".repeat(256)] {
        let path = world.path_with("/v3/projects/{project_id}/tags/{value}", "value", value);
        requests.push(Draft::new("PUT", &path).token(Some(&world.admin)).expect(TAG, 400));
        requests.push(Draft::new("PUT", &path).expect(TAG, 401));
    }
    for _ in 0..150 {
        let path = unknown_path(rng);
        let method = *["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "TRACE", "BREW"].choose(rng).unwrap();
        let token = Some(world.admin.as_str()).filter(|_| rng.random());
        requests.push(Draft::new(method, &path).token(token).expect(UNKNOWN, 404));
    }
    for route in routes.iter().filter(|route| route.path != "/healthcheck") {
        let has =
            |method: &str| routes.iter().any(|other| other.path == route.path && other.method == method);
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW", "PROPFIND", "get", "G"];
        let Some(method) = methods.choose_multiple(rng, methods.len()).find(|method| !has(method)) else {
            continue;
        };
        let token = Some(world.admin.as_str()).filter(|_| rng.random());
        requests.push(Draft::new(method, &world.path(&route.path)).token(token).expect(METHOD, 405));
    }
}

fn add_id(world: &World, rng: &mut ChaCha8Rng, route: &Route, requests: &mut Vec<Malformed>) {
    let parameters = route.parameters();
    // The grants of a domain that projects inherit are listed for whoever, also if it does not exist.
    let is_list = route.path.ends_with("/roles/inherited_to_projects");
    let parameters: Vec<_> = parameters.into_iter().filter(|name| !is_list || *name == "domain_id").collect();
    let Some(parameter) = parameters.choose(rng) else { return };
    // What is made there may have any name.
    if route.method == "PUT" && matches!(*parameter, "region_id" | "value") {
        return;
    }
    let path = world.path_with(&route.path, parameter, &no_id(rng));
    let body = valid_body(route);
    let draft = || Draft::new(&route.method, &path).maybe_json(body.as_ref());
    let as_admin = if route.needs_token { 404 } else { 401 };
    requests.push(draft().token(Some(&world.admin)).expect(ID, as_admin));
    requests.push(draft().expect(ID, 401));
}

/// One part of a path that names nothing.
fn no_id(rng: &mut ChaCha8Rng) -> String {
    let fixed = [
        "..",
        ".",
        "...",
        "%2e%2e",
        "%00",
        "a%00b",
        "%252F",
        "a%252Fb",
        "%5C",
        "%0a",
        "%0d%0aX:%20y",
        "%ff",
        "%c3",
        "%c0%af",
        "%ed%a0%80",
        "%zz",
        "%",
        "%4",
        "%C3%A9",
        "%F0%9F%92%A9",
        "%E2%80%AE",
        "%20",
        "+",
        "*",
        "'",
        "%22",
        ";",
        "a;b=c",
        "a,b",
        "$(id)",
        "%7B%7D",
        "-1",
        "0",
        "null",
        "None",
        "undefined",
        "NaN",
        "~",
        "@",
        "default%20",
        "%20default",
        "DEFAULT",
        "%EF%BF%BF",
        "user_id",
        "%25%32%65",
        "&",
        "=",
        "a=b",
        "|",
        "[]",
        "[0]",
    ];
    match rng.random_range(0..5) {
        0 => "a".repeat(*[65, 256, 5_000, 30_000].choose(rng).unwrap()),
        1 => (0..rng.random_range(1..40))
            .map(|_| format!("%{:02X}", rng.random_range(0x80..=0xff_u8)))
            .collect(),
        _ => (*fixed.choose(rng).unwrap()).to_owned(),
    }
}

fn unknown_path(rng: &mut ChaCha8Rng) -> String {
    let fixed = [
        "/v2.0",
        "v3",
        "/v4",
        "/v3x",
        "/V3",
        "/v3/Users",
        "/v3/user",
        "/v3/users.json",
        "/v3/users/a/b/c/d",
        "/v3/../v3/users",
        "/../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v3/%75sers%00",
        "/.git/config",
        "/v3/auth",
        "/v3/auth/token",
        "/v3/auth/tokens/x",
        "/v3/OS-REVOKE",
        "/v3/roles/a/implies/b/c",
        "/v3;x=y",
        "/v3/%ff",
        "/%ff%fe",
        "/v3/projects/a/tags/b/c",
        "/v3/system",
        "/v3/system/users",
        "/favicon.ico",
        "/v3/*",
        "/v3/users/a/b",
        "/index.php?a=b",
        "/v3/users/%ff/%ff",
        "/metrics/x",
        "/keyraft",
        "/keyraft/status/x",
        "/*",
    ];
    match rng.random_range(0..4) {
        0 => format!("/{}", "a/".repeat(rng.random_range(20..8_000))),
        1 => format!("/v3/{}", "%C3%A9".repeat(rng.random_range(1..5_000))),
        _ => (*fixed.choose(rng).unwrap()).to_owned(),
    }
}
