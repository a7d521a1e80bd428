//! How long a revocation is kept.

use crate::config::{Revoke, Token};

/// How long an event is kept after what it revokes was revoked, in milliseconds: as long as any such token may still
/// be asked for, and a buffer for clocks.
///
/// Keystone leaves out the time in which `?allow_expired` takes a token that has ended, and so finds a revoked token
/// valid again once its event is purged.
#[must_use]
pub fn kept_ms(token: &Token, revoke: &Revoke) -> u64 {
    token
        .expiration_s
        .saturating_add(token.allow_expired_window_s)
        .saturating_add(revoke.expiration_buffer_s)
        .saturating_mul(1000)
}
