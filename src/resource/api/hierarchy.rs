//! What is above and below a project, as `?parents_as_list`, `?parents_as_ids`, `?subtree_as_list` and
//! `?subtree_as_ids` show it.

use std::collections::BTreeSet;
use std::sync::Arc;

use keyraft_proto::identity::Project;
use serde_json::{Map, Value, json};

use super::project_object::object;
use crate::assignment::effective;
use crate::http::{ApiError, Call};
use crate::resource::Tables;

/// The flags of a query that ask for them.
pub(super) const PARAMETERS: [&str; 5] =
    ["parents_as_list", "parents_as_ids", "subtree_as_list", "subtree_as_ids", "include_limits"];

/// Adds to the JSON of a project what its request asks for.
///
/// # Errors
/// 400 when both forms of one thing are asked for.
pub(super) fn expand(
    call: &Call,
    user_id: &str,
    project: &Project,
    object: &mut Map<String, Value>,
) -> Result<(), ApiError> {
    let resource = &call.state().resource;
    match form(call, "parents")? {
        Some(Form::List) => {
            object.insert("parents".into(), reachable(call, user_id, resource.parents(project)));
        }
        Some(Form::Ids) => {
            object.insert("parents".into(), parents_as_ids(&resource.parents(project)));
        }
        None => {}
    }
    match form(call, "subtree")? {
        Some(Form::List) => {
            object.insert("subtree".into(), reachable(call, user_id, resource.subtree(&project.id)));
        }
        Some(Form::Ids) => {
            object.insert("subtree".into(), subtree_as_ids(resource, &project.id));
        }
        None => {}
    }
    Ok(())
}

enum Form {
    List,
    Ids,
}

fn form(call: &Call, what: &str) -> Result<Option<Form>, ApiError> {
    let (list, ids) = (format!("{what}_as_list"), format!("{what}_as_ids"));
    match (call.query.flag(&list), call.query.flag(&ids)) {
        (true, true) => {
            Err(ApiError::BadRequest(format!("Cannot use {list} and {ids} query params at the same time.")))
        }
        (true, false) => Ok(Some(Form::List)),
        (false, true) => Ok(Some(Form::Ids)),
        (false, false) => Ok(None),
    }
}

/// Those of the projects on which the user has a role; each in its wrapper, as in Keystone.
fn reachable(call: &Call, user_id: &str, projects: Vec<Arc<Project>>) -> Value {
    let of_user = effective::projects_of(call.state(), user_id);
    let ids: BTreeSet<&str> = of_user.iter().map(|project| project.id.as_str()).collect();
    let has_limits = call.query.flag("include_limits");
    let rows = projects.iter().filter(|project| ids.contains(project.id.as_str())).map(|project| {
        let mut object = object(call, project);
        if has_limits {
            object.insert("limits".into(), json!([]));
        }
        json!({ "project": object })
    });
    Value::Array(rows.collect())
}

/// Nested from the nearest to the domain, which has null.
fn parents_as_ids(above: &[Arc<Project>]) -> Value {
    above.iter().rev().fold(Value::Null, |further, parent| {
        Value::Object([(parent.id.clone(), further)].into_iter().collect())
    })
}

/// Nested from the project downwards; one with none below it has null. The depth of the tree is bounded when
/// projects are created.
fn subtree_as_ids(resource: &Tables, id: &str) -> Value {
    let below: Map<String, Value> =
        resource.children(id).map(|child| (child.id.clone(), subtree_as_ids(resource, &child.id))).collect();
    if below.is_empty() { Value::Null } else { Value::Object(below) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Record, State, Transaction};
    use keyraft_cluster::LogMoment;

    fn tree() -> State {
        let mut tx = Transaction::begin(&State::default(), LogMoment { log_index: 1, log_time_ms: 1 });
        tx.put(Project { id: "d".into(), name: "d".into(), is_domain: true, ..Project::default() });
        for (id, parent) in [("a", "d"), ("b", "a"), ("c", "a"), ("e", "c")] {
            tx.put(Project {
                id: id.into(),
                name: id.into(),
                domain_id: "d".into(),
                parent_id: parent.into(),
                ..Project::default()
            });
        }
        tx.commit().0
    }

    #[test]
    fn parents_are_nested_up_to_the_domain() {
        let state = tree();
        let above =
            |id: &str| parents_as_ids(&state.resource.parents(Project::table(&state).get(id).unwrap()));
        assert_eq!(above("e"), json!({ "c": { "a": { "d": null } } }));
        assert_eq!(above("d"), Value::Null);
    }

    #[test]
    fn a_subtree_is_nested_down_to_the_leaves() {
        let resource = tree().resource;
        assert_eq!(subtree_as_ids(&resource, "a"), json!({ "b": null, "c": { "e": null } }));
        assert_eq!(subtree_as_ids(&resource, "e"), Value::Null);
    }
}
