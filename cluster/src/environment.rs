//! Clock and randomness, injected so that a simulation repeats exactly.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::OsRng;
use rand::{RngCore, SeedableRng, TryRngCore};
use rand_chacha::ChaCha20Rng;

/// Tells the time. Nothing else in Keyraft asks the system for it.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the epoch. It may jump.
    fn wall_ms(&self) -> u64;
    /// Time since an arbitrary start; it never jumps and counts suspension (`CLOCK_BOOTTIME`).
    fn elapsed(&self) -> Duration;
}

/// The clocks of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock {
    /// Added to the wall clock, in milliseconds.
    pub wall_offset_ms: i64,
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        let wall_ms = u64::try_from(now.tv_sec).unwrap_or(0) * 1000
            + u64::try_from(now.tv_nsec / 1_000_000).unwrap_or(0);
        wall_ms.saturating_add_signed(self.wall_offset_ms)
    }

    fn elapsed(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    }
}

/// Gives random bytes: ids, keys, nonces, salts and election timeouts.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);

    /// A random number.
    fn next_u64(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }
}

/// The randomness of this machine: a generator for each thread, seeded by the operating system. No request
/// waits for another's.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandom(());

impl SystemRandom {
    /// The machine's randomness, once it has shown that there is some.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn new() -> Result<Self, std::io::Error> {
        OsRng.try_fill_bytes(&mut [0; 1]).map_err(std::io::Error::other)?;
        Ok(Self(()))
    }
}

impl Random for SystemRandom {
    #[allow(clippy::disallowed_methods, reason = "this is what is injected")]
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A generator seeded with a number, for a run that repeats.
pub struct SeededRandom(Mutex<ChaCha20Rng>);

impl SeededRandom {
    /// The same sequence for the same seed. For tests and simulations.
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(Mutex::new(ChaCha20Rng::seed_from_u64(seed)))
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

/// The clock and the randomness of one node.
#[derive(Clone)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub random: Arc<dyn Random>,
}

impl Environment {
    /// This machine's own.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn system() -> Result<Self, std::io::Error> {
        Self::with_wall_offset(0)
    }

    /// The same with a wall clock that is wrong by so many milliseconds.
    ///
    /// # Errors
    /// The operating system has no randomness to give.
    pub fn with_wall_offset(wall_offset_ms: i64) -> Result<Self, std::io::Error> {
        let clock = Arc::new(SystemClock { wall_offset_ms });
        Ok(Self { clock, random: Arc::new(SystemRandom::new()?) })
    }
}
