//! A `keyraft dev` under test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};

const BINARY: &str = env!("CARGO_BIN_EXE_keyraft");
/// Nothing here takes that long unless it hangs.
const LIMIT: Duration = Duration::from_secs(90);

pub struct DevProcess {
    process: Child,
    folder: PathBuf,
    pub http_port: u16,
    output: Receiver<String>,
    errors: Receiver<String>,
}

impl DevProcess {
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        Self::start_on_port(folder, free_http_port(), arguments)
    }

    pub fn start_on_port(folder: &Path, http_port: u16, arguments: &[&str]) -> Self {
        let mut process = Command::new(BINARY)
            .args(["dev", "--http-port", &http_port.to_string(), "--data-dir"])
            .arg(folder)
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = lines(process.stdout.take().unwrap());
        let errors = lines(process.stderr.take().unwrap());
        Self { process, folder: folder.to_path_buf(), http_port, output, errors }
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The line that starts with `ready`.
    pub fn wait_ready(&mut self) -> String {
        match self.output.recv_timeout(LIMIT) {
            Ok(line) if line.starts_with("ready") => line,
            Ok(line) => panic!("unexpected output: {line}"),
            Err(_) => panic!("not ready: {:?}", self.errors.try_iter().collect::<Vec<_>>()),
        }
    }

    /// The next line of standard error that holds `part`.
    pub fn wait_error_line(&self, part: &str) -> String {
        loop {
            let line = self.errors.recv_timeout(LIMIT).unwrap();
            if line.contains(part) {
                return line;
            }
        }
    }

    /// What the files `pid` of the nodes say, by number.
    pub fn node_pids(&self) -> Vec<u32> {
        let file = |number: u32| self.folder.join(format!("node-{number}/pid"));
        let read = |number| std::fs::read_to_string(file(number)).ok();
        (0..).map_while(read).map(|text| text.trim().parse().unwrap()).collect()
    }

    pub fn interrupt(&self) {
        signal(self.id(), Signal::INT);
    }

    /// What Ctrl-C does: the nodes are in the same process group.
    pub fn interrupt_group(&self) {
        kill_process_group(as_pid(self.id()), Signal::INT).unwrap();
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn wait_exit(&mut self) -> Option<i32> {
        wait_until("keyraft dev has ended", || self.process.try_wait().unwrap().is_some());
        self.process.wait().unwrap().code()
    }
}

impl Drop for DevProcess {
    fn drop(&mut self) {
        // The nodes die with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a command of the binary to its end.
pub fn keyraft(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Starts one node by itself.
pub fn serve(config: &Path) -> Child {
    let null = Stdio::null;
    let mut command = Command::new(BINARY);
    command.args(["serve", "--config"]).arg(config).stdin(null()).stdout(null()).stderr(null());
    command.spawn().unwrap()
}

pub fn kill(pid: u32) {
    signal(pid, Signal::KILL);
}

pub fn terminate(pid: u32) {
    signal(pid, Signal::TERM);
}

fn signal(pid: u32, signal: Signal) {
    kill_process(as_pid(pid), signal).unwrap();
}

/// Whether the process exists and is not merely waited for.
pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
    test_kill_process(as_pid(pid)).is_ok() && state.is_some_and(|state| state != "Z")
}

fn as_pid(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Asks again and again, because processes tell nobody but their parent when they end.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let pause = Duration::from_millis(20);
    for _ in 0..LIMIT.as_millis() / pause.as_millis() {
        if holds() {
            return;
        }
        std::thread::sleep(pause);
    }
    panic!("it did not happen: {what}");
}

/// A port P such that P to P+9 and P+100 to P+109 are free now. Different tests get different ones.
pub fn free_http_port() -> u16 {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 50).unwrap() * 200;
    loop {
        let step = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert!(step < 1000, "no free ports");
        // Blocks of ten ports below 100, so that the cluster's ports of one never meet the API's of another.
        let port = first + step / 10 * 200 + step % 10 * 10;
        let all = (port..port + 10).chain(port + 100..port + 110);
        if all.map(|port| TcpListener::bind(("127.0.0.1", port))).all(|bound| bound.is_ok()) {
            return port;
        }
    }
}

fn lines(stream: impl std::io::Read + Send + 'static) -> Receiver<String> {
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
