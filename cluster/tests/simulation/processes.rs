//! A process for each simulation, and what it has to say.

use std::ops::Range;
use std::process::Command;
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keyraft_cluster::Omission;

use crate::counters::Counters;
use crate::interposed;
use crate::run::{Plan, Report, run};

/// Which seed; set for each process.
pub const SEED: &str = "KEYRAFT_SIMULATION_SEED";
/// What is left out.
pub const OMIT: &str = "KEYRAFT_SIMULATION_OMIT";
/// Whether everything is written out.
pub const SHOW: &str = "KEYRAFT_SIMULATION_SHOW";

/// The tests that run side by side.
const SHARE: usize = 4;

/// The most real time that a process may take, on any machine. A simulation takes a second.
pub const REAL_LIMIT: Duration = Duration::from_secs(120);

const HELD: &str = "HELD ";
const BROKEN: &str = "BROKEN ";

/// What a simulation has shown.
#[derive(Debug)]
pub enum Verdict {
    Held(Report),
    /// What was broken.
    Broken(String),
}

/// A simulation that has run.
pub struct Judged {
    pub seed: u64,
    pub verdict: Verdict,
    pub output: String,
}

/// A seed, or a range of them that is not empty: `37`, `30..40`.
pub fn parse_seeds(text: &str) -> Range<u64> {
    let number = |text: &str| text.parse::<u64>().unwrap_or_else(|_| panic!("{text:?} is no seed"));
    let seeds = match text.split_once("..") {
        Some((first, end)) => number(first)..number(end),
        None => number(text)..number(text) + 1,
    };
    assert!(!seeds.is_empty(), "{text:?} names no seed");
    seeds
}

/// A test of this binary, in a process of its own.
pub fn alone(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command
}

/// Ends this process if it still runs after so much real time.
pub fn end_after(limit: Duration) {
    thread::spawn(move || {
        thread::sleep(limit);
        eprintln!("not over after {limit:?}");
        std::process::abort();
    });
}

/// Runs a simulation in a process of its own.
pub fn judge(seed: u64, omitted: Option<&str>) -> Judged {
    let mut command = alone("one_seed");
    command.env(SEED, seed.to_string());
    match omitted {
        Some(omitted) => command.env(OMIT, omitted),
        None => command.env_remove(OMIT),
    };
    let ran = command.output().unwrap();
    let mut output = String::from_utf8_lossy(&ran.stdout).into_owned();
    let said = |start: &str| output.lines().find_map(|line| Some(line.split_once(start)?.1.to_owned()));
    let verdict = match (said(HELD), said(BROKEN)) {
        (Some(held), None) if ran.status.success() => Verdict::Held(parse(&held)),
        (_, Some(broken)) => Verdict::Broken(broken),
        _ => Verdict::Broken(format!(
            "its process ended: {}\n{}",
            ran.status,
            String::from_utf8_lossy(&ran.stderr)
        )),
    };
    output.push_str(&String::from_utf8_lossy(&ran.stderr));
    Judged { seed, verdict, output }
}

/// Runs several, a share of the processors at a time, and gives each to a function as it ends.
pub fn judge_all(seeds: &[u64], omitted: Option<&str>, mut take: impl FnMut(Judged)) {
    let workers = thread::available_parallelism().map_or(1, usize::from).div_ceil(SHARE);
    let (next, (judged, judgements)) = (Mutex::new(seeds.iter()), mpsc::channel());
    thread::scope(|scope| {
        for _ in 0..workers {
            let (next, judged) = (&next, judged.clone());
            scope.spawn(move || {
                while let Some(seed) = { next.lock().unwrap().next() } {
                    judged.send(judge(*seed, omitted)).unwrap();
                }
            });
        }
        drop(judged);
        judgements.iter().for_each(&mut take);
    });
}

fn parse(text: &str) -> Report {
    let mut numbers = text.split_whitespace().map(|number| number.parse::<u64>().unwrap());
    let mut next = || numbers.next().unwrap();
    Report {
        sum: next(),
        events: next(),
        writes: usize::try_from(next()).unwrap(),
        reads: usize::try_from(next()).unwrap(),
        by_lease: next(),
        virtual_ms: next(),
        disturbances: usize::try_from(next()).unwrap(),
    }
}

/// The part of the process.
pub fn simulate() {
    end_after(REAL_LIMIT);
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    let omitted = std::env::var(OMIT).ok();
    let disk_lies = omitted.as_deref() == Some("Syncs");
    let omitted = omitted.filter(|_| !disk_lies).map(|name| omission(&name));
    let plan = Plan { seed, omitted, disk_lies, is_shown: std::env::var(SHOW).is_ok() };
    if std::env::var("RUST_LOG").is_ok() {
        let logs = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(logs).with_ansi(false).init();
    }
    let simulation = thread::Builder::new().stack_size(16 << 20).spawn(move || {
        interposed::begin(seed);
        interposed::count_panics();
        let counters = Counters::default();
        counters.during(|| run(plan, &counters))
    });
    match simulation.unwrap().join() {
        Ok(Ok(Report { sum, events, writes, reads, by_lease, virtual_ms, disturbances })) => {
            println!("\n{HELD}{sum} {events} {writes} {reads} {by_lease} {virtual_ms} {disturbances}");
        }
        Ok(Err(broken)) => println!("\n{BROKEN}{}", broken.replace('\n', " ")),
        Err(_) => println!("\n{BROKEN}the simulation has panicked"),
    }
}

/// The rules that running nodes may be without.
fn omission(name: &str) -> Omission {
    let all = [
        Omission::OwnLeaderLease,
        Omission::GrantsInFlight,
        Omission::WinnersRefusal,
        Omission::StoredVote,
        Omission::LeaderOrder,
        Omission::OwnAnswer,
        Omission::LedgerMargin,
        Omission::WaitMargin,
        Omission::GrantCap,
        Omission::Wait,
        Omission::Vote,
        Omission::GrantIndex,
        Omission::Ledger,
        Omission::TimeOfSending,
    ];
    let found = all.into_iter().find(|omission| format!("{omission:?}") == name);
    found.unwrap_or_else(|| panic!("no rule is named {name:?}"))
}

#[test]
#[ignore = "run by the other tests, in a process of its own"]
fn one_that_never_ends() {
    end_after(Duration::from_millis(50));
    loop {
        thread::park();
    }
}

#[test]
fn a_process_that_hangs_is_ended() {
    let ran = alone("processes::one_that_never_ends").output().unwrap();
    assert!(!ran.status.success() && String::from_utf8_lossy(&ran.stderr).contains("not over after 50ms"));
}
