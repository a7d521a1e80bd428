//! Acknowledged writes outlive the processes of nodes and their files.

use crate::support::{DevCluster, step};
use crate::{lost_data, power_failure};

/// So that a write without a majority is refused soon.
const WRITE_TIMEOUT: &str = "cluster.write_timeout_ms=5000";
/// A node that has lost its folder stays a learner for as long as the test looks at it.
const NO_PROMOTION: &str = "cluster.promotion_delay_s=3600";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_with_power_or_files() {
    let mut cluster = DevCluster::start_with(&[WRITE_TIMEOUT, NO_PROMOTION]);
    step(
        "all_nodes_killed_at_once_lose_nothing_and_show_nothing_old",
        power_failure::all_nodes_killed_at_once(&mut cluster),
    )
    .await;
    step(
        "a_node_without_its_state_or_with_a_spoiled_one_mends_itself",
        lost_data::state_deleted_or_spoiled(&mut cluster),
    )
    .await;
    step(
        "a_node_that_lost_its_folder_comes_back_as_a_learner_without_a_vote",
        lost_data::folder_lost(&mut cluster),
    )
    .await;
}
