//! What is fuzzed: each module takes any bytes and fails, by a panic, when a promise is broken. The targets in
//! `fuzz_targets/` run them under libFuzzer; `tests/fuzz_corpora.rs` runs them over the kept corpora.

pub mod command;
pub mod payload;
pub mod policy;
pub mod request;
pub mod token;

mod input;
