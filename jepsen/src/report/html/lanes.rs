//! A lane for each node: up or down, leading or not, with a lease or without, and what hit it.

use std::fmt::{self, Write};

use crate::report::html::frame::{Frame, LEFT, took_place};
use crate::report::html::segments::{Segment, Segments};

const LANE: f64 = 30.0;
const AXIS: f64 = 20.0;

pub(super) fn chart(page: &mut String, frame: &Frame<'_>, segments: &Segments) -> fmt::Result {
    if segments.nodes.is_empty() {
        return Ok(());
    }
    page.write_str(
        "<div class=\"legend\"><b>Nodes</b><span class=\"key leads\"><i></i>leads</span>\
         <span class=\"key up\"><i></i>follows</span><span class=\"key lease\"><i></i>reads by its lease</span>\
         <span class=\"key down\"><i></i>does not answer</span><span class=\"key hit\"><i></i>is hit</span></div>",
    )?;
    let height = LANE * segments.nodes.len() as f64 + AXIS;
    frame.open(page, "how the nodes were", height)?;
    page.write_str(
        "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"hatch-ground\" width=\"6\" height=\"6\"/>\
         <path class=\"hatch-line\" d=\"M0 0v6\"/></pattern></defs>",
    )?;
    for (row, (node, segments)) in segments.nodes.iter().enumerate() {
        let top = LANE * row as f64 + 6.0;
        let (x, y) = (LEFT - 8.0, top + 12.0);
        write!(page, "<text class=\"label end\" x=\"{x}\" y=\"{y:.1}\">n{}</text>", node + 1)?;
        for segment in segments {
            bar(page, frame, segment, top)?;
        }
        for disturbance in
            took_place(frame.disturbances).filter(|disturbance| disturbance.nodes.contains(node))
        {
            let (from, to) = (frame.x(disturbance.from), frame.x(disturbance.to));
            let (width, colour) = ((to - from).max(2.0), frame.colour(disturbance));
            let y = top - 4.0;
            write!(
                page,
                "<rect class=\"hit n{colour}\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"3\" rx=\"1.5\"/>"
            )?;
        }
    }
    for at in frame.ticks() {
        let (x, y) = (frame.x(at), height - 5.0);
        write!(
            page,
            "<text class=\"axis mid\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>",
            super::frame::moment(at)
        )?;
    }
    frame.close(page, height)
}

fn bar(page: &mut String, frame: &Frame<'_>, segment: &Segment, top: f64) -> fmt::Result {
    let (from, to) = (frame.x(segment.from), frame.x(segment.to));
    let width = (to - from).max(0.6);
    let class = match segment {
        Segment { is_up: false, .. } => "down",
        Segment { is_leader: true, .. } => "leads",
        _ => "up",
    };
    write!(
        page,
        "<rect class=\"{class}\" x=\"{from:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"14\"/>"
    )?;
    if segment.has_lease == Some(true) {
        let y = top + 15.5;
        write!(
            page,
            "<rect class=\"lease\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"3\"/>"
        )?;
    }
    if let Some(term) = segment.term.filter(|_| segment.is_leader) {
        let text = format!("term {term}");
        if text.len() as f64 * 6.0 + 8.0 < width {
            let (x, y) = (from + 5.0, top + 11.0);
            write!(page, "<text class=\"on-lane\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>")?;
        }
    }
    Ok(())
}
