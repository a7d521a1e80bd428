//! All that is known of a run: what clients saw, what was done to the nodes, and how these were meanwhile.

mod store;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::history::History;

pub use store::StoreError;

/// A run. Times are from its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The workload, by name; it decides how the history is judged.
    pub workload: String,
    /// The nemeses that were asked for, by name.
    pub nemeses: Vec<String>,
    /// How many nodes there were; 0 where nothing is known but the history.
    pub nodes: usize,
    /// What fixed the schedule.
    pub seed: u64,
    /// How long it took.
    #[serde(with = "nanoseconds", rename = "duration_ns")]
    pub duration: Duration,
    /// What clients saw. Kept in a file of its own.
    #[serde(skip)]
    pub history: History,
    /// What was done to the nodes.
    pub disturbances: Vec<Disturbance>,
    /// How the nodes were.
    pub samples: Vec<Sample>,
    /// Of nodes at the end: the node, the index of the last entry applied, and the digest of its state.
    pub digests: Vec<(usize, u64, String)>,
    /// Whatever else was chosen, such as `token_lifetime_ms`.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
    /// What should not have happened, whatever the history shows: answers that the API does not give, or nodes
    /// that ended by themselves.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Something that a nemesis did, from when it was there until it was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbance {
    /// The nemesis.
    pub nemesis: String,
    /// To whom, from 0.
    pub nodes: Vec<usize>,
    /// From when.
    #[serde(with = "nanoseconds", rename = "from_ns")]
    pub from: Duration,
    /// Until when.
    #[serde(with = "nanoseconds", rename = "to_ns")]
    pub to: Duration,
    /// Whether it was.
    pub state: DisturbanceState,
}

/// Whether a disturbance took place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DisturbanceState {
    /// It did.
    Installed,
    /// It did not.
    Skipped {
        /// Why not.
        reason: String,
    },
    /// Nobody knows.
    Indeterminate {
        /// What went wrong.
        reason: String,
    },
}

/// How a node was at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When.
    #[serde(with = "nanoseconds", rename = "at_ns")]
    pub at: Duration,
    /// Which, from 0.
    pub node: usize,
    /// Whether it answered.
    pub is_up: bool,
    /// Whether it said that it leads.
    pub is_leader: bool,
    /// Whether it could answer reads by itself, if it said so.
    pub has_lease: Option<bool>,
    /// Its term, if it said so.
    pub term: Option<u64>,
}

/// Durations as whole nanoseconds.
mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }
}
