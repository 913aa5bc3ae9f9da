//! The backend that announces to the machine of its OS thread and keeps nothing but values.
//!
//! Who holds a mutex, who waits and what an atomic is are the machine's; here is only what cannot
//! be compared or copied: the values behind mutexes and cells.

use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::Ordering;

use super::machine::{self, NewObject, Note, Place, Shown};
use super::memory::{SteppingCell, Word};
use super::operation::{ObjectId, Op, Substance, ThreadId};
use crate::sync::backend::{
    Backend, BarrierApi, Composite, Kind, Moment, Need, Progress, UnitsApi,
};
use crate::sync::{Name, Property, Semantics, SwaitOrder};

/// The backend of engine `exhaustive`; to be used inside [`run_on`](super::run_on) only.
#[derive(Clone, Copy, Debug)]
pub struct Stepping;

#[track_caller]
pub(super) fn visible(op: Op) -> u64 {
    let place = Location::caller();
    machine::with(|machine| machine.visible(op, place))
}

#[track_caller]
pub(super) fn note(note: Note) {
    let place = Location::caller();
    machine::with(|machine| machine.note(note, place));
}

pub(super) fn object(substance: Substance, kind: Shown, name: Name) -> ObjectId {
    machine::with(|machine| {
        machine.object(NewObject {
            substance,
            kind,
            name,
        })
    })
}

// SAFETY: `join` returns when the machine says that the thread has ended, which a `Machine` may only
// say then; what leaves it is the machine's unwinding, after which no thread runs again.
unsafe impl Backend for Stepping {
    const NAME: &'static str = "exhaustive";
    const PANIC_ENDS_PROGRAM: bool = true;

    type Mutex<T: Send> = SteppingMutex<T>;
    type MutexGuard<'a, T: Send + 'a> = SteppingGuard<'a, T>;
    type Condvar = ObjectId;
    type Cell<T: Send> = SteppingCell<T>;
    type AtomicUsize = Word<usize>;
    type AtomicIsize = Word<isize>;
    type AtomicBool = Word<bool>;
    type Thread = ThreadId;
    type JoinHandle = ThreadId;
    type Label = ObjectId;
    type Spin = SteppingSpin;
    type Units = SteppingUnits;
    type Barrier = SteppingBarrier;

    fn mutex<T: Send>(name: Name, value: T) -> Self::Mutex<T> {
        let substance = Substance::Units {
            free: vec![1],
            order: SwaitOrder::Weak,
        };
        let mutex = SteppingMutex {
            object: object(substance, Shown::Mutex, name),
            value: UnsafeCell::new(value),
        };
        mutex.written();
        mutex
    }

    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        visible(Op::Take {
            object: mutex.object,
            units: 1,
            shared: false,
        });
        SteppingGuard::new(mutex, Location::caller())
    }

    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        let taken = visible(Op::TryTake {
            object: mutex.object,
            units: 1,
        });
        // Not `then_some`: a guard that is made and dropped would give back what nobody took.
        let place = Location::caller();
        (taken == 1).then(|| SteppingGuard::new(mutex, place))
    }

    fn condvar(name: Name) -> Self::Condvar {
        object(Substance::Condvar, Shown::Condvar, name)
    }

    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        guard.mutex.written();
        // The guard stays: nobody uses it before the machine has taken the mutex again. When the
        // execution is given up instead, the guard's drop does nothing.
        visible(Op::Wait {
            condvar: *condvar,
            mutex: guard.mutex.object,
        });
        guard
    }

    fn notify_one(condvar: &Self::Condvar) {
        visible(Op::Notify {
            condvar: *condvar,
            all: false,
        });
    }

    fn notify_all(condvar: &Self::Condvar) {
        visible(Op::Notify {
            condvar: *condvar,
            all: true,
        });
    }

    fn fence(order: Ordering) {
        assert!(
            order != Ordering::Relaxed,
            "there is no such thing as a relaxed fence"
        );
        note(Note::Fence(order));
    }

    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle {
        // SAFETY: handed on to our caller.
        machine::with(|machine| unsafe { machine.spawn(name, body) })
    }

    fn join(handle: Self::JoinHandle) -> std::thread::Result<()> {
        // A thread's panic has ended the execution.
        visible(Op::Join(handle));
        Ok(())
    }

    fn named<R>(name: Name, body: impl FnOnce() -> R) -> R {
        machine::with(|machine| machine.rename(name));
        body()
    }

    fn current() -> Self::Thread {
        machine::with(|machine| machine.me())
    }

    fn park() {
        visible(Op::Park);
    }

    fn unpark(thread: &Self::Thread) {
        visible(Op::Unpark(*thread));
    }

    fn yield_now() {
        visible(Op::Yield);
    }

    fn spin(state: &mut Self::Spin) -> bool {
        let (rounds, place) = (state.rounds.get(), Location::caller());
        state.rounds.set(rounds.saturating_add(1));
        machine::with(|machine| machine.spin(rounds, place))
    }

    fn checkpoint_spin(state: &Self::Spin, digest: impl FnOnce() -> u64) {
        if machine::with(|machine| machine.remembers()) {
            let (digest, place) = (digest(), Location::caller());
            let before = state.before.get();
            let forgets = machine::with(|machine| machine.checkpoint_spin(before, digest, place));
            if forgets.is_some() {
                state.before.set(forgets);
                state.rounds.set(0);
            }
        }
    }

    fn choose(name: Name, n: usize) -> usize {
        note(Note::Choice(name));
        let n = u32::try_from(n).expect("a choice is among at most u32::MAX");
        let chosen = visible(Op::Choose(n));
        usize::try_from(chosen).expect("a choice is below the number chosen from")
    }

    fn semantics() -> Semantics {
        if machine::is_running() {
            machine::with(|machine| machine.semantics())
        } else {
            Semantics::DEFAULT
        }
    }

    fn tearing_down() -> bool {
        !machine::is_running() || machine::with(|machine| machine.tearing_down())
    }

    fn label(kind: Kind, name: Name) -> Self::Label {
        let substance = match kind {
            Kind::Zone { limit, .. } => Substance::Zone(limit),
            Kind::Semaphore
            | Kind::SemaphoreSet
            | Kind::RwLock
            | Kind::Barrier
            | Kind::Observer => Substance::Label,
        };
        object(substance, Shown::Composite(kind), name)
    }

    fn begin(label: &Self::Label, step: Composite) {
        if !Self::tearing_down() {
            note(Note::Begin(*label, step));
        }
    }

    fn end(label: &Self::Label, step: Composite, done: bool) {
        if !Self::tearing_down() {
            note(Note::End(*label, step, done));
        }
    }

    fn fail(property: Property, message: String) -> ! {
        let place = Location::caller();
        machine::with(|machine| machine.fail(property, message, place))
    }

    fn reached(mark: &'static str) {
        note(Note::Reached(mark));
    }

    fn checkpoint(digest: impl FnOnce() -> u64) {
        if machine::with(|machine| machine.remembers()) {
            let (digest, place) = (digest(), Location::caller());
            machine::with(|machine| machine.checkpoint(digest, place));
        }
    }

    fn attempt(progress: Progress) {
        note(Note::Attempt(progress));
    }

    fn asks(property: Property) -> bool {
        machine::is_running() && machine::with(|machine| machine.asks(property))
    }

    fn moment(observer: &Self::Label, step: Composite) -> Option<Moment> {
        if Self::tearing_down() {
            return None;
        }
        let place = Location::caller();
        machine::with(|machine| machine.moment(*observer, step, place))
    }

    fn together(count: usize) {
        machine::with(|machine| machine.together(count));
    }

    fn looks_outside() {
        if machine::is_running() {
            machine::with(|machine| machine.looks_outside());
        }
    }

    fn number() -> usize {
        if machine::is_running() {
            machine::me()
        } else {
            0
        }
    }

    fn another_round(counted: bool) -> bool {
        machine::with(|machine| machine.another_round(counted))
    }
}

/// A busy-wait.
#[derive(Debug, Default)]
pub struct SteppingSpin {
    /// Rounds that have not been forgotten.
    rounds: Cell<u32>,
    /// What its thread had seen before it, where rounds have been forgotten.
    before: Cell<Option<u128>>,
}

/// A mutex of the machine, around a value.
pub struct SteppingMutex<T> {
    object: ObjectId,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through a guard only, and the machine lets one thread at a time have
// one; `T: Send` is what it takes to touch a `T` from one thread after another.
unsafe impl<T: Send> Sync for SteppingMutex<T> {}

impl<T> SteppingMutex<T> {
    /// Tells the machine that others may find another value from here on.
    fn written(&self) {
        // A value without bits is always the same.
        let digest = (size_of::<T>() == 0).then_some(0);
        machine::with(|machine| machine.written(self.object, digest));
    }
}

/// Proof that a mutex of the machine is held.
pub struct SteppingGuard<'a, T: Send + 'a> {
    mutex: &'a SteppingMutex<T>,
    place: Place,
    /// `Send` and `Sync` as far as std's guard is.
    as_std: PhantomData<std::sync::MutexGuard<'a, T>>,
}

impl<'a, T: Send> SteppingGuard<'a, T> {
    fn new(mutex: &'a SteppingMutex<T>, place: Place) -> Self {
        Self {
            mutex,
            place,
            as_std: PhantomData,
        }
    }
}

impl<T: Send> Deref for SteppingGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the machine gave the mutex's only unit to this guard's thread, and gets it back
        // in `drop` and `wait` only, which nobody calls while the guard is borrowed.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: Send> DerefMut for SteppingGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and the guard is borrowed by nobody else.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: Send> Drop for SteppingGuard<'_, T> {
    fn drop(&mut self) {
        if Stepping::tearing_down() {
            // The program is over; giving the unit back could switch away in mid-unwind.
            return;
        }
        self.mutex.written();
        let op = Op::Give {
            object: self.mutex.object,
            units: 1,
            shared: false,
        };
        machine::with(|machine| machine.visible(op, self.place));
    }
}

/// Units of the machine.
pub struct SteppingUnits {
    object: ObjectId,
}

impl SteppingUnits {
    fn needs(&self, needs: &[Need]) -> usize {
        machine::with(|machine| machine.needs(self.object, needs))
    }
}

impl UnitsApi for SteppingUnits {
    fn new(kind: Kind, name: Name, free: &[u32], order: SwaitOrder) -> Option<Self> {
        if !machine::with(|machine| machine.native()) {
            return None;
        }
        let shown = match kind {
            Kind::RwLock => Shown::RwLock,
            Kind::Semaphore
            | Kind::SemaphoreSet
            | Kind::Barrier
            | Kind::Zone { .. }
            | Kind::Observer => Shown::Composite(kind),
        };
        let free = free.to_vec();
        Some(Self {
            object: object(Substance::Units { free, order }, shown, name),
        })
    }

    fn take(&self, units: u32, shared: bool) {
        visible(Op::Take {
            object: self.object,
            units,
            shared,
        });
    }

    fn try_take(&self, units: u32) -> bool {
        let object = self.object;
        visible(Op::TryTake { object, units }) == 1
    }

    fn give(&self, units: u32, shared: bool) {
        visible(Op::Give {
            object: self.object,
            units,
            shared,
        });
    }

    fn take_all(&self, needs: &[Need]) {
        visible(Op::TakeAll {
            object: self.object,
            needs: self.needs(needs),
        });
    }

    fn give_all(&self, needs: &[Need]) {
        visible(Op::GiveAll {
            object: self.object,
            needs: self.needs(needs),
        });
    }

    fn look(&self) -> (Vec<u32>, usize) {
        let seen = visible(Op::Look(self.object));
        let waiting = usize::try_from(seen & u64::from(u32::MAX)).expect("32 bits fit");
        // Nobody runs between the look and this.
        (machine::with(|machine| machine.free(self.object)), waiting)
    }
}

/// A barrier of the machine.
pub struct SteppingBarrier {
    object: ObjectId,
}

impl BarrierApi for SteppingBarrier {
    fn new(name: Name, parties: u32) -> Option<Self> {
        machine::with(|machine| machine.native()).then(|| Self {
            object: object(Substance::Barrier(parties), Shown::Barrier, name),
        })
    }

    fn arrive(&self) -> bool {
        visible(Op::Arrive(self.object)) == 1
    }
}
