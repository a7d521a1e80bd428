use bytes::Bytes;

use super::*;
use crate::application::RowError;
use crate::storage::sessions::OWN_TABLE;

/// Has no rows of its own.
struct Nothing;

impl Application for Nothing {
    type State = ();

    fn knows_table(&self, _: u8) -> bool {
        false
    }
    fn empty(&self) {}
    fn load(&self, rows: &mut dyn Iterator<Item = Row>) -> Result<(), RowError> {
        rows.for_each(drop);
        Ok(())
    }
    fn rows<'a>(&'a self, (): &'a ()) -> Box<dyn Iterator<Item = Row> + Send + 'a> {
        Box::new(std::iter::empty())
    }
    fn apply(&self, (): &mut (), _: LogMoment, _: &[u8], _: &mut Vec<RowChange>) -> Bytes {
        Bytes::new()
    }
}

#[test]
fn a_spoiled_state_differs_and_is_whole() {
    let mut spoiled = Applied::empty(&Nothing);
    let mut changes = Vec::new();
    for times in 1..=2 {
        let before = spoiled.digest;
        spoiled.spoil(&mut changes);
        assert_ne!(spoiled.digest, before, "spoiled {times} times");
        spoiled.last_applied = Some(LogId::new(openraft::CommittedLeaderId::new(1, 1), times));
    }
    assert!(changes.iter().all(|change| change.key.first() == Some(&OWN_TABLE)), "no client sees it");
    let rows: Vec<Row> = spoiled.all_rows(&Nothing).collect();
    let mut rows = rows.into_iter().map(Ok);
    let loaded = Applied::load(&Nothing, Path::new("rows"), spoiled.meta(), &mut rows).unwrap();
    assert_eq!((loaded.digest, loaded.rows), (spoiled.digest, spoiled.rows));
}
