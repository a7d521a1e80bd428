//! The first faults of each promise: an interval for each operation, by client, and the same in words.
//!
//! The axis has one step for each moment at which something began or ended, as only their order matters: a
//! read may come minutes after the write that it should have shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::time::Duration;

use crate::checker::verdict::{Fault, Verdict};
use crate::function::Function;
use crate::history::{Operation, Outcome};
use crate::judgement::{Judgement, MAX_SHRUNK};
use crate::report::html::Escaped;
use crate::report::html::frame::{WIDTH, number};
use crate::report::html::latency::function_class;
use crate::report::lines::{self, call};

/// So many operations of a part are drawn, the last ones.
const MAX_OPERATIONS: usize = 60;

const LEFT: f64 = 96.0;
const RIGHT: f64 = 1090.0;
const ROW: f64 = 34.0;
const LETTER: f64 = 7.0;

pub(super) fn section(page: &mut String, judgement: &Judgement) -> fmt::Result {
    for (name, verdict) in &judgement.checks {
        let Verdict::Failed { faults, count } = verdict else { continue };
        let many = if *count == 1 { "1 fault".to_owned() } else { format!("{} faults", number(*count)) };
        write!(page, "<section class=\"card faults\"><h2>{}: {many}</h2>", Escaped(name))?;
        if faults.iter().any(|fault| !fault.part.is_empty()) {
            page.write_str(
                "<p class=\"note\">Each moment is a step of the axis: only their order matters. What shows the fault has a \
                 red edge.</p>",
            )?;
        }
        for fault in faults.iter().take(MAX_SHRUNK) {
            draw(page, fault)?;
        }
        if faults.len() > MAX_SHRUNK {
            let (more, all) = (faults.len() - MAX_SHRUNK, number(*count));
            write!(page, "<details><summary>{more} more of {all}</summary><ul>")?;
            for fault in faults.iter().skip(MAX_SHRUNK) {
                write!(page, "<li>{}</li>", Escaped(&fault.what))?;
            }
            page.write_str("</ul></details>")?;
        }
        page.write_str("</section>\n")?;
    }
    Ok(())
}

fn draw(page: &mut String, fault: &Fault) -> fmt::Result {
    write!(page, "<h3>{}</h3>", Escaped(&fault.what))?;
    let left_out = fault.part.len().saturating_sub(MAX_OPERATIONS);
    let part: Vec<&Operation> = fault.part.iter().skip(left_out).collect();
    if part.is_empty() {
        return Ok(());
    }
    if left_out > 0 {
        write!(page, "<p class=\"note\">The last {MAX_OPERATIONS} of {} operations.</p>", fault.part.len())?;
    }
    picture(page, &part, fault.witness())?;
    page.write_str("<pre>")?;
    for operation in part {
        for line in lines::lines(std::slice::from_ref(operation)) {
            writeln!(page, "{}", Escaped(&line))?;
        }
    }
    page.write_str("</pre>")
}

/// Where an operation is drawn.
struct Bar<'a> {
    operation: &'a Operation,
    from: f64,
    to: f64,
    row: usize,
}

fn picture(page: &mut String, part: &[&Operation], witness: Option<&Operation>) -> fmt::Result {
    let moments: BTreeSet<Duration> =
        part.iter().flat_map(|operation| [operation.sent_at, operation.ended_at]).collect();
    let step = (RIGHT - LEFT) / moments.len().max(2) as f64;
    let places: BTreeMap<Duration, f64> =
        moments.iter().enumerate().map(|(place, at)| (*at, LEFT + step * (place as f64 + 0.5))).collect();
    let x = |at: Duration| places.get(&at).copied().unwrap_or(LEFT);
    let (bars, clients) = rows(part, x);
    let rows: usize = clients.iter().map(|(_, rows)| rows).sum();
    let bottom = ROW * rows as f64 + 8.0;
    let height = bottom + 26.0;
    let functions: Vec<Function> =
        part.iter().map(|operation| operation.function).collect::<BTreeSet<_>>().into_iter().collect();
    write!(
        page,
        "<figure><svg class=\"intervals\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"the operations as intervals\">"
    )?;
    let mut last_label = f64::MIN;
    let digits = digits(&moments);
    for (at, x) in &places {
        write!(page, "<path class=\"grid\" d=\"M{x:.1} 0v{bottom}\"/>")?;
        let text = format!("{:.digits$} s", at.as_secs_f64());
        let half = text.len() as f64 * 6.0 / 2.0;
        if x - half > last_label {
            write!(page, "<text class=\"axis mid\" x=\"{x:.1}\" y=\"{:.1}\">{text}</text>", bottom + 16.0)?;
            last_label = x + half + 8.0;
        }
    }
    let mut row = 0;
    for (client, rows) in &clients {
        let y = ROW * row as f64;
        let middle = y + ROW * *rows as f64 / 2.0 + 8.0;
        write!(
            page,
            "<text class=\"label end\" x=\"{}\" y=\"{middle:.1}\">client {client}</text>",
            LEFT - 12.0
        )?;
        row += rows;
        let y = ROW * row as f64 + 2.0;
        if row < bars.iter().map(|bar| bar.row + 1).max().unwrap_or_default() {
            write!(page, "<path class=\"rule\" d=\"M0 {y:.1}H{WIDTH}\"/>")?;
        }
    }
    for bar in &bars {
        draw_bar(page, bar, &functions, Some(bar.operation) == witness)?;
    }
    page.write_str("</svg></figure>")
}

fn draw_bar(page: &mut String, bar: &Bar<'_>, functions: &[Function], is_witness: bool) -> fmt::Result {
    let operation = bar.operation;
    let y = ROW * bar.row as f64 + 18.0;
    let function = function_class(functions, operation.function);
    let outcome = match operation.outcome {
        Outcome::Done => "",
        Outcome::Refused => " is-refused",
        Outcome::Unknown => " is-unknown",
    };
    let witness = if is_witness { " is-witness" } else { "" };
    let width = (bar.to - bar.from).max(4.0);
    write!(
        page,
        "<rect class=\"interval {function}{outcome}{witness}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"13\" rx=\"4\"/>",
        bar.from
    )?;
    if operation.outcome == Outcome::Unknown {
        // It may take effect at any later time.
        let (from, middle) = (bar.from + width, y + 6.5);
        write!(
            page,
            "<path class=\"for-ever {function}\" d=\"M{from:.1} {middle:.1}H{RIGHT}l-5 -3.5m5 3.5l-5 3.5\"/>"
        )?;
    }
    let text = label(operation);
    let (x, y) = (label_from(bar.from, &text), y - 4.0);
    write!(page, "<text class=\"what\" x=\"{x:.1}\" y=\"{y:.1}\">{}</text>", Escaped(&text))
}

fn label(operation: &Operation) -> String {
    format!("n{} {}", operation.node + 1, call(operation))
}

/// Labels that would stick out at the right are moved to the left.
fn label_from(from: f64, text: &str) -> f64 {
    from.min(WIDTH - 6.0 - LETTER * text.chars().count() as f64).max(LEFT - 8.0)
}

/// As many digits of seconds as tell these moments apart, four or six.
fn digits(moments: &BTreeSet<Duration>) -> usize {
    let short: BTreeSet<u128> = moments.iter().map(|at| at.as_micros() / 100).collect();
    if short.len() == moments.len() { 4 } else { 6 }
}

/// Gives each operation a row among those of its client, so that neither bars nor labels overlap; and each
/// client, by the time of its first operation, how many rows it has.
fn rows<'a>(part: &[&'a Operation], x: impl Fn(Duration) -> f64) -> (Vec<Bar<'a>>, Vec<(usize, usize)>) {
    let mut by_client: Vec<(usize, Vec<&Operation>)> = Vec::new();
    for operation in part {
        match by_client.iter_mut().find(|(client, _)| *client == operation.client) {
            Some((_, operations)) => operations.push(operation),
            None => by_client.push((operation.client, vec![operation])),
        }
    }
    let (mut bars, mut clients, mut first_row) = (Vec::new(), Vec::new(), 0);
    for (client, operations) in by_client {
        let mut ends: Vec<f64> = Vec::new();
        for operation in operations {
            let (from, to) = (x(operation.sent_at), x(operation.ended_at));
            let text = label(operation);
            let label_from = label_from(from, &text);
            let end = if operation.outcome == Outcome::Unknown { RIGHT } else { to };
            let end = end.max(label_from + LETTER * text.chars().count() as f64) + 6.0;
            let begin = from.min(label_from);
            let row = ends.iter().position(|end| *end <= begin).unwrap_or(ends.len());
            match ends.get_mut(row) {
                Some(free) => *free = end,
                None => ends.push(end),
            }
            bars.push(Bar { operation, from, to, row: first_row + row });
        }
        first_row += ends.len();
        clients.push((client, ends.len()));
    }
    (bars, clients)
}
