//! `keyraft dev`: a cluster of child processes on this machine.

mod bring_up;
mod children;
mod folder;
mod made_with;
mod node_config;
mod openrc;
mod options;
mod ports;

use std::path::PathBuf;

use clap::Args;
use keyraft::config::{LogFormat, MAX_PEERS};
use keyraft::ops::admin::Secret;
use keyraft::ops::logging;
use rustix::fs::Mode;
use rustix::process::umask;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::failure::Failure;
use super::output;
use bring_up::BringUp;
use children::{Children, Exit};
use folder::DevFolder;
use made_with::MadeWith;
use options::NodeOptions;

/// Run a whole cluster on this machine, to try Keyraft or to develop against it.
///
/// Starts N nodes on 127.0.0.1, each a process of its own, over plain HTTP. On the first start it
/// makes an admin user, and writes what clients need to log in to DIR/openrc. When everything works it
/// prints a line that starts with "ready"; Ctrl-C stops it. Started again on the same folder, it goes
/// on where it was.
///
///   keyraft dev
///   source keyraft-data/openrc
///   openstack token issue
///
/// Node 0 serves its API on port P, node 1 on P+1, and so on; among themselves they use the ports from
/// P+100. To see a cluster survive: kill -9 the process in DIR/node-1/pid, and bring it back with
/// `keyraft serve --config DIR/node-1/config.toml`.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct DevArgs {
    /// How many nodes, 1 to 9 [default: 3, or what DIR was made with]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_PEERS as i64))]
    pub nodes: Option<u16>,
    /// Where the nodes keep their data
    #[arg(long, value_name = "DIR", default_value = "./keyraft-data")]
    pub data_dir: PathBuf,
    /// The API of node 0; the others follow [default: 5000, or what DIR was made with]
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..=made_with::MAX_HTTP_PORT))]
    pub http_port: Option<u16>,
    /// The password of the user admin; given for a folder that exists, it is set anew [default:
    /// keyraft]
    #[arg(long, value_name = "PW", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub admin_password: Option<String>,
    /// An option of keyraft.sample.toml that the configuration of every node gets; repeatable
    ///
    /// The value is one of TOML; a string needs no quotes:
    ///   --set token.expiration_s=900 --set log.level=debug --set 'auth.methods=["password", "token"]'
    /// A relative path is taken from the folder of each node. A folder that exists was made with its options: give the
    /// same or none, and change DIR/node-*/config.toml for others.
    #[arg(long, value_name = "SECTION.KEY=VALUE", verbatim_doc_comment)]
    pub set: Vec<String>,
}

const DEFAULT_ADMIN_PASSWORD: &str = "keyraft";

pub fn run(args: &DevArgs) -> Result<(), Failure> {
    let _log = logging::start("info", LogFormat::Auto)?;
    umask(Mode::RWXG | Mode::RWXO);
    // Before there is a folder, so that a mistake leaves none.
    let options = NodeOptions::parse(&args.set)?;
    let folder = DevFolder::open(&args.data_dir)?;
    let asked = MadeWith { nodes: args.nodes, http_port: args.http_port, options };
    let record = folder.made_with(asked)?;
    ports::check(record.shape())?;
    let nodes = folder.prepare(&record)?;
    let password = match &args.admin_password {
        Some(password) => Some(password.clone()),
        None if folder.needs_bootstrap(&nodes) => Some(DEFAULT_ADMIN_PASSWORD.to_owned()),
        None => None,
    };
    let bring_up = BringUp { nodes, folder, password: password.map(Secret::from) };
    // The kernel ends the children with the *thread* that started them, so all of this stays on one.
    super::block_on(run_nodes(bring_up))
}

async fn run_nodes(bring_up: BringUp) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let mut children = Children::start(&bring_up.nodes)?;
    let ended = watch(&bring_up, &mut children, &mut stop).await;
    children.stop(&mut stop).await;
    ended
}

/// Returns when the cluster is to stop: on a signal, or because it cannot start.
async fn watch(bring_up: &BringUp, children: &mut Children, stop: &mut StopSignals) -> Result<(), Failure> {
    let mut is_ready = false;
    let readiness = bring_up.run();
    tokio::pin!(readiness);
    loop {
        tokio::select! {
            biased;
            () = stop.recv() => return Ok(()),
            exit = children.next_exit() => match exit.failure() {
                Some(failure) if !is_ready => return Err(failure),
                _ => report(&exit, bring_up),
            },
            outcome = &mut readiness, if !is_ready => {
                outcome?;
                is_ready = true;
                output::line(bring_up.ready_line())?;
            }
        }
    }
}

fn report(exit: &Exit, bring_up: &BringUp) {
    let config = bring_up.nodes.iter().find(|node| node.number == exit.number).map(|node| node.config_file());
    let config = config.unwrap_or_default();
    tracing::error!("{exit}; to restart it: keyraft serve --config {}", config.display());
}

/// SIGINT and SIGTERM.
pub struct StopSignals {
    interrupt: Signal,
    terminate: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::runtime(error).within("cannot hear signals"));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns when one has come. Cancel-safe.
    pub async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
