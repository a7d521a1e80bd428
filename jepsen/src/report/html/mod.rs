//! The report of a run: one page that needs nothing but itself.

mod bins;
mod faults;
mod frame;
mod lanes;
mod latency;
mod nemeses;
mod rate;
mod segments;
mod tables;

use std::fmt::{self, Write};

use serde_json::json;

use crate::checker::verdict::Verdict;
use crate::judgement::Judgement;
use crate::recording::Recording;
use bins::Bins;
use frame::Frame;
use segments::Segments;

const STYLE: &str = include_str!("style.css");
const LIGHT: &str = include_str!("light.css");
const DARK: &str = include_str!("dark.css");
const SCRIPT: &str = include_str!("script.js");

/// The page. Its size is bounded by what can be told apart in it, not by the number of operations.
#[must_use]
pub fn page(recording: &Recording, judgement: &Judgement) -> String {
    let end = recording.duration.max(recording.history.end());
    let frame = Frame::new(end, &recording.disturbances);
    let bins = Bins::of(&recording.history, end);
    let segments = Segments::of(recording, end);
    let mut page = String::new();
    // Writing to a String cannot fail.
    let _ = write_page(&mut page, recording, judgement, &frame, &bins, &segments);
    page
}

fn write_page(
    page: &mut String,
    recording: &Recording,
    judgement: &Judgement,
    frame: &Frame<'_>,
    bins: &Bins,
    segments: &Segments,
) -> fmt::Result {
    let title = format!("{}: {}", recording.workload, judgement.verdict().word());
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title>\n\
         <style>:root{{{LIGHT}}}\n@media (prefers-color-scheme:dark){{:root{{{DARK}}}}}\n\
         :root[data-theme=light]{{{LIGHT}}}\n:root[data-theme=dark]{{{DARK}}}\n{STYLE}</style></head>\n<body><main>\n",
        Escaped(&title)
    )?;
    header(page, recording, judgement)?;
    tables::tiles(page, recording, judgement)?;
    checks(page, judgement)?;
    faults::section(page, judgement)?;
    page.write_str("<section class=\"card timeline\" id=\"timeline\"><h2>Timeline</h2>")?;
    nemeses::chart(page, frame, judgement.faults())?;
    latency::chart(page, frame, bins, &recording.history)?;
    rate::chart(page, frame, bins)?;
    lanes::chart(page, frame, segments)?;
    page.write_str("</section>\n")?;
    tables::nemeses(page, recording, judgement)?;
    tables::functions(page, recording, judgement)?;
    tables::about(page, recording)?;
    let data = json!({
        "end_ns": frame.end().as_nanos() as u64,
        "left": frame::LEFT,
        "right": frame::RIGHT,
        "width": frame::WIDTH,
        "bins": bins.data(),
        "disturbances": frame.data(),
        "leaders": segments.leaders(),
    });
    // In a script only its end has a meaning.
    let data = data.to_string().replace('<', "\\u003c");
    write!(
        page,
        "<div id=\"tip\" hidden></div></main>\n<script type=\"application/json\" id=\"data\">{data}</script>\n\
         <script>{SCRIPT}</script></body></html>\n"
    )
}

fn header(page: &mut String, recording: &Recording, judgement: &Judgement) -> fmt::Result {
    let verdict = judgement.verdict();
    let name = if recording.workload.is_empty() { "history" } else { &recording.workload };
    write!(page, "<header><div><h1>{}</h1><p class=\"sub\">", Escaped(name))?;
    if recording.nodes > 0 {
        write!(page, "{} nodes, seed {}, ", recording.nodes, recording.seed)?;
    }
    write!(page, "{:.0} s", recording.duration.as_secs_f64())?;
    for nemesis in &recording.nemeses {
        write!(page, " <span class=\"chip\">{}</span>", Escaped(nemesis))?;
    }
    writeln!(
        page,
        "</p></div><div class=\"verdict {}\">{}<b>{}</b></div></header>",
        class(verdict),
        icon(verdict),
        verdict.word()
    )
}

fn checks(page: &mut String, judgement: &Judgement) -> fmt::Result {
    page.write_str("<section class=\"card\"><ul class=\"checks\">")?;
    for (name, verdict) in &judgement.checks {
        write!(page, "<li class=\"{}\">{}<div><b>{}</b>", class(verdict), icon(verdict), Escaped(name))?;
        if !verdict.is_passed() {
            write!(page, "<span>{}</span>", Escaped(&verdict.to_string()))?;
        }
        page.write_str("</div></li>")?;
    }
    page.write_str("</ul></section>\n")
}

fn class(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed { .. } => "failed",
        Verdict::TooLittle { .. } | Verdict::Undecided { .. } => "open",
    }
}

fn icon(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => {
            "<svg class=\"icon\" viewBox=\"0 0 20 20\"><circle cx=\"10\" cy=\"10\" r=\"10\"/><path d=\"M5.5 10.4l3 3 6-6.4\"/></svg>"
        }
        Verdict::Failed { .. } => {
            "<svg class=\"icon\" viewBox=\"0 0 20 20\"><circle cx=\"10\" cy=\"10\" r=\"10\"/><path d=\"M6.5 6.5l7 7m0-7l-7 7\"/></svg>"
        }
        Verdict::TooLittle { .. } | Verdict::Undecided { .. } => {
            "<svg class=\"icon\" viewBox=\"0 0 20 20\"><circle cx=\"10\" cy=\"10\" r=\"10\"/><path d=\"M10 5v6m0 3.4v.2\"/></svg>"
        }
    }
}

/// A text as it may stand in HTML, in an element or between quotes.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
