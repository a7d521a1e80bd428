//! Ports for clusters.

use std::net::TcpListener;

/// Below the ports that Linux hands out to clients, and away from those of `tests/dev.rs`.
const FIRST: u16 = 31_000;
const BLOCKS: u16 = 8;
/// A cluster takes P to P+9 and P+100 to P+109.
const BLOCK: u16 = 200;

/// A port P such that the ports of a cluster whose first is P are free now. The caller holds the lock of
/// all clusters, so nobody else takes them meanwhile.
pub fn free_http_port() -> u16 {
    let blocks = (0..BLOCKS).map(|block| FIRST + block * BLOCK);
    let mut candidates = blocks.flat_map(|first| (0..10).map(move |step| first + step * 10));
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    candidates
        .find(|first| (*first..first + 10).chain(first + 100..first + 110).all(is_free))
        .unwrap_or_else(|| panic!("no block of free ports from {FIRST}"))
}
