//! Which binary is driven, and where.

use std::path::PathBuf;

use clap::Args;

use crate::environment::Isolation;
use crate::runner::best_isolation;

/// Which binary is driven, and where.
#[derive(Clone, Debug, Args)]
pub struct UnderTest {
    /// The keyraft binary to test
    #[arg(long, value_name = "FILE", env = "KEYRAFT_BINARY", default_value = "target/release/keyraft")]
    pub binary: PathBuf,
    /// Run on ports of the loopback interface even as root
    #[arg(long)]
    pub loopback: bool,
    /// Where the folders of recordings are made
    #[arg(long, value_name = "FOLDER", default_value = "target/jepsen")]
    pub output: PathBuf,
}

impl UnderTest {
    /// What keeps the nodes apart.
    #[must_use]
    pub fn isolation(&self) -> Isolation {
        if self.loopback { Isolation::Loopback } else { best_isolation() }
    }

    /// The binary, by a path that holds in any folder.
    #[must_use]
    pub fn binary(&self) -> PathBuf {
        self.binary.canonicalize().unwrap_or_else(|_| self.binary.clone())
    }
}
