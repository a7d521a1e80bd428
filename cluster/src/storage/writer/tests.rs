use super::*;
use crate::storage::rows::{MemoryRows, RowBatch, content};

/// Fails at the given batch; or panics at it.
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
