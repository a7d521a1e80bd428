//! Brings the rows to the disk behind the log.
//!
//! Nothing waits for it, except that a full queue holds `apply` back: so the lag is bounded. A failure
//! is reported and final; the rows then end at an entry, and the log still holds what follows.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use keyraft_proto::cluster as proto;

use super::error::StorageError;
use super::fault::{Fault, FaultReport};
use super::rows::{RowStore, replace, write_changes};
use crate::application::{Row, RowChange};
use crate::runtime::wait_for_disk;

/// Gives each row of a state to a function.
pub(crate) type RowSource = Box<dyn FnOnce(&mut dyn FnMut(&mut dyn Iterator<Item = Row>)) + Send>;

enum Job {
    Changes(Vec<RowChange>, proto::StateMeta),
    Replace(RowSource, proto::StateMeta),
}

enum Mode {
    /// On the caller's thread, so that a simulation repeats.
    Inline(Mutex<Option<Box<dyn RowStore>>>),
    Thread(Mutex<Option<(SyncSender<Job>, JoinHandle<()>)>>),
}

/// The only one who writes rows.
pub(crate) struct Writer {
    mode: Mode,
    fault: FaultReport,
}

impl Writer {
    pub(crate) fn inline(rows: Box<dyn RowStore>, fault: FaultReport) -> Self {
        Self { mode: Mode::Inline(Mutex::new(Some(rows))), fault }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub(crate) fn threaded(
        rows: Box<dyn RowStore>,
        queue_entries: usize,
        fault: FaultReport,
    ) -> Result<Self, StorageError> {
        let (sender, jobs) = sync_channel(queue_entries);
        let report = fault.clone();
        let thread = std::thread::Builder::new()
            .name("keyraft-rows".to_owned())
            .spawn(move || {
                let written = catch_unwind(AssertUnwindSafe(|| write_all(rows, &jobs, &report)));
                if written.is_err() {
                    report.report(Fault::Rows { reason: "their thread panicked".to_owned() });
                }
            })
            .map_err(|error| StorageError::Rows { reason: format!("no thread: {error}") })?;
        Ok(Self { mode: Mode::Thread(Mutex::new(Some((sender, thread)))), fault })
    }

    /// Queues the changes of one entry. Blocks while the queue is full.
    pub(crate) fn changes(
        &self,
        changes: Vec<RowChange>,
        meta: proto::StateMeta,
    ) -> Result<(), StorageError> {
        self.queue(Job::Changes(changes, meta))
    }

    /// Returns once the rows of a simulation take changes. On a thread of their own they hold back the queue instead.
    pub(crate) async fn wait_for_rows(&self) {
        let Mode::Inline(rows) = &self.mode else { return };
        let hangs =
            rows.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|rows| rows.hangs());
        if let Some(mut hangs) = hangs {
            let _ = hangs.wait_for(|hangs| !hangs).await;
        }
    }

    /// Queues the replacement of all rows.
    pub(crate) fn replace(&self, rows: RowSource, meta: proto::StateMeta) -> Result<(), StorageError> {
        self.queue(Job::Replace(rows, meta))
    }

    fn queue(&self, job: Job) -> Result<(), StorageError> {
        let stopped = || {
            let reason = self.fault.first().map_or("the writer is closed".to_owned(), |f| f.to_string());
            StorageError::Stopped { reason }
        };
        match &self.mode {
            Mode::Inline(rows) => {
                let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                let result = write(rows.as_deref_mut().ok_or_else(stopped)?, job);
                if let Err(error) = &result {
                    *rows = None;
                    self.fault.report(Fault::Rows { reason: error.to_string() });
                }
                result
            }
            Mode::Thread(queue) => {
                let queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                let sender = queue.as_ref().map(|(sender, _)| sender.clone()).ok_or_else(stopped)?;
                // Closing must not wait for a full queue's lock.
                drop(queue);
                match sender.try_send(job) {
                    Ok(()) => Ok(()),
                    Err(TrySendError::Full(job)) => wait_for_disk(|| sender.send(job).map_err(|_| stopped())),
                    Err(TrySendError::Disconnected(_)) => Err(stopped()),
                }
            }
        }
    }

    /// Writes what is queued, flushes, and gives the rows up. Blocks until that is done.
    pub(crate) fn close(&self) {
        match &self.mode {
            Mode::Inline(rows) => {
                let rows = rows.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(mut rows) = rows
                    && let Err(error) = rows.flush()
                {
                    self.fault.report(Fault::Rows { reason: error.to_string() });
                }
            }
            Mode::Thread(queue) => {
                let taken = queue.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some((sender, thread)) = taken {
                    drop(sender);
                    // A panic was caught and reported on the thread.
                    let _ = thread.join();
                }
            }
        }
    }
}

impl Drop for Writer {
    /// Waits for the thread, since the folder is not free before. A node that is dropped instead of
    /// closed has crashed: in a simulation nothing is flushed then.
    fn drop(&mut self) {
        if matches!(self.mode, Mode::Thread(_)) {
            self.close();
        }
    }
}

fn write_all(mut rows: Box<dyn RowStore>, jobs: &Receiver<Job>, fault: &FaultReport) {
    let work = || -> Result<(), StorageError> {
        for job in jobs {
            write(rows.as_mut(), job)?;
        }
        rows.flush()
    };
    let reason = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the thread that writes the rows panicked".to_owned(),
    };
    fault.report(Fault::Rows { reason });
}

fn write(rows: &mut dyn RowStore, job: Job) -> Result<(), StorageError> {
    match job {
        Job::Changes(changes, meta) => {
            // The last value of a row is the one that counts.
            let last: BTreeMap<_, _> = changes.into_iter().map(|c| (c.key, c.after)).collect();
            write_changes(rows, last.into_iter().collect(), &meta)
        }
        Job::Replace(source, meta) => {
            let mut result = Ok(());
            source(&mut |content| result = replace(rows, content, &meta));
            result
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::rows::{MemoryRows, RowBatch, content};

    /// Fails at the given batch; panics instead when told so.
    struct FailingRows {
        rows: MemoryRows,
        batches_left: usize,
        panics: bool,
    }

    impl RowStore for FailingRows {
        fn scan(&self) -> Box<dyn Iterator<Item = Result<Row, StorageError>> + '_> {
            self.rows.scan()
        }

        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
            self.rows.get(key)
        }

        fn write(&mut self, batch: RowBatch) -> Result<(), StorageError> {
            assert!(self.batches_left > 0 || !self.panics, "as sled may");
            let Some(left) = self.batches_left.checked_sub(1) else {
                return Err(StorageError::Rows { reason: "no space".to_owned() });
            };
            self.batches_left = left;
            self.rows.write(batch)
        }

        fn clear(&mut self) -> Result<(), StorageError> {
            self.rows.clear()
        }

        fn flush(&mut self) -> Result<(), StorageError> {
            self.rows.flush()
        }
    }

    fn change(number: u64) -> Vec<RowChange> {
        let key = [[1].as_slice(), &number.to_be_bytes()].concat();
        vec![RowChange { key, before: None, after: Some(b"x".to_vec()) }]
    }

    #[test]
    fn closing_writes_all_that_is_queued_and_bounds_nothing_out() {
        let rows = MemoryRows::new();
        let writer = Writer::threaded(Box::new(rows.clone()), 2, FaultReport::new()).unwrap();
        for number in 0..500 {
            writer.changes(change(number), proto::StateMeta::default()).unwrap();
        }
        writer.close();
        assert_eq!(content(&rows).count(), 500);
        assert!(writer.changes(change(0), proto::StateMeta::default()).is_err());
    }

    /// Takes a batch only when it is let.
    struct HeldRows(MemoryRows, std::sync::Mutex<Receiver<()>>);

    impl RowStore for HeldRows {
        fn scan(&self) -> Box<dyn Iterator<Item = Result<Row, StorageError>> + '_> {
            self.0.scan()
        }

        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
            self.0.get(key)
        }

        fn write(&mut self, batch: RowBatch) -> Result<(), StorageError> {
            let let_go = self.1.lock().unwrap().recv_timeout(std::time::Duration::from_secs(5));
            let_go.map_err(|_| StorageError::Rows { reason: "nobody lets it".to_owned() })?;
            self.0.write(batch)
        }

        fn clear(&mut self) -> Result<(), StorageError> {
            self.0.clear()
        }

        fn flush(&mut self) -> Result<(), StorageError> {
            self.0.flush()
        }
    }

    #[test]
    fn a_full_queue_does_not_hold_up_the_other_tasks_of_its_thread() {
        let (rows, (let_go, held)) = (MemoryRows::new(), std::sync::mpsc::channel());
        let held = HeldRows(rows.clone(), std::sync::Mutex::new(held));
        let writer = Writer::threaded(Box::new(held), 1, FaultReport::new()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let (wake, woken) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            woken.await.unwrap();
            for _ in 0..8 {
                let_go.send(()).unwrap();
            }
        });
        let applying = runtime.spawn(async move {
            wake.send(()).unwrap();
            let written = (0..8)
                .map(|number| writer.changes(change(number), proto::StateMeta::default()).is_ok())
                .collect::<Vec<_>>();
            writer.close();
            written
        });
        assert_eq!(runtime.block_on(applying).unwrap(), [true; 8]);
        assert_eq!(content(&rows).count(), 8);
    }

    #[test]
    fn a_failure_or_panic_of_the_rows_is_reported_and_final() {
        for panics in [false, true] {
            let rows = MemoryRows::new();
            let failing = FailingRows { rows: rows.clone(), batches_left: 3, panics };
            let fault = FaultReport::new();
            let writer = Writer::threaded(Box::new(failing), 2, fault.clone()).unwrap();
            let refused =
                (0..500).find_map(|number| writer.changes(change(number), proto::StateMeta::default()).err());
            assert!(matches!(refused, Some(StorageError::Stopped { .. })), "{refused:?}");
            writer.close();
            assert!(matches!(fault.first(), Some(Fault::Rows { .. })));
            assert_eq!(content(&rows).count(), 3, "the rows end at an entry");
        }
    }
}
