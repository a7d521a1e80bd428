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

/// Passes the rows of a state to a function.
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
    /// The system grants no thread.
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
                // A table may also panic when it is dropped.
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

    /// Waits until the rows of a simulation take changes. Rows on a thread of their own hold back the queue instead.
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

    /// Writes what is queued, flushes, and closes the rows. Blocks until that is done.
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
mod tests;
