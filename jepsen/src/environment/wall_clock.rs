//! The wall clock of one process, while it runs.
//!
//! Programs ask the kernel's vDSO for the time: code that the kernel maps into each process, and of which a process that is
//! written to gets a copy of its own. So its `clock_gettime` is made to jump to a few instructions behind the
//! code of the vDSO, which ask the kernel and add an offset to `CLOCK_REALTIME`, and to no other clock. A library that is
//! preloaded in place of the C library's `clock_gettime` does not do: what does not go through the C library never calls
//! it, and that is how a node asks for the time.
//!
//! ```text
//!   [vdso]  clock_gettime: jmp ──┐         what the kernel mapped
//!           ...                  │
//!           (zeros) ◄────────────┘         HOOK, then seconds and nanoseconds of the offset
//! ```

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSymbol};

/// What is asked for the time.
const FUNCTION: &str = "__vdso_clock_gettime";
/// `jmp` to a place that is given relative to what follows it.
const JUMP: u8 = 0xe9;
const JUMP_BYTES: usize = 5;
/// For x86-64: rdi is the clock, rsi where the seconds and nanoseconds go.
#[rustfmt::skip]
const HOOK: [u8; 64] = [
    0xb8, 0xe4, 0, 0, 0,             //       mov  eax, SYS_clock_gettime
    0x0f, 0x05,                      //       syscall
    0x85, 0xff,                      //       test edi, edi
    0x75, 0x30,                      //       jne  done             not CLOCK_REALTIME
    0x85, 0xc0,                      //       test eax, eax
    0x75, 0x2c,                      //       jne  done             no time was given
    0x48, 0x8b, 0x0d, 0x2a, 0, 0, 0, //       mov  rcx, [seconds]
    0x48, 0x01, 0x0e,                //       add  [rsi], rcx
    0x48, 0x8b, 0x0d, 0x28, 0, 0, 0, //       mov  rcx, [nanoseconds]
    0x48, 0x03, 0x4e, 0x08,          //       add  rcx, [rsi + 8]
    0x48, 0x81, 0xf9, 0, 0xca, 0x9a, 0x3b, // cmp  rcx, 1000000000
    0x7c, 0x0a,                      //       jl   store
    0x48, 0x81, 0xe9, 0, 0xca, 0x9a, 0x3b, // sub  rcx, 1000000000
    0x48, 0xff, 0x06,                //       inc  qword [rsi]
    0x48, 0x89, 0x4e, 0x08,          // store: mov [rsi + 8], rcx
    0xc3,                            // done: ret
    0, 0, 0, 0,
];
/// The hook and its offset.
const PLACE_BYTES: usize = HOOK.len() + 16;
/// How often it is looked whether all threads have stopped.
const MOST_LOOKS: usize = 500;
/// How often they are stopped until none of them is where it does harm; one such try in many thousands fails.
const MOST_STOPS: usize = 20;
const PAUSE: Duration = Duration::from_millis(1);

/// A wall clock that cannot be moved.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The harness does not know this machine.
    #[error(
        "the wall clock of a running process can be moved on x86-64 only, and where its vDSO has room: {0}"
    )]
    Impossible(String),
    /// The process is gone, or the harness may not touch it.
    #[error("the wall clock of process {process} cannot be moved: {source}")]
    Process {
        /// Its number.
        process: u32,
        /// Why not.
        source: io::Error,
    },
    /// There is no process.
    #[error("there is no process whose wall clock could be moved")]
    Down,
    /// It did not stop in time, so nothing was changed.
    #[error("process {process} does not stop where its wall clock can be moved")]
    Busy {
        /// Its number.
        process: u32,
    },
}

/// Makes the wall clock of a process differ from that of the machine by so much, from now on; 0 makes it right. The process is
/// stopped for a moment.
///
/// # Errors
/// See [`ClockError`]; the clock is as it was.
pub fn set_offset(process: u32, offset_ms: i64) -> Result<(), ClockError> {
    let failed = |source| ClockError::Process { process, source };
    if !cfg!(target_arch = "x86_64") {
        return Err(ClockError::Impossible("this is another machine".to_owned()));
    }
    let vdso = Vdso::of(process)?;
    for _ in 0..MOST_STOPS {
        let stopped = Stopped::stop(process).map_err(failed)?;
        if vdso.is_hooked || stopped.is_clear_of(&vdso.entry).map_err(failed)? {
            return vdso.write(offset_ms).map_err(failed);
        }
    }
    Err(ClockError::Busy { process })
}

/// The vDSO of a process.
struct Vdso {
    memory: File,
    /// Where the function begins, as far as it is overwritten.
    entry: Range<u64>,
    /// Where the hook is or will be.
    place: u64,
    is_hooked: bool,
}

impl Vdso {
    fn of(process: u32) -> Result<Self, ClockError> {
        let failed = |source| ClockError::Process { process, source };
        let impossible = |what: &str| ClockError::Impossible(what.to_owned());
        let maps = fs::read_to_string(format!("/proc/{process}/maps")).map_err(failed)?;
        let range = range_of_vdso(&maps).ok_or_else(|| impossible("it has none"))?;
        let memory = File::options().read(true).write(true).open(format!("/proc/{process}/mem"));
        let memory = memory.map_err(failed)?;
        let mut image = vec![0; usize::try_from(range.end - range.start).unwrap_or_default()];
        memory.read_exact_at(&mut image, range.start).map_err(failed)?;
        let function = address_of(&image, FUNCTION).ok_or_else(|| impossible("no clock_gettime"))?;
        let place = image.len().checked_sub(PLACE_BYTES).ok_or_else(|| impossible("too small"))?;
        let has_hook = image.get(place..place + HOOK.len()) == Some(&HOOK);
        let is_free = image.get(place..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0));
        if !has_hook && !is_free {
            return Err(impossible("no room"));
        }
        let first = usize::try_from(function).ok().and_then(|function| image.get(function));
        let is_hooked = has_hook && first == Some(&JUMP);
        let entry = range.start + function;
        Ok(Self {
            memory,
            entry: entry..entry + JUMP_BYTES as u64,
            place: range.start + place as u64,
            is_hooked,
        })
    }

    fn write(&self, offset_ms: i64) -> io::Result<()> {
        let (seconds, millis) = (offset_ms.div_euclid(1000), offset_ms.rem_euclid(1000));
        let mut offset = seconds.to_le_bytes().to_vec();
        offset.extend((millis * 1_000_000).to_le_bytes());
        self.memory.write_all_at(&offset, self.place + HOOK.len() as u64)?;
        if self.is_hooked {
            return Ok(());
        }
        self.memory.write_all_at(&HOOK, self.place)?;
        let distance = i32::try_from(self.place - self.entry.end).map_err(io::Error::other)?;
        let mut jump = vec![JUMP];
        jump.extend(distance.to_le_bytes());
        self.memory.write_all_at(&jump, self.entry.start)
    }
}

fn range_of_vdso(maps: &str) -> Option<Range<u64>> {
    let line = maps.lines().find(|line| line.ends_with("[vdso]"))?;
    let (from, to) = line.split_whitespace().next()?.split_once('-')?;
    let address = |text| u64::from_str_radix(text, 16).ok();
    Some(address(from)?..address(to)?)
}

/// Where a function is in an image, from its beginning.
fn address_of(image: &[u8], function: &str) -> Option<u64> {
    let file = ElfFile64::<Endianness>::parse(image).ok()?;
    let symbol = file.dynamic_symbols().find(|symbol| symbol.name() == Ok(function));
    symbol.map(|symbol| symbol.address())
}

/// A process that is stopped, until this is dropped.
struct Stopped {
    process: u32,
}

impl Stopped {
    fn stop(process: u32) -> io::Result<Self> {
        send(process, Signal::SIGSTOP)?;
        let stopped = Self { process };
        for _ in 0..MOST_LOOKS {
            // One that is about to end has another state.
            let state = |stat: &String| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
            if stopped.read_threads("stat")?.iter().all(|stat| matches!(state(stat), Some('T' | 'X' | 'Z'))) {
                return Ok(stopped);
            }
            std::thread::sleep(PAUSE);
        }
        Err(io::Error::new(io::ErrorKind::TimedOut, "it does not stop"))
    }

    /// Whether no thread is within a range that is about to be overwritten. Who is about to call the function is at its
    /// first byte, and goes on well.
    fn is_clear_of(&self, range: &Range<u64>) -> io::Result<bool> {
        let is_clear = |place: &String| {
            let at = place.split_whitespace().next_back().and_then(|last| last.strip_prefix("0x"));
            let at = at.and_then(|at| u64::from_str_radix(at, 16).ok());
            at.is_some_and(|at| at == range.start || !range.contains(&at))
        };
        Ok(self.read_threads("syscall")?.iter().all(is_clear))
    }

    /// A file of each thread in `/proc`.
    fn read_threads(&self, name: &str) -> io::Result<Vec<String>> {
        let mut texts = Vec::new();
        for thread in fs::read_dir(format!("/proc/{}/task", self.process))? {
            // A thread that has just ended has none.
            if let Ok(text) = fs::read_to_string(thread?.path().join(name)) {
                texts.push(text);
            }
        }
        Ok(texts)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // A process that is gone needs nothing.
        let _ = send(self.process, Signal::SIGCONT);
    }
}

fn send(process: u32, signal: Signal) -> io::Result<()> {
    let number = i32::try_from(process).map_err(io::Error::other)?;
    kill(Pid::from_raw(number), signal).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "these are about clocks")]

    use std::io::{BufRead, BufReader, Write};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
    use std::time::{Instant, SystemTime, UNIX_EPOCH};

    use super::*;

    const TELLER: &str = "KEYRAFT_JEPSEN_TELLS_ITS_CLOCK";

    /// Not a test: the process whose clock the test below moves. For each line that it is sent it tells its wall clock and
    /// how long it has run, in milliseconds.
    #[test]
    fn tells_its_clock() {
        if std::env::var_os(TELLER).is_none() {
            return;
        }
        let start = Instant::now();
        for _ in std::io::stdin().lines() {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            println!("clock {wall} {}", start.elapsed().as_millis());
            std::io::stdout().flush().unwrap();
        }
    }

    struct Teller {
        process: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
    }

    impl Teller {
        fn start() -> Self {
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "environment::wall_clock::tests::tells_its_clock", "--nocapture"])
                .env(TELLER, "1")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let (input, output) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
            Self { process, input, output: BufReader::new(output) }
        }

        /// How far its wall clock is ahead of ours, and how long it has run.
        fn ask(&mut self) -> (i64, i64) {
            writeln!(self.input).unwrap();
            let mut line = String::new();
            while !line.contains("clock ") {
                line.clear();
                assert!(self.output.read_line(&mut line).unwrap() > 0, "it has ended");
            }
            let now =
                i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
            let numbers = line.rsplit_once("clock ").unwrap().1;
            let (wall, run) = numbers.trim().split_once(' ').unwrap();
            (wall.parse::<i64>().unwrap() - now, run.parse().unwrap())
        }
    }

    impl Drop for Teller {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }

    #[test]
    fn the_wall_clock_jumps_and_no_other() {
        if !cfg!(target_arch = "x86_64") {
            return;
        }
        let mut teller = Teller::start();
        let start = Instant::now();
        let (ahead, run_at_first) = teller.ask();
        assert!(ahead.abs() < 300, "{ahead}");
        for offset_ms in [700, -700, 7_200_000, -7_200_000, 150_001, 0] {
            set_offset(teller.process.id(), offset_ms).unwrap();
            let (ahead, run) = teller.ask();
            assert!((ahead - offset_ms).abs() < 300, "{ahead} and not {offset_ms}");
            let ran = i64::try_from(start.elapsed().as_millis()).unwrap();
            assert!(
                (run - run_at_first - ran).abs() < 300,
                "it has run for {run} - {run_at_first}, and not {ran}"
            );
        }
    }

    #[test]
    fn a_process_that_is_gone_has_no_clock() {
        let mut process = Command::new("true").spawn().unwrap();
        let number = process.id();
        process.wait().unwrap();
        assert!(matches!(set_offset(number, 1), Err(ClockError::Process { .. })));
    }

    #[test]
    fn the_vdso_is_found_among_the_maps() {
        let maps =
            "7f00-7f10 r--p 00000000 00:00 0    [vvar]\n7ffe10-7ffe30 r-xp 00000000 00:00 0    [vdso]\n";
        assert_eq!(range_of_vdso(maps), Some(0x7f_fe10..0x7f_fe30));
        assert_eq!(range_of_vdso("7f00-7f10 r--p 00000000 00:00 0\n"), None);
    }
}
