//! Query strings.

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::request::{Draft, Malformed};
use super::world::World;

const LIMIT: &str = "query: a limit that is no number";
const MARKER: &str = "query: a marker of nothing";
const FILTER: &str = "query: a filter of the wrong form";
const TIME: &str = "query: no time, or no comparison";
const PAIR: &str = "query: parameters that exclude each other";

/// Lists that are cut into pages.
const PAGED: &[&str] =
    &["/v3/users", "/v3/groups", "/v3/projects", "/v3/domains", "/v3/roles", "/v3/services", "/v3/endpoints"];
/// Those of them where a marker is looked up.
const MARKED: &[&str] = &["/v3/users", "/v3/groups", "/v3/projects", "/v3/domains"];

const NO_NUMBERS: &[&str] = &[
    "abc",
    "1.5",
    "1e3",
    "0x10",
    "--1",
    "1%201",
    "%20",
    "99999999999999999999999",
    "-99999999999999999999999",
    "%00",
    "1%00",
    "%ff",
    "NaN",
    "one",
    "%D9%A1",
    "1,2",
    "[1]",
    "1;",
    "null",
    "true",
    "%zz",
    "%2B",
    "-",
    "1%0a2",
];
const NO_IDS: &[&str] = &[
    "",
    "a%20b",
    "a_b",
    "%00",
    "%ff",
    "%zz",
    "..",
    "a%2Fb",
    "%C3%A9",
    "a,b",
    "'",
    "%22",
    "a%0a",
    "%F0%9F%92%A9",
    "*",
    "%",
];
const NO_BOOLEANS: &[&str] = &["maybe", "tRuE", "2", "%00", "%ff", "null", "-1", "1.0", "%20true", "yes%20"];
const NO_TIMES: &[&str] = &[
    "soon",
    "2026-13-45T00:00:00Z",
    "2026",
    "-1",
    "%00",
    "%ff",
    "99999-01-01T00:00:00Z",
    "2026-01-01T25:00:00Z",
    "now",
    "0000-00-00T00:00:00Z",
    "2026-01-01T00:00:00Z%00",
    "%zz",
];

pub fn add(world: &World, rng: &mut ChaCha8Rng, requests: &mut Vec<Malformed>) {
    let mut push = |class, path: &str, query: String, rng: &mut ChaCha8Rng, as_admin, without| {
        let method = if rng.random_range(0..4) == 0 { "HEAD" } else { "GET" };
        let target = format!("{path}?{query}");
        let draft = || Draft::new(method, &target);
        requests.push(draft().token(Some(&world.admin)).expect(class, as_admin));
        requests.push(draft().expect(class, without));
    };
    for path in PAGED {
        for value in NO_NUMBERS {
            let query = decorated(rng, &format!("limit={value}"));
            push(LIMIT, path, query, rng, 400, 401);
        }
    }
    for path in MARKED {
        for value in NO_IDS.iter().filter(|value| !value.is_empty()) {
            let query = decorated(rng, &format!("marker={value}"));
            push(MARKER, path, query, rng, 404, 401);
        }
    }
    let long = "a".repeat(256);
    for path in ["/v3/users", "/v3/groups", "/v3/projects", "/v3/roles"] {
        for value in NO_IDS {
            push(FILTER, path, decorated(rng, &format!("domain_id={value}")), rng, 400, 400);
        }
        push(FILTER, path, format!("domain_id={}", "a".repeat(65)), rng, 400, 400);
    }
    for path in ["/v3/users", "/v3/groups", "/v3/projects", "/v3/domains", "/v3/roles"] {
        for value in ["", "%20", "%09%0a", &long, "&name=x", "%20&name=x"] {
            push(FILTER, path, format!("name={value}"), rng, 400, 400);
        }
    }
    for path in ["/v3/users", "/v3/projects", "/v3/domains"] {
        for value in NO_BOOLEANS {
            push(FILTER, path, decorated(rng, &format!("enabled={value}")), rng, 400, 400);
        }
    }
    for query in ["sort_dir=up", "sort_dir=", "sort_dir=ASC", "sort_dir=%00", "sort_dir=up&sort_dir=asc"] {
        push(FILTER, "/v3/users", query.to_owned(), rng, 400, 400);
        push(FILTER, "/v3/groups", query.to_owned(), rng, 400, 400);
    }
    for value in
        ["", "x", "%00", "..", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeg", "%ff"]
    {
        push(FILTER, "/v3/projects", decorated(rng, &format!("parent_id={value}")), rng, 400, 400);
    }
    for value in ["", "Public", "x", "%00", "%ff", "public%20"] {
        push(FILTER, "/v3/endpoints", decorated(rng, &format!("interface={value}")), rng, 400, 400);
    }
    for query in ["x=y", "limit=1", "marker=x", "parent_region_id=", "name=x", "=", "%ff", "%zz=%zz", "%00"] {
        push(FILTER, "/v3/regions", query.to_owned(), rng, 400, 400);
    }
    for parameter in ["group.id", "role.id", "scope.domain.id", "scope.project.id"] {
        for value in NO_IDS {
            push(FILTER, "/v3/role_assignments", format!("{parameter}={value}"), rng, 400, 400);
        }
    }
    for value in NO_TIMES {
        let operator = *["", "lt:", "gte:", "eq:"].choose(rng).unwrap();
        push(TIME, "/v3/users", format!("password_expires_at={operator}{value}"), rng, 400, 401);
        push(TIME, "/v3/OS-REVOKE/events", format!("since={value}"), rng, 400, 401);
    }
    for operator in ["xx:", "LT:", "in:", "%00%00:", "%3E%3D:", "not:", "===:"] {
        let query = format!("password_expires_at={operator}2026-01-01T00:00:00Z");
        push(TIME, "/v3/users", query, rng, 400, 401);
    }
    for query in ["user.id=a&group.id=b", "include_subtree=1", "include_subtree"] {
        push(PAIR, "/v3/role_assignments", query.to_owned(), rng, 400, 400);
    }
    for query in [
        "scope.domain.id=a&scope.project.id=b",
        "scope.domain.id=a&scope.system=all",
        "scope.project.id=a&scope.system=all",
        "effective&group.id=a",
        "effective&scope.domain.id=a&scope.OS-INHERIT:inherited_to=projects",
    ] {
        push(PAIR, "/v3/role_assignments", query.to_owned(), rng, 400, 401);
    }
    let project = world.path("/v3/projects/{project_id}");
    for query in ["parents_as_list&parents_as_ids", "subtree_as_list=1&subtree_as_ids=1"] {
        push(PAIR, &project, query.to_owned(), rng, 400, 401);
    }
}

/// The parameter among others that do not matter.
fn decorated(rng: &mut ChaCha8Rng, parameter: &str) -> String {
    match rng.random_range(0..6) {
        0 => format!("{parameter}&{parameter}"),
        1 => format!("{parameter}&&&="),
        2 => format!("unknown=%ff&{parameter}&a[b]=c"),
        3 => format!("name__near=x&{parameter}"),
        4 => format!("{}{parameter}", "x=y&".repeat(rng.random_range(1..1_000))),
        _ => parameter.to_owned(),
    }
}
