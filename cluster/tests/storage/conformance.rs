use openraft::StorageError;
use openraft::testing::{StoreBuilder, Suite};

use crate::life::{Node, Table};
use keyraft_cluster::storage::{LogStore, StateMachine};
use keyraft_cluster::types::TypeConfig;

struct Builder(fn() -> Node);

impl StoreBuilder<TypeConfig, LogStore, StateMachine<Table>, Node> for Builder {
    async fn build(&self) -> Result<(Node, LogStore, StateMachine<Table>), StorageError<u64>> {
        let node = (self.0)();
        let opened = node.open();
        Ok((node, opened.log, opened.machine))
    }
}

#[test]
fn the_stores_keep_openrafts_contract_on_disk() {
    Suite::test_all(Builder(Node::on_disk)).unwrap();
}

#[test]
fn the_stores_keep_openrafts_contract_in_memory() {
    Suite::test_all(Builder(Node::in_memory)).unwrap();
}
