//! The backend that announces: every operation of a host, told to the session.
//!
//! Mutexes, atomics, fences and cells are the host's own. Condition variables and parking are
//! built here, from the session's bookkeeping and the host's sleep, because the hosts differ in
//! whom they wake and a verdict must not depend on that.

use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::host::{Abandoned, Host};
use super::last_panic;
use super::memory::{Announced, AnnouncedCell};
use super::session::{Halt, Session, Waiting, installed};
use super::state::Wake;
use super::trace::{ObjectKind, Operation, Trouble};
use crate::sync::backend::{Backend, CellApi, Composite, Kind, Moment, NoUnits};
use crate::sync::{Name, Property, Semantics, foreign};

/// `H` with every operation announced to the session of the calling OS thread.
///
/// To be used while a [`Session`] is installed, from inside a program that `H` runs.
pub struct Announcing<H>(PhantomData<H>);

impl<H> Clone for Announcing<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Announcing<H> {}

impl<H: Host> fmt::Debug for Announcing<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Announcing<{}>", H::NAME)
    }
}

/// The session and the calling thread's number in it.
#[track_caller]
pub(super) fn here<H: Host>() -> (Arc<Session>, usize) {
    let Some(session) = installed() else {
        foreign::refuse("Announcing backends run inside an engine of crosscheck only");
    };
    (session, H::index())
}

/// Goes on, or gives the execution up.
pub(super) fn or_abandon<H: Host, R>(result: Result<R, Halt>) -> R {
    match result {
        Ok(result) => result,
        Err(Halt) => H::abandon(),
    }
}

impl<H: Host> Announcing<H> {
    /// Runs the main thread of an execution; the session has begun it.
    ///
    /// Does not return when the execution is given up on a host of coroutines.
    pub fn main(body: impl FnOnce()) {
        let (session, _) = here::<H>();
        H::set_index(0);
        Self::run(&session, 0, body);
    }

    /// Runs a thread's body: its panic is the program's failure, its end may be a deadlock.
    fn run(session: &Arc<Session>, me: usize, body: impl FnOnce()) {
        let waker = H::waker();
        session.started(me, Arc::new(move || H::wake(&waker)), H::PREEMPTIVE);
        let result = catch_unwind(AssertUnwindSafe(body));
        if let Err(payload) = result
            && !payload.is::<Abandoned>()
        {
            let (message, place) = last_panic::take(payload.as_ref());
            match foreign::take_for(&message) {
                Some(refused) => {
                    session.panicked(me, Some(Trouble::Foreign), &refused, place);
                }
                None => session.panicked(me, H::classify_panic(&message), &message, place),
            }
        }
        if session.finished(me).is_err() && !H::PREEMPTIVE {
            H::abandon();
        }
    }

    #[track_caller]
    pub(super) fn announce(
        session: &Session,
        me: usize,
        operation: Operation,
        object: Option<usize>,
    ) -> &'static Location<'static> {
        let place = Location::caller();
        let yields = or_abandon::<H, _>(session.announce(me, operation, object, place));
        for _ in 0..yields {
            std::thread::yield_now();
        }
        place
    }

    /// Whether the wait or park that is about to begin ends by itself: a choice, once a thread.
    #[track_caller]
    fn wakes_by_itself(session: &Session, me: usize) -> bool {
        session.may_wake_spuriously(me)
            && session
                .is_scripted_to_wake(me)
                .unwrap_or_else(|| Self::choose("spurious wake-up".into(), 2) == 1)
    }

    /// Sleeps until woken; nobody runs between the caller's last look at the session and the sleep
    /// on a coroutine host, and elsewhere a wake-up is kept.
    fn sleep(session: &Session, me: usize) {
        if !H::PREEMPTIVE {
            session.sleeps(me, true);
        }
        H::sleep();
        if !H::PREEMPTIVE {
            session.sleeps(me, false);
        }
    }

    /// Locks the host's mutex; on preemptive hosts in a way that giving up can end.
    fn acquire<'a, T: Send>(
        session: &Session,
        mutex: &'a AnnouncedMutex<H, T>,
    ) -> H::MutexGuard<'a, T> {
        if !H::PREEMPTIVE {
            return H::lock(&mutex.inner);
        }
        loop {
            // Whoever unlocks after this try has failed wakes us: the session knows that we want it.
            if let Some(guard) = H::try_lock(&mutex.inner) {
                return guard;
            }
            H::sleep();
            if session.stopped() {
                H::abandon();
            }
        }
    }

    /// Unlocks the host's mutex, and on preemptive hosts wakes those who want it. They are asked
    /// for afterwards: who begins to want it later finds it free.
    fn release<T: Send>(session: &Session, object: usize, inner: H::MutexGuard<'_, T>) {
        drop(inner);
        if H::PREEMPTIVE {
            wake_all(session.lock_waiters(object));
        }
    }
}

fn wake_all(wakes: Vec<Wake>) {
    for wake in wakes {
        wake();
    }
}

// SAFETY: threads and `join` are the host's, with what it promises. Sleepers are woken only from
// sleeps of the session, so no `join` of a coroutine host returns early.
unsafe impl<H: Host> Backend for Announcing<H> {
    const NAME: &'static str = H::NAME;
    const PANIC_ENDS_PROGRAM: bool = H::PANIC_ENDS_PROGRAM;

    type Mutex<T: Send> = AnnouncedMutex<H, T>;
    type MutexGuard<'a, T: Send + 'a> = AnnouncedGuard<'a, H, T>;
    type Condvar = AnnouncedCondvar<H>;
    type Cell<T: Send> = AnnouncedCell<H, T>;
    type AtomicUsize = Announced<H, H::AtomicUsize>;
    type AtomicIsize = Announced<H, H::AtomicIsize>;
    type AtomicBool = Announced<H, H::AtomicBool>;
    type Thread = AnnouncedThread<H>;
    type JoinHandle = (usize, H::JoinHandle);
    type Label = AnnouncedLabel<H>;
    type Spin = u32;
    type Units = NoUnits;
    type Barrier = NoUnits;

    fn mutex<T: Send>(name: Name, value: T) -> Self::Mutex<T> {
        let (session, me) = here::<H>();
        let object = session.object(me, ObjectKind::Mutex, name);
        AnnouncedMutex {
            object,
            inner: H::mutex(name, value),
        }
    }

    fn lock<T: Send>(mutex: &Self::Mutex<T>) -> Self::MutexGuard<'_, T> {
        let (session, me) = here::<H>();
        let object = mutex.object;
        let place = Self::announce(&session, me, Operation::Lock, Some(object));
        or_abandon::<H, _>(session.wants(me, object));
        let taken = (!H::PREEMPTIVE).then(|| H::lock(&mutex.inner));
        let mut taken = taken;
        let inner = loop {
            // On a preemptive host the lock is taken and recorded in one step of the session, so
            // that the order of the records is the order of the effects.
            let take = || taken.take().or_else(|| H::try_lock(&mutex.inner));
            if let Some(inner) =
                or_abandon::<H, _>(session.locked(me, object, Operation::Lock, place, take))
            {
                break inner;
            }
            // Whoever unlocks later wakes us: the session knows that we want it.
            Self::sleep(&session, me);
        };
        AnnouncedGuard::new(mutex, inner, place)
    }

    fn try_lock<T: Send>(mutex: &Self::Mutex<T>) -> Option<Self::MutexGuard<'_, T>> {
        let (session, me) = here::<H>();
        let object = mutex.object;
        let operation = Operation::TryLock;
        let place = Self::announce(&session, me, operation, Some(object));
        let tried = if H::PREEMPTIVE {
            or_abandon::<H, _>(
                session.locked(me, object, operation, place, || H::try_lock(&mutex.inner)),
            )
        } else {
            match H::try_lock(&mutex.inner) {
                Some(inner) => {
                    or_abandon::<H, _>(session.locked(me, object, operation, place, || Some(inner)))
                }
                None => {
                    session.try_lock_failed(me, object, place);
                    None
                }
            }
        };
        tried.map(|inner| AnnouncedGuard::new(mutex, inner, place))
    }

    fn condvar(name: Name) -> Self::Condvar {
        let (session, me) = here::<H>();
        let object = session.object(me, ObjectKind::Condvar, name);
        AnnouncedCondvar {
            object,
            point: H::point(),
        }
    }

    fn wait<'a, T: Send>(
        condvar: &Self::Condvar,
        guard: Self::MutexGuard<'a, T>,
    ) -> Self::MutexGuard<'a, T> {
        let (session, me) = here::<H>();
        let object = condvar.object;
        let place = Location::caller();
        let spurious = Self::wakes_by_itself(&session, me);
        Self::announce(&session, me, Operation::Wait, Some(object));
        H::visit(&condvar.point);
        let mutex = guard.mutex;
        let inner = guard.into_inner();
        if H::PREEMPTIVE {
            let release = || drop(inner);
            or_abandon::<H, _>(session.wait(me, object, mutex.object, spurious, place, release));
            wake_all(session.lock_waiters(mutex.object));
        } else {
            // Others may run before a coroutine host unlocks, but not between that and our record.
            drop(inner);
            or_abandon::<H, _>(session.wait(me, object, mutex.object, spurious, place, || ()));
        }
        let inner = loop {
            match or_abandon::<H, _>(session.waiting(me, object)) {
                Waiting::Sleep => Self::sleep(&session, me),
                Waiting::Try => {
                    Self::announce(&session, me, Operation::Wake, Some(object));
                    let inner = Self::acquire(&session, mutex);
                    if or_abandon::<H, _>(session.woken(me, object, mutex.object, place)) {
                        break inner;
                    }
                    // Another waiter took the notification.
                    Self::release(&session, mutex.object, inner);
                }
            }
        };
        AnnouncedGuard::new(mutex, inner, place)
    }

    fn notify_one(condvar: &Self::Condvar) {
        let (session, me) = here::<H>();
        let place = Self::announce(&session, me, Operation::NotifyOne, Some(condvar.object));
        H::visit(&condvar.point);
        wake_all(or_abandon::<H, _>(session.notify(
            me,
            condvar.object,
            false,
            place,
        )));
    }

    fn notify_all(condvar: &Self::Condvar) {
        let (session, me) = here::<H>();
        let place = Self::announce(&session, me, Operation::NotifyAll, Some(condvar.object));
        H::visit(&condvar.point);
        wake_all(or_abandon::<H, _>(session.notify(
            me,
            condvar.object,
            true,
            place,
        )));
    }

    fn fence(order: Ordering) {
        let (session, me) = here::<H>();
        let place = Self::announce(&session, me, Operation::Fence, None);
        H::fence(order);
        session.fence(me, order, place);
    }

    unsafe fn spawn_unchecked(name: Name, body: Box<dyn FnOnce() + Send + '_>) -> Self::JoinHandle {
        let (session, me) = here::<H>();
        let child = or_abandon::<H, _>(session.spawn(me, name, H::MAX_THREADS));
        let body = move || {
            H::set_index(child);
            if H::PREEMPTIVE {
                session.install(|| Self::run(&session, child, body));
            } else {
                Self::run(&session, child, body);
            }
        };
        // SAFETY: handed on to our caller. On coroutine hosts a panic that leaves `join` ends the
        // program here as it does there; on preemptive ones none leaves it.
        let handle = unsafe { H::spawn_unchecked(name, Box::new(body)) };
        (child, handle)
    }

    fn join((child, handle): Self::JoinHandle) -> std::thread::Result<()> {
        let (session, me) = here::<H>();
        let joining = session.joining(me, child);
        if !H::PREEMPTIVE {
            or_abandon::<H, _>(joining);
        }
        // On a preemptive host the thread ends by itself when the execution has been given up.
        let result = H::join(handle);
        session.joined(me, child);
        result
    }

    fn named<R>(name: Name, body: impl FnOnce() -> R) -> R {
        let (session, me) = here::<H>();
        session.rename(me, name);
        body()
    }

    fn current() -> Self::Thread {
        let (session, me) = here::<H>();
        AnnouncedThread {
            index: me,
            point: thread_point::<H>(&session, me),
        }
    }

    fn park() {
        let (session, me) = here::<H>();
        let point = thread_point::<H>(&session, me);
        let by_itself = Self::wakes_by_itself(&session, me);
        let place = Self::announce(&session, me, Operation::Park, None);
        // A token that is there has been left before this visit. Whoever leaves it later wakes us,
        // which a memory model of the host's knows.
        H::pass(&point.inner);
        if by_itself {
            or_abandon::<H, _>(session.parks_by_itself(me, point.object, place));
            return;
        }
        while !or_abandon::<H, _>(session.park(me, point.object, place)) {
            Self::sleep(&session, me);
        }
    }

    fn unpark(thread: &Self::Thread) {
        let (session, me) = here::<H>();
        let object = thread.point.object;
        let place = Self::announce(&session, me, Operation::Unpark, Some(object));
        H::pass(&thread.point.inner);
        if let Some(wake) = session.unpark(me, thread.index, object, place) {
            wake();
        }
    }

    fn yield_now() {
        let (session, _) = here::<H>();
        session.yields();
        H::yield_now();
    }

    fn spin(state: &mut Self::Spin) -> bool {
        let (session, me) = here::<H>();
        let again = or_abandon::<H, _>(session.spin(me, *state));
        *state += 1;
        if again {
            H::yield_now();
        }
        again
    }

    fn choose(name: Name, n: usize) -> usize {
        let (session, me) = here::<H>();
        let place = Self::announce(&session, me, Operation::Choose, None);
        or_abandon::<H, _>(session.choose(me, name, n, place))
    }

    fn semantics() -> Semantics {
        installed().map_or(Semantics::DEFAULT, |session| session.settings().semantics)
    }

    fn tearing_down() -> bool {
        let Some(session) = installed() else {
            return true;
        };
        if session.stopped() {
            return true;
        }
        let panicking = std::thread::panicking();
        // After a deadlock that loom sees it has no running thread, and panics when it is asked for it.
        if panicking && let Ok(me) = last_panic::aside(|| catch_unwind(H::index)) {
            session.skips_release(me);
        }
        panicking
    }

    fn label(kind: Kind, name: Name) -> Self::Label {
        let (session, me) = here::<H>();
        let object = session.object(me, ObjectKind::Composite(kind), name);
        let exclusive = matches!(kind, Kind::Zone { limit: 1, .. }) && H::WEAK_MEMORY;
        AnnouncedLabel {
            object,
            name,
            kind,
            point: H::point(),
            memory: exclusive.then(|| H::Cell::new(name, ())),
        }
    }

    fn begin(label: &Self::Label, step: Composite) {
        if Self::tearing_down() {
            return;
        }
        let (session, me) = here::<H>();
        let place = Self::announce(&session, me, Operation::Begin(step), Some(label.object));
        if matches!(label.kind, Kind::Zone { limit: 2.., .. }) {
            // Who is counted, not only ordered, must be seen by the search.
            H::visit(&label.point);
        }
        or_abandon::<H, _>(session.begin_step(me, label.object, step, place));
        if step == Composite::Enter
            && let Some(memory) = &label.memory
            && let Kind::Zone { property, .. } = label.kind
        {
            let failed = || {
                let message = format!(
                    "{} is entered while another thread's stay in it is not ordered before",
                    label.name
                );
                session.fail_by_host(me, property, message, Some(place.to_string()));
            };
            guarded(failed, |entered| memory.with_mut(|_| entered.set(true)));
        }
    }

    fn end(label: &Self::Label, step: Composite, done: bool) {
        if Self::tearing_down() {
            return;
        }
        let (session, me) = here::<H>();
        session.end_step(me, label.object, step, done, Location::caller());
    }

    fn fail(property: Property, message: String) -> ! {
        let (session, me) = here::<H>();
        let Halt = session.fail(me, property, message, Some(Location::caller().to_string()));
        H::abandon()
    }

    fn reached(mark: &'static str) {
        here::<H>().0.reached(mark);
    }

    fn asks(property: Property) -> bool {
        installed().is_some_and(|session| session.asks(property))
    }

    fn moment(observer: &Self::Label, step: Composite) -> Option<Moment> {
        if Self::tearing_down() {
            return None;
        }
        let (session, me) = here::<H>();
        let operation = Operation::Begin(step);
        let place = Self::announce(&session, me, operation, Some(observer.object));
        let moment = session.moment(me, observer.object, step, place);
        Some(or_abandon::<H, _>(moment))
    }

    fn together(count: usize) {
        here::<H>().0.together(count);
    }
}

/// Runs `access`; when it panics before it sets the flag, the host has found a race.
pub(super) fn guarded<R>(
    failed: impl FnOnce(),
    access: impl FnOnce(&std::cell::Cell<bool>) -> R,
) -> R {
    struct Watch<'a, F: FnOnce()>(Option<F>, &'a std::cell::Cell<bool>);
    impl<F: FnOnce()> Drop for Watch<'_, F> {
        fn drop(&mut self) {
            if !self.1.get()
                && let Some(failed) = self.0.take()
            {
                failed();
            }
        }
    }
    let entered = std::cell::Cell::new(false);
    let watch = Watch(Some(failed), &entered);
    let result = access(&entered);
    drop(watch);
    result
}

/// An announced mutex.
pub struct AnnouncedMutex<H: Host, T: Send> {
    object: usize,
    inner: H::Mutex<T>,
}

/// An announced mutex guard.
pub struct AnnouncedGuard<'a, H: Host, T: Send + 'a> {
    mutex: &'a AnnouncedMutex<H, T>,
    /// Taken out in `take` and `drop` only.
    inner: ManuallyDrop<H::MutexGuard<'a, T>>,
    place: &'static Location<'static>,
}

impl<'a, H: Host, T: Send> AnnouncedGuard<'a, H, T> {
    fn new(
        mutex: &'a AnnouncedMutex<H, T>,
        inner: H::MutexGuard<'a, T>,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            mutex,
            inner: ManuallyDrop::new(inner),
            place,
        }
    }

    /// The host's guard, without the announcement that a drop makes.
    fn into_inner(self) -> H::MutexGuard<'a, T> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped nor used again, so the guard is taken out once.
        unsafe { ManuallyDrop::take(&mut this.inner) }
    }

    /// # Safety
    /// Only for `drop`, at most once, as the last use of `inner`.
    unsafe fn take(&mut self) -> H::MutexGuard<'a, T> {
        // SAFETY: by the caller's promise nothing uses `inner` afterwards.
        unsafe { ManuallyDrop::take(&mut self.inner) }
    }
}

impl<H: Host, T: Send> Deref for AnnouncedGuard<'_, H, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<H: Host, T: Send> DerefMut for AnnouncedGuard<'_, H, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<H: Host, T: Send> Drop for AnnouncedGuard<'_, H, T> {
    fn drop(&mut self) {
        if Announcing::<H>::tearing_down() {
            if H::PREEMPTIVE {
                // SAFETY: we are in `drop` and return.
                drop(unsafe { self.take() });
            }
            // On a coroutine host the program is over; unlocking could switch away in mid-unwind.
            return;
        }
        let (session, me) = here::<H>();
        let object = self.mutex.object;
        let announced = session.announce(me, Operation::Unlock, Some(object), self.place);
        // SAFETY: we are in `drop`, and this is the last use.
        let inner = unsafe { self.take() };
        if announced.is_ok() {
            if H::PREEMPTIVE {
                session.unlocked(me, object, self.place, || drop(inner));
                wake_all(session.lock_waiters(object));
            } else {
                // Others may run before a coroutine host unlocks, but not between that and our
                // record; so not inside the session, and before it.
                drop(inner);
                session.unlocked(me, object, self.place, || ());
            }
        } else {
            drop(inner);
            H::abandon();
        }
    }
}

/// An announced condition variable.
pub struct AnnouncedCondvar<H: Host> {
    object: usize,
    point: H::Point,
}

/// The object that parks and unparks of one thread depend on.
struct ThreadPoint<H: Host> {
    object: usize,
    inner: H::Token,
}

fn thread_point<H: Host>(session: &Session, me: usize) -> Arc<ThreadPoint<H>> {
    session.point(me, || ThreadPoint {
        object: session.object(me, ObjectKind::Thread, "token".into()),
        inner: H::token(),
    })
}

/// The handle of an announced thread.
pub struct AnnouncedThread<H: Host> {
    index: usize,
    point: Arc<ThreadPoint<H>>,
}

impl<H: Host> Clone for AnnouncedThread<H> {
    fn clone(&self) -> Self {
        Self {
            index: self.index,
            point: Arc::clone(&self.point),
        }
    }
}

/// The identity of a composite object.
pub struct AnnouncedLabel<H: Host> {
    object: usize,
    name: Name,
    kind: Kind,
    point: H::Point,
    /// An exclusive zone's own memory, on hosts whose memory model can tell more than the session.
    memory: Option<H::Cell<()>>,
}
