//! What clients could not do, and for how long: in all, and during each disturbance.

use std::time::Duration;

use serde::Serialize;

use crate::history::{History, Operation};
use crate::recording::{DisturbanceState, Recording};

/// How the cluster answered within a window of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Service {
    /// Operations that were sent.
    pub sent: usize,
    /// Of these, how many were done.
    pub done: usize,
    /// How many were refused, where that is an answer too.
    pub refused: usize,
    /// How many got no answer.
    pub failed: usize,
    /// The longest time without an answer to a write, in milliseconds; it began in the window and may have
    /// gone on behind it.
    pub longest_write_stall_ms: u64,
    /// The same of reads.
    pub longest_read_stall_ms: u64,
    /// Half of the answers took less, in microseconds.
    pub median_us: u64,
    /// All but one of a hundred took less.
    pub quantile_99_us: u64,
    /// The slowest.
    pub slowest_us: u64,
}

impl Service {
    /// The share of operations that got no answer, from 0 to 1.
    #[must_use]
    pub fn failed_share(&self) -> f64 {
        if self.sent == 0 { 0.0 } else { self.failed as f64 / self.sent as f64 }
    }
}

/// How the cluster answered, in all and during what was done to it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Availability {
    /// In all.
    pub total: Service,
    /// While nothing was done to it.
    pub undisturbed: Service,
    /// During each disturbance of the recording that took place, with its number there.
    pub disturbed: Vec<(usize, Service)>,
}

/// Measures a recording.
#[must_use]
pub fn measure(recording: &Recording) -> Availability {
    let answers = Answers::new(&recording.history);
    let mut windows = Vec::new();
    for (number, disturbance) in recording.disturbances.iter().enumerate() {
        if !matches!(disturbance.state, DisturbanceState::Skipped { .. }) {
            windows.push((number, disturbance.from, disturbance.to));
        }
    }
    let end = recording.duration.max(recording.history.end());
    let is_disturbed = |at: Duration| windows.iter().any(|(_, from, to)| *from <= at && at <= *to);
    let is_undisturbed =
        |one: Duration, next: Duration| !windows.iter().any(|(_, from, to)| *from <= next && one <= *to);
    Availability {
        total: answers.service(|_| true, (Duration::ZERO, end)),
        undisturbed: Service {
            longest_write_stall_ms: longest_stall(&answers.writes, is_undisturbed),
            longest_read_stall_ms: longest_stall(&answers.reads, is_undisturbed),
            ..answers.counts(|at| !is_disturbed(at))
        },
        disturbed: windows
            .iter()
            .map(|(number, from, to)| {
                (*number, answers.service(|at| *from <= at && at <= *to, (*from, (*to).min(end))))
            })
            .collect(),
    }
}

struct Answers<'a> {
    operations: &'a [Operation],
    /// When writes were answered, in order; and when the first one was sent.
    writes: Vec<Duration>,
    reads: Vec<Duration>,
    end: Duration,
}

impl<'a> Answers<'a> {
    fn new(history: &'a History) -> Self {
        let operations = history.operations();
        let times = |is_write: bool| {
            let of_kind =
                || operations.iter().filter(move |operation| operation.function.is_write() == is_write);
            let first = of_kind().map(|operation| operation.sent_at).min();
            // The time until the last one was given up counts too.
            let last = of_kind().map(|operation| operation.ended_at).max();
            let mut times: Vec<Duration> = of_kind()
                .filter(|operation| operation.is_answered())
                .map(|operation| operation.ended_at)
                .collect();
            times.extend(first.into_iter().chain(last));
            times.sort_unstable();
            times
        };
        Self { operations, writes: times(true), reads: times(false), end: history.end() }
    }

    /// What was sent at such times, and without an answer for how long from within the window.
    fn service(&self, is_in: impl Fn(Duration) -> bool, (from, to): (Duration, Duration)) -> Service {
        let stall = |times: &[Duration]| {
            let mut longest = Duration::ZERO;
            let before = times.partition_point(|at| *at < from);
            let mut last = from.min(self.end);
            // Nothing of this kind was asked for any more by then.
            if times.get(before).is_none() {
                return 0;
            }
            if before == 0 {
                last = times.first().copied().unwrap_or(last);
            }
            for at in times.iter().skip(before) {
                longest = longest.max(at.saturating_sub(last));
                if *at > to {
                    break;
                }
                last = *at;
            }
            milliseconds(longest)
        };
        Service {
            longest_write_stall_ms: stall(&self.writes),
            longest_read_stall_ms: stall(&self.reads),
            ..self.counts(is_in)
        }
    }

    fn counts(&self, is_in: impl Fn(Duration) -> bool) -> Service {
        let mut service = Service::default();
        let mut latencies: Vec<Duration> = Vec::new();
        for operation in self.operations.iter().filter(|operation| is_in(operation.sent_at)) {
            service.sent += 1;
            if !operation.is_answered() {
                service.failed += 1;
                continue;
            }
            latencies.push(operation.latency());
            if operation.is_done() {
                service.done += 1;
            } else {
                service.refused += 1;
            }
        }
        latencies.sort_unstable();
        service.median_us = quantile(&latencies, 50);
        service.quantile_99_us = quantile(&latencies, 99);
        service.slowest_us = quantile(&latencies, 100);
        service
    }
}

/// The longest time without an answer, of those between two answers that count.
fn longest_stall(times: &[Duration], counts: impl Fn(Duration, Duration) -> bool) -> u64 {
    let pairs = times.iter().zip(times.iter().skip(1));
    let stalls = pairs.filter(|(one, next)| counts(**one, **next)).map(|(one, next)| *next - *one);
    milliseconds(stalls.max().unwrap_or_default())
}

/// In microseconds, of sorted latencies; 0 of none.
pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    let latency = sorted.get(rank).copied().unwrap_or_default();
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::testing::{read, write};
    use crate::recording::Disturbance;

    fn recording() -> Recording {
        let mut operations: Vec<Operation> =
            (0..10).map(|n| write(n, 100 * n as u64, 100 * n as u64 + 5)).collect();
        // Nothing is answered from 905 to 3_005.
        operations.push(write(10, 1_000, 2_000).unknown());
        operations.push(write(11, 1_100, 3_005));
        operations.push(read(1, 0, 10));
        operations.push(read(1, 3_000, 3_010));
        let disturbance = |from, to, state| Disturbance {
            nemesis: "kill".to_owned(),
            nodes: vec![0],
            from: Duration::from_millis(from),
            to: Duration::from_millis(to),
            state,
        };
        let skipped = DisturbanceState::Skipped { reason: String::new() };
        Recording {
            history: operations.into_iter().collect(),
            disturbances: vec![
                disturbance(0, 50, skipped),
                disturbance(950, 1_500, DisturbanceState::Installed),
            ],
            ..Recording::default()
        }
    }

    #[test]
    fn a_stall_counts_in_full_for_the_disturbance_in_which_it_began() {
        let availability = measure(&recording());
        assert_eq!(availability.total.longest_write_stall_ms, 3_005 - 905);
        let [(number, disturbed)] = &availability.disturbed[..] else { panic!("{availability:?}") };
        assert_eq!((*number, disturbed.longest_write_stall_ms), (1, 3_005 - 950));
        assert_eq!(availability.undisturbed.longest_write_stall_ms, 100, "not from before until after");
        assert_eq!(disturbed.longest_read_stall_ms, 3_010 - 950);
    }

    #[test]
    fn what_was_sent_in_a_window_is_counted_there() {
        let availability = measure(&recording());
        let (_, disturbed) = &availability.disturbed[0];
        assert_eq!((disturbed.sent, disturbed.done, disturbed.failed), (2, 1, 1));
        assert!((disturbed.failed_share() - 0.5).abs() < f64::EPSILON);
        assert_eq!((availability.total.sent, availability.undisturbed.sent), (14, 12));
        assert_eq!(availability.total.median_us, 5_000);
        assert_eq!(availability.total.slowest_us, 1_905_000);
    }

    #[test]
    fn a_read_that_was_refused_was_not_answered() {
        let create = crate::checker::testing::operation(crate::function::Function::Create, "a", 0, 9);
        let history =
            [read(1, 0, 9).refused(), write(1, 0, 9).refused(), create.refused()].into_iter().collect();
        let service = measure(&Recording { history, ..Recording::default() }).total;
        assert_eq!((service.sent, service.refused, service.failed), (3, 1, 2));
    }

    #[test]
    fn quantiles_of_few() {
        let of = |latencies: &[u64], percent| {
            quantile(&latencies.iter().copied().map(Duration::from_micros).collect::<Vec<_>>(), percent)
        };
        assert_eq!((of(&[], 50), of(&[7], 50), of(&[7], 99), of(&[1, 2, 3, 4], 50)), (0, 7, 7, 2));
    }
}
