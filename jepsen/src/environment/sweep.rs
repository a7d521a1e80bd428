//! Removes what a run of the harness has left behind that ended before it could do so itself.
//!
//! All that a run makes carries the number of its process: the folder and the namespaces `krj-PID-RUN`. Where that
//! process is gone, so may all of it.

use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{namespaces, system};

/// What everything of ours begins with.
pub const PREFIX: &str = "krj-";

/// The prefix of one run of this process.
#[must_use]
pub fn prefix_of_run(run: u32) -> String {
    format!("{PREFIX}{}-{run}", std::process::id())
}

/// The folder of a run with this prefix. Its path is short: a socket in it has to fit in 108 bytes.
#[must_use]
pub fn folder_of_run(prefix: &str) -> PathBuf {
    Path::new("/tmp").join(prefix)
}

/// Removes processes, mounts, namespaces and folders of runs whose process is gone; how many runs there were.
pub fn sweep() -> usize {
    let entries = std::fs::read_dir("/tmp").into_iter().flatten().flatten();
    let folders = entries.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(is_orphaned));
    let mut count = 0;
    for folder in folders {
        remove_folder(&folder);
        count += 1;
    }
    for name in namespaces::list(PREFIX) {
        if is_orphaned(name.as_ref()) {
            namespaces::remove(&name);
        }
    }
    count
}

/// Removes the folder of a run, and first what lives in it: nodes and mounts.
pub fn remove_folder(folder: &Path) {
    for process in processes_of(folder) {
        let _ = kill(process, Signal::SIGKILL);
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let targets = mounts.lines().filter_map(|line| line.split_whitespace().nth(1));
    for target in targets.filter(|target| Path::new(target).starts_with(folder)) {
        let _ = system::run("umount", &["-l", target]);
    }
    let _ = std::fs::remove_dir_all(folder);
}

/// The processes that were started with a file of this folder as an argument.
fn processes_of(folder: &Path) -> Vec<Pid> {
    let Some(folder) = folder.to_str() else { return Vec::new() };
    let inside = format!("{folder}/");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|byte| *byte == 0);
        if arguments.any(|argument| argument.starts_with(inside.as_bytes())) {
            found.push(Pid::from_raw(number));
        }
    }
    found
}

/// Whether this is the name of something that a process made which is gone.
fn is_orphaned(name: &std::ffi::OsStr) -> bool {
    let Some(rest) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { return false };
    let owner: Option<u32> = rest.split('-').next().and_then(|number| number.parse().ok());
    owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_living_process_made_is_left_alone() {
        assert!(!is_orphaned(prefix_of_run(3).as_ref()));
        assert!(!is_orphaned("other-1-0".as_ref()));
        assert!(!is_orphaned("krj-nothing".as_ref()));
        // Beyond the greatest number of a process.
        assert!(is_orphaned("krj-4194999-0-hub".as_ref()));
    }
}
