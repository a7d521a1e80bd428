//! `keyraft serve`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use keyraft::config::Config;
use keyraft::ops::logging;
use keyraft::serve::Stop;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use super::failure::Failure;
use super::folder_lock::FolderLock;
use super::{output, parent, restart};

/// Run one node, as its configuration says.
///
/// The nodes that the configuration lists under cluster.peers form a cluster when they first meet;
/// more than half of them have to run for anything to be read or written. SIGTERM and SIGINT stop the
/// node cleanly, after http.shutdown_delay_s in which GET /ready returns 503; a second one ends it at once. SIGHUP has
/// it read its policy files again. A node whose state is found to differ from the leader's starts itself again, at most
/// three times in a row, and takes a snapshot of another node. The file keyraft.sample.toml documents the configuration.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The configuration of the node, a TOML file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The process of `keyraft dev` that started this one and hears its last words on standard output.
    #[arg(long, value_name = "PID", hide = true)]
    child_of: Option<u32>,
}

/// What is still running when the node has stopped gets this long to end.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(5);

/// How a node ends that ends well.
enum End {
    Stopped,
    /// The process is to be replaced; the count is that of [`restart::after`].
    Restart {
        count: u32,
    },
}

pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let outcome = match run_node(args) {
        Ok(End::Stopped) => Ok(()),
        // Not earlier: by now the log is written and the folder is free.
        Ok(End::Restart { count }) => Err(restart::exec(count)),
        Err(failure) => Err(failure),
    };
    if let (Some(_), Err(failure)) = (args.child_of, &outcome) {
        // The log may lie on a full disk; the pipe to the parent does not.
        let _ = output::line(failure);
    }
    outcome
}

/// Plants the bug that the environment names, and says so.
#[cfg(feature = "chaos")]
fn plant_bug() -> Result<(), Failure> {
    use keyraft_cluster::planted::{VARIABLE, plant};

    match plant() {
        Ok(None) => {}
        Ok(Some(bug)) => tracing::warn!(?bug, "a bug is planted: this build is for the harness alone"),
        Err(name) => return Err(Failure::usage(format!("{VARIABLE}: there is no bug {name:?}"))),
    }
    Ok(())
}

fn run_node(args: &ServeArgs) -> Result<End, Failure> {
    if let Some(parent) = args.child_of {
        parent::die_with(parent)?;
    }
    // What a node writes is for its own user alone.
    umask(Mode::RWXG | Mode::RWXO);
    let config = Config::load(&args.config)?;
    let _log = logging::start(&config.log.level, config.log.format)?;
    #[cfg(feature = "chaos")]
    plant_bug()?;
    let _lock = FolderLock::acquire(&config.node.data_dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(error).within("cannot start"))?;
    let outcome = runtime.block_on(run_until_stopped(config, args.child_of.is_some()));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    outcome
}

async fn run_until_stopped(config: Config, is_child: bool) -> Result<End, Failure> {
    let started = Instant::now();
    let stop = Stop::default();
    tokio::spawn(stop_on_signal(is_child, stop.clone())?);
    let (number, listen) = (config.node.id, config.http.listen);
    tracing::info!(number, data_dir = %config.node.data_dir.display(), "starting");
    let ready = move || tracing::info!(number, %listen, "serving");
    let Err(error) = keyraft::serve::run(config, ready, stop.clone()).await else {
        tracing::info!(number, "stopped");
        return Ok(End::Stopped);
    };
    match restart::after(&error, started.elapsed(), restart::count()) {
        Some(count) if !stop.asked.is_cancelled() => {
            tracing::error!(number, %error, count, "starting again, to replace the state with another node's");
            Ok(End::Restart { count })
        }
        _ => Err(Failure::runtime(error)),
    }
}

/// Stops the node on SIGTERM or SIGINT, and on the second of them at once. The SIGINT of a terminal reaches the whole process group: a
/// child of `keyraft dev` leaves it to its parent.
fn stop_on_signal(is_child: bool, stop: Stop) -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let listen = |kind| signal(kind).map_err(|error| Failure::runtime(error).within("cannot hear signals"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if is_child && name == "SIGINT" {
                continue;
            }
            if stop.asked.is_cancelled() {
                tracing::warn!(signal = name, "stopping at once");
                stop.at_once.cancel();
            } else {
                tracing::info!(signal = name, "stopping");
                stop.asked.cancel();
            }
        }
    })
}
