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
/// A median is that of so many operations or more.
const OPERATIONS_IN_MEDIAN: usize = 12;

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
    /// Of those that were done.
    latencies: BTreeMap<Function, Vec<Duration>>,
    /// Of those that were refused, which takes less.
    refusals: Vec<Duration>,
    /// Of both, in microseconds; `None` without any.
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
        let mut bins = vec![Bin::default(); count];
        for operation in history.operations() {
            let place = operation.ended_at.as_secs_f64() / end.as_secs_f64() * count as f64;
            let Some(bin) = bins.get_mut((place as usize).min(count - 1)) else { continue };
            if !operation.is_answered() {
                bin.failed += 1;
                continue;
            }
            if operation.is_done() {
                bin.done += 1;
                bin.latencies.entry(operation.function).or_default().push(operation.latency());
            } else {
                bin.refused += 1;
                bin.refusals.push(operation.latency());
            }
        }
        for bin in &mut bins {
            let mut all: Vec<Duration> =
                bin.latencies.values().flatten().chain(&bin.refusals).copied().collect();
            all.sort_unstable();
            let of_all = |percent| (!all.is_empty()).then(|| quantile(&all, percent));
            (bin.median_us, bin.quantile_99_us) = (of_all(50), of_all(99));
        }
        Self { width: end / u32::try_from(count).unwrap_or(1), bins }
    }

    /// Medians of a function, each of some operations, with the moments in their middle; broken where nothing was
    /// answered.
    pub(super) fn medians(&self, function: Function) -> Vec<Vec<(Duration, u64)>> {
        let mut lines: Vec<Vec<(Duration, u64)>> = vec![Vec::new()];
        let (mut first, mut latencies) = (0, Vec::new());
        for (number, bin) in self.bins.iter().enumerate() {
            if latencies.is_empty() {
                first = number;
            }
            latencies.extend(bin.latencies.get(&function).into_iter().flatten().copied());
            let is_broken = bin.median_us.is_none();
            if latencies.len() >= OPERATIONS_IN_MEDIAN || (is_broken && !latencies.is_empty()) {
                latencies.sort_unstable();
                let middle = (self.from(first) + self.from(number + 1)) / 2;
                if let Some(line) = lines.last_mut() {
                    line.push((middle, quantile(&latencies, 50)));
                }
                latencies.clear();
            }
            if is_broken {
                lines.push(Vec::new());
            }
        }
        lines.retain(|line| line.len() > 1);
        lines
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
