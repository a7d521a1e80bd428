//! What was done to the cluster: a row for each nemesis, the seconds, and where faults showed.

use std::fmt::{self, Write};

use crate::checker::verdict::Fault;
use crate::history::Operation;
use crate::recording::DisturbanceState;
use crate::report::html::Escaped;
use crate::report::html::frame::{Frame, LEFT, moment, names};

const ROW: f64 = 22.0;
const AXIS: f64 = 24.0;

pub(super) fn chart<'a>(
    page: &mut String,
    frame: &Frame<'_>,
    faults: impl Iterator<Item = &'a Fault>,
) -> fmt::Result {
    let shown: Vec<(&Fault, &Operation)> =
        faults.filter_map(|fault| Some((fault, fault.witness()?))).collect();
    let strikes = frame.nemeses().count();
    let rows = strikes + usize::from(!shown.is_empty());
    let height = AXIS + ROW * rows as f64 + 4.0;
    frame.open(page, "what was done to the cluster", height)?;
    for at in frame.ticks() {
        write!(page, "<text class=\"axis mid\" x=\"{:.1}\" y=\"14\">{}</text>", frame.x(at), moment(at))?;
    }
    for (row, (name, colour)) in frame.nemeses().enumerate() {
        let y = AXIS + ROW * row as f64;
        write!(
            page,
            "<text class=\"label end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 14.0,
            Escaped(&short(name))
        )?;
        for disturbance in frame.disturbances.iter().filter(|disturbance| disturbance.nemesis == name) {
            let (from, to) = (frame.x(disturbance.from), frame.x(disturbance.to));
            let width = (to - from).max(3.0);
            let nodes = names(&disturbance.nodes);
            let (class, note) = match &disturbance.state {
                DisturbanceState::Installed => ("", String::new()),
                DisturbanceState::Indeterminate { reason } => {
                    (" indeterminate", format!(", indeterminate: {reason}"))
                }
                DisturbanceState::Skipped { reason } => {
                    let title = format!("{name}, skipped: {reason}");
                    let (title, y) = (Escaped(&title), y + 15.5);
                    write!(
                        page,
                        "<g><title>{title}</title><text class=\"skipped mid\" x=\"{from:.1}\" y=\"{y:.1}\">×</text></g>"
                    )?;
                    continue;
                }
            };
            write!(
                page,
                "<g><title>{}</title><rect class=\"strike n{colour}{class}\" x=\"{from:.1}\" y=\"{:.1}\" \
                 width=\"{width:.1}\" height=\"16\" rx=\"3\"/>",
                Escaped(&format!("{name} {nodes}{note}")),
                y + 2.0
            )?;
            if nodes.len() as f64 * 6.2 + 6.0 < width {
                let (x, y) = (from + 5.0, y + 13.5);
                write!(page, "<text class=\"on-strike{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{nodes}</text>")?;
            }
            page.write_str("</g>")?;
        }
    }
    if !shown.is_empty() {
        let y = AXIS + ROW * strikes as f64;
        write!(
            page,
            "<text class=\"label end\" x=\"{:.1}\" y=\"{:.1}\">faults</text>",
            LEFT - 8.0,
            y + 14.0
        )?;
    }
    for (fault, witness) in shown {
        let (x, y) = (frame.x(witness.ended_at), AXIS + ROW * strikes as f64 + 4.0);
        write!(
            page,
            "<g><title>{}</title><path class=\"fault\" d=\"M{x:.1} {y:.1}l6 6-6 6-6-6z\"/></g>",
            Escaped(&fault.what)
        )?;
    }
    frame.close(page, height)
}

/// As much of a name as the margin has room for.
fn short(name: &str) -> String {
    const ROOM: usize = 18;
    if name.chars().count() <= ROOM {
        name.to_owned()
    } else {
        name.chars().take(ROOM - 1).chain(['…']).collect()
    }
}
