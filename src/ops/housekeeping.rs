//! What nodes do by themselves: the leader purges what has expired and rotates keys on schedule; each node sums up
//! what it has measured.

use std::time::Duration;

use keyraft_proto::identity as proto;
use proto::command::Kind;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::keys::FERNET_CONTEXT;
use crate::keys::fernet_repository::{FernetKeySet, KeyPolicy};
use crate::token::fernet::FernetKey;

/// How often a node looks whether something is due.
const INTERVAL: Duration = Duration::from_secs(5);

/// What is done at most before the next look: a purge takes few events at a time, and more than it takes may have
/// come since the last.
const MOST_ROUNDS: usize = 200;

/// Runs until `stop`, which cuts off a round in progress: what it has proposed may still be applied.
///
/// A command that two leaders propose one after the other does nothing the second time.
pub async fn run(app: App, stop: CancellationToken) {
    repeat(|| round(app.clone()), stop).await;
}

async fn round(app: App) {
    // Histograms keep every measurement until they are summed up, and `/metrics` may never be asked.
    app.metrics.run_upkeep();
    // A leader whose key is not the cluster's would seal under the wrong one.
    if !app.node.is_leader() || app.key_conflict().is_some() {
        return;
    }
    if let Err(error) = catch_up(|| due(&app), |due| app.propose(due)).await {
        tracing::warn!(%error, "housekeeping has to wait");
    }
}

/// Runs a round every [`INTERVAL`] until `stop`.
async fn repeat<Round: Future<Output = ()>>(round: impl Fn() -> Round, stop: CancellationToken) {
    let rounds = async {
        loop {
            tokio::time::sleep(INTERVAL).await;
            round().await;
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = rounds => {}
    }
}

/// Proposes what is due, again and again until nothing is.
async fn catch_up<T, E, Proposing: Future<Output = Result<T, E>>>(
    due: impl Fn() -> Vec<Kind>,
    propose: impl Fn(Kind) -> Proposing,
) -> Result<(), E> {
    for _ in 0..MOST_ROUNDS {
        let due = due();
        if due.is_empty() {
            break;
        }
        for command in due {
            propose(command).await?;
        }
    }
    Ok(())
}

/// The commands that are due in the local state.
fn due(app: &App) -> Vec<Kind> {
    let state = &app.node.publication().load().state;
    let now_ms = app.node.cluster_time_ms();
    let mut due = Vec::new();

    let kept_ms = crate::revoke::kept_ms(&app.config.token, &app.config.revoke);
    let revoked_before_ms = now_ms.saturating_sub(kept_ms);
    if state.revoke.events.values().next().is_some_and(|oldest| oldest.revoked_at_ms < revoked_before_ms) {
        due.push(Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms }));
    }

    let is_wanted = app.config.security_compliance.disable_user_account_days_inactive.is_some();
    if is_wanted != state.identity.activity_noted_since_day().is_some() {
        due.push(Kind::WatchActivity(proto::WatchActivity { is_wanted }));
    }

    let Some(record) = state.keys.fernet_keys() else { return due };
    let policy = app.key_policy();
    let mut set = FernetKeySet::from(&**record);
    let rules = KeyPolicy::from(policy);
    let interval_ms = app.config.fernet.rotation_interval_s.saturating_mul(1000);
    let rotation_due_ms = set.next_rotation_due_ms(&rules, interval_ms);
    if interval_ms > 0 && rotation_due_ms.is_some_and(|due_ms| due_ms <= now_ms) {
        let key = FernetKey::generate(&*app.environment.random);
        let sealed_staged_key = app.seal(FERNET_CONTEXT, &*key.to_bytes());
        let interval_ms = Some(interval_ms);
        due.push(Kind::RotateFernetKeys(proto::RotateFernetKeys {
            sealed_staged_key,
            policy: Some(policy),
            interval_ms,
        }));
    } else if !set.retire(&rules, now_ms).is_empty() {
        due.push(Kind::RetireFernetKeys(proto::RetireFernetKeys { policy: Some(policy) }));
    }
    due
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::{pending, ready};

    use tokio::sync::Notify;

    use super::*;

    /// Virtual time: nothing but the end of the round is waited for.
    const MOST_PATIENCE: Duration = Duration::from_secs(3600);

    fn purge() -> Kind {
        Kind::PurgeRevocationEvents(proto::PurgeRevocationEvents { revoked_before_ms: 1 })
    }

    #[tokio::test]
    async fn a_purge_is_repeated_until_nothing_is_due() {
        let left = Cell::new(5);
        let due = || if left.get() > 0 { vec![purge()] } else { Vec::new() };
        let propose = |_| {
            left.set(left.get() - 1);
            ready(Ok::<_, &str>(()))
        };
        assert_eq!((catch_up(due, propose).await, left.get()), (Ok(()), 0));
    }

    #[tokio::test]
    async fn what_cannot_be_done_waits_and_what_brings_nothing_ends() {
        let proposed = Cell::new(0);
        let answering = |outcome: Result<(), &'static str>| {
            let proposed = &proposed;
            move |_| {
                proposed.set(proposed.get() + 1);
                ready(outcome)
            }
        };
        assert_eq!(catch_up(|| vec![purge()], answering(Err("no leader"))).await, Err("no leader"));
        assert_eq!(proposed.take(), 1);
        assert_eq!(catch_up(|| vec![purge()], answering(Ok(()))).await, Ok(()));
        assert_eq!(proposed.get(), MOST_ROUNDS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_for_a_command_that_never_ends() {
        let (stop, proposed) = (CancellationToken::new(), Notify::new());
        let propose = |_| {
            proposed.notify_one();
            pending::<Result<(), &str>>()
        };
        let round = || async { assert_eq!(catch_up(|| vec![purge()], propose).await, Ok(())) };
        let running = repeat(round, stop.clone());
        let stopping = async {
            proposed.notified().await;
            stop.cancel();
        };
        let ended = tokio::time::timeout(MOST_PATIENCE, async { tokio::join!(running, stopping) }).await;
        assert!(ended.is_ok(), "it waits for the command");
    }
}
