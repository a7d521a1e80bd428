//! Writes that are large: the log outgrows its limit, and the nodes take snapshots.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::client::{Address, Connection, PASSWORD, Request, log_in};
use crate::environment::{Environment, Node};

/// Of one large write; a request may be a little larger.
pub const WRITE_BYTES: usize = 100_000;
/// More than the log may have before a snapshot is taken.
const MOST_WRITES: usize = 80;
const LIMIT: Duration = Duration::from_secs(5);
/// A snapshot is on the disk by then.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);

/// Writes until a node has a snapshot; whether it has one in the end.
pub async fn until_snapshot(environment: &Environment, node: &Node) -> bool {
    let folder = node.data().join("snapshots");
    let has_one = || std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some());
    let until = Instant::now() + SNAPSHOT_LIMIT;
    for asked in environment.nodes().iter().cycle().take(environment.nodes().len() * 2) {
        if has_one() || Instant::now() > until {
            break;
        }
        // Nodes may be down or cut off; what was written through one need not be written again.
        let is_enough = || has_one() || Instant::now() > until;
        let _ = write_through(asked, WRITE_BYTES, MOST_WRITES, &is_enough).await;
    }
    while !has_one() && Instant::now() < until {
        sleep(PAUSE).await;
    }
    has_one()
}

/// Makes a user if it is not there, and writes so many bytes to it so many times, or until that is enough; nothing where
/// the node did not answer.
pub async fn write_through(
    node: &Node,
    bytes: usize,
    most_writes: usize,
    is_enough: &impl Fn() -> bool,
) -> Option<()> {
    let mut connection = Connection::new(Address::Tcp(node.http()));
    let token = connection.send(&log_in("admin", PASSWORD, Some("admin")), LIMIT).await.ok()?.token?;
    let user = json!({ "user": { "name": "ballast", "domain_id": "default" } });
    // Already there is as good.
    connection.send(&Request::post("/v3/users", &user).by(&token), LIMIT).await.ok()?;
    let found = connection.send(&Request::get("/v3/users?name=ballast").by(&token), LIMIT).await.ok()?;
    let id = found.json().get("users")?.get(0)?.get("id")?.as_str()?.to_owned();
    for count in 0..most_writes {
        if is_enough() {
            break;
        }
        let ballast = format!("{count}{}", "x".repeat(bytes));
        let request = Request::patch(format!("/v3/users/{id}"), &json!({ "user": { "ballast": ballast } }));
        connection.send(&request.by(&token), LIMIT).await.ok()?;
    }
    Some(())
}
