//! What the nodes of a test count, all in one process.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, Arc<Cell>>>);

#[derive(Default)]
struct Cell(AtomicU64);

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::SeqCst);
    }
    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::SeqCst);
    }
}

/// The name of a counter, with the values of its labels.
fn name(key: &Key) -> String {
    key.labels().fold(key.name().to_owned(), |name, label| format!("{name}/{}", label.value()))
}

struct Taking(&'static Counters);

impl Recorder for Taking {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let mut all = self.0.0.lock().unwrap();
        Counter::from_arc(Arc::clone(all.entry(name(key)).or_default()))
    }
    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

fn counters() -> &'static Counters {
    static ALL: OnceLock<Counters> = OnceLock::new();
    ALL.get_or_init(Counters::default)
}

/// Begins to count; before the nodes start.
pub fn install() {
    let _ = metrics::set_global_recorder(Taking(counters()));
}

/// What a counter shows.
pub fn count(name: &str) -> u64 {
    counters().0.lock().unwrap().get(name).map_or(0, |cell| cell.0.load(Ordering::SeqCst))
}
