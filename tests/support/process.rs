//! Processes that may be killed, and locks between processes.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

pub fn signal(pid: u32, signal: Signal) {
    kill_process(as_pid(pid), signal).unwrap_or_else(|error| panic!("cannot signal process {pid}: {error}"));
}

/// Signals all processes of the group that the process leads.
pub fn signal_group(pid: u32, signal: Signal) {
    kill_process_group(as_pid(pid), signal)
        .unwrap_or_else(|error| panic!("cannot signal group {pid}: {error}"));
}

/// Returns true while any thread of the process runs; one that is merely waited for by its parent does not. A
/// killed process counts as a zombie as soon as its first thread has ended, while the others may still hold
/// its files and locks.
pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    state.is_some_and(|state| state != "Z" || threads > 1)
}

/// The lines of a stream, as they come.
pub fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// Ends a process of ours that may have ended by itself.
pub fn end(child: &mut Child) {
    // It fails only for a process that has ended.
    let _ = child.kill();
    let _ = child.wait();
}

/// A file to be locked by tests of this user, whichever checkout they are of.
pub fn lock_file(name: &str) -> File {
    let user = rustix::process::getuid().as_raw();
    let folder = std::env::temp_dir().join(format!("keyraft-tests-{user}"));
    std::fs::create_dir_all(&folder).unwrap();
    File::options().write(true).create(true).truncate(false).open(folder.join(name)).unwrap()
}

fn as_pid(pid: u32) -> Pid {
    i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap_or_else(|| panic!("{pid} is no process id"))
}
