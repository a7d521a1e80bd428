//! What a node does for its operator over the admin channel.

use std::time::Duration;

use async_trait::async_trait;
use keyraft_proto::identity as proto;
use proto::command::Kind;

use super::admin::{
    AdminError, AdminOperations, BootstrapRequest, FernetKey, FernetKeyFile, FernetKeyFiles, FernetKeyRole,
    FernetKeys, RotateRequest, Secret,
};
use super::status::{self, ClusterStatus};
use crate::app::App;
use crate::bootstrap;
use crate::clock_text::iso_micros_utc;
use crate::http::ApiError;
use crate::keys::FERNET_CONTEXT;
use crate::keys::fernet_repository::{FernetKeySet, KeyFile, STAGED_KEY};
use crate::state::{State, decode_answer};
use crate::token::fernet::FernetKey as Key;

/// A status that takes longer will not come: what it asks for takes a second.
const STATUS_LIMIT: Duration = Duration::from_secs(3);

/// The operations of one node.
pub struct Operations(pub App);

impl From<ApiError> for AdminError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Unavailable(reason) => Self::Unavailable(reason),
            ApiError::Internal(reason) => Self::Failed(reason),
            other => Self::Invalid(other.to_string()),
        }
    }
}

impl Operations {
    async fn run(&self, kind: Kind) -> Result<(), AdminError> {
        let proposed = self.0.propose(kind).await?;
        decode_answer(&proposed.answer).map_err(ApiError::from)?;
        Ok(())
    }

    fn new_sealed_key(&self) -> bytes::Bytes {
        let key = Key::generate(&*self.0.environment.random);
        self.0.seal(FERNET_CONTEXT, &*key.to_bytes())
    }
}

#[async_trait]
impl AdminOperations for Operations {
    async fn bootstrap(&self, request: BootstrapRequest) -> Result<(), AdminError> {
        self.run(Kind::SetUpFernetKeys(proto::SetUpFernetKeys {
            sealed_primary_key: self.new_sealed_key(),
            sealed_staged_key: self.new_sealed_key(),
            policy: Some(self.0.key_policy()),
        }))
        .await?;
        let command = bootstrap::request::command(&self.0, request).await?;
        self.run(Kind::Bootstrap(command)).await
    }

    async fn fernet_rotate(&self, request: RotateRequest) -> Result<FernetKeys, AdminError> {
        let policy = Some(self.0.key_policy());
        let sealed_staged_key = self.new_sealed_key();
        let kind = if request.compromised {
            let sealed_primary_key = self.new_sealed_key();
            Kind::ReplaceFernetKeys(proto::ReplaceFernetKeys {
                sealed_primary_key,
                sealed_staged_key,
                policy,
            })
        } else {
            Kind::RotateFernetKeys(proto::RotateFernetKeys { sealed_staged_key, policy, interval_ms: None })
        };
        self.run(kind).await?;
        self.fernet_list().await
    }

    async fn fernet_list(&self) -> Result<FernetKeys, AdminError> {
        let published = self.0.node.read().await.map_err(ApiError::from)?;
        Ok(list(&published.state))
    }

    async fn fernet_export(&self) -> Result<FernetKeyFiles, AdminError> {
        let published = self.0.node.read().await.map_err(ApiError::from)?;
        let Some(record) = published.state.keys.fernet_keys() else {
            return Err(AdminError::Invalid("there are no Fernet keys yet: bootstrap the cluster".into()));
        };
        let mut keys = FernetKeySet::from(&**record)
            .open(&self.0.cluster_key, FERNET_CONTEXT)
            .map_err(|error| AdminError::Failed(error.to_string()))?;
        keys.sort_by_key(|(number, _)| *number);
        let files = keys.iter().map(|(number, key)| {
            let file = KeyFile::new(*number, key);
            FernetKeyFile { name: file.name, content: Secret::from(file.content.to_string()) }
        });
        Ok(FernetKeyFiles { files: files.collect() })
    }

    async fn status(&self) -> Result<ClusterStatus, AdminError> {
        soon(status::report(&self.0)).await
    }

    async fn wait_linearizable_read(&self) -> Result<(), AdminError> {
        self.0.node.read().await.map_err(ApiError::from)?;
        Ok(())
    }
}

/// What `status` finds, if it does within [`STATUS_LIMIT`].
async fn soon(status: impl Future<Output = ClusterStatus>) -> Result<ClusterStatus, AdminError> {
    let seconds = STATUS_LIMIT.as_secs();
    let late = |_| AdminError::Failed(format!("the node found out nothing within {seconds} seconds"));
    tokio::time::timeout(STATUS_LIMIT, status).await.map_err(late)
}

fn list(state: &State) -> FernetKeys {
    let Some(set) = state.keys.fernet_keys() else { return FernetKeys { keys: Vec::new() } };
    let primary = set.keys.iter().map(|key| key.number).max();
    let mut keys: Vec<FernetKey> = set
        .keys
        .iter()
        .map(|key| FernetKey {
            number: key.number,
            role: match key.number {
                STAGED_KEY => FernetKeyRole::Staged,
                number if Some(number) == primary => FernetKeyRole::Primary,
                _ => FernetKeyRole::Secondary,
            },
            created_at: Some(iso_micros_utc(key.created_ms)),
            needed_until: key.demoted_ms.map(|at_ms| iso_micros_utc(at_ms.saturating_add(key.retention_ms))),
        })
        .collect();
    keys.sort_by_key(|key| key.number);
    FernetKeys { keys }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_status_that_does_not_come_is_an_error_within_seconds() {
        let started = Instant::now();
        let late = soon(std::future::pending()).await.unwrap_err();
        assert_eq!(started.elapsed(), STATUS_LIMIT);
        assert_eq!(late.to_string(), "the node found out nothing within 3 seconds");
    }
}
