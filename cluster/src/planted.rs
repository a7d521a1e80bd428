//! Bugs that are planted by name, so that the harness shows that it finds them.
//!
//! Only a build with the feature `chaos` can have one; in all others [`is_planted`] is the constant `false`.

#[cfg(feature = "chaos")]
use std::path::PathBuf;
#[cfg(feature = "chaos")]
use std::sync::{LazyLock, OnceLock};

/// The environment variable that names the bug.
#[cfg(feature = "chaos")]
pub const VARIABLE: &str = "KEYRAFT_PLANTED_BUG";

/// The environment variable that names the file which spoils the state of this node when it is made.
#[cfg(feature = "chaos")]
pub const SPOILED_BY: &str = "KEYRAFT_STATE_SPOILED_BY";

/// What can be done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The log is acknowledged before it is on disk.
    AcknowledgeBeforeSync,
    /// Reads do not ask for a lease.
    ReadWithoutLease,
    /// Reads show what is not released.
    ShowUnreleased,
    /// A revocation is acknowledged some time before it is proposed.
    LateRevocation,
    /// A new leader releases at once what older leases may contradict.
    NewLeaderDoesNotWait,
    /// Entries and tokens are stamped by the wall clock of the node that makes them.
    WallClockStamps,
    /// A retry is applied again.
    ForgottenRequestId,
    /// A user's name is looked for before the log, and not in it.
    NameCheckedBeforeLog,
    /// A rotation drops the keys whose tokens are still valid.
    DroppedLiveKey,
    /// Snapshots lack the assignments: [`TABLE_LEFT_OUT`].
    SnapshotWithoutAssignments,
    /// A voter that has lost its folder goes on voting.
    ForgetfulVoter,
    /// A node that claims to have forgotten its log is taken back while the member with its number lives.
    StrayRejoin,
    /// A node takes the folder of another number for its own.
    ForeignFolder,
    /// A node with another cluster key is admitted, and serves.
    AnyClusterKey,
    /// The digest of the leader is taken for the right one, whatever those of the others are.
    LeadersDigest,
}

/// The first byte of the keys of the rows that [`Bug::SnapshotWithoutAssignments`] leaves out.
///
/// This crate knows no tables. The number is the identity service's, which does not compile unless it is that of its
/// assignments: a bug that leaves out an empty table would be found by nobody.
pub const TABLE_LEFT_OUT: u8 = 7;

/// Whether the bug is planted.
#[cfg(not(feature = "chaos"))]
#[must_use]
pub const fn is_planted(_bug: Bug) -> bool {
    false
}

#[cfg(feature = "chaos")]
static PLANTED: OnceLock<Option<Bug>> = OnceLock::new();

/// Whether the bug is planted.
#[cfg(feature = "chaos")]
#[must_use]
pub fn is_planted(bug: Bug) -> bool {
    PLANTED.get().copied().flatten() == Some(bug)
}

#[cfg(feature = "chaos")]
impl Bug {
    /// All of them, by the names that the environment variable takes.
    pub const ALL: [(&'static str, Self); 15] = [
        ("acknowledge-before-sync", Self::AcknowledgeBeforeSync),
        ("read-without-lease", Self::ReadWithoutLease),
        ("show-unreleased", Self::ShowUnreleased),
        ("late-revocation", Self::LateRevocation),
        ("new-leader-does-not-wait", Self::NewLeaderDoesNotWait),
        ("wall-clock-stamps", Self::WallClockStamps),
        ("forgotten-request-id", Self::ForgottenRequestId),
        ("name-checked-before-log", Self::NameCheckedBeforeLog),
        ("dropped-live-key", Self::DroppedLiveKey),
        ("snapshot-without-assignments", Self::SnapshotWithoutAssignments),
        ("forgetful-voter", Self::ForgetfulVoter),
        ("stray-rejoin", Self::StrayRejoin),
        ("foreign-folder", Self::ForeignFolder),
        ("any-cluster-key", Self::AnyClusterKey),
        ("leaders-digest", Self::LeadersDigest),
    ];
}

/// Plants the bug that the environment names, for the rest of this process.
///
/// # Errors
/// The name that is no bug's.
#[cfg(feature = "chaos")]
pub fn plant() -> Result<Option<Bug>, String> {
    let Ok(name) = std::env::var(VARIABLE) else { return Ok(None) };
    let found = Bug::ALL.into_iter().find(|(known, _)| *known == name);
    let bug = found.map(|(_, bug)| bug).ok_or(name)?;
    Ok(*PLANTED.get_or_init(|| Some(bug)))
}

/// Returns true if the state of this node is to differ from here on from what was logged. No planted bug does that by
/// itself: the harness requests it on one node, to see which nodes then replace their state.
#[cfg(not(feature = "chaos"))]
pub(crate) const fn is_spoiled_now() -> bool {
    false
}

#[cfg(feature = "chaos")]
static SPOILING_FILE: LazyLock<Option<PathBuf>> =
    LazyLock::new(|| std::env::var_os(SPOILED_BY).map(PathBuf::from));

/// Returns true if the state of this node is to differ from here on from what was logged: the file that the environment
/// names exists. It is removed, so that this is true once for each file.
#[cfg(feature = "chaos")]
pub(crate) fn is_spoiled_now() -> bool {
    SPOILING_FILE.as_ref().is_some_and(|file| std::fs::remove_file(file).is_ok())
}
