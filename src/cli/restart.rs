//! A node whose state has diverged, or that has lost entries of its log, starts itself again, since only a start replaces
//! them.

use std::env;
use std::fmt::Display;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use keyraft::serve::ServeError;
use keyraft_cluster::Fault;
use keyraft_cluster::storage::Fault as StorageFault;

use super::failure::Failure;

/// Tells a process how many restarts in a row have led to it.
const COUNT_VARIABLE: &str = "KEYRAFT_RESTARTS";
/// A node that diverges again after as many restarts in a row has a fault that no restart mends.
const MAX_IN_A_ROW: u32 = 3;
/// Restarts of a node that has run for this long are no longer in a row.
const LASTING: Duration = Duration::from_secs(60 * 60);

/// How many restarts in a row have led to this process.
pub fn count() -> u32 {
    env::var(COUNT_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// The number of the restart in a row that should follow `error`, after a process that was the restart
/// `count` and has `ran` for so long; `None` when the process has to end.
pub fn after(error: &ServeError, ran: Duration, count: u32) -> Option<u32> {
    let ServeError::Fault(Fault::Storage(StorageFault::Diverged { .. } | StorageFault::Forgot { .. })) =
        error
    else {
        return None;
    };
    let in_a_row = if ran >= LASTING { 0 } else { count };
    (in_a_row < MAX_IN_A_ROW).then(|| in_a_row.saturating_add(1))
}

/// Replaces this process with a new one of the same binary, arguments and process id. It returns only
/// with the reason why that failed.
pub fn exec(count: u32) -> Failure {
    let failed = |error: &dyn Display| Failure::runtime(error).within("cannot start again");
    let binary = match env::current_exe() {
        Ok(binary) => binary,
        Err(error) => return failed(&error),
    };
    let mut args = env::args_os();
    let mut command = Command::new(binary);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    failed(&command.args(args).env(COUNT_VARIABLE, count.to_string()).exec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_secs(60);

    fn fault(fault: StorageFault) -> ServeError {
        ServeError::Fault(fault.into())
    }

    fn diverged() -> ServeError {
        fault(StorageFault::Diverged { index: 7, own: 1, agreed: 2 })
    }

    #[test]
    fn a_node_that_diverges_starts_again_a_few_times_in_a_row() {
        assert_eq!(after(&diverged(), SHORT, 0), Some(1));
        assert_eq!(after(&diverged(), SHORT, MAX_IN_A_ROW - 1), Some(MAX_IN_A_ROW));
        assert_eq!(after(&diverged(), SHORT, MAX_IN_A_ROW), None);
        assert_eq!(after(&diverged(), SHORT, u32::MAX), None);
    }

    #[test]
    fn a_node_that_has_run_for_an_hour_starts_counting_anew() {
        assert_eq!(after(&diverged(), LASTING, MAX_IN_A_ROW), Some(1));
        assert_eq!(after(&diverged(), LASTING - Duration::from_secs(1), MAX_IN_A_ROW), None);
    }

    #[test]
    fn every_other_fault_ends_the_process() {
        let reason = || "the disk is full".to_owned();
        for error in [
            fault(StorageFault::Log { reason: reason() }),
            fault(StorageFault::Snapshot { reason: reason() }),
            fault(StorageFault::Rows { reason: reason() }),
            fault(StorageFault::Unsupported { reason: reason() }),
            ServeError::Fault(Fault::Open { reason: reason() }),
            ServeError::Fault(Fault::Consensus { reason: reason() }),
            ServeError::Fault(Fault::Superseded { boot: 1, latest_boot: 2 }),
            ServeError::Fault(Fault::ForeignCluster { own: reason(), peer: 2, other: reason() }),
            ServeError::Fault(Fault::Stalled { committed: 9, applied: 7, released: 7, for_ms: 10_000 }),
            ServeError::Fault(Fault::Lost { reason: reason() }),
            ServeError::System(std::io::Error::other(reason())),
        ] {
            assert_eq!(after(&error, SHORT, 0), None, "{error}");
        }
    }
}
