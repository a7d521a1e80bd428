//! What is shown while a run goes on.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::client::Tally;

/// A line that follows a run; on anything but a terminal, nothing.
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A line for a run of this title.
    #[must_use]
    pub fn of(title: &str, duration: Duration) -> Self {
        let bar = ProgressBar::new(duration.as_secs());
        let template = "{prefix:.bold} {bar:24.cyan/dim} {pos:>4}/{len} s  {msg}";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(title.to_owned());
        Self { bar }
    }

    /// Nothing is shown.
    #[must_use]
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    /// Shows what is done now.
    pub fn says(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Shows how far the history is, and what is broken.
    pub fn shows(&self, now: Duration, tally: Tally, broken: &[String]) {
        self.bar.set_position(now.as_secs());
        let Tally { done, refused, unknown } = tally;
        let broken = if broken.is_empty() { String::new() } else { format!("  ⚡ {}", broken.join(", ")) };
        self.bar.set_message(format!("{done} done, {refused} refused, {unknown} unknown{broken}"));
    }

    /// Takes the line away.
    pub fn ends(&self) {
        self.bar.finish_and_clear();
    }
}
