//! What came of introducing this node to each of its peers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;

use super::handshake::HandshakeError;
use super::secret::KeyId;
use crate::config::NodeConfig;
use crate::types::NodeId;

/// Another cluster key than this node's, which so many members have that the others are no majority: this node takes part
/// in nothing until its key is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its cluster key is {own}, the one of node {peer} is {theirs}")]
pub struct Outvoted {
    /// The name of this node's key.
    pub own: KeyId,
    /// One of the members that have another.
    pub peer: NodeId,
    /// The name of that member's key.
    pub theirs: KeyId,
}

/// The peers that this node has last tried to speak to in vain although they could be reached. Only what this node has
/// found at a peer's address counts: whoever calls may call itself what it likes.
pub(crate) struct Introductions {
    members: BTreeSet<NodeId>,
    // Of peers that the configuration or the log names.
    failed: Mutex<BTreeMap<NodeId, HandshakeError>>,
    outvoted: ArcSwapOption<Outvoted>,
}

impl Introductions {
    pub(crate) fn new(config: &NodeConfig) -> Self {
        Self {
            members: config.members().into_iter().map(|peer| peer.node_id).collect(),
            failed: Mutex::default(),
            outvoted: ArcSwapOption::empty(),
        }
    }

    /// Notes, and logs where it is news, that a peer is one of the cluster or why it is not. A broken connection shows
    /// neither. True when it was news.
    pub(crate) fn note(&self, peer: NodeId, outcome: &Result<(), HandshakeError>) -> bool {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = match outcome {
            Err(HandshakeError::Lost { .. }) => false,
            Ok(()) => failed.remove(&peer).is_some(),
            Err(error) => failed.insert(peer, error.clone()).as_ref() != Some(error),
        };
        match outcome {
            _ if !is_news => return false,
            Ok(()) => tracing::info!(peer, "a node has proved the cluster key now"),
            Err(error) => tracing::error!(peer, %error, "this node does not speak to a node"),
        }
        self.outvoted.store(self.count(&failed).map(Arc::new));
        true
    }

    fn count(&self, failed: &BTreeMap<NodeId, HandshakeError>) -> Option<Outvoted> {
        let others: Vec<Outvoted> = failed
            .iter()
            .filter(|(peer, _)| self.members.contains(peer))
            .filter_map(|(peer, error)| match error {
                HandshakeError::OtherKey { own, peer: theirs } => {
                    Some(Outvoted { own: *own, peer: *peer, theirs: *theirs })
                }
                _ => None,
            })
            .collect();
        let alike = self.members.len().saturating_sub(others.len());
        if 2 * alike > self.members.len() { None } else { others.first().copied() }
    }

    /// See [`Outvoted`].
    pub(crate) fn outvoted(&self) -> Option<Outvoted> {
        self.outvoted.load().as_deref().copied()
    }

    /// The peers that this node does not speak to although it can reach them.
    pub(crate) fn failed(&self) -> Vec<NodeId> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Why this node does not speak to a peer that it can reach.
    pub(crate) fn failure(&self, peer: NodeId) -> Option<HandshakeError> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get(&peer).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Peer;

    const OWN: KeyId = KeyId([1; 8]);
    const THEIRS: KeyId = KeyId([2; 8]);

    fn among(members: u64) -> Introductions {
        let peers = (1..=members).map(|node_id| Peer { node_id, address: format!("h:{node_id}") });
        Introductions::new(&NodeConfig { node_id: 1, peers: peers.collect(), ..NodeConfig::default() })
    }

    fn other_key() -> Result<(), HandshakeError> {
        Err(HandshakeError::OtherKey { own: OWN, peer: THEIRS })
    }

    #[test]
    fn a_key_is_wrong_when_those_who_have_it_are_no_majority() {
        for (members, others, is_outvoted) in
            [(2, 1, true), (3, 1, false), (3, 2, true), (5, 2, false), (5, 3, true)]
        {
            let introductions = among(members);
            assert!((2..2 + others).all(|peer| introductions.note(peer, &other_key())));
            let expected = is_outvoted.then_some(Outvoted { own: OWN, peer: 2, theirs: THEIRS });
            assert_eq!(introductions.outvoted(), expected, "{others} of {members}");
        }
        let introductions = among(3);
        assert!([7, 8].into_iter().all(|no_member| introductions.note(no_member, &other_key())));
        assert_eq!(introductions.outvoted(), None);
    }

    #[test]
    fn what_has_changed_is_news_once_and_a_broken_connection_changes_nothing() {
        let introductions = among(2);
        assert!(introductions.note(2, &other_key()));
        assert!(!introductions.note(2, &other_key()));
        assert!(!introductions.note(2, &Err(HandshakeError::Lost { reason: "a test".into() })));
        assert!(introductions.outvoted().is_some());
        assert!(introductions.note(2, &Err(HandshakeError::WrongProof)));
        assert_eq!(introductions.outvoted(), None);
        assert!(introductions.note(2, &other_key()));
        assert!(introductions.note(2, &Ok(())));
        assert!(!introductions.note(2, &Ok(())));
        assert_eq!((introductions.outvoted(), introductions.failure(2)), (None, None));
    }
}
