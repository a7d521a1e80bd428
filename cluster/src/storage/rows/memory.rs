//! Rows in memory, for a simulation.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{RowBatch, RowStore};
use crate::application::Row;
use crate::storage::error::StorageError;

/// Batches that a [`MemoryRows::crash`] can take back.
const UNDO_BATCHES: usize = 64;

/// Rows that outlive the node of a simulation, and can lose their newest batches as sled would. Cheap
/// to clone; every clone is the same table.
#[derive(Clone, Default)]
pub struct MemoryRows {
    content: Arc<Mutex<Content>>,
    hangs: Arc<watch::Sender<bool>>,
}

#[derive(Default)]
struct Content {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// How to take the newest batches back; the newest last.
    undo: VecDeque<RowBatch>,
}

impl MemoryRows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Loses the newest batches, `lost` of them at most.
    pub fn crash(&self, lost: usize) {
        let mut content = self.content();
        for _ in 0..lost {
            let Some(batch) = content.undo.pop_back() else { break };
            for (key, before) in batch.into_iter().rev() {
                match before {
                    Some(before) => content.rows.insert(key, before),
                    None => content.rows.remove(&key),
                };
            }
        }
        content.undo.clear();
    }

    /// With `true`, makes writers wait, as a disk does that hangs; with `false`, lets them go on.
    pub fn hang(&self, hangs: bool) {
        self.hangs.send_replace(hangs);
    }

    /// Loses everything.
    pub fn wipe(&self) {
        *self.content() = Content::default();
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RowStore for MemoryRows {
    fn hangs(&self) -> Option<watch::Receiver<bool>> {
        Some(self.hangs.subscribe())
    }

    fn scan(&self) -> Box<dyn Iterator<Item = Result<Row, StorageError>> + '_> {
        let rows = self.content().rows.clone();
        Box::new(rows.into_iter().map(|(key, value)| Ok(Row { key, value })))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        Ok(self.content().rows.get(key).cloned())
    }

    fn write(&mut self, batch: RowBatch) -> Result<(), StorageError> {
        let mut content = self.content();
        let mut undo = Vec::with_capacity(batch.len());
        for (key, value) in batch {
            let before = match value {
                Some(value) => content.rows.insert(key.clone(), value),
                None => content.rows.remove(&key),
            };
            undo.push((key, before));
        }
        if content.undo.len() >= UNDO_BATCHES {
            content.undo.pop_front();
        }
        content.undo.push_back(undo);
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StorageError> {
        self.wipe();
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StorageError> {
        self.content().undo.clear();
        Ok(())
    }
}
