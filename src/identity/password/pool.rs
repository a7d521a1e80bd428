//! Password hashing on its own threads, so that a storm of logins slows logins and nothing else.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use keyraft_cluster::Random;
use tokio::sync::oneshot;

use super::{Password, PasswordError, PasswordHasher, Salt};

/// Most threads taken when nothing else is said.
const MAX_DEFAULT_THREADS: usize = 8;

/// How much a [`HashingPool`] does at a time, and how much may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolLimits {
    /// Threads, and so hashes at the same time.
    pub threads: NonZeroUsize,
    /// Requests that may wait for a thread; one more is answered [`PoolError::Busy`].
    pub waiting: usize,
}

impl Default for PoolLimits {
    /// One thread less than there are cores, at least 1 and at most 8; 1,024 waiting requests.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = cores.saturating_sub(1).clamp(1, MAX_DEFAULT_THREADS);
        Self { threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN), waiting: 1024 }
    }
}

/// Why a password was not looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// As many requests wait as may.
    #[error("too many passwords are waiting to be hashed")]
    Busy,
    /// The pool is gone, or the thread failed.
    #[error("the password hashing threads have stopped")]
    Stopped,
    /// The password or the hash is at fault.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Threads that hash and check passwords. They end when the pool is dropped, after what they are at.
///
/// A request whose future is dropped before a thread has begun with it is not worked on.
pub struct HashingPool {
    hasher: Arc<PasswordHasher>,
    random: Arc<dyn Random>,
    jobs: SyncSender<Job>,
}

struct Job {
    password: Password,
    task: Task,
}

enum Task {
    Verify { hash: String, answer: oneshot::Sender<Result<bool, PasswordError>> },
    Hash { salt: Salt, answer: oneshot::Sender<Result<String, PasswordError>> },
}

impl HashingPool {
    /// Starts the threads.
    ///
    /// # Errors
    /// The operating system gives no thread.
    pub fn start(
        hasher: PasswordHasher,
        random: Arc<dyn Random>,
        limits: PoolLimits,
    ) -> Result<Self, std::io::Error> {
        let (pool, jobs) = Self::without_threads(hasher, random, limits.waiting);
        let jobs = Arc::new(Mutex::new(jobs));
        for number in 0..limits.threads.get() {
            let (jobs, hasher) = (Arc::clone(&jobs), Arc::clone(&pool.hasher));
            thread::Builder::new().name(format!("password-{number}")).spawn(move || work(&jobs, &hasher))?;
        }
        Ok(pool)
    }

    fn without_threads(
        hasher: PasswordHasher,
        random: Arc<dyn Random>,
        waiting: usize,
    ) -> (Self, Receiver<Job>) {
        let (jobs, receiver) = sync_channel(waiting);
        (Self { hasher: Arc::new(hasher), random, jobs }, receiver)
    }

    /// Whether `password` is the one that `hash` was made of; see [`PasswordHasher::verify`].
    ///
    /// # Errors
    /// Any of [`PoolError`].
    pub async fn verify(&self, password: Password, hash: String) -> Result<bool, PoolError> {
        let (answer, receiver) = oneshot::channel();
        self.submit(Job { password, task: Task::Verify { hash, answer } })?;
        Ok(receiver.await.map_err(|_| PoolError::Stopped)??)
    }

    /// Takes as long as [`Self::verify`], for a user that does not exist.
    ///
    /// # Errors
    /// Any of [`PoolError`].
    pub async fn verify_unknown_user(&self, password: Password) -> Result<(), PoolError> {
        self.verify(password, self.hasher.decoy()).await.map(drop)
    }

    /// The hash of `password`, to be stored; see [`PasswordHasher::hash`].
    ///
    /// # Errors
    /// Any of [`PoolError`].
    pub async fn hash(&self, password: Password) -> Result<String, PoolError> {
        // Drawn here and not by the threads: their order is not repeatable, that of the callers is.
        let salt = self.hasher.salt(&*self.random);
        let (answer, receiver) = oneshot::channel();
        self.submit(Job { password, task: Task::Hash { salt, answer } })?;
        Ok(receiver.await.map_err(|_| PoolError::Stopped)??)
    }

    /// What the pool hashes with.
    #[must_use]
    pub fn hasher(&self) -> &PasswordHasher {
        &self.hasher
    }

    fn submit(&self, job: Job) -> Result<(), PoolError> {
        self.jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(_) => PoolError::Busy,
            TrySendError::Disconnected(_) => PoolError::Stopped,
        })
    }
}

/// One thread, until the pool is dropped.
fn work(jobs: &Mutex<Receiver<Job>>, hasher: &PasswordHasher) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        // A panic drops the answer, which tells the caller; the thread goes on.
        drop(catch_unwind(AssertUnwindSafe(|| job.run(hasher))));
    }
}

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Done,
    /// Nobody waits for it any more.
    Skipped,
}

impl Job {
    fn run(self, hasher: &PasswordHasher) -> Fate {
        // That nobody takes the answer any more, once it is there, is as well.
        match self.task {
            Task::Verify { answer, .. } if answer.is_closed() => return Fate::Skipped,
            Task::Hash { answer, .. } if answer.is_closed() => return Fate::Skipped,
            Task::Verify { hash, answer } => drop(answer.send(hasher.verify(&self.password, &hash))),
            Task::Hash { salt, answer } => drop(answer.send(hasher.hash(&self.password, &salt))),
        }
        Fate::Done
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use keyraft_cluster::SeededRandom;

    use super::*;
    use crate::identity::password::{PasswordAlgorithm, PasswordOptions};

    fn hasher() -> PasswordHasher {
        PasswordHasher::new(&PasswordOptions { rounds: Some(4), ..PasswordOptions::default() }).unwrap()
    }

    fn random() -> Arc<dyn Random> {
        Arc::new(SeededRandom::from_seed(1))
    }

    fn password(text: &str) -> Password {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn many_requests_at_once_are_all_answered() {
        let limits = PoolLimits { threads: NonZeroUsize::new(3).unwrap(), waiting: 100 };
        let pool = HashingPool::start(hasher(), random(), limits).unwrap();
        let logins = (0..30).map(|n| {
            let pool = &pool;
            async move {
                let right = password(&format!("p{n}"));
                let hash = pool.hash(right.clone()).await.unwrap();
                assert_eq!(pool.verify(right, hash.clone()).await, Ok(true));
                assert_eq!(pool.verify(password("wrong"), hash).await, Ok(false));
            }
        });
        futures::future::join_all(logins).await;
    }

    #[tokio::test]
    async fn a_hash_that_cannot_be_checked_is_an_error() {
        let pool = HashingPool::start(hasher(), random(), PoolLimits::default()).unwrap();
        let outcome = pool.verify(password("x"), "$6$salt$digest".into()).await;
        assert_eq!(outcome, Err(PoolError::Password(PasswordError::UnsupportedHash)));
    }

    #[tokio::test]
    async fn an_unknown_user_costs_a_check_with_every_algorithm() {
        for algorithm in [
            PasswordAlgorithm::Bcrypt,
            PasswordAlgorithm::BcryptSha256,
            PasswordAlgorithm::Scrypt,
            PasswordAlgorithm::Pbkdf2Sha512,
        ] {
            let rounds = if algorithm == PasswordAlgorithm::Pbkdf2Sha512 { 10 } else { 4 };
            let options = PasswordOptions { algorithm, rounds: Some(rounds), ..PasswordOptions::default() };
            let hasher = PasswordHasher::new(&options).unwrap();
            let decoy = hasher.decoy();
            assert!(!hasher.needs_upgrade(&decoy), "{decoy} costs less than {algorithm:?} does now");
            let pool = HashingPool::start(hasher, random(), PoolLimits::default()).unwrap();
            assert_eq!(pool.verify(password(""), decoy).await, Ok(false));
            assert_eq!(pool.verify_unknown_user(password("x")).await, Ok(()));
        }
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn one_request_more_than_may_wait_is_refused() {
        let (pool, jobs) = HashingPool::without_threads(hasher(), random(), 2);
        let mut first = pin!(pool.hash(password("a")));
        let mut second = pin!(pool.verify_unknown_user(password("b")));
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        assert_eq!(poll_once(pin!(pool.hash(password("c")))), Poll::Ready(Err(PoolError::Busy)));
        assert_eq!(jobs.recv().unwrap().run(&pool.hasher), Fate::Done);
        assert!(matches!(poll_once(first), Poll::Ready(Ok(_))));
        assert!(poll_once(pin!(pool.hash(password("c")))).is_pending());
        drop(jobs);
        assert_eq!(poll_once(pin!(pool.hash(password("d")))), Poll::Ready(Err(PoolError::Stopped)));
        assert_eq!(poll_once(second), Poll::Ready(Err(PoolError::Stopped)));
    }

    #[test]
    fn a_request_that_was_dropped_while_waiting_is_skipped() {
        let (pool, jobs) = HashingPool::without_threads(hasher(), random(), 8);
        {
            let mut hash = Box::pin(pool.hash(password("a")));
            assert!(poll_once(hash.as_mut()).is_pending());
            let mut verify = Box::pin(pool.verify_unknown_user(password("a")));
            assert!(poll_once(verify.as_mut()).is_pending());
        }
        assert_eq!(jobs.recv().unwrap().run(&pool.hasher), Fate::Skipped);
        assert_eq!(jobs.recv().unwrap().run(&pool.hasher), Fate::Skipped);
    }

    #[test]
    fn the_default_leaves_a_core_to_the_rest_and_is_never_without_a_thread() {
        let threads = PoolLimits::default().threads.get();
        let cores = thread::available_parallelism().unwrap().get();
        assert!((1..=MAX_DEFAULT_THREADS).contains(&threads));
        assert!(threads < cores || cores == 1);
    }
}
