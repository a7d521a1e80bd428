//! A real Keystone that has our keys: what one side issues, the other validates.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::{Client, DevCluster, KEYSTONE_PASSWORD, Keystone, password_login, scoped};

const PASSWORD: &str = "of alice";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_ours_and_of_a_keystone_with_the_same_keys_are_valid_on_both() {
    let cluster = DevCluster::start();
    let ours = cluster.url(cluster.follower().await);
    let our_admin = Client::admin(&ours).await;
    let (user, project) = make_user(&ours, &our_admin).await;

    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("fernet-keys");
    export_keys(&cluster, &keys);
    // Those that seal its credentials are of the same form, and it would take seconds to make them.
    export_keys(&cluster, &folder.path().join("credential-keys"));
    let request = json!({
        "user_name": "alice", "user_id": user, "password": PASSWORD,
        "project_name": "images", "project_id": project, "role": "member",
    });
    let request_file = folder.path().join("request.json");
    fs::write(&request_file, request.to_string()).unwrap();
    let keystone = Keystone::start(folder.path(), Some(&request_file));
    let theirs = keystone.url.clone();
    let their_admin = keystone_admin(&theirs).await;

    let in_project = json!({"project": {"id": project}});
    let login = password_login(json!({"id": user}), PASSWORD);
    for (what, body) in [("project", scoped(login.clone(), in_project)), ("unscoped", login)] {
        for (issuer, issuer_admin, validator, validator_admin) in
            [(&ours, &our_admin, &theirs, &their_admin), (&theirs, &their_admin, &ours, &our_admin)]
        {
            let token = issuer_admin.log_in(issuer, &body).await;
            let told = issuer_admin.validate(issuer, &token).await.unwrap();
            assert_eq!(told.status, 200, "{what} token, its own issuer {issuer}: {}", told.body);
            let validated = validator_admin.validate(validator, &token).await.unwrap();
            assert_eq!(validated.status, 200, "{what} token of {issuer} on {validator}: {}", validated.body);
            for field in ["methods", "expires_at", "issued_at", "audit_ids"] {
                let (told, validated) = (&told.body["token"][field], &validated.body["token"][field]);
                assert_eq!(told, validated, "{field} of the {what} token of {issuer} on {validator}");
            }
            for pointer in ["/token/user/id", "/token/user/name", "/token/project/id", "/token/project/name"]
            {
                let (told, validated) = (told.body.pointer(pointer), validated.body.pointer(pointer));
                assert_eq!(told, validated, "{pointer} of the {what} token of {issuer} on {validator}");
            }
            assert_eq!(role_names(&told.body), role_names(&validated.body), "{what} token of {issuer}");
        }
    }
}

/// The user and the project, by id; the user is a member.
async fn make_user(url: &str, admin: &Client) -> (String, String) {
    let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
    let user = id(&admin.create(url, "user", json!({"name": "alice", "password": PASSWORD})).await);
    let project = id(&admin.create(url, "project", json!({"name": "images"})).await);
    let roles = admin.get(&format!("{url}/v3/roles?name=member")).await;
    let role = id(&roles["roles"][0]);
    admin.put(&format!("{url}/v3/projects/{project}/users/{user}/roles/{role}")).await;
    (user, project)
}

/// Our keys, as a key repository of Keystone's.
fn export_keys(cluster: &DevCluster, folder: &std::path::Path) {
    let exported = cluster.administer(0, &["fernet", "export"], &[folder.to_str().unwrap()]);
    assert!(exported.status.success(), "{}", String::from_utf8_lossy(&exported.stderr));
    assert!(folder.join("0").is_file(), "there is no staged key");
    for entry in fs::read_dir(folder).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may read the keys");
    }
}

async fn keystone_admin(url: &str) -> Client {
    let client = Client::anonymous();
    let user = json!({"name": "admin", "domain": {"id": "default"}});
    let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
    let token = client.log_in(url, &scoped(password_login(user, KEYSTONE_PASSWORD), scope)).await;
    client.with_token(&token)
}

fn role_names(body: &Value) -> Vec<&str> {
    let roles = body["token"]["roles"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<_> = roles.iter().filter_map(|role| role["name"].as_str()).collect();
    names.sort_unstable();
    names
}
