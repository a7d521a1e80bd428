//! The log of a process: lines on standard error, for people or for machines.

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use super::log_batches::Batches;
use crate::config::LogFormat;

/// Overrides `log.level` of the configuration.
pub const LEVEL_VARIABLE: &str = "KEYRAFT_LOG";

/// Lines that may wait to be written.
const LINES_WAITING: usize = 65_536;

/// Libraries speak only of what went wrong, unless the operator names them. openraft reports an error for
/// each message that a dead node does not answer; what matters of it, the cluster's own code says once.
const LIBRARIES: &str = "openraft=off,sled=warn,h2=warn,hyper=warn,hyper_util=warn,tonic=warn,tower=warn,\
    reqwest=warn,rustls=warn";

/// A log that cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// Neither a level nor a list of `module=level`.
    #[error("{from}: {level:?}: {source}")]
    Level {
        /// Where it was said: `KEYRAFT_LOG` or `log.level`.
        from: &'static str,
        /// What was said.
        level: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// This process has a log already.
    #[error("the log has been started before")]
    Started,
}

/// Starts the log of this process. `level` is a level or a list of `module=level`; the environment
/// variable `KEYRAFT_LOG` goes before it.
///
/// Lines are written by a thread of their own, in [`Batches`], so that a request does not wait for the file; when
/// [`LINES_WAITING`] of them wait, it does. What waits is written when the guard is dropped.
///
/// # Errors
/// The level means nothing, or the process has a log already.
pub fn start(level: &str, format: LogFormat) -> Result<WorkerGuard, LoggingError> {
    let variable = std::env::var(LEVEL_VARIABLE).ok().filter(|value| !value.is_empty());
    let (from, level) = match &variable {
        Some(value) => (LEVEL_VARIABLE, value.as_str()),
        None => ("log.level", level),
    };
    let filter =
        filter(level).map_err(|source| LoggingError::Level { from, level: level.to_owned(), source })?;
    let is_terminal = std::io::stderr().is_terminal();
    // The subscriber's own complaint about a line it cannot write (a full disk) would go to the same
    // standard error through a macro that panics when it cannot write either.
    let (writer, guard) = NonBlockingBuilder::default()
        .lossy(false)
        .buffered_lines_limit(LINES_WAITING)
        .thread_name("log")
        .finish(Batches::new(std::io::stderr()));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(is_terminal)
        .log_internal_errors(false);
    let is_human = match format {
        LogFormat::Auto => is_terminal,
        LogFormat::Human => true,
        LogFormat::Json => false,
    };
    let started = if is_human { lines.try_init() } else { lines.json().flatten_event(true).try_init() };
    started.map_err(|_| LoggingError::Started)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(guard)
}

fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    // Of two directives for one module the later holds.
    EnvFilter::builder().parse(format!("{LIBRARIES},{level}"))
}

/// A panic is one line of the log like any other.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let payload = panic.payload();
    let reason = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "no reason given",
    };
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    tracing::error!(place, "panic: {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_quiet_unless_named() {
        let quiet = filter("debug").unwrap().to_string();
        assert!(quiet.contains("openraft=off") && quiet.contains("debug"), "{quiet}");
        let named = filter("info,openraft=trace").unwrap().to_string();
        assert!(named.contains("openraft=trace") && !named.contains("openraft=off"), "{named}");
        assert!(filter("keyraft=loud").is_err());
    }
}
