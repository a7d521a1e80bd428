//! What a cluster replicates: an application, of which this crate knows bytes and no more.

use bytes::Bytes;

/// One durable record of the state: a key that starts with the number of its table, and a value.
///
/// The first byte of an application's key is 1 or more; 0 belongs to the cluster's own rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Table number, then the key within the table.
    pub key: Vec<u8>,
    /// The encoded record.
    pub value: Vec<u8>,
}

/// What a command did to one row. Both sides are given, so that the digest of the state can follow
/// in O(1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Table number, then the key within the table.
    pub key: Vec<u8>,
    /// The encoded record that was there before.
    pub before: Option<Vec<u8>>,
    /// The encoded record that is there now; `None` when it was deleted.
    pub after: Option<Vec<u8>>,
}

/// When and where in the log a command is applied. The only time that `apply` may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogMoment {
    /// Milliseconds since the epoch; it never runs backwards along the log.
    pub log_time_ms: u64,
    /// Index of the entry that holds the command.
    pub log_index: u64,
}

/// A row that the application cannot read.
#[derive(Debug, thiserror::Error)]
#[error("table {table}: {reason}")]
pub struct RowError {
    /// First byte of the row's key.
    pub table: u8,
    /// What is wrong with it, without its content.
    pub reason: String,
}

/// The replicated application: a pure function from a state and a command to the next state.
pub trait Application: Send + Sync + 'static {
    /// An immutable value that is cheap to clone (persistent maps): a clone is a snapshot.
    type State: Clone + Send + Sync + 'static;

    /// The state before the first entry.
    fn empty(&self) -> Self::State;

    /// Returns true if rows may begin with this number. Rows of an unknown table come from another version: nothing is then
    /// loaded, not even the rows of the other tables.
    fn knows_table(&self, table: u8) -> bool;

    /// The state that holds just these rows.
    ///
    /// # Errors
    /// A row that does not decode.
    fn load(&self, rows: &mut dyn Iterator<Item = Row>) -> Result<Self::State, RowError>;

    /// All rows of a state, in key order.
    fn rows<'a>(&'a self, state: &'a Self::State) -> Box<dyn Iterator<Item = Row> + Send + 'a>;

    /// Applies one command: changes `state`, pushes one change for each row it changed (the last
    /// state of a row only once), and returns the answer.
    ///
    /// A command that is refused leaves `state` and `changes` as they were; its answer says why. It is
    /// pure: the same state, moment and command give the same result on every node. A panic counts as a
    /// result: the command is then refused, and has changed nothing.
    fn apply(
        &self,
        state: &mut Self::State,
        moment: LogMoment,
        command: &[u8],
        changes: &mut Vec<RowChange>,
    ) -> Bytes;
}
