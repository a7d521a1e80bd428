//! A service behind OpenStack's own keystonemiddleware, which asks a node that is not the leader.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Iso8601;

use crate::support::{Client, DevCluster, Reply, Script, eventually, password_login, scoped};

/// Long enough for the middleware to validate a token in it, short enough to wait for its end.
const TOKEN_LIFETIME_S: u32 = 10;
const SERVICE_PASSWORD: &str = "of the service";
const USER_PASSWORD: &str = "of the user";

#[tokio::test(flavor = "multi_thread")]
async fn a_service_lets_in_valid_tokens_and_neither_revoked_nor_expired_ones() {
    let cluster = DevCluster::start_with(&[&format!("token.expiration_s={TOKEN_LIFETIME_S}")]);
    let follower = cluster.url(cluster.follower().await);
    let leader = cluster.url(cluster.leader(0).await);
    make_users(&leader).await;
    let auth_url = format!("{follower}/v3");
    let arguments = [auth_url.as_str(), "glance", "service"];
    let mut service = Script::start("protected_service.py", &arguments, SERVICE_PASSWORD);
    let service_url = service.wait_listening(Duration::from_secs(60));

    let token = log_in(&leader).await;
    let told = call(&service_url, Some(&token)).await;
    assert_eq!(told.status, 200, "{}", told.body);
    assert_eq!(told.body["status"], "Confirmed");
    assert_eq!(told.body["user_name"], "alice");
    assert_eq!(told.body["project_name"], "images");
    let mut roles: Vec<_> = told.body["roles"].as_str().unwrap().split(',').collect();
    roles.sort_unstable();
    assert_eq!(roles, ["member", "reader"], "member implies reader");
    assert!(told.body["catalog"].as_str().unwrap().contains(&follower), "{}", told.body["catalog"]);

    for refused in [None, Some("gAAAAAnonsense")] {
        assert_eq!(call(&service_url, refused).await.status, 401, "with {refused:?}");
    }

    Client::admin(&leader).await.revoke(&leader, &token).await;
    assert_eq!(call(&service_url, Some(&token)).await.status, 401, "a revoked token");

    let token = log_in(&leader).await;
    let lifetime = expiry(&follower, &token).await - OffsetDateTime::now_utc();
    assert_eq!(call(&service_url, Some(&token)).await.status, 200, "a new token");
    let margin = Duration::from_secs(10);
    let limit = Duration::try_from(lifetime).unwrap() + margin;
    let expires_at = expiry(&follower, &token).await;
    let ended = eventually("the token is refused", limit, async || {
        let asked_at = OffsetDateTime::now_utc();
        let reply = call(&service_url, Some(&token)).await;
        (reply.status != 200).then_some((reply.status, asked_at))
    });
    let (status, asked_at) = ended.await;
    assert_eq!(status, 401, "an expired token");
    let clocks = Duration::from_secs(1);
    assert!(asked_at > expires_at - clocks, "refused at {asked_at}, before its end at {expires_at}");
    let admin = Client::admin(&follower).await;
    // Cluster time comes with the leader's heartbeats, so it is a little behind the clock.
    eventually("the node itself refuses it", clocks, async || {
        (admin.validate(&follower, &token).await.unwrap().status == 404).then_some(())
    })
    .await;
}

/// The service's own user, and a user of the service.
async fn make_users(url: &str) {
    let admin = Client::admin(url).await;
    for (user, password, project, role) in
        [("glance", SERVICE_PASSWORD, "service", "service"), ("alice", USER_PASSWORD, "images", "member")]
    {
        let user = admin.create(url, "user", json!({"name": user, "password": password})).await;
        let project = admin.create(url, "project", json!({"name": project})).await;
        let roles = admin.get(&format!("{url}/v3/roles?name={role}")).await;
        let id = |of: &Value| of["id"].as_str().unwrap().to_owned();
        let (project, user, role) = (id(&project), id(&user), id(&roles["roles"][0]));
        admin.put(&format!("{url}/v3/projects/{project}/users/{user}/roles/{role}")).await;
    }
}

async fn log_in(url: &str) -> String {
    let user = json!({"name": "alice", "domain": {"id": "default"}});
    let scope = json!({"project": {"name": "images", "domain": {"id": "default"}}});
    Client::anonymous().log_in(url, &scoped(password_login(user, USER_PASSWORD), scope)).await
}

async fn call(service_url: &str, token: Option<&str>) -> Reply {
    let client = Client::anonymous();
    let client = if let Some(token) = token { client.with_token(token) } else { client };
    client.send(Method::GET, service_url, None).await.unwrap()
}

async fn expiry(url: &str, token: &str) -> OffsetDateTime {
    let reply = Client::admin(url).await.validate(url, token).await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.body);
    OffsetDateTime::parse(reply.body["token"]["expires_at"].as_str().unwrap(), &Iso8601::PARSING).unwrap()
}
