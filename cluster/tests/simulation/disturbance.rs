//! What goes wrong in a simulation: drawn by its seed, for a while, several at a time.

use keyraft_cluster::NodeId;

use crate::links::Trouble;

/// One thing that goes wrong.
#[derive(Clone, Debug)]
pub enum Disturbance {
    /// Links in trouble.
    Links(Vec<(NodeId, NodeId)>, Trouble),
    /// All messages may take this long.
    SlowLinks(u64),
    /// A process is stopped (SIGSTOP), and goes on later.
    Pause(NodeId),
    /// A process is killed; its machine runs on.
    Kill(NodeId),
    /// A process is asked to end.
    Stop(NodeId),
    /// A machine loses power, and what it had not synced.
    PowerLoss(NodeId),
    /// All of them do.
    Blackout,
    /// A disk fails to sync, or takes no more than so many bytes.
    BadDisk(NodeId, Option<u64>),
    /// A machine comes back with an empty disk.
    LostDisk(NodeId),
    /// A process runs for a while with another cluster key.
    OtherKey(NodeId),
    /// Somebody on the machine of the first, who has the cluster key, claims to be the second and to have lost its disk.
    /// The third is asked to take it back.
    StrayRejoin(NodeId, NodeId, NodeId),
    /// A machine's time of day is set to be wrong by so many milliseconds.
    WallClock(NodeId, i64),
}

impl Disturbance {
    /// How long it may last, in milliseconds.
    pub fn longest_ms(&self) -> u64 {
        match self {
            Self::Links(..) => 4_000,
            Self::SlowLinks(_) => 1_500,
            Self::Pause(_) => 4_000,
            Self::Kill(_)
            | Self::Stop(_)
            | Self::PowerLoss(_)
            | Self::LostDisk(_)
            | Self::BadDisk(..)
            | Self::OtherKey(_) => 2_500,
            Self::Blackout => 500,
            Self::WallClock(..) | Self::StrayRejoin(..) => 1,
        }
    }
}
