//! The facade on OS threads against plain std: a ratio of 1.0, because it is the same code.

use std::hint::black_box;
use std::sync::atomic::{self, Ordering::Relaxed};

use criterion::{
    BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use crosscheck::primitives::Semaphore;
use crosscheck::sync::{AtomicUsize, Mutex, Os};

/// What a stranger would write with std.
#[inline(never)]
fn plain(mutex: &std::sync::Mutex<u64>, counter: &atomic::AtomicUsize) -> u64 {
    let mut guard = mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    *guard += 1;
    // Relaxed: the lock orders it.
    counter.fetch_add(1, Relaxed);
    *guard
}

/// The same over the facade.
#[inline(never)]
fn facade(mutex: &Mutex<Os, u64>, counter: &AtomicUsize<Os>) -> u64 {
    let mut guard = mutex.lock();
    *guard += 1;
    // Relaxed: the lock orders it.
    counter.fetch_add(1, Relaxed);
    *guard
}

fn lock_and_count(group: &mut BenchmarkGroup<'_, WallTime>) {
    let (mutex, counter) = (std::sync::Mutex::new(0), atomic::AtomicUsize::new(0));
    group.bench_function("plain std", |b| {
        b.iter(|| plain(black_box(&mutex), black_box(&counter)))
    });
    let (mutex, counter) = (Mutex::<Os, _>::new("m", 0), AtomicUsize::<Os>::new("c", 0));
    group.bench_function("facade", |b| {
        b.iter(|| facade(black_box(&mutex), black_box(&counter)))
    });
}

fn semaphore(group: &mut BenchmarkGroup<'_, WallTime>) {
    let semaphore = Semaphore::<Os>::new("s", 1);
    group.bench_function("queued semaphore, P and V", |b| {
        b.iter(|| {
            semaphore.p();
            semaphore.v();
        });
    });
}

fn benches(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("uncontended, one thread");
    lock_and_count(&mut group);
    semaphore(&mut group);
    group.finish();
}

criterion_group!(facade_benches, benches);
criterion_main!(facade_benches);
