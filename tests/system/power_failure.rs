//! All nodes killed at once under a load of writes, and started again.

use std::time::Duration;

use reqwest::Method;

use crate::support::{Client, DevCluster, eventually};
use crate::write_load::{Outcome, Write, WriteLoad, assert_all_there_once};

const RESTART_LIMIT: Duration = Duration::from_secs(60);

/// All nodes killed at once lose nothing and show nothing old.
pub async fn all_nodes_killed_at_once(cluster: &mut DevCluster) {
    let urls = cluster.urls();
    let admin = Client::admin(&urls[0]).await;
    let revoked = Client::admin(&urls[1]).await.token.unwrap();

    let load = WriteLoad::start("power", &urls, &admin);
    load.wait_for(300).await;
    admin.revoke(&urls[2], &revoked).await;
    cluster.kill_all();
    let writes = load.stop().await;
    let last = last_acknowledged(&writes);

    cluster.start_again();
    // From its first answer on, before anybody says `ready`, each node shows the last write.
    for url in &urls {
        let status = first_answer(&admin, Method::GET, &last.url(url)).await;
        assert_eq!(status, 200, "the first answer of {url} about {last:?}");
        let seen = admin.validate(url, &revoked).await.unwrap();
        assert_eq!(seen.status, 404, "{url} about a token that was revoked: {}", seen.body);
    }
    cluster.wait_ready();
    for url in &urls {
        assert_all_there_once(&writes, url, &admin).await;
    }
    cluster.wait_same_state(0).await;
}

#[derive(Debug)]
struct Last<'a> {
    write: &'a Write,
    id: &'a str,
}

impl Last<'_> {
    fn url(&self, node: &str) -> String {
        format!("{node}/v3/{}s/{}", self.write.kind, self.id)
    }
}

fn last_acknowledged(writes: &[Write]) -> Last<'_> {
    let acknowledged = writes.iter().filter_map(|write| match &write.outcome {
        Outcome::Acknowledged(id) => Some(Last { write, id }),
        _ => None,
    });
    acknowledged.max_by_key(|last| last.write.answered_at).unwrap()
}

/// The status of the first answer that is one: a node that is not there yet, or has no leader yet (503),
/// says nothing.
async fn first_answer(client: &Client, method: Method, url: &str) -> u16 {
    eventually(&format!("{url} answers"), RESTART_LIMIT, async || {
        let reply = client.send(method.clone(), url, None).await.ok()?;
        (reply.status != 503).then_some(reply.status)
    })
    .await
}
