//! What breaks the world of the nodes. A nemesis is a file here and a line in [`ALL`].

mod absence;
mod ballast;
mod clock;
mod clock_jump;
mod corrupt;
mod corrupt_sled;
mod corrupt_snapshot;
mod disk_full;
mod every_second;
mod foreign_folder;
mod foreign_key;
mod forget;
mod kill;
mod kill_pair;
mod login_storm;
mod partition_halves;
mod partition_leader;
mod partition_link;
mod partition_one_way;
mod partition_ring;
mod pause;
mod power;
mod power_all;
mod power_minority;
mod power_one;
mod restart;
mod rotate_keys;
mod second_process;
mod slow;
mod spoil_leader;
mod victims;
mod wipe;

use std::time::Duration;

use async_trait::async_trait;

use crate::environment::network::Link;
use crate::environment::{Environment, EnvironmentError};
use crate::recording::DisturbanceState;
use crate::schedule::Chance;

/// Makes a nemesis.
type Make = fn() -> Box<dyn Nemesis>;

/// All of them, by name.
pub const ALL: &[(&str, Make)] = &[
    ("kill", || Box::new(kill::Kill)),
    ("kill-pair", || Box::new(kill_pair::KillPair)),
    ("pause", || Box::new(pause::Pause)),
    ("restart", || Box::new(restart::Restart)),
    ("partition-halves", || Box::new(partition_halves::Halves::default())),
    ("partition-ring", || Box::new(partition_ring::Ring)),
    ("partition-leader", || Box::new(partition_leader::Leader)),
    ("partition-one-way", || Box::new(partition_one_way::OneWay)),
    ("partition-link", || Box::new(partition_link::OneLink)),
    ("slow", || Box::new(slow::Slow)),
    ("power-one", || Box::new(power_one::One)),
    ("power-minority", || Box::new(power_minority::Minority)),
    ("power-all", || Box::new(power_all::All::default())),
    ("disk-full", || Box::new(disk_full::DiskFull)),
    ("corrupt-sled", || Box::new(corrupt_sled::Sled)),
    ("corrupt-snapshot", || Box::new(corrupt_snapshot::Snapshot::default())),
    ("wipe", || Box::new(wipe::Wipe::default())),
    ("absence", || Box::new(absence::Absence::default())),
    ("forget", || Box::new(forget::Forget::default())),
    ("clock", || Box::new(clock::Clock)),
    ("clock-jump", || Box::new(clock_jump::ClockJump)),
    ("second-process", || Box::new(second_process::SecondProcess)),
    ("foreign-folder", || Box::new(foreign_folder::ForeignFolder)),
    ("foreign-key", || Box::new(foreign_key::ForeignKey)),
    ("spoil-leader", || Box::new(spoil_leader::SpoilLeader)),
    ("rotate-keys", || Box::new(rotate_keys::RotateKeys::default())),
    ("login-storm", || Box::new(login_storm::LoginStorm)),
];

/// What a nemesis needs of a world from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Proxies between the nodes.
    pub proxies: bool,
    /// Disks that can fail.
    pub disks: bool,
    /// States that can be spoiled.
    pub spoiling: bool,
}

/// What breaks something, keeps it broken, and mends it.
#[async_trait]
pub trait Nemesis: Send + Sync {
    /// What it needs.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Strikes for a time, and has undone all of it when it returns. Whom it hits is decided with `chance`.
    async fn strike(&self, environment: &Environment, chance: &mut Chance, hold: Duration) -> Struck;
}

/// Whom a strike has hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    /// The nodes.
    pub nodes: Vec<usize>,
    /// Whether they were.
    pub state: DisturbanceState,
    /// What should not have happened: the harness could not do what it had to, or a node did not do what a
    /// node has to. The run fails for it.
    pub fault: Option<String>,
}

impl Struck {
    /// They were.
    #[must_use]
    pub fn installed(nodes: Vec<usize>) -> Self {
        Self { nodes, state: DisturbanceState::Installed, fault: None }
    }

    /// None was.
    #[must_use]
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self { nodes: Vec::new(), state: DisturbanceState::Skipped { reason: reason.into() }, fault: None }
    }

    /// Nobody knows, which can be so.
    #[must_use]
    pub fn indeterminate(nodes: Vec<usize>, reason: impl ToString) -> Self {
        Self { nodes, state: DisturbanceState::Indeterminate { reason: reason.to_string() }, fault: None }
    }

    /// Nobody knows, which should not be so.
    #[must_use]
    pub fn faulty(nodes: Vec<usize>, reason: impl ToString) -> Self {
        Self { fault: Some(reason.to_string()), ..Self::indeterminate(nodes, reason) }
    }

    /// They were, unless the harness could not do it.
    #[must_use]
    pub fn of(nodes: Vec<usize>, done: Result<(), EnvironmentError>) -> Self {
        match done {
            Ok(()) => Self::installed(nodes),
            Err(error) => Self::faulty(nodes, error),
        }
    }
}

/// The nemesis with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Nemesis>> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, make)| make())
}

/// Cuts links for a time. What all partitions come to.
async fn cut_for(environment: &Environment, nodes: Vec<usize>, links: &[Link], hold: Duration) -> Struck {
    if links.is_empty() {
        return Struck::skipped("there is no link to cut");
    }
    let cut = environment.network().cut(links).await;
    tokio::time::sleep(hold).await;
    let mended = environment.network().mend(links).await;
    Struck::of(nodes, cut.and(mended))
}
