//! Operations by the time at which they ended.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::checker::availability::quantile;
use crate::function::Function;
use crate::history::History;

/// At most so many, each some pixels wide.
const MAX_BINS: usize = 206;
/// As many as leave so many operations to each.
const OPERATIONS_IN_BIN: usize = 20;

/// Equal parts of the time.
pub(super) struct Bins {
    pub(super) width: Duration,
    pub(super) bins: Vec<Bin>,
}

/// What ended in one of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Bin {
    pub(super) done: usize,
    pub(super) refused: usize,
    pub(super) failed: usize,
    /// Of those with an answer, in microseconds.
    pub(super) medians_us: BTreeMap<Function, u64>,
    /// The same of all; `None` without any.
    pub(super) median_us: Option<u64>,
    pub(super) quantile_99_us: Option<u64>,
}

impl Bin {
    pub(super) fn total(&self) -> usize {
        self.done + self.refused + self.failed
    }
}

impl Bins {
    pub(super) fn of(history: &History, end: Duration) -> Self {
        let count = (history.operations().len() / OPERATIONS_IN_BIN).clamp(10, MAX_BINS);
        let end = end.max(Duration::from_millis(1));
        let mut bins = vec![(Bin::default(), Vec::new()); count];
        for operation in history.operations() {
            let place = operation.ended_at.as_secs_f64() / end.as_secs_f64() * count as f64;
            let Some((bin, latencies)) = bins.get_mut((place as usize).min(count - 1)) else { continue };
            if !operation.is_answered() {
                bin.failed += 1;
                continue;
            }
            latencies.push((operation.function, operation.latency()));
            if operation.is_done() {
                bin.done += 1;
            } else {
                bin.refused += 1;
            }
        }
        let summed = bins.into_iter().map(|(bin, mut latencies)| {
            latencies.sort_unstable_by_key(|(_, latency)| *latency);
            let mut of_function: BTreeMap<Function, Vec<Duration>> = BTreeMap::new();
            for (function, latency) in &latencies {
                of_function.entry(*function).or_default().push(*latency);
            }
            let all: Vec<Duration> = latencies.into_iter().map(|(_, latency)| latency).collect();
            let of_all = |percent| (!all.is_empty()).then(|| quantile(&all, percent));
            Bin {
                medians_us: of_function.iter().map(|(function, of)| (*function, quantile(of, 50))).collect(),
                median_us: of_all(50),
                quantile_99_us: of_all(99),
                ..bin
            }
        });
        Self { width: end / u32::try_from(count).unwrap_or(1), bins: summed.collect() }
    }

    /// Where a bin begins.
    pub(super) fn from(&self, number: usize) -> Duration {
        self.width.saturating_mul(u32::try_from(number).unwrap_or(u32::MAX))
    }

    /// How many in a second a number in a bin is.
    pub(super) fn rate(&self, count: usize) -> f64 {
        count as f64 / self.width.as_secs_f64()
    }

    pub(super) fn data(&self) -> Json {
        let of = |bin: &Bin| {
            let rate = |count| (self.rate(count) * 10.0).round() / 10.0;
            json!([rate(bin.done), rate(bin.refused), rate(bin.failed), bin.median_us, bin.quantile_99_us])
        };
        self.bins.iter().map(of).collect()
    }
}
