//! The comparison of the states of all nodes.
//!
//! The leader asks the voters for the digests of their states after an entry. The one that a majority has goes into the
//! log, and every node compares it with its own: one that differs, be it the leader, stops, and replaces its state with that of
//! a peer at its next start. Where no majority agrees, nobody knows who is right: the leader stops, and whoever leads
//! next does the same, with all files where they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use keyraft_proto::cluster as proto;

use crate::application::Application;
use crate::contact::is_quorum;
use crate::network::peers::Lane;
use crate::node::fault::Fault;
use crate::node::member::Member;
use crate::planted::{Bug, is_planted};
use crate::storage::digest_from_bytes;
use crate::types::{LogIndex, Membership, NodeId};

/// Time that a node waits until it has applied the entry that it is asked for.
const APPLY_LIMIT: Duration = Duration::from_millis(500);
/// Time that a voter may take to respond.
const RESPONSE_LIMIT: Duration = Duration::from_millis(1_000);
/// Comparisons that may leave it open which state is that of a majority, because voters do not respond.
const MAX_UNDECIDED: u32 = 10;

/// Compares the states from time to time while this node leads, until it stops.
pub(crate) async fn run<A: Application>(member: Arc<Member<A>>) {
    let interval = Duration::from_millis(member.site.config.digest_interval_ms);
    // The digest of the rows after the last comparison; entries such as time ceilings change none of them.
    let mut compared: Option<u128> = None;
    let mut undecided = 0;
    loop {
        tokio::time::sleep(interval).await;
        if member.site.leader() != Some(member.site.me()) {
            undecided = 0;
            continue;
        }
        let published = member.publication.load();
        let index = published.applied_index;
        if compared == Some(published.digest) {
            continue;
        }
        let Some(own) = member.storage.digest_at(index) else { continue };
        let membership = member.raft.metrics().borrow().membership_config.membership().clone();
        let digests = collect(&member, &membership, index, own).await;
        let digest = match judge(&membership, &digests, own) {
            Verdict::Agreed(digest) => digest,
            Verdict::TooFew => continue,
            Verdict::Open if undecided < MAX_UNDECIDED => {
                undecided += 1;
                tracing::error!(
                    index,
                    undecided,
                    "the states of the nodes differ, and none is a majority's yet"
                );
                continue;
            }
            Verdict::Open | Verdict::Split => {
                let digests = listed(&digests);
                member.site.faults.raise(Fault::NoMajority { index, digests });
                return;
            }
        };
        undecided = 0;
        let claim = proto::VerifyDigest { index, digest: digest.to_be_bytes().to_vec().into() };
        // The comparison changes a row itself, that of its request id: what counts is what the rows are after it.
        match member.forwarder.forward(proto::request::Body::VerifyDigest(claim)).await {
            // What was written in between is compared the next time.
            Ok(proposal) if proposal.log_index == index + 1 => {
                compared = rows_after(&member, proposal.log_index);
            }
            Ok(_) => compared = None,
            Err(error) => tracing::warn!(%error, "the digests were not compared"),
        }
    }
}

/// The digest of the rows, if nothing was applied after `index`.
fn rows_after<A: Application>(member: &Member<A>, index: LogIndex) -> Option<u128> {
    let published = member.publication.load();
    (published.applied_index == index).then_some(published.digest)
}

/// The digest of this node's state after an entry; `None`: it was applied too long ago, or is not applied soon.
pub(crate) async fn own_digest<A: Application>(member: &Member<A>, index: LogIndex) -> Option<u128> {
    tokio::time::timeout(APPLY_LIMIT, member.publication.wait_applied(index)).await.ok()?;
    member.storage.digest_at(index)
}

/// The digests of this node and of the voters that respond.
async fn collect<A: Application>(
    member: &Member<A>,
    membership: &Membership,
    index: LogIndex,
    own: u128,
) -> BTreeMap<NodeId, u128> {
    let me = member.site.me();
    let voters: BTreeSet<NodeId> = membership.voter_ids().filter(|voter| *voter != me).collect();
    let asked = voters.into_iter().map(|voter| async move { (voter, ask(member, voter, index).await) });
    let responses = futures::future::join_all(asked).await;
    let others = responses.into_iter().filter_map(|(voter, digest)| Some((voter, digest?)));
    others.chain([(me, own)]).collect()
}

async fn ask<A: Application>(member: &Member<A>, voter: NodeId, index: LogIndex) -> Option<u128> {
    let peers = &member.site.peers;
    let mut client = peers.client(voter, Lane::Bulk).ok()?;
    let call = peers.request(proto::DigestRequest { index }, Some(RESPONSE_LIMIT));
    let response = tokio::time::timeout(RESPONSE_LIMIT, client.digest(call)).await.ok()?.ok()?.into_inner();
    digest_from_bytes(&response.digest?)
}

/// The result of a comparison of the voters' digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// A majority has this one.
    Agreed(u128),
    /// None has a majority, and no voter is missing.
    Split,
    /// None has a majority; voters that have not responded could make one.
    Open,
    /// Too few voters have responded to find anything out.
    TooFew,
}

/// `own` is the leader's.
fn judge(membership: &Membership, digests: &BTreeMap<NodeId, u128>, own: u128) -> Verdict {
    if is_planted(Bug::LeadersDigest) {
        return Verdict::Agreed(own);
    }
    let is_majoritys = |digest: u128| is_quorum(membership, |node| digests.get(&node) == Some(&digest));
    if let Some(digest) = digests.values().copied().find(|digest| is_majoritys(*digest)) {
        return Verdict::Agreed(digest);
    }
    if membership.voter_ids().all(|voter| digests.contains_key(&voter)) {
        return Verdict::Split;
    }
    match is_quorum(membership, |node| digests.contains_key(&node)) {
        true => Verdict::Open,
        false => Verdict::TooFew,
    }
}

fn listed(digests: &BTreeMap<NodeId, u128>) -> String {
    let each = digests.iter().map(|(node, digest)| format!("node {node}: {digest:032x}"));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use openraft::BasicNode;

    use super::*;

    fn verdict(voter_sets: &[&[NodeId]], digests: &[(NodeId, u128)], own: u128) -> Verdict {
        let sets = voter_sets.iter().map(|set| set.iter().copied().collect()).collect();
        let membership = Membership::new(sets, BTreeMap::<NodeId, BasicNode>::new());
        judge(&membership, &digests.iter().copied().collect(), own)
    }

    #[test]
    fn the_digest_of_a_majority_counts_whatever_the_leaders_is() {
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 7), (2, 7), (3, 7)], 7), Verdict::Agreed(7));
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 9), (2, 7), (3, 7)], 9), Verdict::Agreed(7));
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 7), (2, 7)], 7), Verdict::Agreed(7));
        assert_eq!(verdict(&[&[1]], &[(1, 7)], 7), Verdict::Agreed(7));
    }

    #[test]
    fn a_majority_is_one_of_every_voter_set_and_learners_do_not_count() {
        assert_eq!(verdict(&[&[1, 2], &[1, 2, 3]], &[(1, 7), (2, 8), (3, 7)], 7), Verdict::Split);
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 9), (2, 7), (4, 9), (5, 9)], 9), Verdict::Open);
    }

    #[test]
    fn without_a_majority_it_is_open_while_a_voter_is_missing() {
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 7), (2, 8), (3, 9)], 7), Verdict::Split);
        assert_eq!(verdict(&[&[1, 2]], &[(1, 7), (2, 8)], 7), Verdict::Split);
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 7), (3, 9)], 7), Verdict::Open);
        assert_eq!(verdict(&[&[1, 2, 3]], &[(1, 7)], 7), Verdict::TooFew);
    }
}
