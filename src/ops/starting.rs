//! The admin channel of a node from before it has loaded its state.

use std::sync::OnceLock;

use async_trait::async_trait;

use super::admin::{
    AdminError, AdminOperations, BootstrapRequest, FernetKeyFiles, FernetKeys, RotateRequest,
};
use super::operations::Operations;
use super::status::ClusterStatus;
use crate::app::App;

/// The operations of a node: a status at any time, the rest once it has loaded its state.
pub struct Starting {
    /// The status until then.
    while_loading: ClusterStatus,
    operations: OnceLock<Operations>,
}

impl Starting {
    /// A node that loads its state and reports `while_loading` meanwhile.
    #[must_use]
    pub fn new(while_loading: ClusterStatus) -> Self {
        Self { while_loading, operations: OnceLock::new() }
    }

    /// The node has loaded its state. Without effect after the first call.
    pub fn loaded(&self, app: App) {
        let _ = self.operations.set(Operations(app));
    }

    fn operations(&self) -> Result<&Operations, AdminError> {
        self.operations.get().ok_or_else(|| AdminError::Unavailable(self.while_loading.reasons.join("; ")))
    }
}

#[async_trait]
impl AdminOperations for Starting {
    async fn bootstrap(&self, request: BootstrapRequest) -> Result<(), AdminError> {
        self.operations()?.bootstrap(request).await
    }

    async fn fernet_rotate(&self, request: RotateRequest) -> Result<FernetKeys, AdminError> {
        self.operations()?.fernet_rotate(request).await
    }

    async fn fernet_list(&self) -> Result<FernetKeys, AdminError> {
        self.operations()?.fernet_list().await
    }

    async fn fernet_export(&self) -> Result<FernetKeyFiles, AdminError> {
        self.operations()?.fernet_export().await
    }

    async fn status(&self) -> Result<ClusterStatus, AdminError> {
        match self.operations.get() {
            Some(operations) => operations.status().await,
            None => Ok(self.while_loading.clone()),
        }
    }

    async fn wait_linearizable_read(&self) -> Result<(), AdminError> {
        self.operations()?.wait_linearizable_read().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_loads_reports_it_and_asks_for_patience() {
        let reasons = vec!["the node loads its state".to_owned()];
        let seen = ClusterStatus { node: Some(2), ready: Some(false), reasons, ..ClusterStatus::default() };
        let starting = Starting::new(seen.clone());
        assert_eq!(starting.status().await.unwrap(), seen);
        let refused = starting.wait_linearizable_read().await.unwrap_err();
        assert!(matches!(&refused, AdminError::Unavailable(reason) if reason == "the node loads its state"));
    }
}
