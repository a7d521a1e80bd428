//! Log-ins by password that several nodes take part in.

use crate::support::{DevCluster, step};
use crate::{hash_upgrade, multi_factor, password_change};

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_receipts_are_the_same_on_every_node() {
    let mut cluster = DevCluster::start_with(&["identity.upgrade_password_hashes=true"]);
    step(
        "a_token_got_right_after_a_password_change_is_valid_and_older_ones_are_not",
        password_change::ends_older_tokens_alone(&cluster),
    )
    .await;
    step(
        "a_receipt_of_one_node_is_taken_up_by_another_and_only_for_its_user",
        multi_factor::receipt_is_taken_up_by_another_node(&cluster),
    )
    .await;
    step(
        "a_log_in_makes_a_weak_hash_anew_once_and_ends_no_token",
        hash_upgrade::log_in_makes_a_weak_hash_anew(&mut cluster),
    )
    .await;
}
