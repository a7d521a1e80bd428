//! Differences between Keyraft and Keystone that are on purpose. `docs/differences.md` has the same list, for readers.

use super::compare::Difference;
use super::pattern::matches_pattern;
use super::request::{Body, Request};
use super::rows::Row;

/// One way in which responses may differ. It must occur in a whole run: a difference that is gone leaves the list.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowed {
    /// Its row in `docs/differences.md`. Several entries may be ways of one difference.
    pub id: &'static str,
    /// The method, or `*`.
    pub method: &'static str,
    /// The path of a row, or a pattern with `*` for the path of a request that is of no row.
    pub path: &'static str,
    /// The JSON of the request, where that counts; a pattern.
    pub body: &'static str,
    /// `status`, `header NAME` or `body POINTER`; a pattern.
    pub field: &'static str,
    /// Patterns of the values of the two.
    pub theirs: &'static str,
    pub ours: &'static str,
}

/// All of them.
pub const ALLOWED: &[Allowed] = &[
    // role, assignment and catalog
    of_status("D30", "GET", "/v3/roles", "200", "404"),
    of_status("D30", "GET", "/v3/services", "200", "404"),
    of_status("D30", "GET", "/v3/endpoints", "200", "404"),
    of_status("D31", "GET", "/v3/roles", "500", "400"),
    Allowed { id: "D31", method: "GET", path: "/v3/roles?limit=0", field: "body *", ..ANY },
    of_status("D31", "GET", "/v3/roles?limit=-1", "500", "200"),
    of_status("D32", "PUT", "/v3/OS-INHERIT/*", "204", "404"),
    of_status("D32", "DELETE", "/v3/OS-INHERIT/*", "204", "404"),
    of_status("D33", "GET", "/v3/role_assignments", "500", "404"),
    of_message(
        "D34",
        "GET",
        "/v3/role_assignments",
        "ImmutableMultiDict(*",
        "Specify a user or group, not both",
    ),
    Allowed {
        id: "D35",
        method: "GET",
        path: "/v3/role_assignments?scope.project.id={place}*&effective",
        field: "body /role_assignments/*",
        theirs: "*/OS-INHERIT/*",
        ours: "(absent)",
        ..ANY
    },
    of_status("D36", "POST", "/v3/services", "500", "400"),
    of_message("D36", "POST", "/v3/endpoints", "'NoneType' object *", "'endpoint' is a required property"),
    of_status("D37", "GET", "/v3/endpoints", "500", "200"),
    of_status("D38", "POST", "/v3/endpoints", "201", "400"),
    Allowed {
        id: "D39",
        method: "GET",
        path: "/v3/auth/*",
        field: "body *catalog/*/endpoints/*/links",
        ours: "(absent)",
        ..ANY
    },
    of_large_body("header content-type", "text/html*", "text/plain*"),
    of_large_body("header vary", "-", "X-Auth-Token"),
    of_large_body("header x-openstack-request-id", "", "rxq-*"),
    of_large_body("body", "<html>*", "*The request body is too large.*"),
    of_status("D1", "PATCH", "/v3/users/{user_id}", "500", "200"),
    of_status("D1", "PATCH", "/v3/domains/{domain_id}", "500", "200"),
    of_status("D1", "PATCH", "/v3/projects/{project_id}", "500", "200"),
    of_status("D2", "POST", "/v3/projects", "500", "400"),
    of_status("D3", "PATCH", "/v3/projects/{project_id}", "500", "409"),
    of_status("D4", "GET", "/v3/users/{user_id}", "404", "401"),
    Allowed {
        id: "D5",
        method: "PUT",
        path: "/v3/projects/{project_id}/tags/{value}",
        field: "header location",
        theirs: "*/tags/100%",
        ours: "*/tags/100%25",
        ..ANY
    },
    of_message("D6", "POST", "/v3/users", "* password. Value: *", "*of the form that is expected."),
    of_message(
        "D6",
        "PATCH",
        "/v3/users/{user_id}",
        "* password. Value: *",
        "*of the form that is expected.",
    ),
    of_message("D6", "POST", "/v3/users/{user_id}/password", "*password': * is not*", "*password': not*"),
    of_methods("/v3/users/{user_id}/password", "POST"),
    of_methods("/v3/users/x/password*", "GET, HEAD, OPTIONS, POST"),
    of_message(
        "D8",
        "POST",
        "/v3/users",
        "*'protocols' is a required property",
        "Could not find Identity Provider*",
    ),
    of_member_pages("body /links/next", "*marker=ID*", "null"),
    of_member_pages("body /truncated", "true", "(absent)"),
    of_methods("/v3/users/*/password", "GET, HEAD, OPTIONS, POST"),
    of_status("D4", "GET", "/v3/auth/system", "404", "401"),
    of_message(
        "D6",
        "POST",
        TOKENS,
        "*'identity/password*is not of type*",
        "*'identity/password*: the value is not of type*",
    ),
    of_message("D6", "POST", TOKENS, "* is not of type 'object'", "*: the value is not of type 'object'"),
    of_message("D21", "*", TOKENS, "Could not find token: *", "Failed to validate token"),
    of_message("D21", "*", TOKENS, "Could not find user: *", "Failed to validate token"),
    of_message("D21", "*", TOKENS, "Could not find project: *", "Failed to validate token"),
    of_message("D21", "*", TOKENS, "Could not find auth receipt: *", "The request you have*"),
    Allowed {
        id: "D22",
        method: "GET",
        path: "/v3/auth/system",
        field: "body /system/*",
        theirs: "(absent)",
        ours: "{\"all\":true}",
        ..ANY
    },
    of_status("D23", "POST", TOKENS, "201", "400"),
    of_message("D21", "*", TOKENS, "Unable to validate token because*", "Failed to validate token"),
    of_status("D24", "GET", TOKENS, "200", "404"),
    of_status("D24", "GET", "/v3/auth/system", "200", "401"),
    in_lists("*=CASE-RULER"),
    in_lists("*=Case-Ruler"),
    in_lists("*=case-r%C3%BCler"),
    in_lists("*=case-ruler%20"),
    of_status("D41", "GET", "/v3/regions/CASE-RULER", "200", "404"),
    of_status("D41", "GET", "/v3/regions/Case-Ruler", "200", "404"),
    in_log_ins("*\"CASE-RULER\"*"),
    in_log_ins("*\"Case-Ruler\"*"),
    in_log_ins("*\"case-r\u{fc}ler\"*"),
    in_log_ins("*\"case-ruler \"*"),
    in_creates("*\"CASE-RULER\"*"),
    in_creates("*\"Case-Ruler\"*"),
    in_creates("*\"case-r\u{fc}ler\"*"),
    in_creates("*\"case-ruler \"*"),
    of_status("D42", "PUT", "/v3/projects/{case_project}/tags/CASE-RULER", "500", "201"),
    of_message(
        "D43",
        "PUT",
        "/v3/projects/{project_id}/tags/{value}",
        "*'\u{fc}', 'x.y'*",
        "*'x.y', '\u{fc}'*",
    ),
    of_relations("/"),
    of_relations("/v3"),
];

const TOKENS: &str = "/v3/auth/tokens";
const ANY: Allowed =
    Allowed { id: "", method: "*", path: "*", body: "*", field: "*", theirs: "*", ours: "*" };

const fn of_relations(path: &'static str) -> Allowed {
    Allowed { id: "D25", method: "GET", path, field: "body /resources/*", ours: "(absent)", ..ANY }
}

const fn of_status(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    theirs: &'static str,
    ours: &'static str,
) -> Allowed {
    Allowed { id, method, path, field: "status", theirs, ours, ..ANY }
}

/// A body that is too large is refused by a filter in front of all else of Keystone.
const fn of_large_body(field: &'static str, theirs: &'static str, ours: &'static str) -> Allowed {
    Allowed { id: "D40", method: "PATCH", path: "/v3/regions/body-region", field, theirs, ours, ..ANY }
}

/// The methods for a password, OPTIONS among them.
const fn of_methods(path: &'static str, theirs: &'static str) -> Allowed {
    Allowed { id: "D7", method: "*", path, field: "header allow", theirs, ours: "OPTIONS, POST", ..ANY }
}

const fn of_member_pages(field: &'static str, theirs: &'static str, ours: &'static str) -> Allowed {
    Allowed { id: "D9", method: "GET", path: "/v3/groups/{group_id}/users", field, theirs, ours, ..ANY }
}

const fn of_message(
    id: &'static str,
    method: &'static str,
    path: &'static str,
    theirs: &'static str,
    ours: &'static str,
) -> Allowed {
    Allowed { id, method, path, field: "body /error/message", theirs, ours, ..ANY }
}

/// A list by a name that MariaDB takes for `case-ruler`.
const fn in_lists(path: &'static str) -> Allowed {
    let (field, theirs, ours) = ("body /*/*", "*\"case-ruler\"*", "(absent)");
    Allowed { id: "D41", method: "GET", path, field, theirs, ours, ..ANY }
}

/// A log-in that has such a name in it.
const fn in_log_ins(body: &'static str) -> Allowed {
    Allowed { body, ..of_status("D41", "POST", "/v3/auth/tokens?letter_case", "201", "401") }
}

/// The creation of a thing that has such a name.
const fn in_creates(body: &'static str) -> Allowed {
    Allowed { body, ..of_status("D41", "POST", "*?letter_case", "409", "201") }
}

impl Allowed {
    /// True for this difference, in the response to a request that goes to `row`.
    pub fn covers(&self, row: Option<Row>, request: &Request, difference: &Difference) -> bool {
        let is_path = match row {
            Some(row) if row.path == self.path => true,
            _ => matches_pattern(self.path, &request.path),
        };
        let is_body = self.body == "*"
            || matches!(&request.body, Body::Json(body) if matches_pattern(self.body, &body.to_string()));
        is_path
            && is_body
            && matches_pattern(self.method, request.method.as_str())
            && matches_pattern(self.field, &difference.field)
            && matches_pattern(self.theirs, &difference.theirs)
            && matches_pattern(self.ours, &difference.ours)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::super::request::{get, post, with_password};
    use super::super::rows::row_of;
    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/differences.md");

    #[test]
    fn the_document_lists_the_differences_that_the_test_allows_and_no_others() {
        // A row of the compared ones begins `| D1 |`.
        let cells = DOCUMENT.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
        let is_id = |cell: &&str| cell.strip_prefix('D').is_some_and(|number| number.parse::<u32>().is_ok());
        let documented: Vec<_> = cells.filter(is_id).collect();
        let unique: BTreeSet<_> = documented.iter().copied().collect();
        assert_eq!(documented.len(), unique.len(), "an id is listed twice");
        assert_eq!(unique, ALLOWED.iter().map(|allowed| allowed.id).collect());
    }

    #[test]
    fn a_look_up_by_the_exact_name_may_not_differ() {
        let is_allowed = |request: &Request, field: &str, theirs: &str, ours: &str| {
            let [field, theirs, ours] = [field, theirs, ours].map(str::to_owned);
            let (row, difference) =
                (row_of(&request.method, &request.path), Difference { field, theirs, ours });
            ALLOWED.iter().any(|allowed| allowed.covers(row, request, &difference))
        };
        let list = |name: &str| {
            let request = get(&format!("/v3/domains?name={name}"));
            is_allowed(&request, "body /domains/*", r#"{"name":"case-ruler"}"#, "(absent)")
        };
        let log_in = |user: &str, project: &str| {
            let scope = json!({"project": {"name": project, "domain": {"name": "case-ruler"}}});
            let user = json!({"name": user, "domain": {"name": "case-ruler"}, "password": "p"});
            let mut request = with_password(user, &scope);
            request.path += "?letter_case";
            is_allowed(&request, "status", "201", "401")
        };
        let create = |name: &str| {
            let request = post("/v3/roles?letter_case", json!({"role": {"name": name}}));
            is_allowed(&request, "status", "409", "201")
        };
        let region = |id: &str| is_allowed(&get(&format!("/v3/regions/{id}")), "status", "200", "404");
        for name in ["CASE-RULER", "Case-Ruler", "case-r\u{fc}ler", "case-ruler "] {
            assert!(log_in(name, "case-ruler") && log_in("case-ruler", name) && create(name), "{name}");
            assert!(list(&name.replace('\u{fc}', "%C3%BC").replace(' ', "%20")), "{name}");
        }
        assert!(region("CASE-RULER"));
        for name in ["case-ruler", "case-rule", "CASE-RULE"] {
            assert!(!list(name) && !log_in(name, "case-ruler") && !create(name) && !region(name), "{name}");
        }
    }
}
