//! `keyraft fernet`

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use keyraft::config::Config;
use keyraft::ops::admin::{FernetKeyRole, FernetKeys, RotateRequest};

use super::admin_client::AdminClient;
use super::failure::Failure;
use super::{output, private_file, table};

/// Rotate, list or export the keys that tokens are made with.
#[derive(Debug, Args)]
pub struct FernetArgs {
    #[command(subcommand)]
    command: FernetCommand,
}

#[derive(Debug, Subcommand)]
enum FernetCommand {
    /// Make tokens with the next key from now on, on all nodes at once.
    ///
    /// Tokens made with older keys stay valid until they end: a key is dropped only when no valid
    /// token can need it. With --compromised, the older keys are dropped now, and the tokens that were
    /// made with them are valid no more.
    Rotate {
        #[command(flatten)]
        node: NodeArgs,
        /// Drop the older keys at once, and with them every token they made
        #[arg(long)]
        compromised: bool,
    },
    /// Write the keys as the files of a Keystone key repository, for a Keystone that is to share tokens.
    ///
    /// The files hold secrets: whoever has them can make any token. They are readable by their owner
    /// alone. After each rotation they have to be exported again.
    Export {
        /// The configuration of the node to ask, as given to `keyraft serve`
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// The folder to write; it is made if it is missing
        folder: PathBuf,
    },
    /// List the keys, never their secrets.
    List {
        #[command(flatten)]
        node: NodeArgs,
    },
}

#[derive(Debug, Args)]
struct NodeArgs {
    /// The configuration of the node to ask, as given to `keyraft serve`
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub fn run(args: &FernetArgs) -> Result<(), Failure> {
    let (node, compromised) = match &args.command {
        FernetCommand::Rotate { node, compromised } => (node, Some(*compromised)),
        FernetCommand::List { node } => (node, None),
        FernetCommand::Export { config, folder } => return export(config, folder),
    };
    let client = client(&node.config)?;
    let keys = super::block_on(async {
        let keys = match compromised {
            Some(compromised) => client.fernet_rotate(RotateRequest { compromised }).await,
            None => client.fernet_list().await,
        };
        keys.map_err(Failure::from)
    })?;
    if node.json {
        return output::line(serde_json::to_string_pretty(&keys).map_err(Failure::runtime)?);
    }
    output::line(render(&keys))
}

fn client(config: &Path) -> Result<AdminClient, Failure> {
    Ok(AdminClient::new(&Config::load(config)?.admin_socket()))
}

fn export(config: &Path, folder: &Path) -> Result<(), Failure> {
    let client = client(config)?;
    let keys = super::block_on(async { client.fernet_export().await.map_err(Failure::from) })?;
    let unwritable = |error| Failure::runtime(error).within(format_args!("cannot use {}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
    for file in &keys.files {
        private_file::write(&folder.join(&file.name), file.content.expose())?;
    }
    output::line(format_args!("{} keys in {}", keys.files.len(), folder.display()))
}

fn render(keys: &FernetKeys) -> String {
    let mut rows = vec![["key", "role", "created at", "needed until"].map(str::to_owned).to_vec()];
    let absent = || "-".to_owned();
    for key in &keys.keys {
        let role = match key.role {
            FernetKeyRole::Staged => "staged",
            FernetKeyRole::Primary => "primary",
            FernetKeyRole::Secondary => "secondary",
        };
        rows.push(vec![
            key.number.to_string(),
            role.to_owned(),
            key.created_at.clone().unwrap_or_else(absent),
            key.needed_until.clone().unwrap_or_else(absent),
        ]);
    }
    table::render(&rows)
}
