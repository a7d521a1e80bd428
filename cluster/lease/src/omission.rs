//! The rules by name: the model and the simulation leave them out, one at a time, to see that each is missed.

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Omission {
    /// Rule 8: a node that answers a leader goes on under its own leader lease.
    OwnLeaderLease,
    /// Rule 8: grants of lower leaders, already on their way, are taken.
    GrantsInFlight,
    /// Rule 8: a node that has won an election takes grants that are on their way.
    WinnersRefusal,
    /// Rule 11: an answer counts though the vote for that leader is not stored.
    StoredVote,
    /// Leaders are compared by their terms only.
    LeaderOrder,
    /// Rule 3: a leader counts itself after it has voted for another.
    OwnAnswer,
    /// Rule 12: a restarted leader resumes.
    #[cfg(test)]
    NoResumption,
    /// Rule 7: a grant is taken though its reply is not remembered.
    #[cfg(test)]
    RememberedReplies,
    /// Rule 11: the candidate last voted for is taken for the old leader.
    #[cfg(test)]
    OldLeader,
    /// Rule 11: the leader before a leadership of this process that has served counts as the old leader.
    FormerLeadership,
    /// Rule 14: what is not released is shown.
    #[cfg(test)]
    Unreleased,
    /// Rule 10: the ledger has no margin for drift.
    LedgerMargin,
    /// Rule 11: the waits have no margin for drift.
    WaitMargin,
    /// Rule 6: grants always have their full length.
    GrantCap,
    /// Rule 11: a new leader does not wait for old grants.
    Wait,
    /// Rule 2: a node answers whoever asks.
    Vote,
    /// Rule 13: the state is loaded before the lease is checked.
    #[cfg(test)]
    CheckFirst,
    /// Rule 6: a grant is given and used whatever the node has applied.
    GrantIndex,
    /// Rule 10: what the leader has applied is released.
    Ledger,
    /// Rule 4: a snapshot's membership does not replace what was appended below the snapshot's end.
    Overtaking,
    /// Rule 9: a node is dropped that was not barred first.
    Barring,
    /// Rule 4: T_q is when answers came, not when pings went.
    TimeOfSending,
}
