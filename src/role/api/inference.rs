//! `/v3/role_inferences`

use serde_json::{Value, json};

use super::implied::{implied_roles, render_role};
use crate::http::operation::{self, Operation};
use crate::http::{Answer, Call, ok};
use crate::policy::{Rule, Target};

/// What may be done on all implications.
pub fn operations() -> Vec<Operation> {
    vec![
        operation::get(list, "List every role that implies others")
            .rule(Rule::ListRoleInferenceRules)
            .array("role_inferences"),
    ]
}

/// Lists every role that implies others, with those.
/// Policy: `identity:list_role_inference_rules`.
///
/// # Errors
/// 401, 403.
pub async fn list(call: Call) -> Answer {
    call.caller()?.enforce(Rule::ListRoleInferenceRules, &Target::new())?;
    let state = call.state();
    let inferences = state.role.roles.values().filter_map(|prior| {
        let implied = implied_roles(state, &prior.id).into_iter().map(|role| render_role(&call, role));
        let implies: Vec<Value> = implied.collect();
        let is_prior = !implies.is_empty();
        is_prior.then(|| json!({ "prior_role": render_role(&call, prior), "implies": implies }))
    });
    Ok(ok(&json!({ "role_inferences": inferences.collect::<Vec<_>>() })))
}
