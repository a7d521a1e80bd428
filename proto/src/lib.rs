//! The protobuf messages and services of Keyraft, generated from `proto/keyraft/*.proto`.
#![allow(missing_docs, clippy::all)]

/// What nodes say to one another, and what a log entry holds.
pub mod cluster {
    tonic::include_proto!("keyraft.cluster.v1");
}

/// The records and commands of the identity service.
pub mod identity {
    tonic::include_proto!("keyraft.identity.v1");
}
