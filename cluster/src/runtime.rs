//! The asynchronous runtime that openraft runs on: tokio, with our randomness.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use openraft::{AsyncRuntime, OptionalSend, TokioRuntime};
use rand_core_06::{Error, RngCore, impls};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

use crate::environment::Random;

thread_local! {
    static RANDOM: RefCell<Option<Arc<dyn Random>>> = const { RefCell::new(None) };
}

/// Makes `random` the source of what openraft draws on this thread.
pub fn seed_thread(random: Arc<dyn Random>) {
    RANDOM.with(|slot| *slot.borrow_mut() = Some(random));
}

/// Runs what may wait for a disk. The other tasks of this thread, perhaps just woken to send a heartbeat,
/// go on elsewhere meanwhile, where the runtime has more than one thread.
pub(crate) fn wait_for_disk<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(work),
        _ => work(),
    }
}

/// Runs what may take long on a thread where that holds up nobody; in a simulation, which repeats only without
/// threads, right here.
pub(crate) async fn run_blocking<T: Send + 'static>(
    is_inline: bool,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    match is_inline {
        true => Ok(work()),
        false => tokio::task::spawn_blocking(work).await,
    }
}

/// Tokio, except that random numbers come from [`seed_thread`].
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ConsensusRuntime;

/// The random numbers of the current thread.
///
/// Openraft draws only its own election timeouts, and its own elections are off. So a thread that was
/// not seeded gets zeros, which repeat, rather than numbers of the system, which do not.
#[derive(Clone, Copy)]
pub struct ThreadRandom;

impl fmt::Debug for ThreadRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ThreadRandom")
    }
}

impl RngCore for ThreadRandom {
    fn next_u32(&mut self) -> u32 {
        impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        RANDOM.with(|slot| match slot.borrow().as_ref() {
            Some(random) => random.fill(bytes),
            None => bytes.fill(0),
        });
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl AsyncRuntime for ConsensusRuntime {
    type JoinError = <TokioRuntime as AsyncRuntime>::JoinError;
    type JoinHandle<T: OptionalSend + 'static> = <TokioRuntime as AsyncRuntime>::JoinHandle<T>;
    type Sleep = <TokioRuntime as AsyncRuntime>::Sleep;
    type Instant = <TokioRuntime as AsyncRuntime>::Instant;
    type TimeoutError = <TokioRuntime as AsyncRuntime>::TimeoutError;
    type Timeout<R, T: Future<Output = R> + OptionalSend> = <TokioRuntime as AsyncRuntime>::Timeout<R, T>;
    type ThreadLocalRng = ThreadRandom;
    type OneshotSender<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotSender<T>;
    type OneshotReceiver<T: OptionalSend> = <TokioRuntime as AsyncRuntime>::OneshotReceiver<T>;
    type OneshotReceiverError = <TokioRuntime as AsyncRuntime>::OneshotReceiverError;

    fn spawn<T>(future: T) -> Self::JoinHandle<T::Output>
    where
        T: Future + OptionalSend + 'static,
        T::Output: OptionalSend + 'static,
    {
        TokioRuntime::spawn(future)
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        TokioRuntime::sleep(duration)
    }

    fn sleep_until(deadline: Self::Instant) -> Self::Sleep {
        TokioRuntime::sleep_until(deadline)
    }

    fn timeout<R, F: Future<Output = R> + OptionalSend>(
        duration: Duration,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout(duration, future)
    }

    fn timeout_at<R, F: Future<Output = R> + OptionalSend>(
        deadline: Self::Instant,
        future: F,
    ) -> Self::Timeout<R, F> {
        TokioRuntime::timeout_at(deadline, future)
    }

    fn is_panic(join_error: &Self::JoinError) -> bool {
        TokioRuntime::is_panic(join_error)
    }

    fn thread_rng() -> Self::ThreadLocalRng {
        ThreadRandom
    }

    fn oneshot<T>() -> (Self::OneshotSender<T>, Self::OneshotReceiver<T>)
    where
        T: OptionalSend,
    {
        TokioRuntime::oneshot()
    }
}
