//! Tables: persistent maps of records, and the indexes that follow them.

use std::borrow::Borrow;
use std::sync::Arc;

use imbl::OrdMap;
use keyraft_cluster::{Row, RowError};

use super::State;
use super::ids::Id;

/// A kind of record: its table, its key and the indexes that depend on it.
pub trait Record: prost::Message + Default + Clone + PartialEq + 'static {
    /// First byte of the durable key. Never reused for another record.
    const TABLE: u8;
    /// What the record is called in errors.
    const ENTITY: &'static str;
    /// The key within the table.
    type Key: DurableKey + Ord + Clone + Send + Sync + 'static;

    /// The record's own key.
    fn key(&self) -> Self::Key;
    /// Where the table is.
    fn table(state: &State) -> &Table<Self>;
    /// Where the table is.
    fn table_mut(state: &mut State) -> &mut Table<Self>;
    /// Brings the indexes from `before` to `after`.
    fn reindex(_state: &mut State, _before: Option<&Self>, _after: Option<&Self>) {}
}

/// A key that rows are stored under. Distinct keys have distinct bytes, which never change.
pub trait DurableKey {
    /// The bytes, without the table's number.
    fn to_bytes(&self) -> Vec<u8>;
}

impl DurableKey for () {
    fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }
}

impl DurableKey for (u64, u32) {
    fn to_bytes(&self) -> Vec<u8> {
        [self.0.to_be_bytes().as_slice(), self.1.to_be_bytes().as_slice()].concat()
    }
}

impl<K> DurableKey for Id<K> {
    fn to_bytes(&self) -> Vec<u8> {
        self.as_str().as_bytes().to_vec()
    }
}

impl<A, B> DurableKey for (Id<A>, Id<B>) {
    fn to_bytes(&self) -> Vec<u8> {
        join_key(&[self.0.as_str(), self.1.as_str()])
    }
}

/// The durable key of a row.
pub(super) fn row_key<R: Record>(key: &R::Key) -> Vec<u8> {
    let mut bytes = vec![R::TABLE];
    bytes.extend_from_slice(&key.to_bytes());
    bytes
}

/// Joins the parts of a composite key; ids hold no NUL.
#[must_use]
pub fn join_key(parts: &[&str]) -> Vec<u8> {
    parts.join("\0").into_bytes()
}

/// All records of one kind, by key. A clone costs O(1).
pub struct Table<R: Record>(OrdMap<R::Key, Arc<R>>);

impl<R: Record> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Self(OrdMap::new())
    }
}

impl<R: Record> Table<R> {
    /// The record with this key.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&Arc<R>>
    where
        R::Key: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.0.get(key)
    }

    /// Whether there is such a record.
    #[must_use]
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        R::Key: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        self.0.contains_key(key)
    }

    /// All records, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&R::Key, &Arc<R>)> {
        self.0.iter()
    }

    /// All records, by key.
    pub fn values(&self) -> impl Iterator<Item = &Arc<R>> {
        self.0.values()
    }

    /// The records from `key` on, by key.
    pub fn range_from(&self, key: R::Key) -> impl Iterator<Item = (&R::Key, &Arc<R>)> {
        self.0.range(key..)
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn insert(&mut self, record: Arc<R>) -> Option<Arc<R>> {
        self.0.insert(record.key(), record)
    }

    pub(super) fn remove(&mut self, key: &R::Key) -> Option<Arc<R>> {
        self.0.remove(key)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + Send + '_ {
        self.0.iter().map(|(key, record)| Row { key: row_key::<R>(key), value: record.encode_to_vec() })
    }
}

/// Decodes a row and puts it into its table and indexes.
pub(super) fn load_row<R: Record>(state: &mut State, value: &[u8]) -> Result<(), RowError> {
    let record = R::decode(value).map_err(|error| RowError { table: R::TABLE, reason: error.to_string() })?;
    R::reindex(state, None, Some(&record));
    R::table_mut(state).insert(Arc::new(record));
    Ok(())
}
