//! The inputs that fuzzing has found, once more: every file of `fuzz/corpus` goes through what it was found for, and
//! some that are made from them.
//!
//! `fuzz/run` looks for more. The inputs of the log and of snapshots are replayed by the tests of `cluster/`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a broken promise ends the run"
)]

mod seeds;
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::path::PathBuf;

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

/// Number of inputs that are made from the kept ones.
const ALTERED: usize = 500;

fn replay(target: &str, run: fn(&[u8])) {
    let read = |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file.unwrap().path()).unwrap();
    let mut kept: Vec<Vec<u8>> = std::fs::read_dir(corpus(target)).unwrap().map(read).collect();
    assert!(!kept.is_empty(), "there are no inputs for {target}");
    kept.sort();
    kept.iter().for_each(|data| try_one(data, run));
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for _ in 0..ALTERED {
        let mut data = kept.choose(&mut rng).unwrap().clone();
        for _ in 0..rng.random_range(1..8) {
            let at = rng.random_range(0..=data.len());
            match (rng.random_range(0..3), data.get_mut(at)) {
                (0, Some(byte)) => *byte = rng.random(),
                (1, _) => data.truncate(at),
                _ => data.insert(at, rng.random()),
            }
        }
        try_one(&data, run);
    }
}

fn try_one(data: &[u8], run: fn(&[u8])) {
    // Which input it was is the first thing that one has to know.
    if std::panic::catch_unwind(|| run(data)).is_err() {
        panic!("the input is {}", data.escape_ascii());
    }
}

#[test]
fn tokens_are_valid_or_are_refused() {
    replay("token", targets::token::run);
}

#[test]
fn payloads_are_read_as_they_are_written() {
    replay("payload", targets::payload::run);
}

#[test]
fn policies_decide_or_are_refused() {
    replay("policy", targets::policy::run);
}

#[test]
fn commands_are_applied_alike_or_are_refused_without_a_trace() {
    replay("command", targets::command::run);
}

#[test]
fn requests_are_read_or_are_refused() {
    replay("request", targets::request::run);
}

/// The begin of fuzzing: inputs that are right. To write it anew, after a change of a format:
/// `cargo test --test fuzz_corpora -- --ignored`
#[test]
#[ignore = "writes into fuzz/corpus"]
fn write_seeds() {
    for (target, seeds) in seeds::all() {
        let folder = corpus(target);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:03}")), seed).unwrap();
        }
    }
}
