//! The threads that consensus runs on: a runtime of its own, or the one that starts the node.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::environment::Environment;
use crate::runtime::seed_thread;

/// The threads of one node.
pub(super) struct Threads {
    pub(super) handle: Handle,
    // None when consensus runs on the runtime that started the node.
    runtime: Mutex<Option<Runtime>>,
}

impl Threads {
    /// Starts `count` threads. 0: consensus runs on the runtime of the caller.
    pub(super) fn start(count: usize, environment: &Environment) -> io::Result<Self> {
        if count == 0 {
            seed_thread(Arc::clone(&environment.random));
            return Ok(Self { handle: Handle::current(), runtime: Mutex::new(None) });
        }
        let runtime = runtime(count, environment)?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Mutex::new(Some(runtime)) })
    }

    /// Ends the threads without waiting: a runtime must not be waited for inside another.
    pub(super) fn end(&self) {
        if let Some(runtime) = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.end();
    }
}

fn runtime(threads: usize, environment: &Environment) -> io::Result<Runtime> {
    let (random, count) = (Arc::clone(&environment.random), AtomicUsize::new(0));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name_fn(move || format!("consensus-{}", count.fetch_add(1, Ordering::Relaxed)))
        .on_thread_start(move || seed_thread(Arc::clone(&random)))
        .enable_all()
        .build()
}
