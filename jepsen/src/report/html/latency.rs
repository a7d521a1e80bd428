//! Latency over time: a dot for each operation and a median, by what was asked, and what one of a hundred takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

use crate::function::Function;
use crate::history::{History, Operation};
use crate::report::html::bins::Bins;
use crate::report::html::frame::{Frame, LEFT, RIGHT};

const HEIGHT: f64 = 270.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 258.0;
/// So many dots of a kind; of more, some are left out. Those that would cover each other are one.
const MAX_DOTS: usize = 20_000;

/// Dots of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Done(Function),
    Refused,
    Failed,
}

/// Latency in microseconds to height, by its logarithm.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    fn of(history: &History) -> Self {
        let latencies =
            || history.operations().iter().map(|operation| operation.latency().as_micros().max(1) as f64);
        let low = (latencies().fold(1e4, f64::min) * 0.7).log10();
        let high = (latencies().fold(1e4, f64::max) * 1.3).log10();
        Self { low, high: high.max(low + 1.0) }
    }

    fn y(&self, us: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * ((us.max(1.0).log10() - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

pub(super) fn chart(page: &mut String, frame: &Frame<'_>, bins: &Bins, history: &History) -> fmt::Result {
    let scale = Scale::of(history);
    let dots = dots(frame, &scale, history);
    let functions: Vec<Function> = {
        let asked: BTreeSet<Function> =
            history.operations().iter().map(|operation| operation.function).collect();
        asked.into_iter().collect()
    };
    legend(page, &functions, dots.keys().copied())?;
    frame.open(page, "latency over time", HEIGHT)?;
    for decade in (scale.low.ceil() as i32)..=(scale.high.floor() as i32) {
        let us = 10_f64.powi(decade);
        let y = scale.y(us);
        write!(page, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        let (x, y) = (LEFT - 8.0, y + 4.0);
        write!(page, "<text class=\"axis end\" x=\"{x}\" y=\"{y:.1}\">{}</text>", power(decade))?;
    }
    for (kind, places) in &dots {
        let class = class(&functions, *kind);
        write!(page, "<path class=\"dots {class}\" data-kind=\"{class}\" d=\"")?;
        let stride = places.len().div_ceil(MAX_DOTS).max(1);
        for (x, y) in places.iter().step_by(stride) {
            write!(page, "M{x} {y}h0")?;
        }
        page.write_str("\"/>")?;
    }
    for function in &functions {
        let class = format!("q50 {}", function_class(&functions, *function));
        line(page, frame, &scale, &class, &bins.medians(*function))?;
    }
    line(page, frame, &scale, "q99", &quantiles_99(bins))?;
    frame.close(page, HEIGHT)
}

/// Places of dots, in whole units.
fn dots(frame: &Frame<'_>, scale: &Scale, history: &History) -> BTreeMap<Kind, BTreeSet<(i32, i32)>> {
    let mut dots: BTreeMap<Kind, BTreeSet<(i32, i32)>> = BTreeMap::new();
    for operation in history.operations() {
        let y = scale.y(operation.latency().as_micros() as f64);
        let place = (frame.x(operation.sent_at).round() as i32, y.round() as i32);
        dots.entry(kind(operation)).or_default().insert(place);
    }
    dots
}

fn kind(operation: &Operation) -> Kind {
    match operation.is_answered() {
        false => Kind::Failed,
        true if operation.is_done() => Kind::Done(operation.function),
        true => Kind::Refused,
    }
}

/// Functions have colours by their place among those that were asked for.
pub(super) fn function_class(functions: &[Function], function: Function) -> String {
    let place = functions.iter().position(|other| *other == function).unwrap_or_default();
    format!("f{}", place % 6)
}

fn class(functions: &[Function], kind: Kind) -> String {
    match kind {
        Kind::Done(function) => function_class(functions, function),
        Kind::Refused => "refused".to_owned(),
        Kind::Failed => "failed".to_owned(),
    }
}

fn legend(page: &mut String, functions: &[Function], kinds: impl Iterator<Item = Kind>) -> fmt::Result {
    page.write_str("<div class=\"legend\"><b>Latency</b>")?;
    for kind in kinds {
        let class = class(functions, kind);
        let name = match kind {
            Kind::Done(function) => function.keyword(),
            Kind::Refused => "refused",
            Kind::Failed => "no answer",
        };
        write!(page, "<button class=\"key {class}\" data-kind=\"{class}\"><i></i>{name}</button>")?;
    }
    page.write_str(
        "<span class=\"key q50\"><i></i>medians</span><span class=\"key q99\"><i></i>99 %</span></div>",
    )
}

/// Quantiles of all functions, in the middle of the bins; broken where nothing was answered.
fn quantiles_99(bins: &Bins) -> Vec<Vec<(Duration, u64)>> {
    let points = bins
        .bins
        .iter()
        .enumerate()
        .map(|(number, bin)| bin.quantile_99_us.map(|us| (bins.from(number) + bins.width / 2, us)));
    let points: Vec<Option<(Duration, u64)>> = points.collect();
    points.split(Option::is_none).map(|line| line.iter().flatten().copied().collect()).collect()
}

fn line(
    page: &mut String,
    frame: &Frame<'_>,
    scale: &Scale,
    class: &str,
    lines: &[Vec<(Duration, u64)>],
) -> fmt::Result {
    write!(page, "<path class=\"{class}\" d=\"")?;
    for line in lines {
        for (number, (at, us)) in line.iter().enumerate() {
            let command = if number == 0 { 'M' } else { 'L' };
            write!(page, "{command}{:.1} {:.1}", frame.x(*at), scale.y(*us as f64))?;
        }
    }
    page.write_str("\"/>")
}

/// A power of ten of microseconds.
fn power(decade: i32) -> String {
    match decade {
        ..3 => format!("{} µs", 10_i32.pow(decade.clamp(0, 3) as u32)),
        3..6 => format!("{} ms", 10_i32.pow((decade - 3).clamp(0, 3) as u32)),
        _ => format!("{} s", 10_i32.pow((decade - 6).clamp(0, 6) as u32)),
    }
}
