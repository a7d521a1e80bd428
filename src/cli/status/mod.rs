//! `keyraft status`

mod health;
mod render;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use keyraft::config::Config;
use keyraft::ops::status::{ClusterStatus, STATUS_PATH};
use reqwest::StatusCode;

use super::admin_client::AdminClient;
use super::failure::Failure;
use super::output;
use health::Health;

/// Show the cluster as one node sees it: leader, quorum, and how far each node is.
///
/// With --config it asks the node on this machine over its admin socket, as the user that runs the node, and needs
/// neither a token nor a leader. With --url it asks any node, which outside of `keyraft dev` wants a token, unless its
/// configuration has operations.status_without_credentials.
///
/// Exit codes: 0 the node serves, and all members of the cluster are there; 1 a majority of the voters is there, but
/// the node is not ready, or a member is missing, a learner that should be a voter, or differs from the others; 2 there
/// is no majority as far as the node knows, the node does not respond, or the arguments or the configuration are wrong.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The configuration of the node to ask, as given to `keyraft serve`
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    config: Option<PathBuf>,
    /// The URL of the node, where --config is not given
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:5000")]
    url: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Repeat it every so many seconds until it is interrupted; the exit code is that of the last status
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=3600)
    )]
    watch: Option<u64>,
    /// A token, for a node that wants one
    #[arg(long, value_name = "TOKEN", env = "OS_TOKEN", hide_env_values = true)]
    os_token: Option<String>,
}

/// How long the node may take to respond.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Clears a terminal.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// The node that is asked.
enum Asked {
    Socket(AdminClient),
    Url { client: reqwest::Client, url: String, token: Option<String> },
}

pub fn run(args: &StatusArgs) -> Result<ExitCode, Failure> {
    let asked = Asked::of(args)?;
    super::block_on(async {
        match args.watch {
            None => show(args, &asked.status().await?).map(ExitCode::from),
            Some(seconds) => watch(args, &asked, Duration::from_secs(seconds)).await,
        }
    })
}

/// Shows one status after the other until SIGINT.
async fn watch(args: &StatusArgs, asked: &Asked, interval: Duration) -> Result<ExitCode, Failure> {
    let mut code = Health::Down.exit_code();
    let is_terminal = std::io::stdout().is_terminal();
    let interrupted = tokio::signal::ctrl_c();
    let rounds = async {
        loop {
            let status = asked.status().await;
            if is_terminal && !args.json {
                output::line(CLEAR)?;
            }
            match status {
                Ok(status) => code = show(args, &status)?,
                Err(failure) => {
                    output::error_line(&failure);
                    code = Health::Down.exit_code();
                }
            }
            tokio::time::sleep(interval).await;
        }
    };
    tokio::select! {
        failed = rounds => failed,
        // A process that cannot hear the signal is ended by it.
        _ = interrupted => Ok(ExitCode::from(code)),
    }
}

/// Prints a status; returns its exit code.
fn show(args: &StatusArgs, status: &ClusterStatus) -> Result<u8, Failure> {
    let (health, problems) = health::of(status);
    if args.json {
        let text = match args.watch {
            None => serde_json::to_string_pretty(status),
            // A line for each.
            Some(_) => serde_json::to_string(status),
        };
        output::line(text.map_err(Failure::runtime)?)?;
    } else {
        output::line(render::text(status, &problems))?;
    }
    Ok(health.exit_code())
}

impl Asked {
    fn of(args: &StatusArgs) -> Result<Self, Failure> {
        if let Some(config) = &args.config {
            return Ok(Self::Socket(AdminClient::new(&Config::load(config)?.admin_socket())));
        }
        let base = args.url.trim_end_matches('/').trim_end_matches("/v3");
        let url = format!("{base}{STATUS_PATH}");
        // A proxy for the web is not the way to a node.
        let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build();
        let client = client.map_err(|error| Failure::usage(chain(&error)).within(&url))?;
        Ok(Self::Url { client, url, token: args.os_token.clone() })
    }

    /// # Errors
    /// With the exit code of a cluster that is down.
    async fn status(&self) -> Result<ClusterStatus, Failure> {
        let status = match self {
            Self::Socket(client) => client.status().await.map_err(Failure::from),
            Self::Url { client, url, token } => {
                fetch(client, url, token.as_deref()).await.map_err(|failure| failure.within(url))
            }
        };
        status.map_err(|failure| failure.with_code(Health::Down.exit_code()))
    }
}

async fn fetch(client: &reqwest::Client, url: &str, token: Option<&str>) -> Result<ClusterStatus, Failure> {
    let failed = |error: reqwest::Error| Failure::runtime(chain(&error));
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.header("X-Auth-Token", token);
    }
    let response = request.send().await.map_err(failed)?;
    match response.status() {
        status if status.is_success() => response.json().await.map_err(failed),
        StatusCode::UNAUTHORIZED => Err(Failure::runtime(
            "the node wants a token (--os-token, OS_TOKEN), or use --config on its machine",
        )),
        status => {
            Err(Failure::runtime(format_args!("the node responded {status}; try --config on its machine")))
        }
    }
}

/// The innermost cause is the most specific: "connection refused".
fn chain(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: StatusArgs,
    }

    #[test]
    fn watch_has_a_default_interval_and_takes_another() {
        let watch = |line: &str| Line::parse_from(line.split_whitespace()).args.watch;
        assert_eq!(watch("status"), None);
        assert_eq!(watch("status --watch"), Some(2));
        assert_eq!(watch("status --watch 5 --json"), Some(5));
        assert_eq!(watch("status --watch --json"), Some(2));
    }

    #[test]
    fn a_node_that_does_not_respond_has_the_exit_code_of_a_cluster_that_is_down() {
        let folder = tempfile::tempdir().unwrap();
        let asked = Asked::Socket(AdminClient::new(&folder.path().join("admin.sock")));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let failure = runtime.block_on(asked.status()).unwrap_err();
        assert_eq!(format!("{:?}", failure.exit_code()), format!("{:?}", ExitCode::from(2)));
        assert!(failure.to_string().starts_with("no node runs behind "), "{failure}");
    }
}
