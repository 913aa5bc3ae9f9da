//! The fast semaphore against named peers, in one run: an uncontended P and V, and two threads that
//! share one unit or two.
//!
//! What parks is bimodal, a wake-up costs microseconds: compare medians, on a machine that does
//! nothing else.

use std::cell::UnsafeCell;
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use crosscheck::primitives::{FastSemaphore, QueuedSemaphore};
use crosscheck::sync::Os;

/// A semaphore of some maker: a P that blocks, and a V.
trait Peer: Sync {
    const NAME: &'static str;
    fn with(units: usize) -> Self;
    fn p(&self);
    fn v(&self);
}

impl Peer for FastSemaphore<Os> {
    const NAME: &'static str = "crosscheck fast";
    fn with(units: usize) -> Self {
        Self::new("bench", units)
    }
    fn p(&self) {
        self.p();
    }
    fn v(&self) {
        self.v();
    }
}

impl Peer for QueuedSemaphore<Os> {
    const NAME: &'static str = "crosscheck queued";
    fn with(units: usize) -> Self {
        Self::new("bench", units)
    }
    fn p(&self) {
        self.p();
    }
    fn v(&self) {
        self.v();
    }
}

/// What one writes with std.
struct Std {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Peer for Std {
    const NAME: &'static str = "std Mutex+Condvar";
    fn with(units: usize) -> Self {
        Self {
            free: Mutex::new(units),
            changed: Condvar::new(),
        }
    }
    fn p(&self) {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.changed.wait_while(free, |free| *free == 0);
        *free.unwrap_or_else(PoisonError::into_inner) -= 1;
    }
    fn v(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_one();
    }
}

/// The same with parking_lot, tokio and async-lock, which cannot all be built for loom.
#[cfg(not(loom))]
mod peers {
    use super::Peer;

    pub(crate) struct ParkingLot {
        free: parking_lot::Mutex<usize>,
        changed: parking_lot::Condvar,
    }

    impl Peer for ParkingLot {
        const NAME: &'static str = "parking_lot Mutex+Condvar";
        fn with(units: usize) -> Self {
            Self {
                free: parking_lot::Mutex::new(units),
                changed: parking_lot::Condvar::new(),
            }
        }
        fn p(&self) {
            let mut free = self.free.lock();
            self.changed.wait_while(&mut free, |free| *free == 0);
            *free -= 1;
        }
        fn v(&self) {
            *self.free.lock() += 1;
            self.changed.notify_one();
        }
    }

    impl Peer for tokio::sync::Semaphore {
        const NAME: &'static str = "tokio";
        fn with(units: usize) -> Self {
            Self::new(units)
        }
        fn p(&self) {
            if let Ok(permit) = self.try_acquire() {
                return permit.forget();
            }
            let permit = super::block_on(self.acquire()).expect("nobody closes it");
            permit.forget();
        }
        fn v(&self) {
            self.add_permits(1);
        }
    }

    impl Peer for async_lock::Semaphore {
        const NAME: &'static str = "async-lock";
        fn with(units: usize) -> Self {
            Self::new(units)
        }
        fn p(&self) {
            match self.try_acquire() {
                Some(permit) => permit.forget(),
                None => self.acquire_blocking().forget(),
            }
        }
        fn v(&self) {
            self.add_permits(1);
        }
    }
}

/// Runs a future on this thread, which parks while it waits.
#[cfg(not(loom))]
fn block_on<F: Future>(future: F) -> F::Output {
    use std::sync::Arc;
    use std::task::{Context, Poll, Wake, Waker};

    struct Unpark(thread::Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The C library's, which is the machine's own.
struct SemT(Box<UnsafeCell<libc::sem_t>>);

// SAFETY: sem_wait and sem_post are made to be called by several threads at once (POSIX,
// Memory Synchronization), and nothing else looks into it.
unsafe impl Sync for SemT {}

impl Peer for SemT {
    const NAME: &'static str = "sem_t";
    fn with(units: usize) -> Self {
        let units = u32::try_from(units).expect("a few units");
        // SAFETY: all zeros are a value of this C type, which sem_init overwrites.
        let zeros = unsafe { std::mem::zeroed() };
        let semaphore = Box::new(UnsafeCell::new(zeros));
        // SAFETY: it is ours, and stays at its address in the box until it is destroyed.
        let made = unsafe { libc::sem_init(semaphore.get(), 0, units) };
        assert_eq!(made, 0, "a semaphore is made");
        Self(semaphore)
    }
    fn p(&self) {
        loop {
            // SAFETY: it was initialised.
            let taken = unsafe { libc::sem_wait(self.0.get()) };
            // A signal may end the wait early.
            if taken == 0 {
                return;
            }
        }
    }
    fn v(&self) {
        // SAFETY: it was initialised.
        let posted = unsafe { libc::sem_post(self.0.get()) };
        debug_assert_eq!(posted, 0);
    }
}

impl Drop for SemT {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and nobody waits where it is dropped.
        unsafe { libc::sem_destroy(self.0.get()) };
    }
}

/// An uncontended P and V, then two threads on one unit and on two.
fn measure<P: Peer>(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("semaphore, P and V");
    let semaphore = P::with(1);
    group.bench_function(BenchmarkId::new("uncontended", P::NAME), |b| {
        b.iter(|| {
            semaphore.p();
            semaphore.v();
        });
    });
    for units in [1, 2] {
        let id = BenchmarkId::new(format!("two threads, {units} units"), P::NAME);
        group.bench_function(id, |b| {
            b.iter_custom(|rounds| two_threads::<P>(units, rounds));
        });
    }
    group.finish();
}

/// The time that two threads need for so many P and V each.
fn two_threads<P: Peer>(units: usize, rounds: u64) -> Duration {
    let semaphore = P::with(units);
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..rounds {
                    semaphore.p();
                    semaphore.v();
                }
            });
        }
    });
    start.elapsed()
}

fn benches(criterion: &mut Criterion) {
    measure::<FastSemaphore<Os>>(criterion);
    measure::<QueuedSemaphore<Os>>(criterion);
    measure::<SemT>(criterion);
    measure::<Std>(criterion);
    #[cfg(not(loom))]
    {
        measure::<peers::ParkingLot>(criterion);
        measure::<tokio::sync::Semaphore>(criterion);
        measure::<async_lock::Semaphore>(criterion);
    }
}

criterion_group! {
    name = semaphore_benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = benches
}
criterion_main!(semaphore_benches);
