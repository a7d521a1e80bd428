//! Hashes of passwords after the configuration asks for others.

use std::time::Duration;

use keyraft::identity::{PASSWORD_CONTEXT, account};
use serde_json::json;

use crate::world::{TestApi, password_login, post};

/// The longest time for the hash to be made anew.
const LIMIT: Duration = Duration::from_secs(10);

const BCRYPT: &str = "
    identity.password_hash_algorithm = 'bcrypt'
    identity.password_hash_rounds = 4
    identity.upgrade_password_hashes = true
";
const PBKDF2: &str = "identity.upgrade_password_hashes = true";

/// The hash of the user's password.
fn hash(api: &TestApi) -> String {
    let state = api.app.node.publication().load();
    let user = state.state.identity.users.get(api.names.get("alice").as_str()).unwrap();
    let sealed = &account::password_of(user).unwrap().sealed_hash;
    api.app.open_text(PASSWORD_CONTEXT, sealed).unwrap().to_string()
}

#[tokio::test]
async fn a_log_in_makes_a_weak_hash_anew_once_and_ends_no_token() {
    let api = TestApi::with_config(BCRYPT).await;
    api.make("alice", post("/v3/users", json!({"user": {"name": "alice", "password": "right"}}))).await;
    let login = password_login(json!({"id": "{alice}"}), "right");
    let first = hash(&api);
    let old = api.log_in(login.clone()).await;
    assert_eq!(hash(&api), first, "a hash as it is configured stays");

    let api = api.restart_with(PBKDF2).await;
    let new = api.log_in(login.clone()).await;
    let made_anew = async {
        while hash(&api) == first {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, made_anew).await.unwrap();
    let second = hash(&api);
    assert!(first.starts_with("$2b$") && second.starts_with("$pbkdf2-sha512$"), "{first} {second}");
    api.log_in(login).await;
    for token in [&old, &new] {
        assert_eq!(api.validate(token).await, 200);
    }
    assert_eq!(hash(&api), second, "the new hash is as it is configured");
}
