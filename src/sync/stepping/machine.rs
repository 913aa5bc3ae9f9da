//! The machine under the stepping backend: it takes announcements and decides who goes on.

use std::cell::Cell;
use std::panic::Location;
use std::sync::atomic::Ordering;

use super::operation::{ObjectId, Op, Substance, ThreadId};
use crate::sync::foreign::{Checking, refuse};
use crate::sync::{Composite, Kind, Moment, Name, Need, Progress, Property, Semantics};

/// Where in the checked program.
pub type Place = &'static Location<'static>;

/// What an object is, for the machine and for reports.
#[derive(Clone, Debug)]
pub struct NewObject {
    /// What it is made of.
    pub substance: Substance,
    /// What reports call it.
    pub kind: Shown,
    /// Its name.
    pub name: Name,
}

/// What reports call an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// A mutex.
    Mutex,
    /// A condition variable.
    Condvar,
    /// An atomic.
    Atomic,
    /// Plain memory.
    Cell,
    /// A barrier.
    Barrier,
    /// A readers-writers lock.
    RwLock,
    /// A composite.
    Composite(Kind),
}

/// Something that a thread does between its steps, told as it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// A step of a composite object begins.
    Begin(ObjectId, Composite),
    /// The step begun last is done, or was refused.
    End(ObjectId, Composite, bool),
    /// A memory fence.
    Fence(Ordering),
    /// The memory order of the atomic operation that follows.
    Order(Ordering),
    /// The memory orders of the exchange that follows: when it succeeds, and when it only reads.
    Orders(Ordering, Ordering),
    /// The atomic operation that follows is a relaxed one of an observer: nothing that the program
    /// does depends on it.
    Observes,
    /// The name of the choice that follows.
    Choice(Name),
    /// The situation `mark` occurs.
    Reached(&'static str),
    /// The thread has come so far with an attempt.
    Attempt(Progress),
}

/// What the stepping backend runs on. One machine a run; all its threads run on one OS thread, one
/// at a time, and only [`Machine::visible`] gives up control.
///
/// Every function may end the calling thread by unwinding when the execution is given up.
///
/// # Safety
/// Mutexes lend out what they protect, and scopes what they borrow, on the machine's word:
///
/// 1. [`Machine::visible`] returns from [`Op::Take`] of a mutex, and with 1 from [`Op::TryTake`],
///    only while no other thread has the unit, and so it does from [`Op::Wait`].
/// 2. It returns from [`Op::Join`] only when that thread has ended and its stack is gone.
/// 3. [`Machine::access`] returns only if no other thread is inside an access to the same memory,
///    one of the two a write.
/// 4. Once a function has unwound or [`Machine::tearing_down`] holds, no thread resumes except to
///    unwind or to be forgotten, and no thread's stack is dropped after what it borrows.
pub unsafe trait Machine {
    /// The calling thread.
    fn me(&self) -> ThreadId;
    /// A new object of the calling thread.
    fn object(&self, new: NewObject) -> ObjectId;
    /// The number of these needs of a set, for [`Op::TakeAll`] and [`Op::GiveAll`]: the same number
    /// for the same needs.
    fn needs(&self, set: ObjectId, needs: &[Need]) -> usize;
    /// Free units of every member, as [`Op::Look`] saw them: to be called directly after it.
    fn free(&self, object: ObjectId) -> Vec<u32>;
    /// Announces an operation and gives up control until it has been applied. Its result.
    ///
    /// Of an operation in two halves only the first is announced; the machine goes through the
    /// second before it returns, with its result.
    fn visible(&self, op: Op, place: Place) -> u64;
    /// The calling thread is about to read or write plain memory. Ends the execution on a race.
    fn access(&self, memory: ObjectId, write: bool, place: Place);
    /// The access that the calling thread began last, of those that are not over, is over. Where the
    /// thread took steps meanwhile, others came to theirs, and it is as if it accessed once more.
    fn accessed(&self, memory: ObjectId, write: bool, place: Place) {
        let _ = (memory, write, place);
    }
    /// What plain memory or a mutex holds now, as a digest; where there is none it follows from who
    /// writes and what that thread has seen so far.
    fn written(&self, memory: ObjectId, digest: Option<u64>);
    /// Tells something.
    fn note(&self, note: Note, place: Place);
    /// Whether it is of use to be told by [`Machine::checkpoint`].
    fn remembers(&self) -> bool {
        true
    }
    /// All that the calling thread will ever use of its past is in this digest.
    fn checkpoint(&self, digest: u64, place: Place);
    /// All that the calling thread will ever use of the rounds of a busy-wait is in this digest;
    /// `before` is what this said when it forgot rounds last. What the thread had seen before the
    /// busy-wait, if the rounds are forgotten now: not while it holds a mutex, nor when it has taken no
    /// step since it came here last.
    fn checkpoint_spin(&self, before: Option<u128>, digest: u64, place: Place) -> Option<u128>;
    /// Starts a thread.
    ///
    /// # Safety
    /// As for [`Backend::spawn_unchecked`](crate::sync::Backend::spawn_unchecked).
    unsafe fn spawn(&self, name: Name, body: Box<dyn FnOnce() + Send + '_>) -> ThreadId;
    /// The calling thread goes on under this name.
    fn rename(&self, name: Name);
    /// Whether a busy-wait may go on after `rounds` rounds that have not been forgotten.
    fn spin(&self, rounds: u32, place: Place) -> bool;
    /// Whether a loop of rounds goes round once more, when `counted` says that rounds are left.
    fn another_round(&self, counted: bool) -> bool {
        counted
    }
    /// Whether a property is asked for that observers decide on moments.
    fn asks(&self, property: Property) -> bool {
        let _ = property;
        false
    }
    /// The calling thread passes a moment of an observer; `None` where that is not followed.
    fn moment(&self, observer: ObjectId, step: Composite, place: Place) -> Option<Moment> {
        let _ = (observer, step, place);
        None
    }
    /// So many threads were found together.
    fn together(&self, count: usize) {
        let _ = count;
    }
    /// What the calling thread does from here to its next step depends on memory outside.
    fn looks_outside(&self) {}
    /// A property fails here and now.
    fn fail(&self, property: Property, message: String, place: Place) -> !;
    /// The switches.
    fn semantics(&self) -> Semantics;
    /// Whether semaphores and their like are steps of the machine, and not built of mutexes.
    fn native(&self) -> bool;
    /// Whether the execution is being given up, or the calling thread unwinds and so must not give
    /// up control: what it would have given back it keeps.
    fn tearing_down(&self) -> bool;
}

thread_local! {
    static CURRENT: Cell<Option<*const dyn Machine>> = const { Cell::new(None) };
}

/// Makes `machine` the one of this OS thread while `body` runs.
pub fn run_on<R>(machine: &dyn Machine, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<*const dyn Machine>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    // SAFETY: only the lifetime is erased; `Restore` takes the pointer out again before `machine`
    // ends, also when `body` unwinds.
    let erased: *const (dyn Machine + 'static) = unsafe {
        std::mem::transmute::<*const (dyn Machine + '_), *const (dyn Machine + 'static)>(machine)
    };
    let _checking = Checking::begin();
    let _restore = Restore(CURRENT.replace(Some(erased)));
    body()
}

/// Whether a machine runs on this OS thread.
#[must_use]
pub fn is_running() -> bool {
    CURRENT.get().is_some()
}

/// The calling thread, of the machine of this OS thread.
///
/// # Panics
/// When no machine runs on this OS thread.
#[must_use]
pub fn me() -> ThreadId {
    with(|machine| machine.me())
}

/// Calls the machine of this OS thread.
#[inline]
#[track_caller]
pub(super) fn with<R>(call: impl FnOnce(&dyn Machine) -> R) -> R {
    let Some(machine) = CURRENT.get() else {
        refuse("the stepping backend runs inside engine `exhaustive` only");
    };
    // SAFETY: `run_on` keeps the machine alive while the pointer is here, and all threads of the
    // checked program run inside it, on this OS thread.
    call(unsafe { &*machine })
}
