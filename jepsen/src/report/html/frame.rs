//! What all charts over time share: the axis, and the bands of what was done to the cluster.

use std::fmt::{self, Write};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::recording::{Disturbance, DisturbanceState};
use crate::report::html::Escaped;

/// Of every chart, in its own units.
pub(super) const WIDTH: f64 = 1120.0;
/// Where time 0 is.
pub(super) const LEFT: f64 = 122.0;
/// Where the end is.
pub(super) const RIGHT: f64 = 1108.0;
/// There are so many colours for nemeses (`--n0` and so on in the style).
const COLOURS: usize = 6;

/// Steps of an axis, in milliseconds.
const STEPS_MS: [u64; 15] =
    [1, 10, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 3_600_000];

/// The axis and the disturbances.
pub(super) struct Frame<'a> {
    end: Duration,
    pub(super) disturbances: &'a [Disturbance],
    /// In the order in which they struck first.
    nemeses: Vec<&'a str>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(end: Duration, disturbances: &'a [Disturbance]) -> Self {
        let mut nemeses: Vec<&str> = Vec::new();
        for disturbance in disturbances {
            if !nemeses.contains(&&*disturbance.nemesis) {
                nemeses.push(&disturbance.nemesis);
            }
        }
        Self { end: end.max(Duration::from_millis(1)), disturbances, nemeses }
    }

    pub(super) fn end(&self) -> Duration {
        self.end
    }

    pub(super) fn x(&self, at: Duration) -> f64 {
        LEFT + (RIGHT - LEFT) * (at.as_secs_f64() / self.end.as_secs_f64()).min(1.0)
    }

    /// The nemeses with their colours.
    pub(super) fn nemeses(&self) -> impl Iterator<Item = (&'a str, usize)> {
        self.nemeses.iter().enumerate().map(|(place, name)| (*name, place % COLOURS))
    }

    pub(super) fn colour(&self, disturbance: &Disturbance) -> usize {
        let place = self.nemeses.iter().position(|name| *name == disturbance.nemesis);
        place.unwrap_or_default() % COLOURS
    }

    /// Begins a chart of this height: its name, the bands across it, and the lines of its seconds.
    pub(super) fn open(&self, page: &mut String, name: &str, height: f64) -> fmt::Result {
        write!(
            page,
            "<figure><svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">",
            Escaped(name)
        )?;
        for disturbance in took_place(self.disturbances) {
            let (from, to) = (self.x(disturbance.from), self.x(disturbance.to));
            let (width, colour) = ((to - from).max(1.0), self.colour(disturbance));
            write!(
                page,
                "<rect class=\"band n{colour}\" x=\"{from:.1}\" width=\"{width:.1}\" height=\"{height}\"/>"
            )?;
        }
        page.write_str("<path class=\"grid\" d=\"")?;
        for at in self.ticks() {
            write!(page, "M{:.1} 0v{height}", self.x(at))?;
        }
        page.write_str("\"/>")
    }

    /// Ends a chart, with the line that follows the pointer.
    pub(super) fn close(&self, page: &mut String, height: f64) -> fmt::Result {
        writeln!(page, "<path class=\"cursor\" d=\"M-9 0v{height}\"/></svg></figure>")
    }

    /// The moments on the axis.
    pub(super) fn ticks(&self) -> impl Iterator<Item = Duration> {
        let end_ms = u64::try_from(self.end.as_millis()).unwrap_or(u64::MAX);
        let step = STEPS_MS.into_iter().find(|step| end_ms / step <= 12).unwrap_or(3_600_000);
        (0..=(end_ms / step).min(100)).map(move |number| Duration::from_millis(number * step))
    }

    pub(super) fn data(&self) -> Json {
        let of = |disturbance: &Disturbance| {
            json!([
                disturbance.nemesis,
                names(&disturbance.nodes),
                disturbance.from.as_nanos() as u64,
                disturbance.to.as_nanos() as u64
            ])
        };
        took_place(self.disturbances).map(of).collect()
    }
}

/// What was not skipped.
pub(super) fn took_place(disturbances: &[Disturbance]) -> impl Iterator<Item = &Disturbance> {
    disturbances.iter().filter(|disturbance| !matches!(disturbance.state, DisturbanceState::Skipped { .. }))
}

/// `n1, n3`.
pub(super) fn names(nodes: &[usize]) -> String {
    let names: Vec<String> = nodes.iter().map(|node| format!("n{}", node + 1)).collect();
    names.join(", ")
}

/// `40 s`, `1:20`, or `0.2 s`.
pub(super) fn moment(at: Duration) -> String {
    let seconds = at.as_secs();
    match at.subsec_millis() {
        0 if seconds >= 120 => format!("{}:{:02}", seconds / 60, seconds % 60),
        0 => format!("{seconds} s"),
        _ => format!("{} s", at.as_secs_f64()),
    }
}

/// Microseconds for people: `870 µs`, `4.2 ms`, `1.3 s`.
pub(super) fn latency(us: u64) -> String {
    let value = us as f64;
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..10_000 => format!("{:.1} ms", value / 1e3),
        10_000..1_000_000 => format!("{:.0} ms", value / 1e3),
        1_000_000..10_000_000 => format!("{:.1} s", value / 1e6),
        _ => format!("{:.0} s", value / 1e6),
    }
}

/// `12,345`.
pub(super) fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `2.31 %`; what is little but not nothing does not look like nothing.
pub(super) fn share(value: f64) -> String {
    let percent = 100.0 * value;
    match percent {
        0.0 => "0 %".to_owned(),
        ..0.01 => "&lt; 0.01 %".to_owned(),
        ..1.0 => format!("{percent:.2} %"),
        _ => format!("{percent:.1} %"),
    }
}
