//! `keyraft planted-bugs`: which bugs this build can have.

use clap::Args;
use keyraft_cluster::Bug;

use super::failure::Failure;
use super::output;

/// List the bugs that this build has when the environment variable `KEYRAFT_PLANTED_BUG` names one
#[derive(Clone, Copy, Debug, Args)]
pub struct PlantedBugsArgs {}

/// Writes their names, one in a line.
///
/// # Errors
/// Standard output is closed or full.
pub fn run(_: &PlantedBugsArgs) -> Result<(), Failure> {
    Bug::ALL.iter().try_for_each(|(name, _)| output::line(name))
}
