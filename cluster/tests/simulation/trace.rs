//! All that happens in a simulation, as one number: every byte between nodes, every answer, every disturbance.

use std::fmt::Arguments;
use std::hash::{DefaultHasher, Hasher};
use std::sync::{Arc, Mutex};

/// Cheap to clone; every clone is the same trace.
#[derive(Clone)]
pub struct Trace(Arc<Mutex<Inner>>);

struct Inner {
    hasher: DefaultHasher,
    now_ms: u64,
    events: u64,
    is_shown: bool,
}

impl Trace {
    /// An empty trace. If it `is_shown`, it is written out as it grows.
    pub fn new(is_shown: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner { hasher: DefaultHasher::new(), now_ms: 0, events: 0, is_shown })))
    }

    /// The time of what follows.
    pub fn at(&self, now_ms: u64) {
        self.0.lock().unwrap().now_ms = now_ms;
    }

    /// Something has happened.
    pub fn event(&self, what: Arguments<'_>) {
        let text = what.to_string();
        let mut inner = self.0.lock().unwrap();
        inner.take(text.as_bytes());
        if inner.is_shown {
            println!("[{:>6}] {text}", inner.now_ms);
        }
    }

    /// Something was sent.
    pub fn bytes(&self, from: u64, to: &str, bytes: &[u8]) {
        let mut inner = self.0.lock().unwrap();
        inner.take(bytes);
        if inner.is_shown {
            let sum = crc32c::crc32c(bytes);
            println!("[{:>6}] {} bytes from {from} over {to}: {sum:08x}", inner.now_ms, bytes.len());
        }
    }

    /// The number that stands for all of it, and how much it is.
    pub fn sum(&self) -> (u64, u64) {
        let inner = self.0.lock().unwrap();
        (inner.hasher.finish(), inner.events)
    }
}

impl Inner {
    fn take(&mut self, bytes: &[u8]) {
        let (now_ms, length) = (self.now_ms, bytes.len() as u64);
        self.hasher.write_u64(now_ms);
        self.hasher.write_u64(length);
        self.hasher.write(bytes);
        self.events += 1;
    }
}
