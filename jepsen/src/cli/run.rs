//! `run`: one workload, while nemeses strike.

use std::io::Write;
use std::time::Duration;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::judged::Judged;
use super::under_test::UnderTest;
use crate::cli::CliError;
use crate::environment::sweep;
use crate::runner::Plan;
use crate::{nemesis, workload};

/// Run one workload while nemeses strike, and judge what was seen
#[derive(Args, Clone, Debug)]
pub struct Run {
    /// What the clients do
    #[arg(long, value_name = "NAME",
        value_parser = PossibleValuesParser::new(workload::ALL.iter().map(|(name, _)| *name)))]
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
    #[arg(long, value_name = "N", default_value_t = 100,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// The bug that the binary is to have; it takes one that was built with the feature `chaos`
    #[arg(long, value_name = "NAME")]
    planted_bug: Option<String>,
    #[command(flatten)]
    under_test: UnderTest,
}

impl Run {
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
            planted_bug: self.planted_bug.clone(),
            isolation: self.under_test.isolation(),
            output: self.under_test.output.clone(),
        }
    }

    /// Carries it out and tells the verdict. Says whether the run passed.
    ///
    /// # Errors
    /// The run could not be carried out.
    pub fn run(&self, out: &mut dyn Write) -> Result<bool, CliError> {
        sweep();
        let judged = Judged::of(&self.plan())?;
        judged.tell_faults(out)?;
        let word = if judged.is_passed() { "passed" } else { "failed" };
        writeln!(out, "{word}: {}; {}", judged.amount(), judged.run.folder.display())?;
        Ok(judged.is_passed())
    }
}
