//! Commands of the log: `apply` never fails, is pure, and a refusal leaves no trace.
//!
//! The first byte chooses: the rest is commands as they are in the log, each behind its length, or choices that make
//! commands with few ids and names, so that they meet.

mod chosen;

use std::collections::BTreeMap;

use keyraft::state::{Identity, State, decode_answer};
use keyraft_cluster::{Application, LogMoment, Row, RowChange};
use keyraft_proto::identity as proto;
use prost::Message;

use super::input::Input;

/// More say nothing new.
const MAX_COMMANDS: usize = 40;
/// Log time of the first command.
const BEGIN_MS: u64 = 1_700_000_000_000;

pub fn run(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else { return };
    let commands = if how % 2 == 0 { raw(rest) } else { chosen(rest) };
    let mut one = Log::default();
    let mut other = Log::default();
    for command in &commands {
        assert_eq!(one.apply(command), other.apply(command), "the same command gives the same answer");
        assert_eq!(one.rows, other.rows, "and the same rows");
    }
    one.check_rows();
}

/// Commands as the log holds them.
fn raw(mut data: &[u8]) -> Vec<Vec<u8>> {
    let mut commands = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (command, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        commands.push(command.to_vec());
        data = rest;
        if commands.len() == MAX_COMMANDS {
            break;
        }
    }
    commands
}

fn chosen(data: &[u8]) -> Vec<Vec<u8>> {
    let mut input = Input(data);
    let mut commands = Vec::new();
    while !input.is_empty() && commands.len() < MAX_COMMANDS {
        let kind = Some(chosen::kind(&mut input));
        commands.push(proto::Command { kind }.encode_to_vec());
    }
    commands
}

/// A state and the rows that it leaves on disk.
#[derive(Default)]
struct Log {
    state: State,
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    index: u64,
}

impl Log {
    fn apply(&mut self, command: &[u8]) -> Vec<u8> {
        self.index += 1;
        let moment = LogMoment { log_index: self.index, log_time_ms: BEGIN_MS + self.index * 700 };
        let mut changes = Vec::new();
        let answer = Identity.apply(&mut self.state, moment, command, &mut changes);
        if decode_answer(&answer).is_err() {
            assert!(changes.is_empty(), "a refused command changed {changes:?}");
        }
        for RowChange { key, before, after } in changes {
            let replaced = match after {
                Some(after) => self.rows.insert(key, after),
                None => self.rows.remove(&key),
            };
            assert_eq!(replaced, before, "a change names the row that it replaces");
        }
        answer.to_vec()
    }

    /// The rows on disk are those of the state, and the state can be loaded from them.
    fn check_rows(&self) {
        let on_disk = || self.rows.iter().map(|(key, value)| Row { key: key.clone(), value: value.clone() });
        assert!(Identity.rows(&self.state).eq(on_disk()), "the rows on disk are those of the state");
        let loaded = Identity.load(&mut on_disk()).expect("a state loads from its rows");
        assert!(Identity.rows(&loaded).eq(on_disk()), "the state that was loaded has the same rows");
    }
}
