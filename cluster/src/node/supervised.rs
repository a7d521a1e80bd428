//! The tasks of a node, watched: one that panics, or ends although it should not, stops the node with that reason.
//!
//! A node without its packer would lead and take no write, one without its election task would never be elected; nobody
//! awaits these tasks, so nobody would notice.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;

use super::fault::Fault;
use super::site::Site;

/// Time for another fault to be raised: a task that ends because consensus has stopped is not the reason for that.
const REASON_GRACE: Duration = Duration::from_secs(1);

/// Runs a task until the node stops, which cuts it off. Its end before that is a fault.
pub(crate) fn forever(
    site: &Arc<Site>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let site = Arc::clone(site);
    tokio::spawn(async move {
        tokio::select! {
            biased;
            () = site.stopping.cancelled() => {}
            ended = AssertUnwindSafe(task).catch_unwind() => match ended {
                Ok(()) => ended_early(&site, name).await,
                Err(_) => panicked(&site, name),
            }
        }
    })
}

/// Runs a task that ends by itself when the node stops, in its own time. Its end before that is a fault.
pub(crate) fn until_stopped(
    site: &Arc<Site>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let site = Arc::clone(site);
    tokio::spawn(async move {
        match AssertUnwindSafe(task).catch_unwind().await {
            Ok(()) => ended_early(&site, name).await,
            Err(_) => panicked(&site, name),
        }
    })
}

/// Runs a task that may end at any time. Only its panic is a fault.
pub(crate) fn once(
    site: &Arc<Site>,
    name: &'static str,
    task: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let site = Arc::clone(site);
    tokio::spawn(async move {
        if AssertUnwindSafe(task).catch_unwind().await.is_err() {
            panicked(&site, name);
        }
    })
}

async fn ended_early(site: &Site, name: &'static str) {
    tokio::select! {
        biased;
        () = site.stopping.cancelled() => {}
        _ = site.faults.raised() => {}
        () = tokio::time::sleep(REASON_GRACE) => {
            site.faults.raise(Fault::Task { name, reason: "it ended" });
        }
    }
}

/// Raises the fault without the message of the panic, which may contain anything and has been printed.
fn panicked(site: &Site, name: &'static str) {
    site.faults.raise(Fault::Task { name, reason: "it panicked" });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::NodeConfig;
    use crate::environment::Environment;
    use crate::host::Host;

    fn site() -> Arc<Site> {
        Site::new(NodeConfig::default(), Environment::system().unwrap(), &Host::system())
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_stops_the_node() {
        let site = site();
        forever(&site, "a task", async { panic!("as the test wants") });
        assert_eq!(site.faults.raised().await, Fault::Task { name: "a task", reason: "it panicked" });
        let other = self::site();
        once(&other, "another", async { panic!("as the test wants") }).await.unwrap();
        assert_eq!(other.faults.first(), Some(Fault::Task { name: "another", reason: "it panicked" }));
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_although_the_node_runs_stops_it() {
        for start in [forever, until_stopped] {
            let site = site();
            start(&site, "a task", async {}).await.unwrap();
            assert_eq!(site.faults.first(), Some(Fault::Task { name: "a task", reason: "it ended" }));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_after_a_fault_is_not_the_reason() {
        let site = site();
        let fault = Fault::Consensus { reason: "as the test wants".to_owned() };
        let task = forever(&site, "a task", async {});
        tokio::task::yield_now().await;
        site.faults.raise(fault.clone());
        task.await.unwrap();
        assert_eq!(site.faults.first(), Some(fault));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_is_no_fault_and_neither_is_the_end_of_what_may_end() {
        let site = site();
        once(&site, "it may end", async {}).await.unwrap();
        let stopping = site.stopping.clone();
        let tasks = [
            forever(&site, "a task", std::future::pending()),
            until_stopped(&site, "its own stop", async move { stopping.cancelled().await }),
        ];
        site.stopping.cancel();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(site.faults.first(), None);
    }
}
