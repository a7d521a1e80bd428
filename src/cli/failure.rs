//! How a command ends when it does not end well.

use std::fmt;
use std::process::ExitCode;

use keyraft::config::ConfigError;
use keyraft::keys::seal::ClusterKeyFileError;
use keyraft::ops::admin::SocketError;
use keyraft::ops::logging::LoggingError;

/// The reason, in one line, and the exit code.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    reason: String,
}

impl Failure {
    /// The command could not be done: exit code 1.
    pub fn runtime(reason: impl fmt::Display) -> Self {
        Self { code: 1, reason: one_line(&reason) }
    }

    /// The arguments or the configuration are at fault: exit code 2.
    pub fn usage(reason: impl fmt::Display) -> Self {
        Self { code: 2, reason: one_line(&reason) }
    }

    /// The same failure, with another exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// The same failure, with `context: ` before the reason.
    pub fn within(self, context: impl fmt::Display) -> Self {
        Self { code: self.code, reason: format!("{context}: {}", self.reason) }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::usage(error)
    }
}

impl From<ClusterKeyFileError> for Failure {
    fn from(error: ClusterKeyFileError) -> Self {
        Self::usage(error)
    }
}

impl From<LoggingError> for Failure {
    fn from(error: LoggingError) -> Self {
        Self::usage(error)
    }
}

impl From<SocketError> for Failure {
    fn from(error: SocketError) -> Self {
        Self::runtime(error)
    }
}

fn one_line(reason: &impl fmt::Display) -> String {
    reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line() {
        assert_eq!(Failure::runtime("a\n  b").within("c").to_string(), "c: a b");
    }
}
