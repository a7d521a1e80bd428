//! What a library asks the system for behind our back: the keys of hash maps, from which tokio also draws which
//! branch of a `select!` goes first, and the time of day in HTTP. On the thread of a simulation the system answers
//! the same in every run.

use std::cell::Cell;
use std::ffi::{c_int, c_long, c_uint, c_void};
use std::sync::Once;

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
    static NOW_NS: Cell<u64> = const { Cell::new(0) };
}

/// From now on this thread is that of a simulation.
pub fn begin(seed: u64) {
    STATE.with(|state| state.set(Some(seed)));
}

/// Sets what the system's clocks show to this thread.
pub fn set_now_ns(now_ns: u64) {
    NOW_NS.with(|now| now.set(now_ns));
}

/// The next number of SplitMix64; `None` outside of a simulation.
fn draw() -> Option<u64> {
    STATE.with(|state| {
        let next = state.get()?.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(Some(next));
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Some(mixed ^ (mixed >> 31))
    })
}

/// In place of the system's, of which the standard library says that it may be replaced.
///
/// # Safety
/// As of `getrandom(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    if STATE.with(Cell::get).is_none() {
        // SAFETY: the caller's promises are those of the system call.
        let filled: c_long = unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) };
        return filled as isize;
    }
    // SAFETY: the caller gives a buffer of this length.
    let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
    for chunk in bytes.chunks_mut(8) {
        let word = draw().unwrap_or_default().to_le_bytes();
        chunk.copy_from_slice(&word[..chunk.len()]);
    }
    length as isize
}

/// 2026-01-01, so that nobody meets times before the epoch.
const EPOCH_S: u64 = 1_767_225_600;

/// In place of the system's.
///
/// # Safety
/// As of `clock_gettime(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut libc::timespec) -> c_int {
    if STATE.with(Cell::get).is_none() {
        // SAFETY: the caller's promises are those of the system call.
        return unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int };
    }
    let now_ns = NOW_NS.with(Cell::get);
    let seconds = EPOCH_S + now_ns / 1_000_000_000;
    // SAFETY: the caller gives room for the time.
    unsafe {
        (*time).tv_sec = seconds as libc::time_t;
        (*time).tv_nsec = (now_ns % 1_000_000_000) as c_long;
    }
    0
}

thread_local! {
    static PANICS: Cell<u64> = const { Cell::new(0) };
}

/// From now on panics are counted: a task that panics ends alone.
pub fn count_panics() {
    static COUNTED: Once = Once::new();
    COUNTED.call_once(|| {
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panicked| {
            PANICS.with(|panics| panics.set(panics.get() + 1));
            hook(panicked);
        }));
    });
}

/// How often something has panicked on this thread.
pub fn panics() -> u64 {
    PANICS.with(Cell::get)
}
