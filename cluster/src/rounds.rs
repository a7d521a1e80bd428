//! One question asked for many: those who come while it is on its way share the next one.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

/// Why a round was not joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotJoined {
    /// Too many wait already.
    Busy,
    /// The node stops.
    Stopped,
}

/// Where those who ask wait for a round.
pub(crate) struct Rounds<T> {
    queue: mpsc::Sender<oneshot::Sender<T>>,
}

impl<T> Clone for Rounds<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

/// The other end, where rounds are held.
pub(crate) struct RoundQueue<T> {
    waiting: mpsc::Receiver<oneshot::Sender<T>>,
}

/// At most `limit` wait for the next round.
pub(crate) fn rounds<T>(limit: usize) -> (Rounds<T>, RoundQueue<T>) {
    let (queue, waiting) = mpsc::channel(limit);
    (Rounds { queue }, RoundQueue { waiting })
}

impl<T> Rounds<T> {
    /// The outcome of a round that starts after this call. Cancel-safe.
    pub(crate) async fn join(&self) -> Result<T, NotJoined> {
        let (answer, outcome) = oneshot::channel();
        self.queue.try_send(answer).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => NotJoined::Busy,
            mpsc::error::TrySendError::Closed(_) => NotJoined::Stopped,
        })?;
        outcome.await.map_err(|_| NotJoined::Stopped)
    }
}

impl<T: Clone> RoundQueue<T> {
    /// Holds one round after another, each for all who have come before it starts, until nobody can
    /// come any more.
    pub(crate) async fn hold<F, R>(mut self, mut round: F)
    where
        F: FnMut() -> R,
        R: Future<Output = T>,
    {
        while let Some(first) = self.waiting.recv().await {
            let mut joined = vec![first];
            while let Ok(next) = self.waiting.try_recv() {
                joined.push(next);
            }
            joined.retain(|answer| !answer.is_closed());
            if joined.is_empty() {
                continue;
            }
            let outcome = round().await;
            for answer in joined {
                let _ = answer.send(outcome.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn those_who_come_during_a_round_share_the_next_one() {
        let (rounds, queue) = rounds::<u64>(16);
        let (started, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let count = Arc::new(AtomicU64::new(0));
        tokio::spawn({
            let (started, release, count) = (Arc::clone(&started), Arc::clone(&release), Arc::clone(&count));
            queue.hold(move || {
                let (started, release) = (Arc::clone(&started), Arc::clone(&release));
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                async move {
                    started.add_permits(1);
                    release.acquire().await.unwrap().forget();
                    number
                }
            })
        });
        let join = || {
            tokio::spawn({
                let rounds = rounds.clone();
                async move { rounds.join().await }
            })
        };
        let first = join();
        started.acquire().await.unwrap().forget();
        let (second, third) = (join(), join());
        while rounds.queue.capacity() > 14 {
            tokio::task::yield_now().await;
        }
        release.add_permits(2);
        assert_eq!(first.await.unwrap(), Ok(1));
        assert_eq!(second.await.unwrap(), Ok(2));
        assert_eq!(third.await.unwrap(), Ok(2));
        assert_eq!(count.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let (rounds, _queue) = rounds::<u64>(1);
        let waiting = tokio::spawn({
            let rounds = rounds.clone();
            async move { rounds.join().await }
        });
        while rounds.queue.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(rounds.join().await, Err(NotJoined::Busy));
        waiting.abort();
    }
}
