//! The callers that send the requests of every row.

use super::request::{post, put};
use super::session::Session;
use crate::support::callers::{CALLERS, REVOKED, Step, steps};

/// All but the one with a revoked token: `validations.rs` compares what revocations do.
pub fn callers() -> impl Iterator<Item = &'static str> {
    CALLERS.iter().copied().filter(|caller| *caller != REVOKED)
}

/// Logs the user admin in, and makes them on both sides.
pub fn make(s: &mut Session) {
    s.log_in_admin();
    for step in steps() {
        match step {
            Step::FindRole(role) => {
                s.find(&format!("role_{role}"), &format!("/v3/roles?name={role}"), "/roles/0/id");
            }
            Step::Make { name, path, body } => drop(s.make(name, post(path, body))),
            Step::Grant(path) => drop(s.admin(204, put(&path))),
            Step::LogIn { caller, user, scope } => s.log_in(&caller, user, &scope),
        }
    }
}
