//! `keyraft-jepsen run`

use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::UnderTest;
use crate::environment::sweep;
use crate::runner::{Plan, Progress, Run, RunError, run as carry_out};
use crate::{nemesis, workload};

/// Run one workload while nemeses strike, and keep what was seen.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What the clients do
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(workload::ALL.iter().map(|(name, _)| *name)))]
    workload: String,
    /// What breaks meanwhile, by names with commas between them
    #[arg(long, value_name = "NAME,..", value_delimiter = ',',
        value_parser = PossibleValuesParser::new(nemesis::ALL.iter().map(|(name, _)| *name)))]
    nemesis: Vec<String>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=9))]
    nodes: u8,
    /// How long the clients act
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u16).range(5..=3600))]
    seconds: u16,
    /// What fixes the schedule of operations and faults
    #[arg(long, value_name = "X", default_value_t = 1)]
    seed: u64,
    /// How many clients act at a time
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=200))]
    clients: u16,
    /// How many steps all clients together take in a second, as long as the cluster keeps up
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    #[command(flatten)]
    under_test: UnderTest,
}

impl RunArgs {
    fn plan(&self) -> Plan {
        Plan {
            workload: self.workload.clone(),
            nemeses: self.nemesis.clone(),
            nodes: usize::from(self.nodes),
            duration: Duration::from_secs(u64::from(self.seconds)),
            seed: self.seed,
            clients: usize::from(self.clients),
            rate: self.rate,
            binary: self.under_test.binary(),
            isolation: self.under_test.isolation(),
            output: self.under_test.output.clone(),
        }
    }
}

/// Carries it out.
///
/// # Errors
/// The run could not be carried out.
pub fn run(args: &RunArgs) -> Result<Run, RunError> {
    sweep();
    let plan = args.plan();
    let progress = Progress::of(&plan.title(), plan.duration);
    let run = carry_out(&plan, &progress);
    progress.ends();
    run
}
