//! Effects of the death of a node on clients, in milliseconds. Nothing else may run meanwhile.

use crate::support::{DevCluster, step};
use crate::{leader_killed, leases};

#[tokio::test(flavor = "multi_thread")]
async fn the_death_of_a_node_delays_nothing_longer_than_was_promised() {
    let mut cluster = DevCluster::start_alone();
    step("in_the_steady_state_no_validation_leaves_its_node", leases::steady_state(&cluster)).await;
    step(
        "the_death_of_a_follower_delays_writes_by_its_lease_and_validations_not_at_all",
        leases::follower_killed(&mut cluster),
    )
    .await;
    step(
        "validations_on_followers_go_on_through_the_death_of_the_leader",
        leases::leaders_killed(&mut cluster),
    )
    .await;
    step(
        "killing_the_leader_loses_no_acknowledged_write_and_applies_none_twice",
        leader_killed::under_a_load_of_writes(&mut cluster),
    )
    .await;
}
