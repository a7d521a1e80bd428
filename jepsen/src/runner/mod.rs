//! One run: a cluster, clients, nemeses, and what was seen.
//!
//! ```text
//!   ground ─► nodes ─► bootstrap ─► prepare ─► [ clients | nemeses | samples ] ─► mend ─► last looks ─► digests
//! ```

mod plan;
mod progress;
mod rounds;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

pub use self::plan::{Plan, PlanError, planted_bugs};
pub use self::progress::Progress;
use crate::client::{Admin, Recorder, SetupError, Waiting, Worker, bootstrap};
use crate::environment::{Environment, EnvironmentError, Ground, Isolation, status};
use crate::history::History;
use crate::recording::{Recording, StoreError};
use crate::schedule::{Stream, chance, strikes};
use crate::workload::Size;

/// A cluster that is not ready by then never will be.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// A cluster has recovered by then, once everything is mended.
const RECOVERY_LIMIT: Duration = Duration::from_secs(60);
/// What is left has been looked at by then.
const LAST_LOOKS_LIMIT: Duration = Duration::from_secs(180);
/// By then all nodes have applied the same.
const LEVEL_LIMIT: Duration = Duration::from_secs(30);

/// A run that could not be carried out to its end. It says nothing about the cluster, unless a node was at fault.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The world could not be made, broken or mended.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The workload could not be prepared.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The recording could not be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Somebody has ended it.
    #[error("ended by {0}")]
    Interrupted(&'static str),
    /// The harness is at fault.
    #[error("the harness: {0}")]
    Harness(String),
}

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// What was seen.
    pub recording: Recording,
    /// The folder of the recording and of the logs of the nodes.
    pub folder: PathBuf,
}

/// Carries out a plan and keeps its recording.
///
/// # Errors
/// It could not be carried out. The logs of the nodes are kept as far as there are any.
pub fn run(plan: &Plan, progress: &Progress) -> Result<Run, RunError> {
    let ground = Ground::create(plan.settings()?)?;
    // In a thread of its own: it lives where the nodes can be reached, and so do all threads that it starts.
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || {
            ground.enter()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            let runtime = runtime.map_err(|error| RunError::Harness(error.to_string()))?;
            let outcome = runtime.block_on(carry_out(plan, ground, progress));
            runtime.shutdown_timeout(Duration::from_secs(5));
            outcome
        });
        thread.join().unwrap_or_else(|_| Err(RunError::Harness("the run has panicked".to_owned())))
    })
}

async fn carry_out(plan: &Plan, ground: Ground, progress: &Progress) -> Result<Run, RunError> {
    let environment = Arc::new(Environment::build(ground, &mut chance(plan.seed, Stream::Environment))?);
    let outcome = tokio::select! {
        outcome = with_nodes(plan, &environment, progress) => outcome,
        name = told_to_stop() => Err(RunError::Interrupted(name)),
    };
    environment.kill_all().await;
    let kept = keep_logs(plan, &environment);
    let run = outcome?;
    kept?;
    run.recording.store(&run.folder)?;
    Ok(run)
}

/// Returns at SIGINT, SIGTERM or SIGHUP, so that what was made is removed also then.
async fn told_to_stop() -> &'static str {
    let listen = |kind| signal(kind).ok();
    let (interrupt, terminate) = (listen(SignalKind::interrupt()), listen(SignalKind::terminate()));
    let (Some(mut interrupt), Some(mut terminate), Some(mut hangup)) =
        (interrupt, terminate, listen(SignalKind::hangup()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
        _ = hangup.recv() => "SIGHUP",
    }
}

async fn with_nodes(
    plan: &Plan,
    environment: &Arc<Environment>,
    progress: &Progress,
) -> Result<Run, RunError> {
    progress.says("starting the nodes");
    for node in environment.nodes() {
        environment.start(node).await?;
    }
    let first = environment.node(0).ok_or_else(|| RunError::Harness("there are no nodes".to_owned()))?;
    bootstrap(first).await?;
    status::wait_ready(environment, READY_LIMIT).await?;
    progress.says("preparing the workload");
    let mut admin = Admin::log_in(environment).await?;
    let size = Size { duration: plan.duration, clients: plan.clients };
    let load = plan.workload()?.prepare(environment, &mut admin, size).await?;

    let (recorder, waiting) = (Recorder::start(), Waiting::new(plan.nodes, plan.clients));
    let worker = |number: usize| {
        let stream = Stream::Worker(u32::try_from(number).unwrap_or(u32::MAX));
        let (recorder, waiting, chance) = (recorder.clone(), waiting.clone(), chance(plan.seed, stream));
        Worker::new(environment, recorder, waiting, admin.token.clone(), chance)
    };
    let workers: Vec<Worker> = (0..plan.clients).map(worker).collect();
    let lanes = strikes(plan.seed, plan.nemeses.len(), plan.duration);
    let rounds = rounds::Rounds { plan, environment, recorder: &recorder, progress };
    let ((), disturbances, samples) =
        tokio::join!(rounds.work(workers, load.as_ref()), rounds.strike(lanes), rounds.sample(),);
    let disturbances = disturbances?;

    progress.says("mending");
    for node in environment.nodes() {
        rounds.note_end(node).await;
    }
    environment.restore().await?;
    if let Err(error) = status::wait_ready(environment, RECOVERY_LIMIT).await {
        recorder.note(format!("the cluster has not recovered: {error}"));
    } else {
        progress.says("looking at what is left");
        let mut last = worker(plan.clients);
        if tokio::time::timeout(LAST_LOOKS_LIMIT, load.finish(&mut last)).await.is_err() {
            recorder.note(format!("the last looks took longer than {LAST_LOOKS_LIMIT:?}"));
        }
    }
    let digests = status::digests(environment, LEVEL_LIMIT).await;
    for node in environment.nodes() {
        rounds.note_end(node).await;
        for panic in node.panics() {
            recorder.note(format!("n{}: {panic}", node.number() + 1));
        }
    }
    let duration = recorder.now();
    let (operations, notes) = recorder.finish();
    let mut options = plan.options();
    if let Some(limits) = crate::environment::network::limits_of(environment.settings().isolation) {
        options.insert("limits".to_owned(), limits.to_owned());
    }
    let recording = Recording {
        workload: plan.workload.clone(),
        nemeses: plan.nemeses.clone(),
        nodes: plan.nodes,
        seed: plan.seed,
        duration,
        history: operations.into_iter().collect::<History>(),
        disturbances,
        samples,
        digests,
        options,
        notes,
    };
    Ok(Run { recording, folder: plan.folder() })
}

/// Copies the logs of the nodes to where the recording is.
fn keep_logs(plan: &Plan, environment: &Environment) -> Result<(), RunError> {
    let folder = plan.folder();
    std::fs::create_dir_all(&folder).map_err(EnvironmentError::file(&folder))?;
    for node in environment.nodes() {
        let target = folder.join(format!("n{}.log", node.number() + 1));
        if node.log_file().exists() {
            std::fs::copy(node.log_file(), &target).map_err(EnvironmentError::file(&target))?;
        }
    }
    Ok(())
}

/// What the machine allows: namespaces for root, else loopback.
#[must_use]
pub fn best_isolation() -> Isolation {
    if crate::environment::is_root() { Isolation::Namespaces } else { Isolation::Loopback }
}
