//! The facade adds nothing to what is stored; `benches/facade.rs` shows that it adds no time.

use std::mem::size_of;
use std::sync::atomic;

use crosscheck::primitives::{QueuedSemaphore, Semaphore};
use crosscheck::sync::{AtomicBool, AtomicIsize, AtomicUsize, Cell, Condvar, Label, Mutex, Os};

#[test]
fn the_facade_on_os_threads_is_as_large_as_plain_std() {
    assert_eq!(
        size_of::<Mutex<Os, u64>>(),
        size_of::<std::sync::Mutex<u64>>()
    );
    assert_eq!(size_of::<Condvar<Os>>(), size_of::<std::sync::Condvar>());
    assert_eq!(
        size_of::<AtomicUsize<Os>>(),
        size_of::<atomic::AtomicUsize>()
    );
    assert_eq!(
        size_of::<AtomicIsize<Os>>(),
        size_of::<atomic::AtomicIsize>()
    );
    assert_eq!(size_of::<AtomicBool<Os>>(), size_of::<atomic::AtomicBool>());
    assert_eq!(size_of::<Cell<Os, [u64; 3]>>(), size_of::<[u64; 3]>());
    assert_eq!(size_of::<Label<Os>>(), 0);
}

#[test]
fn a_semaphore_on_os_threads_is_as_large_as_the_queued_one() {
    assert_eq!(size_of::<Semaphore<Os>>(), size_of::<QueuedSemaphore<Os>>());
}
