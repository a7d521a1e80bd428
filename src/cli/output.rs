//! What commands write for people and scripts.

use std::fmt::Display;
use std::io::{self, Write};

use super::failure::Failure;

/// Writes `text` and a newline to standard output, and flushes it.
///
/// # Errors
/// Standard output is closed or full.
pub fn line(text: impl Display) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")
        .and_then(|()| out.flush())
        .map_err(|error| Failure::runtime(error).within("standard output"))
}

/// Writes the reason of a failure to standard error. There is nobody to tell when that fails.
pub fn error_line(reason: &impl Display) {
    let _ = writeln!(io::stderr().lock(), "keyraft: {reason}");
}
