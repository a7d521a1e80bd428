//! Makes a state wrong on purpose, so that the harness shows that it is found.

use keyraft_proto::cluster as proto;

use super::applied::Applied;
use crate::application::{Application, RowChange};
use crate::types::NodeId;

impl<A: Application> Applied<A> {
    /// Adds rows of the cluster's own that no entry has made and nobody reads: the session of a node that does not
    /// exist. The state stays whole: its digest is that of its rows.
    pub(super) fn spoil(&mut self, changes: &mut Vec<RowChange>) {
        let sequence = self.index();
        let id = proto::RequestId { node_id: NodeId::MAX, boot: 1, sequence };
        let before = changes.len();
        self.sessions.admit(&id, sequence, changes);
        self.sessions.remember(&id, &proto::Outcome::default(), changes);
        for change in changes.iter().skip(before) {
            self.sum_up(change);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use bytes::Bytes;

    use super::*;
    use crate::application::{LogMoment, Row, RowError};
    use crate::storage::sessions::OWN_TABLE;
    use crate::types::LogId;

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
        assert_eq!(
            (loaded.digest, loaded.rows, loaded.tables),
            (spoiled.digest, spoiled.rows, spoiled.tables)
        );
    }
}
