//! Steps that are the same for several resources, by the resource's name.

use serde_json::{Value, json};

use super::request::{Request, delete, patch, post};
use super::session::Session;

/// An id that nothing has.
pub const ABSENT: &str = "0123456789abcdef0123456789abcdef";

/// A resource, and what the list of them is called.
#[derive(Clone, Copy)]
pub struct Resource {
    name: &'static str,
    collection: &'static str,
}

pub const DOMAIN: Resource = Resource { name: "domain", collection: "domains" };
pub const GROUP: Resource = Resource { name: "group", collection: "groups" };
pub const PROJECT: Resource = Resource { name: "project", collection: "projects" };
pub const USER: Resource = Resource { name: "user", collection: "users" };

impl Resource {
    /// Makes one.
    pub fn create(self, fields: Value) -> Request {
        post(&format!("/v3/{}", self.collection), json!({ self.name: fields }))
    }

    /// Changes the one that the session knows by this name.
    pub fn change(self, known: &str, fields: Value) -> Request {
        patch(&self.path(&format!("{{{known}}}")), json!({ self.name: fields }))
    }

    fn path(self, id: &str) -> String {
        format!("/v3/{}/{id}", self.collection)
    }

    /// Neither a new one nor a known one gets such fields. In a new one they are beside a good name.
    fn refuses(self, s: &mut Session, known: &str, wrong: &[Value]) {
        for wrong in wrong {
            let mut fields = json!({"name": "bad"});
            fields.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            s.admin(400, self.create(fields));
            s.admin(400, self.change(known, wrong.clone()));
        }
    }

    /// Names and descriptions that are none, a new one without fields, and bodies that hold no object.
    pub fn refuses_wrong_texts(self, s: &mut Session, known: &str) {
        self.refuses(
            s,
            known,
            &[
                json!({"name": ""}),
                json!({"name": " "}),
                json!({"name": null}),
                json!({"name": 1}),
                json!({"name": "x".repeat(256)}),
                json!({"description": 7}),
            ],
        );
        s.admin(400, self.create(json!({})));
        for body in [json!({self.name: []}), json!({self.name: {"name": "a"}, "more": 1}), json!([])] {
            s.admin(400, post(&format!("/v3/{}", self.collection), body));
        }
        s.admin(404, patch(&self.path(ABSENT), json!({self.name: {"name": "x"}})));
    }

    /// Of those that can be disabled and have options.
    pub fn refuses_wrong_settings(self, s: &mut Session, known: &str) {
        self.refuses(
            s,
            known,
            &[
                json!({"enabled": "maybe"}),
                json!({"enabled": 1}),
                json!({"enabled": null}),
                json!({"options": {"unknown": 1}}),
            ],
        );
    }

    /// Of those that have tags and can be immutable.
    pub fn refuses_wrong_tags(self, s: &mut Session, known: &str) {
        self.refuses(
            s,
            known,
            &[
                json!({"options": {"immutable": "yes"}}),
                json!({"tags": "a"}),
                json!({"tags": ["a,b"]}),
                json!({"tags": ["a/b"]}),
                json!({"tags": ["a", "a"]}),
                json!({"tags": [""]}),
            ],
        );
    }

    /// Nothing changes an immutable one, `other` no more than the rest, but the end of its immutability, alone. Then
    /// it is deleted.
    pub fn holds_while_immutable(self, s: &mut Session, known: &str, other: Value) {
        let one = self.path(&format!("{{{known}}}"));
        s.admin(403, self.change(known, json!({"description": "x"})));
        s.admin(403, self.change(known, json!({"description": "x", "options": {"immutable": false}})));
        s.admin(403, self.change(known, other));
        s.admin(403, delete(&one));
        for immutable in [json!(false), json!(true), json!(null)] {
            s.admin(200, self.change(known, json!({"options": {"immutable": immutable}})));
        }
        s.admin(200, self.change(known, json!({"description": "x"})));
        s.admin(204, delete(&one));
    }
}
