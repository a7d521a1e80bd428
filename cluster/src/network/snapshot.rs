//! Snapshots on their way between nodes.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use keyraft_proto::cluster as proto;
use openraft::Snapshot;
use tonic::{Status, Streaming};

use super::rpc;
use crate::application::Application;
use crate::node::member::Member;
use crate::runtime::run_blocking;
use crate::storage::snapshot::SnapshotFile;
use crate::storage::{StorageError, StorageHandle};
use crate::types::{LogIndex, TypeConfig, Vote, Wire};

/// How long a peer waits for a snapshot to be made.
const BUILD_TIMEOUT: Duration = Duration::from_millis(50_000);

/// A snapshot as messages; the first says what it covers, and who sends it if that is a leader. It ends
/// early when the file cannot be read: the receiver then finds it incomplete.
pub(crate) fn chunks(
    vote: Option<Vote>,
    snapshot: Snapshot<TypeConfig>,
) -> impl Stream<Item = proto::SnapshotChunk> + Send + 'static {
    file_chunks(vote, *snapshot.snapshot)
}

fn file_chunks(
    vote: Option<Vote>,
    file: SnapshotFile,
) -> impl Stream<Item = proto::SnapshotChunk> + Send + 'static {
    let first = proto::SnapshotChunk {
        vote: vote.map(Wire::to_message),
        meta: Some(file.message().clone()),
        data: bytes::Bytes::new(),
    };
    let data = stream::unfold((file, 0), |(file, offset)| async move {
        if offset >= file.length_bytes() {
            return None;
        }
        let reading = file.clone();
        let chunk = run_blocking(file.is_inline(), move || reading.read_chunk(offset)).await.ok()?.ok()?;
        let next = offset + chunk.len() as u64;
        Some((proto::SnapshotChunk { data: chunk.into(), ..proto::SnapshotChunk::default() }, (file, next)))
    });
    stream::once(std::future::ready(first)).chain(data)
}

fn refused(error: impl std::fmt::Display) -> Status {
    Status::failed_precondition(format!("the snapshot is not taken: {error}"))
}

fn without_meta() -> Status {
    Status::invalid_argument("the first chunk of a snapshot does not describe it")
}

/// Installs a leader's snapshot, and returns the vote that this node obeys.
pub(crate) async fn install<A: Application>(
    member: &Member<A>,
    mut chunks: Streaming<proto::SnapshotChunk>,
) -> Result<Vote, Status> {
    let me = member.site.me();
    let first = chunks.message().await?.ok_or_else(|| Status::invalid_argument("an empty snapshot"))?;
    let vote = rpc::snapshot_vote(first.vote, me)
        .map_err(|malformed| Status::invalid_argument(malformed.to_string()))?;
    let own = member.raft.server_metrics();
    let obeyed = own.borrow().vote;
    if vote < obeyed {
        return Ok(obeyed);
    }
    // Refused here, it would be sent again without end: the node stops instead.
    let supported = member.storage.check_snapshot(&first.meta.ok_or_else(without_meta)?);
    supported.inspect_err(|error| member.storage.report_unsupported(error)).map_err(refused)?;
    let file = receive(&member.storage, chunks, || {
        // The transfer is the leader's voice, unless another leader has come.
        if vote >= own.borrow().vote {
            member.site.contact.heard_leader();
        }
    })
    .await?;
    let snapshot = Snapshot { meta: file.meta(), snapshot: Box::new(file) };
    let answer = member.raft.install_full_snapshot(vote, snapshot).await.map_err(refused)?;
    Ok(answer.vote)
}

/// Why a peer's snapshot was not kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotKept {
    /// Another version has made it. The next transfer would end alike.
    #[error(transparent)]
    Unsupported(StorageError),
    /// The transfer has failed, or what came is no snapshot.
    #[error("{}", .0.message())]
    Failed(Box<Status>),
}

impl From<Status> for NotKept {
    fn from(status: Status) -> Self {
        Self::Failed(Box::new(status))
    }
}

/// Keeps a peer's snapshot, for the next opening of the storage.
pub(crate) async fn keep<A: Application>(
    storage: &StorageHandle<A>,
    mut chunks: Streaming<proto::SnapshotChunk>,
) -> Result<(), NotKept> {
    let first = chunks.message().await?.ok_or_else(|| Status::invalid_argument("an empty snapshot"))?;
    storage.check_snapshot(&first.meta.ok_or_else(without_meta)?).map_err(NotKept::Unsupported)?;
    receive(storage, chunks, || {}).await?;
    Ok(())
}

async fn receive<A: Application>(
    storage: &StorageHandle<A>,
    mut chunks: Streaming<proto::SnapshotChunk>,
    heard: impl Fn(),
) -> Result<SnapshotFile, Status> {
    let mut receiver = storage.begin_receive_snapshot().map_err(refused)?;
    while let Some(chunk) = chunks.message().await? {
        let written = run_blocking(storage.is_inline(), move || {
            receiver.write(&chunk.data)?;
            Ok::<_, StorageError>(receiver)
        });
        receiver = written.await.map_err(refused)?.map_err(refused)?;
        heard();
    }
    let finished = run_blocking(storage.is_inline(), move || receiver.finish());
    let file = finished.await.map_err(refused)?.map_err(refused)?;
    if file.last_log_id().is_none() {
        return Err(refused("it covers nothing"));
    }
    Ok(file)
}

/// A snapshot that covers at least an index, made now if need be.
pub(crate) async fn fetch<A: Application>(
    member: &Member<A>,
    at_least_index: LogIndex,
) -> Result<impl Stream<Item = proto::SnapshotChunk> + Send + 'static, Status> {
    let newest = || member.storage.newest_snapshot().filter(|file| file.last_index() >= at_least_index);
    if let Some(file) = newest() {
        return Ok(file_chunks(None, file));
    }
    if member.publication.load().applied_index < at_least_index {
        return Err(Status::failed_precondition("this node has not applied that entry either"));
    }
    let mut data = member.raft.data_metrics();
    member.raft.trigger().snapshot().await.map_err(refused)?;
    let covers = |index: Option<LogIndex>| index.is_some_and(|index| index >= at_least_index);
    let built = data.wait_for(|data| covers(data.snapshot.map(|last| last.index)));
    let _ = tokio::time::timeout(BUILD_TIMEOUT, built).await;
    newest().map(|file| file_chunks(None, file)).ok_or_else(|| Status::unavailable("no snapshot was made"))
}
