//! Samples of nodes as stretches of time in which nothing changed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::recording::{Recording, Sample};

/// A stretch without a sample that is so many times longer than usual is one of which nothing is known.
const LONGEST_GAP: u32 = 8;

/// How a node was for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) is_up: bool,
    pub(super) is_leader: bool,
    pub(super) has_lease: Option<bool>,
    pub(super) term: Option<u64>,
}

/// Of each node.
pub(super) struct Segments {
    pub(super) nodes: BTreeMap<usize, Vec<Segment>>,
}

impl Segments {
    pub(super) fn of(recording: &Recording, end: Duration) -> Self {
        let mut samples: BTreeMap<usize, Vec<&Sample>> =
            (0..recording.nodes).map(|node| (node, Vec::new())).collect();
        for sample in &recording.samples {
            samples.entry(sample.node).or_default().push(sample);
        }
        Self { nodes: samples.into_iter().map(|(node, samples)| (node, segments(samples, end))).collect() }
    }

    /// Who led, from when to when, in nanoseconds.
    pub(super) fn leaders(&self) -> Json {
        let leading = |(node, segments): (&usize, &Vec<Segment>)| {
            let node = *node;
            let of = move |segment: &Segment| {
                json!([segment.from.as_nanos() as u64, segment.to.as_nanos() as u64, node + 1, segment.term])
            };
            segments.iter().filter(|segment| segment.is_leader).map(of).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(leading).collect()
    }
}

fn segments(mut samples: Vec<&Sample>, end: Duration) -> Vec<Segment> {
    samples.sort_by_key(|sample| sample.at);
    let gaps = samples.iter().zip(samples.iter().skip(1)).map(|(one, next)| next.at - one.at);
    let mut gaps: Vec<Duration> = gaps.collect();
    gaps.sort_unstable();
    let longest = gaps.get(gaps.len() / 2).map_or(end, |usual| *usual * LONGEST_GAP);
    let mut segments: Vec<Segment> = Vec::new();
    let following = samples.iter().skip(1).map(|next| next.at).chain([end]);
    for (sample, next) in samples.iter().zip(following) {
        let segment = Segment {
            from: sample.at,
            to: next.min(sample.at + longest),
            is_up: sample.is_up,
            is_leader: sample.is_leader && sample.is_up,
            has_lease: sample.has_lease.filter(|_| sample.is_up),
            term: sample.term.filter(|_| sample.is_leader),
        };
        match segments.last_mut() {
            Some(last)
                if last.to == segment.from
                    && Segment { from: last.from, to: segment.to, ..segment }
                        == Segment { to: segment.to, ..*last } =>
            {
                last.to = segment.to;
            }
            _ => segments.push(segment),
        }
    }
    segments
}
