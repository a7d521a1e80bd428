//! The proof of the cluster key that opens every connection between nodes, before any byte of HTTP/2.
//!
//! ```text
//! caller                                                    receiver
//!   hello: magic, version, nonce, key id, from, to  ------>
//!                      <------  hello: the same of the receiver, proof
//!   proof                                           ------>
//! ```
//! A proof is an HMAC-SHA256 over the role of who makes it and both hellos, so it is good for this connection, these two
//! nodes and this direction only. Who has another key learns that from the names of the keys, which are no secret, and
//! gets no proof.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::secret::{ClusterSecret, KEY_ID_BYTES, KeyId, PROOF_BYTES};
use crate::environment::Random;
use crate::planted::{Bug, is_planted};
use crate::types::NodeId;

const MAGIC: [u8; 7] = *b"keyraft";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 32;
const HELLO_BYTES: usize = MAGIC.len() + 1 + NONCE_BYTES + KEY_ID_BYTES + 2 * size_of::<NodeId>();

const CALLER: &[u8] = b"caller";
const RECEIVER: &[u8] = b"receiver";

/// Why two nodes do not speak to each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The other side is no node.
    #[error("it does not begin as a node does")]
    OtherProtocol,
    /// The other side is a node of another version.
    #[error("its handshake has version {version}, not {VERSION}")]
    OtherVersion {
        /// The version it has.
        version: u8,
    },
    /// The cluster keys differ.
    #[error("its cluster key is {peer}, the one of this node is {own}")]
    OtherKey {
        /// The name of this node's cluster key.
        own: KeyId,
        /// The name of the other one.
        peer: KeyId,
    },
    /// The connection leads to a node that it was not meant for.
    #[error("the connection was meant for node {wanted} and has reached node {reached}")]
    OtherNode {
        /// Whom the caller looks for.
        wanted: NodeId,
        /// Who has received the call.
        reached: NodeId,
    },
    /// The other side names this node's cluster key and does not have it.
    #[error("its proof of the cluster key is wrong")]
    WrongProof,
    /// This node has no cluster key: it is to be alone.
    #[error("this node has no cluster key")]
    NoKey,
    /// The connection broke, or took too long.
    #[error("the connection ended: {reason}")]
    Lost {
        /// The reason of the system.
        reason: String,
    },
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self::Lost { reason: error.to_string() }
    }
}

impl HandshakeError {
    /// A short name, for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::OtherProtocol => "other_protocol",
            Self::OtherVersion { .. } => "other_version",
            Self::OtherKey { .. } => "other_key",
            Self::OtherNode { .. } => "other_node",
            Self::WrongProof => "wrong_proof",
            Self::NoKey => "no_key",
            Self::Lost { .. } => "lost",
        }
    }
}

/// Who a node is, and the key that it proves.
#[derive(Clone, Copy)]
pub(crate) struct Own<'a> {
    pub(crate) node_id: NodeId,
    pub(crate) secret: &'a ClusterSecret,
    pub(crate) random: &'a dyn Random,
}

impl Own<'_> {
    fn hello(&self, to: NodeId) -> Hello {
        let mut nonce = [0; NONCE_BYTES];
        self.random.fill(&mut nonce);
        Hello { nonce, key_id: self.secret.id(), from: self.node_id, to }
    }
}

/// The first message of either side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hello {
    nonce: [u8; NONCE_BYTES],
    key_id: KeyId,
    from: NodeId,
    to: NodeId,
}

impl Hello {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HELLO_BYTES + PROOF_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.nonce);
        bytes.extend_from_slice(&self.key_id.0);
        bytes.extend_from_slice(&self.from.to_be_bytes());
        bytes.extend_from_slice(&self.to.to_be_bytes());
        bytes
    }

    async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, HandshakeError> {
        let (magic, version): ([u8; MAGIC.len()], _) = (read(stream).await?, stream.read_u8().await?);
        if magic != MAGIC {
            return Err(HandshakeError::OtherProtocol);
        }
        if version != VERSION {
            return Err(HandshakeError::OtherVersion { version });
        }
        Ok(Self {
            nonce: read(stream).await?,
            key_id: KeyId(read(stream).await?),
            from: stream.read_u64().await?,
            to: stream.read_u64().await?,
        })
    }
}

async fn read<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// The caller's part: proves the key to `to`, and has it prove the same.
///
/// # Errors
/// The other side is not node `to` of this cluster. Nothing but a hello was sent to it then.
pub(crate) async fn greet(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    own: Own<'_>,
    to: NodeId,
) -> Result<(), HandshakeError> {
    let hello = own.hello(to).encode();
    stream.write_all(&hello).await?;
    stream.flush().await?;
    let theirs = Hello::read(stream).await?;
    if theirs.key_id != own.secret.id() && !is_planted(Bug::AnyClusterKey) {
        return Err(HandshakeError::OtherKey { own: own.secret.id(), peer: theirs.key_id });
    }
    if theirs.from != to {
        return Err(HandshakeError::OtherNode { wanted: to, reached: theirs.from });
    }
    let both = [hello.as_slice(), &theirs.encode()].concat();
    if !own.secret.verifies(&[RECEIVER, &both], &read(stream).await?) && !is_planted(Bug::AnyClusterKey) {
        return Err(HandshakeError::WrongProof);
    }
    stream.write_all(&own.secret.prove(&[CALLER, &both])).await?;
    stream.flush().await?;
    Ok(())
}

/// The receiver's part. Returns who calls.
///
/// # Errors
/// The other side is no node of this cluster, or looks for another one.
pub(crate) async fn receive(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    own: Own<'_>,
) -> Result<NodeId, HandshakeError> {
    let theirs = Hello::read(stream).await?;
    let hello = own.hello(theirs.from).encode();
    let both = [theirs.encode(), hello.clone()].concat();
    let refused = if theirs.key_id != own.secret.id() && !is_planted(Bug::AnyClusterKey) {
        Some(HandshakeError::OtherKey { own: own.secret.id(), peer: theirs.key_id })
    } else if theirs.to != own.node_id {
        Some(HandshakeError::OtherNode { wanted: theirs.to, reached: own.node_id })
    } else {
        None
    };
    let mut response = hello;
    if refused.is_none() {
        response.extend_from_slice(&own.secret.prove(&[RECEIVER, &both]));
    }
    stream.write_all(&response).await?;
    stream.flush().await?;
    if let Some(refused) = refused {
        return Err(refused);
    }
    if !own.secret.verifies(&[CALLER, &both], &read(stream).await?) && !is_planted(Bug::AnyClusterKey) {
        return Err(HandshakeError::WrongProof);
    }
    Ok(theirs.from)
}

#[cfg(test)]
mod tests;
