//! From started processes to a cluster that serves.

use std::time::Duration;

use keyraft::ops::admin::{BootstrapRequest, Secret};

use super::super::admin_client::{AdminCallError, AdminClient};
use super::super::failure::Failure;
use super::super::private_file;
use super::folder::{DevFolder, DevNode};
use super::openrc;

/// A cluster to be made ready.
pub struct BringUp {
    pub nodes: Vec<DevNode>,
    pub folder: DevFolder,
    /// The password that the admin user is given; `None` when it has one.
    pub password: Option<Secret>,
}

/// A cluster that is not ready by then never will be.
const READY_LIMIT: Duration = Duration::from_secs(300);
/// How often the user is told what is being waited for.
const REMINDER: Duration = Duration::from_secs(15);
/// Pause between two tries of what failed because nodes still start.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

const USERNAME: &str = "admin";
const PROJECT: &str = "admin";
const REGION: &str = "RegionOne";
/// Each node puts its own URL into the catalog, so that clients stay with the node they have chosen.
const ENDPOINT_URL: &str = "$(public_endpoint)s/v3";

impl BringUp {
    /// Returns when there is a leader, the admin user is there, and every node has served a linearizable
    /// read after that.
    ///
    /// # Errors
    /// The nodes do not get that far, or `openrc` cannot be written.
    pub async fn run(&self) -> Result<(), Failure> {
        let steps = async {
            if let Some(password) = &self.password {
                self.bootstrap(password).await?;
                let text = openrc::text(&self.auth_url(), USERNAME, password.expose(), PROJECT, REGION);
                private_file::write(&self.folder.openrc(), &text)?;
            }
            for node in &self.nodes {
                self.wait_for_read(node).await?;
            }
            Ok(())
        };
        tokio::time::timeout(READY_LIMIT, steps).await.unwrap_or_else(|_| {
            let seconds = READY_LIMIT.as_secs();
            Err(Failure::runtime(format_args!("the cluster was not ready within {seconds} seconds")))
        })
    }

    /// What the user is told when all is well.
    pub fn ready_line(&self) -> String {
        let count = match self.nodes.len() {
            1 => "1 node".to_owned(),
            count => format!("{count} nodes"),
        };
        format!("ready  {}  {count}  source {}", self.auth_url(), self.folder.openrc().display())
    }

    fn auth_url(&self) -> String {
        let url = self.nodes.first().map(|node| node.url.as_str()).unwrap_or_default();
        format!("{url}/v3")
    }

    /// Any node will do; a node that was killed meanwhile must not hold the others up.
    async fn bootstrap(&self, password: &Secret) -> Result<(), Failure> {
        let request = BootstrapRequest {
            username: USERNAME.to_owned(),
            password: password.clone(),
            project_name: PROJECT.to_owned(),
            role_name: "admin".to_owned(),
            service_name: "keystone".to_owned(),
            region_id: Some(REGION.to_owned()),
            public_url: Some(ENDPOINT_URL.to_owned()),
            internal_url: Some(ENDPOINT_URL.to_owned()),
            admin_url: Some(ENDPOINT_URL.to_owned()),
            immutable_roles: true,
        };
        let clients: Vec<_> = self.nodes.iter().map(|node| AdminClient::new(&node.admin_socket)).collect();
        let mut turn = clients.iter().cycle();
        let waiting = "the admin user cannot be made yet";
        retry(waiting, async || match turn.next() {
            Some(client) => client.bootstrap(&request).await,
            None => Ok(()),
        })
        .await
    }

    async fn wait_for_read(&self, node: &DevNode) -> Result<(), Failure> {
        let client = AdminClient::new(&node.admin_socket);
        let waiting = format!("node {} cannot serve a read yet", node.number);
        retry(&waiting, async || client.wait_linearizable_read().await).await
    }
}

/// Calls until the call succeeds or can never succeed. The caller sets the limit.
async fn retry(
    waiting: &str,
    mut call: impl AsyncFnMut() -> Result<(), AdminCallError>,
) -> Result<(), Failure> {
    let mut next_reminder = tokio::time::Instant::now() + REMINDER;
    loop {
        match call().await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_transient() => {
                if tokio::time::Instant::now() >= next_reminder {
                    tracing::warn!("{waiting}: {error}");
                    next_reminder += REMINDER;
                }
            }
            Err(error) => return Err(Failure::from(error).within(waiting)),
        }
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}
