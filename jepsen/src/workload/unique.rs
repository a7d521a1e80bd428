//! Names that may be given once: clients ask for the same name on several nodes at the same time.
//!
//! `create` (name) -> id, refused where the name is taken; `find` (name) -> the ids of that name; `dangling` -> grants
//! whose user is gone, looked for while users with grants are removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use rand::Rng;
use serde_json::{Value as Json, json};

use super::{Load, Size, Workload};
use crate::client::{Admin, Invocation, Reply, Request, SetupError, Worker, grant_path};
use crate::environment::Environment;
use crate::function::{Effect, Function};
use crate::value::Value;

/// Of six creations in a row: which of three names they ask for. The first is asked for by one client: were it told that the
/// name is taken, then by itself.
const CONTENDERS: [usize; 6] = [0, 1, 1, 2, 2, 2];
/// The names of six creations.
const NAMES: usize = 3;
/// What is looked for was asked for this many names ago, at most.
const RECENT: usize = 12;

/// The workload.
pub struct Unique;

struct Names {
    turn: AtomicUsize,
    project: String,
    role: String,
}

#[async_trait]
impl Workload for Unique {
    async fn prepare(
        &self,
        _environment: &Arc<Environment>,
        admin: &mut Admin,
        _size: Size,
    ) -> Result<Arc<dyn Load>, SetupError> {
        let (project, role) = (admin.make_project("unique").await?, admin.make_role("unique").await?);
        Ok(Arc::new(Names { turn: AtomicUsize::new(0), project, role }))
    }
}

#[async_trait]
impl Load for Names {
    async fn step(&self, worker: &mut Worker) {
        match worker.chance.random_range(0..100) {
            0..55 => {
                let turn = self.turn.fetch_add(1, Ordering::SeqCst);
                create(worker, name_of(turn)).await;
            }
            55..95 => {
                let newest = name_of(self.turn.load(Ordering::SeqCst));
                let name = newest.saturating_sub(worker.chance.random_range(0..=RECENT));
                find(worker, name).await;
            }
            95..98 => {
                let node = worker.any_node(Effect::Reads);
                self.look_for_dangling(worker, node).await;
            }
            _ => self.come_and_go(worker).await,
        }
    }

    async fn finish(&self, worker: &mut Worker) {
        for name in 0..=name_of(self.turn.load(Ordering::SeqCst)) {
            find(worker, name).await;
        }
        for node in 0..worker.node_count() {
            self.look_for_dangling(worker, node).await;
        }
    }
}

async fn create(worker: &mut Worker, name: usize) {
    let (node, name) = (worker.any_node(Effect::Writes), text(name));
    let user = json!({ "user": { "name": name, "domain_id": "default" } });
    let request = Request::post("/v3/users", &user);
    let id = |reply: &Reply| match reply.status {
        201 => Some(Value::Text(reply.json().get("user")?.get("id")?.as_str()?.to_owned())),
        _ => None,
    };
    let function = Function::Create;
    worker.operate(Invocation { node, function, key: &name, argument: Value::Nil, request }, id).await;
}

async fn find(worker: &mut Worker, name: usize) {
    let (node, name) = (worker.any_node(Effect::Reads), text(name));
    let request = Request::get(format!("/v3/users?name={name}&domain_id=default"));
    let invocation = Invocation { node, function: Function::Find, key: &name, argument: Value::Nil, request };
    worker.operate(invocation, |reply| ids(reply, "users")).await;
}

impl Names {
    /// Grants that remain although their user is gone.
    async fn look_for_dangling(&self, worker: &mut Worker, node: usize) {
        // Without names in the answer, a row is what is stored; with them, what it leads to.
        let path = format!("/v3/role_assignments?scope.project.id={}&include_names=true", self.project);
        let nameless = |reply: &Reply| {
            let body = reply.json();
            let rows = body.get("role_assignments").filter(|_| reply.status == 200)?.as_array()?;
            let user = |row: &Json| row.get("user").cloned().unwrap_or_default();
            let is_nameless = |user: &Json| user.get("name").and_then(Json::as_str).is_none_or(str::is_empty);
            let lost = rows.iter().map(user).filter(is_nameless);
            let id = |user: Json| user.get("id").and_then(Json::as_str).unwrap_or("?").to_owned();
            Some(Value::texts(lost.map(id)))
        };
        let (function, request) = (Function::Dangling, Request::get(path));
        worker.operate(Invocation { node, function, key: "", argument: Value::Nil, request }, nameless).await;
    }

    /// A user comes, is given a role on one node while it is removed on another. None of it is judged by itself.
    async fn come_and_go(&self, worker: &mut Worker) {
        let node = worker.any_node(Effect::Writes);
        let name = format!("guest-{}", worker.chance.random::<u64>());
        let user = json!({ "user": { "name": name, "domain_id": "default" } });
        let Ok(reply) = worker.send_aside(node, Request::post("/v3/users", &user)).await else { return };
        let body = reply.json();
        let id = body.get("user").and_then(|user| user.get("id")).and_then(Json::as_str);
        let Some(id) = id.filter(|_| reply.status == 201) else { return };
        let other = worker.any_node(Effect::Writes);
        let grant = Request::put(grant_path(&self.project, id, &self.role));
        let remove = Request::delete(format!("/v3/users/{id}"));
        worker.send_both_aside((node, grant), (other, remove)).await;
    }
}

/// The name that the creation of this number asks for.
fn name_of(turn: usize) -> usize {
    let place = CONTENDERS.get(turn % CONTENDERS.len()).copied().unwrap_or_default();
    turn / CONTENDERS.len() * NAMES + place
}

fn text(name: usize) -> String {
    format!("name-{name}")
}

fn ids(reply: &Reply, kind: &str) -> Option<Value> {
    let body = reply.json();
    let rows = body.get(kind).filter(|_| reply.status == 200)?.as_array()?;
    rows.iter().map(|row| row.get("id")?.as_str()).collect::<Option<Vec<_>>>().map(Value::texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_to_three_contenders() {
        let names: Vec<usize> = (0..12).map(name_of).collect();
        assert_eq!(names, [0, 1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 5]);
    }

    #[test]
    fn the_ids_of_a_list_are_found() {
        let reply = |status, body: &str| Reply { status, token: None, bytes: body.to_owned().into() };
        let two = reply(200, r#"{"users": [{"id": "a"}, {"id": "b"}], "links": {}}"#);
        assert_eq!(ids(&two, "users"), Some(Value::texts(["a", "b"])));
        assert_eq!(ids(&reply(200, r#"{"users": []}"#), "users"), Some(Value::List(Vec::new())));
        assert_eq!(ids(&reply(200, "{}"), "users"), None);
        assert_eq!(ids(&reply(503, r#"{"users": []}"#), "users"), None);
    }
}
