//! A small application: keys and values, and a counter that shows whether a command was applied twice.

use bytes::Bytes;
use imbl::OrdMap;
use keyraft_cluster::{Application, LogMoment, Row, RowChange, RowError};

const TABLE: u8 = 1;

/// Keys and their values.
pub type State = OrdMap<Vec<u8>, Vec<u8>>;

/// The application.
#[derive(Clone, Default)]
pub struct KeyValue {
    /// A key whose commands are misapplied.
    pub misapplied: Option<&'static str>,
}

/// The command that sets a key.
#[must_use]
pub fn set(key: &str, value: &str) -> Bytes {
    Bytes::from(format!("set\0{key}\0{value}"))
}

/// The command that adds 1 to a counter; it answers the new value.
#[must_use]
pub fn increment(key: &str) -> Bytes {
    Bytes::from(format!("inc\0{key}\0"))
}

/// The command that removes a key.
#[must_use]
pub fn unset(key: &str) -> Bytes {
    Bytes::from(format!("del\0{key}\0"))
}

/// The command at which the application panics.
#[must_use]
pub fn panicking(key: &str) -> Bytes {
    Bytes::from(format!("panic\0{key}\0"))
}

/// The value of a key.
#[must_use]
pub fn get(state: &State, key: &str) -> Option<String> {
    state.get(key.as_bytes()).map(|value| String::from_utf8(value.clone()).unwrap())
}

fn row_key(key: &[u8]) -> Vec<u8> {
    [&[TABLE], key].concat()
}

impl Application for KeyValue {
    type State = State;

    fn empty(&self) -> State {
        State::new()
    }

    fn knows_table(&self, table: u8) -> bool {
        table == TABLE
    }

    fn load(&self, rows: &mut dyn Iterator<Item = Row>) -> Result<State, RowError> {
        rows.map(|row| match row.key.split_first() {
            Some((&TABLE, key)) => Ok((key.to_vec(), row.value)),
            other => Err(RowError {
                table: other.map_or(0, |(table, _)| *table),
                reason: "an unknown table".into(),
            }),
        })
        .collect()
    }

    fn rows<'a>(&'a self, state: &'a State) -> Box<dyn Iterator<Item = Row> + Send + 'a> {
        Box::new(state.iter().map(|(key, value)| Row { key: row_key(key), value: value.clone() }))
    }

    fn apply(
        &self,
        state: &mut State,
        _moment: LogMoment,
        command: &[u8],
        changes: &mut Vec<RowChange>,
    ) -> Bytes {
        let parts: Vec<&[u8]> = command.splitn(3, |byte| *byte == 0).collect();
        let (verb, key, value) = (parts[0], parts[1], parts[2]);
        let before = state.get(key).cloned();
        let after = match verb {
            b"set" if self.misapplied.is_some_and(|wrong| wrong.as_bytes() == key) => Some(b"wrong".to_vec()),
            b"set" => Some(value.to_vec()),
            b"inc" => {
                let count: u64 =
                    before.as_deref().map_or(0, |text| std::str::from_utf8(text).unwrap().parse().unwrap());
                Some((count + 1).to_string().into_bytes())
            }
            b"del" => None,
            b"panic" => {
                // What a half-done command leaves must not be seen.
                state.insert(key.to_vec(), b"half done".to_vec());
                panic!("as the command demands");
            }
            _ => return Bytes::from_static(b"unknown"),
        };
        match &after {
            Some(value) => state.insert(key.to_vec(), value.clone()),
            None => state.remove(key),
        };
        let answer = after.clone().unwrap_or_default();
        if before != after {
            changes.push(RowChange { key: row_key(key), before, after });
        }
        Bytes::from(answer)
    }
}
