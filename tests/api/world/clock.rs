//! The clock of a test: it goes with that of the machine, from a date of its own, and can be put forward.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use keyraft_cluster::{Clock, SystemClock};

/// 1 January 2030, in milliseconds since the epoch.
const BEGIN_MS: u64 = 1_893_456_000_000;

pub struct TestClock {
    machine: SystemClock,
    begun: Duration,
    ahead_ms: AtomicU64,
}

impl Default for TestClock {
    fn default() -> Self {
        let machine = SystemClock::default();
        Self { begun: machine.elapsed(), machine, ahead_ms: AtomicU64::new(0) }
    }
}

impl TestClock {
    pub fn put_forward(&self, by: Duration) {
        self.ahead_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn wall_ms(&self) -> u64 {
        let since_ms = u64::try_from((self.elapsed() - self.begun).as_millis()).unwrap();
        BEGIN_MS + since_ms + self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Leases and timeouts go by this, so it is not put forward.
    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }
}
