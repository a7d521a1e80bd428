//! How the messages of leases travel.

use std::time::Duration;

use keyraft_lease::{Grant, LeaderMessage, Leadership, ProcessId, Reply, TimePair};
use keyraft_proto::cluster as proto;

pub(super) fn message_to_proto(message: LeaderMessage) -> proto::LeaderMessage {
    proto::LeaderMessage {
        term: message.leader.term,
        node_id: message.leader.node,
        process: message.leader_process.0,
        ping: message.ping,
        grant: message.grant.map(|grant| proto::Grant {
            node_process: grant.node_process.0,
            reply: grant.reply,
            length_ns: u64::try_from(grant.length.as_nanos()).unwrap_or(u64::MAX),
            log_index: grant.index,
        }),
        released_index: message.released,
        time: message.time.map(|pair| proto::TimePair { time_ms: pair.time_ms, log_index: pair.log_index }),
    }
}

pub(super) fn message_from_proto(message: &proto::LeaderMessage) -> LeaderMessage {
    LeaderMessage {
        leader: Leadership { term: message.term, node: message.node_id },
        leader_process: ProcessId(message.process),
        ping: message.ping,
        grant: message.grant.as_ref().map(|grant| Grant {
            node_process: ProcessId(grant.node_process),
            reply: grant.reply,
            length: Duration::from_nanos(grant.length_ns),
            index: grant.log_index,
        }),
        released: message.released_index,
        time: message.time.as_ref().map(|pair| TimePair { time_ms: pair.time_ms, log_index: pair.log_index }),
    }
}

pub(super) fn reply_to_proto(reply: &Reply, wall_clock_ms: u64) -> proto::LeaseReply {
    proto::LeaseReply {
        term: reply.leader.term,
        leader: reply.leader.node,
        leader_process: reply.leader_process.0,
        node_id: reply.node,
        process: reply.node_process.0,
        ping: reply.ping,
        reply: reply.reply,
        applied_index: reply.applied,
        wants_grants: reply.wants_grants,
        is_leaving: reply.is_leaving,
        wall_clock_ms,
    }
}

pub(super) fn reply_from_proto(reply: &proto::LeaseReply) -> Reply {
    Reply {
        leader: Leadership { term: reply.term, node: reply.leader },
        leader_process: ProcessId(reply.leader_process),
        node: reply.node_id,
        node_process: ProcessId(reply.process),
        ping: reply.ping,
        reply: reply.reply,
        applied: reply.applied_index,
        wants_grants: reply.wants_grants,
        is_leaving: reply.is_leaving,
    }
}
