//! The clocks of one machine: they count from anywhere, run a little wrong, and disagree about the time of day.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyraft_cluster::Clock;
use tokio::runtime::{Handle, Id};
use tokio::time::Instant;

/// 2026-01-01.
pub const EPOCH_MS: u64 = 1_767_225_600_000;

pub struct MachineClock {
    /// True time since the simulation began, as of the current step.
    now_ns: Arc<AtomicU64>,
    /// The runtime of the current life, and when it began: on its own clock, and in true time.
    life: Mutex<Option<(Id, Instant, u64)>>,
    started_ns: u64,
    drift_ppm: i64,
    wall_offset_ms: AtomicI64,
}

impl MachineClock {
    pub fn new(now_ns: Arc<AtomicU64>, started_ns: u64, drift_ppm: i64, wall_offset_ms: i64) -> Self {
        let wall_offset_ms = AtomicI64::new(wall_offset_ms);
        Self { now_ns, life: Mutex::new(None), started_ns, drift_ppm, wall_offset_ms }
    }

    /// A life begins; called on its runtime.
    pub fn begin_life(&self) {
        *self.life.lock().unwrap() =
            Some((Handle::current().id(), Instant::now(), self.now_ns.load(Ordering::SeqCst)));
    }

    pub fn end_life(&self) {
        *self.life.lock().unwrap() = None;
    }

    /// The time of day is set anew.
    pub fn set_wall_offset_ms(&self, offset_ms: i64) {
        self.wall_offset_ms.store(offset_ms, Ordering::SeqCst);
    }

    fn true_ns(&self) -> u64 {
        match *self.life.lock().unwrap() {
            // Who looks from outside is between two steps.
            Some((life, began, began_ns)) if Handle::try_current().is_ok_and(|here| here.id() == life) => {
                began_ns + u64::try_from(began.elapsed().as_nanos()).unwrap()
            }
            _ => self.now_ns.load(Ordering::SeqCst),
        }
    }
}

impl Clock for MachineClock {
    fn wall_ms(&self) -> u64 {
        let true_ms = EPOCH_MS + self.true_ns() / 1_000_000;
        true_ms.saturating_add_signed(self.wall_offset_ms.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        let true_ns = self.true_ns();
        let drift_ns = i64::try_from(true_ns).unwrap() / 1_000_000 * self.drift_ppm;
        Duration::from_nanos((self.started_ns + true_ns).saturating_add_signed(drift_ns))
    }
}
