//! Whether all nodes behaved as one copy: what one has acknowledged or shown, no node takes back.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{End, Moment, Operation, REGISTERS, Request, State, Value};
use crate::tally::Tally;

/// Between two moments. The second is later than all when it is not known.
#[derive(Clone, Copy, Debug)]
struct Span {
    begun: Moment,
    ended: Moment,
}

/// Says what shows that the nodes were not one copy.
pub fn check(operations: &[Operation]) -> Result<(), String> {
    for register in 0..REGISTERS {
        check_register(register, operations)?;
    }
    check_counter(operations)?;
    check_time(operations)
}

fn span(operation: &Operation) -> Span {
    let ended = operation.ended.as_ref().map_or(Moment::MAX, |(ended, _)| *ended);
    Span { begun: operation.begun, ended }
}

/// The operations on one value of a register: its write, and the reads that found it.
struct Zone {
    value: Value,
    /// The first end, and the last beginning.
    first_end: Moment,
    last_begin: Moment,
    by: String,
}

/// A register whose values are written once each is linearizable if, and only if, no value is read before its write
/// begins, no two values were each certainly current over one moment, and none that was current only for a moment
/// lies where another one certainly was (Gibbons and Korach, "Testing Shared Memories", 1997).
fn check_register(register: usize, operations: &[Operation]) -> Result<(), String> {
    let mut writes: BTreeMap<Value, (&Operation, Span)> = BTreeMap::new();
    let mut reads: BTreeMap<Value, Vec<(&Operation, Span)>> = BTreeMap::new();
    for operation in operations {
        if let Request::Set(of, value) = operation.request
            && of == register
        {
            writes.insert(value, (operation, span(operation)));
        }
        let found = match &operation.ended {
            Some((_, End::Found(state))) => state.registers[register],
            Some((_, End::FoundAlike(of, value))) if *of == register => *value,
            _ => continue,
        };
        reads.entry(found).or_default().push((operation, span(operation)));
    }
    let mut zones = Vec::new();
    let values = writes.keys().chain(reads.keys()).copied().collect::<BTreeSet<_>>();
    for value in values {
        let reads = reads.get(&value).map(Vec::as_slice).unwrap_or_default();
        let write = match writes.get(&value) {
            None if value == 0 => Span { begun: 0, ended: 0 },
            None => {
                return Err(format!("register {register}: {value} was read and never written: {reads:?}"));
            }
            Some((write, _)) if write.ended.as_ref().is_some_and(|(_, end)| *end == End::Refused) => {
                match reads.first() {
                    None => continue,
                    Some(read) => {
                        return Err(format!(
                            "register {register}: a refused write was read: {write:?}, {read:?}"
                        ));
                    }
                }
            }
            // Perhaps never done.
            Some((_, span)) if span.ended == Moment::MAX && reads.is_empty() => continue,
            Some((_, span)) => *span,
        };
        if let Some((read, _)) = reads.iter().find(|(_, read)| read.ended < write.begun) {
            return Err(format!("register {register}: {value} was read before it was written: {read:?}"));
        }
        let spans = || reads.iter().map(|(_, span)| span).chain([&write]);
        let first_end = spans().map(|span| span.ended).min().unwrap_or_default();
        let last_begin = spans().map(|span| span.begun).max().unwrap_or_default();
        let last = reads.iter().max_by_key(|(_, span)| span.begun);
        let by = last.map_or_else(String::new, |(read, _)| format!("{} at {}", read.by, read.begun));
        zones.push(Zone { value, first_end, last_begin, by });
    }
    let (mut certain, brief): (Vec<Zone>, Vec<Zone>) =
        zones.into_iter().partition(|zone| zone.first_end < zone.last_begin);
    certain.sort_by_key(|zone| zone.first_end);
    for pair in certain.windows(2) {
        let [one, other] = pair else { continue };
        if other.first_end < one.last_begin {
            return Err(format!(
                "register {register}: {} was current from {} to {} ({}), and {} from {} to {} ({})",
                one.value,
                one.first_end,
                one.last_begin,
                one.by,
                other.value,
                other.first_end,
                other.last_begin,
                other.by,
            ));
        }
    }
    for zone in &brief {
        let around = certain.iter().find(|c| c.first_end < zone.last_begin && zone.first_end < c.last_begin);
        if let Some(around) = around {
            return Err(format!(
                "register {register}: {} was current from {} to {} ({}), and {} at some time from {} to {} ({})",
                around.value,
                around.first_end,
                around.last_begin,
                around.by,
                zone.value,
                zone.last_begin,
                zone.first_end,
                zone.by,
            ));
        }
    }
    Ok(())
}

/// A counter is linearizable if its tally says so, and if no answer counts increments that nobody can have asked for
/// yet.
fn check_counter(operations: &[Operation]) -> Result<(), String> {
    // Those that begin when another ends had not seen its answer.
    let begins = operations.iter().map(|operation| (operation.begun, false, operation));
    let ends = operations.iter().filter_map(|op| op.ended.as_ref().map(|(ended, _)| (*ended, true, op)));
    let mut events: Vec<(Moment, bool, &Operation)> = begins.chain(ends).collect();
    events.sort_by_key(|(moment, is_end, _)| (*moment, *is_end));
    let mut tally = Tally::default();
    let mut before = BTreeMap::new();
    let mut shown = Vec::new();
    for (moment, is_end, operation) in events {
        let key = std::ptr::from_ref(operation);
        if !is_end {
            before.insert(key, tally.begin());
            continue;
        }
        let before = before.remove(&key).unwrap_or_default();
        let (count, told) = match &operation.ended {
            Some((_, End::Counted(count))) => (*count, tally.incremented(&before, *count, operation)),
            Some((_, End::Found(state))) => (state.count, tally.read(&before, state.count, &operation)),
            _ => continue,
        };
        told.map_err(|what| format!("counter: {what}"))?;
        shown.push((moment, count, operation));
    }
    let increments = operations.iter().filter(|op| op.request == Request::Increment);
    let unknown: Vec<Moment> = increments.filter(|op| op.ended.is_none()).map(|op| op.begun).collect();
    for (ended, count, operation) in &shown {
        let known = tally.answers().range(..=*count).count();
        let possible = known + unknown.iter().filter(|begun| *begun < ended).count();
        if u64::try_from(possible).unwrap() < *count {
            return Err(format!(
                "counter: {count} was shown, and {possible} can have been counted: {operation:?}"
            ));
        }
    }
    Ok(())
}

/// States at one index are one state; and what a state does not show is stamped at or after what is stamped from
/// that state, so that a revocation catches every token that was issued without it.
fn check_time(operations: &[Operation]) -> Result<(), String> {
    let mut states: BTreeMap<u64, &State> = BTreeMap::new();
    let mut stamps: BTreeMap<u64, (u64, &Operation)> = BTreeMap::new();
    for operation in operations {
        let Some((_, End::Found(state))) = &operation.ended else { continue };
        let known = states.entry(state.applied_index).or_insert(state);
        let is_same = (known.registers, known.count, known.log_time_ms)
            == (state.registers, state.count, state.log_time_ms);
        if !is_same {
            return Err(format!("two states at one index: {known:?} and {state:?}"));
        }
        let latest = stamps.entry(state.applied_index).or_insert((state.stamp_ms, operation));
        if latest.0 < state.stamp_ms {
            *latest = (state.stamp_ms, operation);
        }
    }
    // From the end: the next state that was seen, and the next that shows something else. An entry that changes
    // nothing need not have a time.
    let (mut later, mut other): (Option<&State>, Option<&State>) = (None, None);
    for (index, state) in states.iter().rev() {
        if let Some(later) = later {
            if later.log_time_ms < state.log_time_ms {
                return Err(format!("log time runs back: {state:?} and {later:?}"));
            }
            if (later.registers, later.count) != (state.registers, state.count) {
                other = Some(later);
            }
        }
        if let (Some(other), Some((stamp_ms, operation))) = (other, stamps.get(index))
            && *stamp_ms > other.log_time_ms
        {
            return Err(format!("stamped after what it does not show: {operation:?}, {other:?}"));
        }
        later = Some(state);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was asked, and when it began and ended.
    type Sketch = (Request, Moment, Option<(Moment, End)>);

    fn judge(operations: &[Sketch]) -> Result<(), String> {
        let operations = operations.iter().map(|(request, begun, ended)| Operation {
            by: "a".into(),
            request: *request,
            begun: *begun,
            ended: ended.clone(),
        });
        check(&operations.collect::<Vec<_>>())
    }

    fn found(value: Value) -> End {
        End::FoundAlike(0, value)
    }

    #[test]
    fn a_value_that_is_taken_back_is_found() {
        let write = (Request::Set(0, 1), 1, Some((10, End::Written)));
        let new = (Request::Read, 2, Some((3, found(1))));
        let old = (Request::Read, 4, Some((5, found(0))));
        assert!(judge(&[write.clone(), new.clone(), old.clone()]).is_err());
        let at_once = (Request::Read, 2, Some((5, found(0))));
        assert_eq!(judge(&[write, new, at_once]), Ok(()));
    }

    #[test]
    fn an_acknowledged_write_that_is_not_shown_is_found() {
        let write = (Request::Set(0, 1), 1, Some((2, End::Written)));
        let old = (Request::Read, 3, Some((4, found(0))));
        assert!(judge(&[write, old]).is_err());
    }

    #[test]
    fn a_write_of_unknown_end_may_be_done_at_any_time_or_never() {
        let unknown = (Request::Set(0, 1), 1, None);
        let reads = |values: [Value; 3]| {
            let read = |at: Moment, value| (Request::Read, at, Some((at + 1, found(value))));
            judge(&[unknown.clone(), read(10, values[0]), read(20, values[1]), read(30, values[2])])
        };
        assert_eq!(reads([0, 0, 0]), Ok(()));
        assert_eq!(reads([0, 0, 1]), Ok(()));
        assert!(reads([0, 1, 0]).is_err());
    }

    #[test]
    fn a_refused_write_that_is_read_is_found() {
        let refused = (Request::Set(0, 1), 1, Some((2, End::Refused)));
        assert!(judge(&[refused, (Request::Read, 3, Some((4, found(1))))]).is_err());
    }

    #[test]
    fn writes_that_are_read_in_two_orders_are_found() {
        let both = [(Request::Set(0, 1), 1, None), (Request::Set(0, 2), 2, None)];
        let read = |at: Moment, value| (Request::Read, at, Some((at + 1, found(value))));
        let [one, other] = both;
        assert!(judge(&[one, other, read(10, 1), read(20, 2), read(30, 1)]).is_err());
    }

    #[test]
    fn a_counter_that_counts_twice_or_runs_back_is_found() {
        let count = |begun, ended, count| (Request::Increment, begun, Some((ended, End::Counted(count))));
        assert_eq!(judge(&[count(1, 4, 2), count(2, 3, 1)]), Ok(()));
        assert!(judge(&[count(1, 2, 1), count(3, 4, 1)]).is_err());
        assert!(judge(&[count(1, 2, 2), count(3, 4, 1)]).is_err());
        assert!(judge(&[count(1, 2, 2)]).is_err(), "one was counted that nobody asked for");
        assert_eq!(judge(&[count(1, 3, 2), (Request::Increment, 2, None)]), Ok(()));
    }
}
