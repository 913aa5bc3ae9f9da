//! What the stepping backend announces, told by a machine of one thread that writes it down.

use std::cell::{Cell as StdCell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use crosscheck::primitives::{Barrier, RwLock, Semaphore, SemaphoreSet};
use crosscheck::sync::stepping::{
    Machine, NewObject, Note, ObjectId, Op, Place, Stepping, ThreadId, is_running, run_on,
};
use crosscheck::sync::{
    AtomicBool, AtomicIsize, AtomicUsize, Attempt, Backend, Cell, Condvar, Mutex, Name, Need,
    Property, Semantics, SemaphoreOrder, Shared, Spin, Until, checkpoint, choose, fence, rounds,
    yield_now,
};

/// Answers every step with the next number that it was given, or 0.
#[derive(Default)]
struct Recorder {
    native: bool,
    answers: RefCell<VecDeque<u64>>,
    told: RefCell<Vec<String>>,
    objects: StdCell<ObjectId>,
    over: StdCell<bool>,
}

impl Recorder {
    fn tell(&self, what: impl std::fmt::Display) {
        self.told.borrow_mut().push(what.to_string());
    }
}

// SAFETY: there is one thread, which nothing can exclude or be joined.
unsafe impl Machine for Recorder {
    fn me(&self) -> ThreadId {
        0
    }
    fn object(&self, new: NewObject) -> ObjectId {
        let object = self.objects.replace(self.objects.get() + 1);
        self.tell(format_args!("{object}: {:?} {:?}", new.kind, new.substance));
        object
    }
    fn needs(&self, set: ObjectId, needs: &[Need]) -> usize {
        let needs = needs.iter().map(|n| (n.member, n.test, n.take));
        self.tell(format_args!(
            "needs of {set}: {:?}",
            needs.collect::<Vec<_>>()
        ));
        7
    }
    fn free(&self, _: ObjectId) -> Vec<u32> {
        vec![3, 1]
    }
    fn visible(&self, op: Op, place: Place) -> u64 {
        let ours = place.file().ends_with("stepping.rs");
        // A guard that is dropped does not know where.
        let dropped = matches!(op, Op::Give { .. });
        assert!(ours || dropped, "{op:?} at {place}");
        self.tell(format_args!("{op:?}"));
        self.answers.borrow_mut().pop_front().unwrap_or(0)
    }
    fn access(&self, memory: ObjectId, write: bool, _: Place) {
        self.tell(format_args!("access {memory} {write}"));
    }
    fn written(&self, memory: ObjectId, digest: Option<u64>) {
        let digest = match digest {
            Some(0) => "empty",
            Some(_) => "known",
            None => "unknown",
        };
        self.tell(format_args!("{memory} is {digest}"));
    }
    fn note(&self, note: Note, _: Place) {
        self.tell(format_args!("{note:?}"));
    }
    fn checkpoint(&self, digest: u64, _: Place) {
        self.tell(format_args!("checkpoint {}", digest != 0));
    }
    unsafe fn spawn(&self, _: Name, _: Box<dyn FnOnce() + Send + '_>) -> ThreadId {
        unreachable!("these programs have one thread")
    }
    fn rename(&self, name: Name) {
        self.tell(format_args!("I am {name}"));
    }
    fn checkpoint_spin(&self, _: Option<u128>, digest: u64, _: Place) -> Option<u128> {
        self.tell(format_args!("checkpoint of a busy-wait {}", digest != 0));
        None
    }
    fn spin(&self, rounds: u32, _: Place) -> bool {
        rounds < 2
    }
    fn fail(&self, property: Property, message: String, _: Place) -> ! {
        panic!("{property}: {message}")
    }
    fn semantics(&self) -> Semantics {
        Semantics::DEFAULT
    }
    fn native(&self) -> bool {
        self.native
    }
    fn tearing_down(&self) -> bool {
        self.over.get()
    }
}

/// What `body` announces on a machine that answers with `answers`.
fn told(native: bool, answers: &[u64], body: impl FnOnce(&Recorder)) -> Vec<String> {
    let recorder = Recorder {
        native,
        answers: RefCell::new(answers.iter().copied().collect()),
        ..Recorder::default()
    };
    run_on(&recorder, || body(&recorder));
    recorder.told.into_inner()
}

const MUTEX: &str = "Mutex Units { free: [1], order: Weak }";

#[test]
fn a_mutex_is_one_unit_and_tells_when_its_value_may_be_another() {
    let told = told(true, &[0, 1, 0, 0], |_| {
        let mutex = Mutex::<Stepping, u8>::new("m", 1);
        let changed = Condvar::<Stepping>::new("c");
        let mut guard = changed.wait(mutex.lock());
        *guard += 1;
        drop(guard);
        changed.notify_one();
        assert!(mutex.try_lock().is_none());
    });
    assert_eq!(
        told,
        [
            &format!("0: {MUTEX}"),
            "0 is unknown",
            "1: Condvar Condvar",
            "Take { object: 0, units: 1, shared: false }",
            "0 is unknown",
            "Wait { condvar: 1, mutex: 0 }",
            "0 is unknown",
            "Give { object: 0, units: 1, shared: false }",
            "Notify { condvar: 1, all: false }",
            "TryTake { object: 0, units: 1 }",
        ]
    );
}

#[test]
fn guards_do_nothing_when_all_is_over() {
    let told = told(true, &[], |machine| {
        let mutex = Mutex::<Stepping, ()>::new("m", ());
        let semaphore = Semaphore::<Stepping>::new("s", 1);
        let _held = (mutex.lock(), semaphore.acquire());
        machine.over.set(true);
        machine.tell("over");
    });
    assert_eq!(told.last().map(String::as_str), Some("over"));
    assert!(!is_running());
    assert!(Stepping::tearing_down());
}

#[test]
fn atomics_are_words_of_the_machine() {
    let minus_one = u64::MAX;
    let told = told(true, &[0, minus_one, 5, 5, 1, 8], |_| {
        let signed = AtomicIsize::<Stepping>::new("i", -1);
        signed.store(-2, Release);
        assert_eq!(signed.fetch_sub(1, AcqRel), -1);
        let number = AtomicUsize::<Stepping>::new("n", 5);
        assert_eq!(number.compare_exchange(5, 6, SeqCst, Relaxed), Ok(5));
        assert_eq!(number.compare_exchange(6, 7, SeqCst, Relaxed), Err(5));
        let flag = AtomicBool::<Stepping>::new("f", false);
        assert_eq!(flag.await_until(Until::Is(true), Acquire), Ok(true));
        assert_eq!(signed.await_until(Until::AtLeast(-3), Acquire), Ok(8));
        fence::<Stepping>(SeqCst);
    });
    assert_eq!(
        told,
        [
            "0: Atomic Word(18446744073709551615)",
            "Order(Release)",
            "Store(0, 18446744073709551614)",
            "Order(AcqRel)",
            "Modify(0, Add(18446744073709551615))",
            "1: Atomic Word(5)",
            "Orders(SeqCst, Relaxed)",
            "Modify(1, Exchange(5, 6))",
            "Orders(SeqCst, Relaxed)",
            "Modify(1, Exchange(6, 7))",
            "2: Atomic Word(0)",
            "Order(Acquire)",
            "Await(2, Is(1))",
            "Order(Acquire)",
            "Await(0, SignedAtLeast(-3))",
            "Fence(SeqCst)",
        ]
    );
}

#[test]
fn memory_tells_what_is_in_it_where_that_is_known() {
    let told = told(true, &[], |_| {
        let shared = Shared::<Stepping, usize>::new("s", 3);
        shared.set(4);
        assert_eq!(shared.get(), 4);
        let cell = Cell::<Stepping, usize>::new("c", 3);
        // SAFETY: there is one thread.
        unsafe { cell.with_mut(|value| *value += 1) };
    });
    assert_eq!(
        told,
        [
            "0: Cell Memory",
            "0 is known",
            "access 0 true",
            "0 is known",
            "access 0 false",
            "1: Cell Memory",
            "1 is unknown",
            "access 1 true",
            "1 is unknown",
        ]
    );
}

#[test]
fn semaphores_are_single_steps_on_a_machine_that_has_them() {
    let told = told(true, &[0, 1, 0, 3 << 32 | 2], |_| {
        let semaphore = Semaphore::<Stepping>::with_order("s", 2, SemaphoreOrder::Strong);
        semaphore.p_many(2);
        assert!(semaphore.try_p());
        semaphore.v();
        assert_eq!(semaphore.free_and_waiting(), (3, 2));
    });
    assert_eq!(
        told,
        [
            "0: Composite(Semaphore) Units { free: [2], order: Strict }",
            "1: Composite(Semaphore) Label",
            "Begin(1, Acquire(2))",
            "Take { object: 0, units: 2, shared: false }",
            "End(1, Acquire(2), true)",
            "Begin(1, TryAcquire(1))",
            "TryTake { object: 0, units: 1 }",
            "End(1, TryAcquire(1), true)",
            "Begin(1, Release(1))",
            "Give { object: 0, units: 1, shared: false }",
            "End(1, Release(1), true)",
            "Look(0)",
        ]
    );
}

#[test]
fn semaphores_are_built_of_a_mutex_on_a_machine_without_them() {
    let told = told(false, &[], |_| {
        Semaphore::<Stepping>::with_order("s", 2, SemaphoreOrder::Weak).p();
    });
    assert_eq!(
        told,
        [
            "0: Composite(Semaphore) Label",
            &format!("1: {MUTEX}"),
            "1 is unknown",
            "2: Condvar Condvar",
            "Begin(0, Acquire(1))",
            "Take { object: 1, units: 1, shared: false }",
            "1 is unknown",
            "Give { object: 1, units: 1, shared: false }",
            "End(0, Acquire(1), true)",
        ]
    );
}

#[test]
fn a_set_says_what_it_needs_in_one_order() {
    let told = told(true, &[], |_| {
        let set = SemaphoreSet::<Stepping>::new("set", &[3, 1]);
        set.swait(&[1, 0, 0]);
        set.ssignal(&[1]);
        set.swait_general(&[(1, 1, 0), (0, 2, 1)]);
        assert_eq!(set.free(), [3, 1]);
    });
    assert_eq!(
        told,
        [
            "0: Composite(SemaphoreSet) Label",
            "1: Composite(SemaphoreSet) Units { free: [3, 1], order: Scan }",
            "Begin(0, Acquire(3))",
            "needs of 1: [(0, 2, 2), (1, 1, 1)]",
            "TakeAll { object: 1, needs: 7 }",
            "End(0, Acquire(3), true)",
            "Begin(0, Release(1))",
            "needs of 1: [(1, 1, 1)]",
            "GiveAll { object: 1, needs: 7 }",
            "End(0, Release(1), true)",
            "Begin(0, Acquire(1))",
            "needs of 1: [(0, 2, 1), (1, 1, 0)]",
            "TakeAll { object: 1, needs: 7 }",
            "End(0, Acquire(1), true)",
            "Look(1)",
        ]
    );
}

#[test]
fn readers_share_and_a_barrier_is_one_arrival() {
    let told = told(true, &[0, 0, 0, 0, 1], |_| {
        let lock = RwLock::<Stepping>::new("l");
        drop(lock.read());
        drop(lock.write());
        assert!(Barrier::<Stepping>::new("b", 2).arrive());
    });
    let steps: Vec<_> = told
        .iter()
        .filter(|told| !told.starts_with("Begin") && !told.starts_with("End"))
        .collect();
    assert_eq!(
        steps,
        [
            "0: Composite(RwLock) Label",
            "1: RwLock Units { free: [1048576], order: Weak }",
            "Take { object: 1, units: 1, shared: true }",
            "Give { object: 1, units: 1, shared: true }",
            "Take { object: 1, units: 1048576, shared: false }",
            "Give { object: 1, units: 1048576, shared: false }",
            "2: Barrier Barrier(2)",
            "3: Composite(Barrier) Label",
            "Arrive(2)",
        ]
    );
}

#[test]
fn rounds_and_attempts_are_told() {
    let told = told(true, &[], |_| {
        let mut seen = Vec::new();
        for round in rounds::<Stepping>(2, &"locals") {
            let attempt = Attempt::<Stepping>::begin();
            attempt.served();
            seen.push(round);
        }
        assert_eq!(seen, [0, 1]);
        let attempt = Attempt::<Stepping>::waiting();
        attempt.served();
    });
    let round = ["checkpoint true", "Attempt(Doorway)", "Attempt(Served)"];
    let last = ["Attempt(Waiting)", "Attempt(Served)"];
    assert_eq!(told, [&round[..], &round, &last].concat());
}

#[test]
fn the_rest_is_told_as_it_is() {
    let told = told(true, &[0, 2], |_| {
        assert_eq!(choose::<Stepping>("one", 1), 0);
        assert_eq!(choose::<Stepping>("three", 3), 2);
        yield_now::<Stepping>();
        checkpoint::<Stepping>(&(1, 2));
        let mut spin = Spin::<Stepping>::new();
        let rounds = std::iter::from_fn(|| spin.again().ok()).count();
        assert_eq!(rounds, 2);
        Stepping::named("me".into(), || Stepping::reached("here"));
    });
    assert_eq!(
        told,
        [
            "Choice(\"one\")",
            "Choose(1)",
            "Choice(\"three\")",
            "Choose(3)",
            "Yield",
            "checkpoint true",
            "I am me",
            "Reached(\"here\")",
        ]
    );
}
