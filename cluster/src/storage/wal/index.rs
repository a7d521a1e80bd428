//! Index of the log, in memory: the place of each entry, and the newest entries themselves.

use std::collections::VecDeque;

use crate::types::{Entry, LogId, LogIndex, Vote};

/// Place of one record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    /// Sequence number of the segment.
    pub segment: u64,
    /// Of the segment.
    pub salt: u32,
    pub offset: u32,
    /// Length of the whole record in bytes.
    pub length: u32,
}

/// Place of one entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    pub log_id: LogId,
    pub spot: Spot,
    /// Bytes of all entries up to and with this one, since the process started.
    total_bytes: u64,
}

/// An append that would leave a hole in the log.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {got} does not follow {expected}")]
pub(crate) struct Hole {
    pub expected: LogIndex,
    pub got: LogIndex,
}

/// The log's content. Every change is made on disk first.
///
/// ```text
///   purged | places: purged + 1 ..= last          (any start in a log that was never purged)
///                           | cache: .. ..= last  (bounded by bytes)
/// ```
#[derive(Debug)]
pub(crate) struct Index {
    pub vote: Option<Vote>,
    pub purged: Option<LogId>,
    pub received: Option<LogId>,
    pub committed: Option<LogId>,
    places: VecDeque<Place>,
    cache: VecDeque<(Entry, usize)>,
    cache_bytes: usize,
    cache_limit_bytes: usize,
}

impl Index {
    pub(crate) fn new(cache_limit_bytes: usize) -> Self {
        Self {
            vote: None,
            purged: None,
            received: None,
            committed: None,
            places: VecDeque::new(),
            cache: VecDeque::new(),
            cache_bytes: 0,
            cache_limit_bytes,
        }
    }

    /// The last entry, or what was purged when there is none.
    pub(crate) fn last_log_id(&self) -> Option<LogId> {
        self.places.back().map(|place| place.log_id).or(self.purged)
    }

    pub(crate) fn first_index(&self) -> Option<LogIndex> {
        self.places.front().map(|place| place.log_id.index)
    }

    /// The index that the next entry must have; `None` when any will do.
    pub(crate) fn next_index(&self) -> Option<LogIndex> {
        self.last_log_id().map(|last| last.index + 1)
    }

    pub(crate) fn place(&self, index: LogIndex) -> Option<&Place> {
        let at = index.checked_sub(self.first_index()?)?;
        self.places.get(usize::try_from(at).ok()?)
    }

    /// The log id at an index, the purged one among them.
    pub(crate) fn log_id_at(&self, index: LogIndex) -> Option<LogId> {
        match self.purged {
            Some(purged) if purged.index == index => Some(purged),
            _ => self.place(index).map(|place| place.log_id),
        }
    }

    pub(crate) fn places(&self) -> impl DoubleEndedIterator<Item = &Place> {
        self.places.iter()
    }

    /// A recent entry.
    pub(crate) fn cached(&self, index: LogIndex) -> Option<&Entry> {
        let first = self.cache.front()?.0.log_id.index;
        let at = usize::try_from(index.checked_sub(first)?).ok()?;
        self.cache.get(at).map(|(entry, _)| entry)
    }

    /// Bytes of the entries after `index`, or of all entries.
    pub(crate) fn bytes_after(&self, index: Option<LogIndex>) -> u64 {
        let Some(last) = self.places.back() else { return 0 };
        if index.is_some_and(|index| index >= last.log_id.index) {
            return 0;
        }
        let before = match index.and_then(|index| self.place(index)) {
            Some(place) => place.total_bytes,
            None => self.places.front().map_or(0, |first| first.total_bytes - u64::from(first.spot.length)),
        };
        last.total_bytes - before
    }

    /// The last entry to purge for at most `limit_bytes` of entries to stay; `None` when there are no more.
    pub(crate) fn outgrown(&self, limit_bytes: u64) -> Option<LogIndex> {
        let last = self.places.back()?.total_bytes;
        let kept = self.places.partition_point(|place| last - place.total_bytes > limit_bytes);
        let all =
            last - self.places.front().map_or(0, |first| first.total_bytes - u64::from(first.spot.length));
        (all > limit_bytes).then(|| self.places.get(kept).map(|place| place.log_id.index)).flatten()
    }

    /// Takes an entry of the oldest segments: the ones before it may lie in segments that are gone,
    /// because a later record says that they are purged.
    pub(crate) fn recover(&mut self, entry: Entry, spot: Spot) -> Result<(), Hole> {
        match self.places.is_empty() {
            true => self.take(entry, spot),
            false => self.push(entry, spot)?,
        }
        Ok(())
    }

    /// # Errors
    /// The entry does not follow the last one.
    pub(crate) fn push(&mut self, entry: Entry, spot: Spot) -> Result<(), Hole> {
        let log_id = entry.log_id;
        if let Some(expected) = self.next_index()
            && expected != log_id.index
        {
            return Err(Hole { expected, got: log_id.index });
        }
        self.take(entry, spot);
        Ok(())
    }

    fn take(&mut self, entry: Entry, spot: Spot) {
        let log_id = entry.log_id;
        let total_bytes = self.places.back().map_or(0, |last| last.total_bytes) + u64::from(spot.length);
        self.places.push_back(Place { log_id, spot, total_bytes });
        let bytes = usize::try_from(spot.length).unwrap_or(usize::MAX);
        self.cache.push_back((entry, bytes));
        self.cache_bytes += bytes;
        while self.cache_bytes > self.cache_limit_bytes
            && let Some((_, bytes)) = self.cache.pop_front()
        {
            self.cache_bytes -= bytes;
        }
    }

    /// Forgets the entries from `from` on.
    pub(crate) fn truncate(&mut self, from: LogIndex) {
        while self.places.back().is_some_and(|last| last.log_id.index >= from) {
            self.places.pop_back();
        }
        while self.cache.back().is_some_and(|(last, _)| last.log_id.index >= from) {
            if let Some((_, bytes)) = self.cache.pop_back() {
                self.cache_bytes -= bytes;
            }
        }
    }

    /// Forgets the entries up to and with `upto`; all of them when they conflict with it.
    pub(crate) fn purge(&mut self, upto: LogId) {
        if self.purged.is_some_and(|purged| purged >= upto) {
            return;
        }
        // `upto` is committed. A log whose last entry was written under a lower leader, or that ends
        // before it, has nothing that could follow it.
        let conflicts = self.last_log_id().is_some_and(|last| last < upto);
        self.purged = Some(upto);
        if conflicts {
            self.truncate(0);
            return;
        }
        while self.places.front().is_some_and(|first| first.log_id.index <= upto.index) {
            self.places.pop_front();
        }
        while self.cache.front().is_some_and(|(first, _)| first.log_id.index <= upto.index) {
            if let Some((_, bytes)) = self.cache.pop_front() {
                self.cache_bytes -= bytes;
            }
        }
    }
}
