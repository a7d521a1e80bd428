use super::*;
use crate::assignment::fixture::state;

/// A row in one line: actor, role, target, then why.
fn line(row: &Row) -> String {
    let mut line = format!("{} {} {}", row.actor_id, row.role_id, row.target_id);
    if row.is_inherited {
        line.push_str(" inherited");
    }
    if let Some(group) = &row.group_id {
        line.push_str(&format!(" via {group}"));
    }
    if let Some((_, from)) = &row.inherited_from {
        line.push_str(&format!(" from {from}"));
    }
    if let Some(prior) = &row.prior_role_id {
        line.push_str(&format!(" by {prior}"));
    }
    line
}

fn lines(rows: &[Row]) -> Vec<String> {
    let mut lines: Vec<String> = rows.iter().map(line).collect();
    lines.sort();
    lines
}

const GRANTS: &[&str] = &[
    "user ann x project top",
    "user ann own project top",
    "group staff x project mid inherited",
    "group staff x domain d inherited",
    "user bob x domain d",
    "user cat x project far",
    "user ann x system",
    "group staff b system",
];

fn granted_lines(filter: Filter<'_>) -> Vec<String> {
    lines(&granted(&state(GRANTS), filter))
}

fn effective_lines(filter: Filter<'_>) -> Vec<String> {
    lines(&effective(&state(GRANTS), filter).unwrap())
}

#[test]
fn without_a_filter_every_grant_is_listed() {
    assert_eq!(
        granted_lines(Filter::default()),
        [
            "ann own top",
            "ann x system",
            "ann x top",
            "bob x d",
            "cat x far",
            "staff b system",
            "staff x d inherited",
            "staff x mid inherited",
        ]
    );
}

#[test]
fn grants_are_filtered_by_actor_role_and_target() {
    let all = Filter::default();
    assert_eq!(
        granted_lines(Filter { user_id: Some("ann"), ..all }),
        ["ann own top", "ann x system", "ann x top"]
    );
    assert_eq!(
        granted_lines(Filter { group_id: Some("staff"), role_id: Some("x"), ..all }),
        ["staff x d inherited", "staff x mid inherited"]
    );
    assert_eq!(granted_lines(Filter { role_id: Some("b"), ..all }), ["staff b system"]);
    assert_eq!(granted_lines(Filter { domain_id: Some("d"), ..all }), ["bob x d", "staff x d inherited"]);
    assert_eq!(granted_lines(Filter { project_id: Some("top"), ..all }), ["ann own top", "ann x top"]);
    let tree = Filter { project_id: Some("top"), has_subtree: true, ..all };
    assert_eq!(granted_lines(tree), ["ann own top", "ann x top", "staff x mid inherited"]);
    assert_eq!(granted_lines(Filter { user_id: Some("ann"), ..tree }), ["ann own top", "ann x top"]);
    assert_eq!(granted_lines(Filter { is_system: true, ..all }), ["ann x system", "staff b system"]);
    assert_eq!(granted_lines(Filter { is_system: true, user_id: Some("ann"), ..all }), ["ann x system"]);
    assert!(granted_lines(Filter { project_id: Some("none"), ..all }).is_empty());
}

#[test]
fn the_inherited_filter_does_not_reach_the_system() {
    let inherited = Filter { is_inherited: Some(true), ..Filter::default() };
    assert_eq!(
        granted_lines(inherited),
        ["ann x system", "staff b system", "staff x d inherited", "staff x mid inherited"]
    );
    let direct = Filter { is_inherited: Some(false), user_id: Some("bob"), ..Filter::default() };
    assert_eq!(granted_lines(direct), ["bob x d"]);
}

#[test]
fn effective_assignments_of_a_user_come_from_groups_domains_and_implications() {
    assert_eq!(
        effective_lines(Filter { user_id: Some("ann"), ..Filter::default() }),
        [
            "ann x leaf via staff from d",
            "ann x leaf via staff from mid",
            "ann x mid via staff from d",
            "ann x side via staff from d",
            "ann x top",
            "ann x top by own",
            "ann x top via staff from d",
        ]
    );
}

#[test]
fn effective_assignments_on_a_project_name_every_user() {
    let all = Filter { project_id: Some("mid"), ..Filter::default() };
    assert_eq!(effective_lines(all), ["ann x mid via staff from d", "bob x mid via staff from d"]);
    let tree = Filter { has_subtree: true, user_id: Some("bob"), ..all };
    assert_eq!(
        effective_lines(tree),
        ["bob x leaf via staff from d", "bob x leaf via staff from mid", "bob x mid via staff from d"]
    );
    let direct = Filter { is_inherited: Some(false), project_id: Some("top"), ..Filter::default() };
    assert_eq!(effective_lines(direct), ["ann x top", "ann x top by own"]);
    let inherited = Filter { is_inherited: Some(true), project_id: Some("leaf"), ..Filter::default() };
    assert_eq!(
        effective_lines(Filter { user_id: Some("ann"), ..inherited }),
        ["ann x leaf via staff from d", "ann x leaf via staff from mid"]
    );
}

#[test]
fn effective_assignments_on_a_domain_are_its_own() {
    assert_eq!(effective_lines(Filter { domain_id: Some("d"), ..Filter::default() }), ["bob x d"]);
}

#[test]
fn the_role_filter_applies_to_what_is_implied() {
    let state = state(&["user ann a project top", "user ann own project top"]);
    let on = |role_id| Filter { user_id: Some("ann"), role_id: Some(role_id), ..Filter::default() };
    assert_eq!(lines(&effective(&state, on("b")).unwrap()), ["ann b top by a"]);
    assert!(effective(&state, on("own")).unwrap().is_empty());
}

#[test]
fn a_circle_ends_with_the_first_role_listed_for_both_reasons() {
    let state = state(&["user ann a project top"]);
    let rows = effective(&state, Filter::default()).unwrap();
    assert_eq!(lines(&rows), ["ann a top", "ann a top by c", "ann b top by a", "ann c top by b"]);
}

#[test]
fn a_missing_user_or_project_is_told_as_keystone_tells_it() {
    let state = state(&[]);
    let missing = |filter| effective(&state, filter).unwrap_err().to_string();
    let user = Filter { user_id: Some("none"), ..Filter::default() };
    assert_eq!(missing(user), "Could not find user: none.");
    let project = Filter { project_id: Some("none"), ..Filter::default() };
    assert_eq!(missing(project), "Could not find project: none.");
    assert!(effective(&state, Filter { is_inherited: Some(false), ..project }).unwrap().is_empty());
    assert!(effective(&state, Filter { domain_id: Some("none"), ..Filter::default() }).unwrap().is_empty());
}
