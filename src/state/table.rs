//! Tables: persistent maps of records, and the indexes that follow them.

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use equivalent::Comparable;
use foldhash::fast::FixedState;
use imbl::shared_ptr::DefaultSharedPtr;
use imbl::{GenericHashMap, OrdMap};
use keyraft_cluster::{Row, RowError};

use super::State;
use super::ids::Id;

/// A kind of record: its table, its key and the indexes that depend on it.
pub trait Record: prost::Message + Default + Clone + PartialEq + 'static {
    /// First byte of the durable key. Never reused for another record.
    const TABLE: u8;
    /// What the record is called in errors.
    const ENTITY: &'static str;
    /// Whether records are found by the hash of their key: where every request looks for some, and there may be so
    /// many that the steps through an ordered map would be felt.
    const IS_HASHED: bool = false;
    /// The key within the table.
    type Key: DurableKey + Ord + Hash + Clone + Send + Sync + 'static;

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

/// A map by the hash of its keys. It is only looked into, never walked through: its order would be the same on all
/// nodes, but means nothing. The keys are ids, made by the service or an administrator, so nobody picks ones that collide.
pub type HashIndex<K, V> = GenericHashMap<K, V, FixedState, DefaultSharedPtr>;

/// All records of one kind, by key. A clone costs O(1).
pub struct Table<R: Record> {
    ordered: OrdMap<R::Key, Arc<R>>,
    /// The same records, if they are [`Record::IS_HASHED`]; else nothing.
    hashed: HashIndex<R::Key, Arc<R>>,
}

impl<R: Record> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { ordered: self.ordered.clone(), hashed: self.hashed.clone() }
    }
}

impl<R: Record> Default for Table<R> {
    fn default() -> Self {
        Self { ordered: OrdMap::new(), hashed: HashIndex::default() }
    }
}

impl<R: Record> Table<R> {
    /// The record with this key.
    #[must_use]
    pub fn get<Q>(&self, key: &Q) -> Option<&Arc<R>>
    where
        R::Key: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        if R::IS_HASHED { self.hashed.get(key) } else { self.ordered.get(key) }
    }

    /// Whether there is such a record.
    #[must_use]
    pub fn contains<Q>(&self, key: &Q) -> bool
    where
        R::Key: Borrow<Q>,
        Q: Ord + Hash + ?Sized,
    {
        self.get(key).is_some()
    }

    /// All records, by key.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&R::Key, &Arc<R>)> {
        self.ordered.iter()
    }

    /// All records, by key.
    pub fn values(&self) -> impl Iterator<Item = &Arc<R>> {
        self.ordered.values()
    }

    /// The records from a key, or a place between keys, on, by key.
    pub fn range_from<Q: Comparable<R::Key>>(&self, from: Q) -> impl Iterator<Item = (&R::Key, &Arc<R>)> {
        self.ordered.range(from..)
    }

    /// Number of records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ordered.len()
    }

    /// Whether there is no record.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ordered.is_empty()
    }

    pub(super) fn insert(&mut self, record: Arc<R>) -> Option<Arc<R>> {
        let key = record.key();
        if R::IS_HASHED {
            self.hashed.insert(key.clone(), Arc::clone(&record));
        }
        self.ordered.insert(key, record)
    }

    pub(super) fn remove(&mut self, key: &R::Key) -> Option<Arc<R>> {
        if R::IS_HASHED {
            self.hashed.remove(key);
        }
        self.ordered.remove(key)
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + Send + '_ {
        self.ordered.iter().map(|(key, record)| Row { key: row_key::<R>(key), value: record.encode_to_vec() })
    }
}

/// Decodes a row and puts it into its table and indexes.
pub(super) fn load_row<R: Record>(state: &mut State, value: &[u8]) -> Result<(), RowError> {
    let record = R::decode(value).map_err(|error| RowError { table: R::TABLE, reason: error.to_string() })?;
    R::reindex(state, None, Some(&record));
    R::table_mut(state).insert(Arc::new(record));
    Ok(())
}
