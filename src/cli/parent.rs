//! A node of `keyraft dev` dies with the process that started it.

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use super::failure::Failure;

/// Has the kernel kill this process when process `parent` ends, however it ends.
///
/// # Errors
/// `parent` is gone already, or is not the parent of this process.
pub fn die_with(parent: u32) -> Result<(), Failure> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| Failure::runtime(error).within("cannot follow the parent process"))?;
    // A parent that died before the line above sends no signal.
    let actual = getppid().map(Pid::as_raw_nonzero).map(|pid| pid.get().unsigned_abs());
    if actual == Some(parent) {
        return Ok(());
    }
    Err(Failure::runtime(format!("process {parent}, which started this one, is gone")))
}
