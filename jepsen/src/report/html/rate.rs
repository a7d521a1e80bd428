//! Operations in a second over time, by how they ended.

use std::fmt::{self, Write};

use crate::report::html::bins::{Bin, Bins};
use crate::report::html::frame::{Frame, LEFT, RIGHT, number};

/// From how many to how many of a bin.
type Layer = fn(&Bin) -> (usize, usize);

const HEIGHT: f64 = 130.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 122.0;

pub(super) fn chart(page: &mut String, frame: &Frame<'_>, bins: &Bins) -> fmt::Result {
    let most = usual_most(bins);
    let step = step(most);
    let top = (most / step).ceil() * step;
    let y = |rate: f64| BOTTOM - (BOTTOM - TOP) * (rate / top).min(1.0);
    page.write_str(
        "<div class=\"legend\"><b>Operations in a second</b><span class=\"key done\"><i></i>done</span>\
         <span class=\"key refused\"><i></i>refused</span><span class=\"key failed\"><i></i>no answer</span></div>",
    )?;
    frame.open(page, "operations in a second", HEIGHT)?;
    for line in 0..=((top / step) as usize) {
        let rate = line as f64 * step;
        let y = y(rate);
        write!(page, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{RIGHT}\"/>")?;
        write!(
            page,
            "<text class=\"axis end\" x=\"{}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 4.0,
            number(rate as usize)
        )?;
    }
    // What lies below each, from the bottom up.
    let layers: [(&str, Layer); 3] = [
        ("failed", |bin| (0, bin.failed)),
        ("refused", |bin| (bin.failed, bin.failed + bin.refused)),
        ("done", |bin| (bin.failed + bin.refused, bin.total())),
    ];
    for (class, layer) in layers {
        write!(page, "<path class=\"area {class}\" d=\"")?;
        for (place, bin) in bins.bins.iter().enumerate() {
            let (from, to) = layer(bin);
            if from == to {
                continue;
            }
            let (left, right) = (frame.x(bins.from(place)), frame.x(bins.from(place + 1)));
            let (low, high) = (y(bins.rate(from)), y(bins.rate(to)));
            // A hair wider, so that no line shows between neighbours.
            write!(page, "M{left:.1} {low:.1}V{high:.1}H{:.1}V{low:.1}z", right + 0.2)?;
        }
        page.write_str("\"/>")?;
    }
    let mut was_over = false;
    for (place, bin) in bins.bins.iter().enumerate() {
        let rate = bins.rate(bin.total());
        if rate > top && !was_over {
            let x = frame.x(bins.from(place)) - 4.0;
            write!(
                page,
                "<text class=\"axis end\" x=\"{x:.1}\" y=\"{:.1}\">up to {} →</text>",
                TOP + 12.0,
                number(most_from(bins, place, top))
            )?;
        }
        was_over = rate > top;
    }
    frame.close(page, HEIGHT)
}

/// The highest rate, but for short bursts that are so much higher that the rest would not be seen.
fn usual_most(bins: &Bins) -> f64 {
    let mut rates: Vec<f64> = bins.bins.iter().map(|bin| bins.rate(bin.total())).collect();
    rates.sort_by(f64::total_cmp);
    let highest = rates.last().copied().unwrap_or(1.0).max(1.0);
    let usual = rates.get(rates.len() * 19 / 20).copied().unwrap_or(highest);
    if usual >= 1.0 && highest > 2.5 * usual { 1.25 * usual } else { highest }
}

/// The highest rate of the burst that begins in a bin.
fn most_from(bins: &Bins, place: usize, top: f64) -> usize {
    let rates = bins.bins.iter().skip(place).map(|bin| bins.rate(bin.total()));
    rates.take_while(|rate| *rate > top).fold(0.0, f64::max) as usize
}

/// A round number of which two to four make the whole.
fn step(most: f64) -> f64 {
    let decade = 10_f64.powf((most / 2.0).log10().floor());
    let step =
        [1.0, 2.0, 2.5, 5.0].into_iter().find(|step| most / (step * decade) <= 4.0).unwrap_or(5.0) * decade;
    step.max(1.0)
}
