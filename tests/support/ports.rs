//! Ports for clusters.

use std::fs::{File, TryLockError};
use std::net::TcpListener;

use super::process::lock_file;

/// Below the ports that Linux hands out to clients.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;
/// A cluster whose first port is P takes P to P+9 and P+100 to P+109, so a block of this size has ports for ten.
const BLOCK: u16 = 200;

/// The ports of one cluster. No other test of this machine gets them while this value lives.
#[derive(Debug)]
pub struct Ports {
    /// The port of the API of node 0.
    pub http_port: u16,
    /// The lock; it goes with the process, however that ends.
    _reserved: File,
}

impl Ports {
    /// # Panics
    /// There are no free ports left.
    pub fn reserve() -> Self {
        let blocks = (FIRST..LAST).step_by(usize::from(BLOCK));
        let mut first_ports = blocks.flat_map(|block| (block..block + 100).step_by(10));
        first_ports.find_map(Self::try_reserve).unwrap_or_else(|| panic!("no free ports above {FIRST}"))
    }

    fn try_reserve(http_port: u16) -> Option<Self> {
        let file = lock_file(&format!("ports-{http_port}"));
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Error(error)) => panic!("cannot lock the ports from {http_port}: {error}"),
        }
        // Somebody else may use a port, or a process whose end is near.
        let mut all = (http_port..http_port + 10).chain(http_port + 100..http_port + 110);
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        all.all(is_free).then_some(Self { http_port, _reserved: file })
    }
}
