//! An application for tests, and what the tests of all worlds share.
//!
//! A crate of its own, so that the nodes of this application, which are most of what the tests are made of, are compiled
//! once and not again for every test target and every change of a test.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here is a failed test"
)]

pub mod calls;
pub mod kv;
pub mod observed;
pub mod tally;

use futures::FutureExt;
use futures::future::BoxFuture;
use keyraft_cluster::{Environment, Host, Node, NodeConfig, StartError};

use crate::kv::KeyValue;
use crate::observed::KvNode;

/// [`Node::start_on`], compiled here: a boxed future is compiled where it is made.
#[must_use]
pub fn start(
    config: NodeConfig,
    app: KeyValue,
    environment: Environment,
    host: Host,
) -> BoxFuture<'static, Result<KvNode, StartError>> {
    Node::start_on(config, app, environment, host).boxed()
}
