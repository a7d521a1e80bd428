//! Steps in words, as `docs/leases.md` shows them.

use super::world::{Action, Packet};

/// A step as a counterexample shows it.
pub(super) fn tell(action: &Action) -> String {
    match action {
        Action::Tick => "time passes".to_owned(),
        Action::Ping(node) => format!("{node} sends pings"),
        Action::Deliver(Packet::ToNode(node, message)) => {
            let from = message.leader;
            let what = match (message.ping, message.grant) {
                (Some(ping), _) => format!("ping {ping}"),
                (None, Some(grant)) => format!("the grant for reply {}", grant.reply),
                (None, None) => format!("released is {}", message.released),
            };
            format!("{node} receives from {}/{}: {what}", from.term, from.node)
        }
        Action::Deliver(Packet::ToLeader(reply)) => {
            let (to, from) = (reply.leader, reply.node);
            let (number, applied) = (reply.reply, reply.applied);
            format!("{}/{} receives reply {number} of {from}: applied {applied}", to.term, to.node)
        }
        Action::Report(node) => format!("{node} replies to the last ping again"),
        Action::Stand(node, voters) => {
            format!("{node} is a candidate with the votes of {voters:?}")
        }
        Action::Win(node) => format!("{node} learns that it is elected"),
        Action::Write(node) => format!("{node} appends a write"),
        Action::Replicate(leader, follower) => format!("{follower} takes the log of {leader}"),
        Action::Restart(node, false) => format!("{node} restarts"),
        Action::Restart(node, true) => format!("{node} restarts with an older applied state"),
        Action::BeginRead(node) => format!("a read begins on {node}"),
        Action::EndRead(node) => format!("the read on {node} ends"),
        Action::Bar(leader, node) => format!("{leader} stops granting to {node}"),
        Action::Promote(leader, node) => format!("{leader} makes {node} a voter"),
        Action::Install(leader, follower) => format!("{follower} installs a snapshot of {leader}"),
        Action::Lose(node) => format!("{node} loses its folder"),
        Action::Readmit(leader, node) => format!("{leader} takes {node} back as a learner"),
        Action::Drop(leader, node) => format!("{leader} drops {node} from the members"),
    }
}
