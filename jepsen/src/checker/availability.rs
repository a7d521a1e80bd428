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
    /// The longest time in which clients asked for writes and none was answered, in milliseconds; it began in
    /// the window or before, of which only what is in the window counts, and may have gone on behind it.
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
    let is_disturbed = |at: Duration| windows.iter().any(|(_, from, to)| *from <= at && at <= *to);
    let is_undisturbed =
        |stall: &Stall| !windows.iter().any(|(_, from, to)| *from <= stall.to && stall.from <= *to);
    Availability {
        total: answers.service(Duration::ZERO, Duration::MAX),
        undisturbed: Service {
            longest_write_stall_ms: longest_stall(&answers.writes, is_undisturbed),
            longest_read_stall_ms: longest_stall(&answers.reads, is_undisturbed),
            ..answers.counts(|at| !is_disturbed(at))
        },
        disturbed: windows.iter().map(|(number, from, to)| (*number, answers.service(*from, *to))).collect(),
    }
}

/// A time in which clients waited or failed, and none was answered.
#[derive(Clone, Copy, Debug)]
struct Stall {
    from: Duration,
    to: Duration,
}

struct Answers<'a> {
    operations: &'a [Operation],
    writes: Vec<Stall>,
    reads: Vec<Stall>,
}

impl<'a> Answers<'a> {
    fn new(history: &'a History) -> Self {
        let operations = history.operations();
        Self { operations, writes: stalls(operations, true), reads: stalls(operations, false) }
    }

    /// What was sent between these times, and the longest stalls of them.
    fn service(&self, from: Duration, to: Duration) -> Service {
        let longest = |stalls: &[Stall]| {
            let within = stalls.iter().filter(|stall| stall.to > from && stall.from <= to);
            milliseconds(within.map(|stall| stall.to - stall.from.max(from)).max().unwrap_or_default())
        };
        Service {
            longest_write_stall_ms: longest(&self.writes),
            longest_read_stall_ms: longest(&self.reads),
            ..self.counts(|at| from <= at && at <= to)
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

/// The stalls of writes or of reads: one until each answer, and one until the last was given up.
fn stalls(operations: &[Operation], is_write: bool) -> Vec<Stall> {
    let mut of_kind: Vec<&Operation> =
        operations.iter().filter(|operation| operation.function.is_write() == is_write).collect();
    of_kind.sort_by_key(|operation| operation.ended_at);
    // Of each and all that ended later, the time at which the first was sent.
    let mut first_sent: Vec<Duration> = of_kind.iter().map(|operation| operation.sent_at).collect();
    let mut earliest = Duration::MAX;
    for sent in first_sent.iter_mut().rev() {
        earliest = earliest.min(*sent);
        *sent = earliest;
    }
    let answered = of_kind.iter().filter(|operation| operation.is_answered()).map(|answer| answer.ended_at);
    let mut last = Duration::ZERO;
    let mut stalls = Vec::new();
    for to in answered.chain(of_kind.last().map(|operation| operation.ended_at)) {
        let later = of_kind.partition_point(|operation| operation.ended_at <= last);
        if let Some(sent) = first_sent.get(later).filter(|_| to > last) {
            stalls.push(Stall { from: last.max(*sent), to });
        }
        last = to;
    }
    stalls
}

fn longest_stall(stalls: &[Stall], counts: impl Fn(&Stall) -> bool) -> u64 {
    let lengths = stalls.iter().filter(|stall| counts(stall)).map(|stall| stall.to - stall.from);
    milliseconds(lengths.max().unwrap_or_default())
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
        assert_eq!(availability.total.longest_write_stall_ms, 3_005 - 1_000, "from when the first was sent");
        let [(number, disturbed)] = &availability.disturbed[..] else { panic!("{availability:?}") };
        assert_eq!((*number, disturbed.longest_write_stall_ms), (1, 3_005 - 1_000));
        assert_eq!(disturbed.longest_read_stall_ms, 0, "nobody asked");
        assert_eq!(availability.undisturbed.longest_write_stall_ms, 5);
        assert_eq!(availability.undisturbed.longest_read_stall_ms, 10);
    }

    #[test]
    fn of_a_stall_that_was_there_before_only_the_rest_counts() {
        let mut recording = recording();
        recording.disturbances[1].from = Duration::from_millis(1_400);
        assert_eq!(measure(&recording).disturbed[0].1.longest_write_stall_ms, 3_005 - 1_400);
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
