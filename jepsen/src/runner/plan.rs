//! What a run is to do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::disk::Disk;
use crate::environment::{Isolation, Settings};
use crate::nemesis::{self, Nemesis};
use crate::workload::{self, Workload};

/// A run, before it takes place. The same plan has the same schedule of operations and faults.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The workload, by name.
    pub workload: String,
    /// The nemeses, by name.
    pub nemeses: Vec<String>,
    /// How many nodes.
    pub nodes: usize,
    /// How long clients act.
    pub duration: Duration,
    /// What fixes the schedule.
    pub seed: u64,
    /// How many clients act at a time.
    pub clients: usize,
    /// How many steps all clients together take in a second, as long as the cluster keeps up.
    pub rate: u32,
    /// The binary under test.
    pub binary: PathBuf,
    /// The bug that the binary is to have.
    pub planted_bug: Option<String>,
    /// What keeps the nodes apart.
    pub isolation: Isolation,
    /// Where the folder of the recording is made.
    pub output: PathBuf,
}

/// A plan that cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No such workload.
    #[error("there is no workload {0:?}; there are {known}", known = names(workload::ALL.iter().map(|(name, _)| *name)))]
    Workload(String),
    /// No such nemesis.
    #[error("there is no nemesis {0:?}; there are {known}", known = names(nemesis::ALL.iter().map(|(name, _)| *name)))]
    Nemesis(String),
    /// No such binary.
    #[error("there is no binary {}; build it, or name another one", .0.display())]
    Binary(PathBuf),
    /// The binary cannot have a bug.
    #[error("{} has no planted bugs: {reason}; build it with --features chaos", .binary.display())]
    NoBugs {
        /// Which binary.
        binary: PathBuf,
        /// How that is known.
        reason: String,
    },
    /// The binary cannot have this bug.
    #[error("there is no planted bug {bug:?}; there are {known}", known = names(.bugs.iter().map(String::as_str)))]
    Bug {
        /// The one that was asked for.
        bug: String,
        /// Those that it can have.
        bugs: Vec<String>,
    },
}

fn names<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

impl Plan {
    /// The workload.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn workload(&self) -> Result<Box<dyn Workload>, PlanError> {
        workload::by_name(&self.workload).ok_or_else(|| PlanError::Workload(self.workload.clone()))
    }

    /// The nemeses, in the order of their names in the plan.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn nemeses(&self) -> Result<Vec<Box<dyn Nemesis>>, PlanError> {
        let made = |name: &String| nemesis::by_name(name).ok_or_else(|| PlanError::Nemesis(name.clone()));
        self.nemeses.iter().map(made).collect()
    }

    /// What the world has to be like.
    ///
    /// # Errors
    /// The binary is not there, or a name is unknown.
    pub fn settings(&self) -> Result<Settings, PlanError> {
        self.workload()?;
        let needs: Vec<_> = self.nemeses()?.iter().map(|nemesis| nemesis.needs()).collect();
        if !self.binary.exists() {
            return Err(PlanError::Binary(self.binary.clone()));
        }
        if let Some(bug) = &self.planted_bug {
            let bugs = planted_bugs(&self.binary)?;
            if !bugs.contains(bug) {
                return Err(PlanError::Bug { bug: bug.clone(), bugs });
            }
        }
        Ok(Settings {
            nodes: self.nodes,
            binary: self.binary.clone(),
            planted_bug: self.planted_bug.clone(),
            isolation: self.isolation,
            has_proxies: needs.iter().any(|needs| needs.proxies),
            has_disks: needs.iter().any(|needs| needs.disks),
            can_be_spoiled: needs.iter().any(|needs| needs.spoiling),
        })
    }

    /// What this machine or the binary lacks that a nemesis cannot do without, if anything.
    ///
    /// # Errors
    /// A name is unknown.
    pub fn lacking(&self) -> Result<Option<&'static str>, PlanError> {
        let needs: Vec<_> = self.nemeses()?.iter().map(|nemesis| nemesis.needs()).collect();
        if needs.iter().any(|needs| needs.disks) && !Disk::is_possible() {
            return Ok(Some("disks that fail take root and /dev/fuse"));
        }
        let needs_spoiling = needs.iter().any(|needs| needs.spoiling);
        let lacks_spoiling = needs_spoiling && planted_bugs(&self.binary).is_err();
        Ok(lacks_spoiling
            .then_some("states are spoiled only in a binary that was built with --features chaos"))
    }

    /// The folder of the recording.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.output.join(self.title())
    }

    /// What tells this run from others: `register-kill-7`, or `show-unreleased-register-kill-7` with a planted bug.
    #[must_use]
    pub fn title(&self) -> String {
        let nemeses = if self.nemeses.is_empty() { "calm".to_owned() } else { self.nemeses.join("+") };
        let bug = self.planted_bug.as_ref().map(|bug| format!("{bug}-")).unwrap_or_default();
        format!("{bug}{}-{nemeses}-{}", self.workload, self.seed)
    }

    /// What else was chosen, for the recording.
    #[must_use]
    pub fn options(&self) -> BTreeMap<String, String> {
        let isolation = match self.isolation {
            Isolation::Namespaces => "namespaces",
            Isolation::Loopback => "loopback",
        };
        let of = |name: &str, value: String| (name.to_owned(), value);
        let mut options = BTreeMap::from([
            of("binary", self.binary.display().to_string()),
            of("clients", self.clients.to_string()),
            of("isolation", isolation.to_owned()),
            of("rate", self.rate.to_string()),
            of("seconds", self.duration.as_secs().to_string()),
        ]);
        options.extend(self.planted_bug.iter().map(|bug| of("planted_bug", bug.clone())));
        options
    }
}

/// The bugs that a binary can have.
///
/// # Errors
/// It has none, or does not run.
pub fn planted_bugs(binary: &Path) -> Result<Vec<String>, PlanError> {
    let none = |reason: String| PlanError::NoBugs { binary: binary.to_owned(), reason };
    let asked = Command::new(binary).arg("planted-bugs").output().map_err(|error| none(error.to_string()))?;
    if !asked.status.success() {
        return Err(none("it does not know the command planted-bugs".to_owned()));
    }
    Ok(String::from_utf8_lossy(&asked.stdout).lines().map(str::to_owned).collect())
}
