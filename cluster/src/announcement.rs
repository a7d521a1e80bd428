//! What the application has its node say of itself to the other nodes.

use bytes::Bytes;

/// Shown in the status of the node, on every node that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announcement {
    /// A digest of the options that have to be the same on all nodes; opaque here. Empty: not told, and
    /// compared with nothing.
    pub options_digest: Bytes,
    /// What the operator should know of this node, in one line. Empty: nothing.
    pub notice: String,
}
