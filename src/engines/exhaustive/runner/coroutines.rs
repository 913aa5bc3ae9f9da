//! Threads as coroutines on pooled stacks (`corosensei`): a switch is a few instructions.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::rc::Rc;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::engines::exhaustive::audit::linearise::{Left, Linearised, Next};
use crate::engines::exhaustive::execution::{Execution, Failed, Host, Phase};
use crate::engines::exhaustive::explorer::{Decision, Ended};
use crate::engines::limits::stack_bytes;
use crate::sync::Name;
use crate::sync::stepping::{ThreadId, run_on};

/// Steps that a cut execution is run on before its stacks are unwound instead.
const DRAINED_STEPS: u32 = 2_000;

type Fiber = Coroutine<(), (), (), DefaultStack>;

/// A thread's coroutine.
#[derive(Default)]
struct Slot {
    /// While the thread runs, only `resume` has it.
    fiber: UnsafeCell<Option<Fiber>>,
    /// With which the thread gives up control.
    yielder: Cell<Option<*const Yielder<(), ()>>>,
}

/// The coroutines of one execution after another.
#[derive(Default)]
pub(in crate::engines::exhaustive) struct Coroutines {
    stacks: RefCell<Vec<DefaultStack>>,
    /// By thread; each stays where it is while others are added.
    slots: RefCell<Vec<Rc<Slot>>>,
}

// SAFETY: only `resume` continues a coroutine after `give_up`, `start` stores `body` under
// `thread`, and `unwind` goes through the threads in the reverse order of their starts.
unsafe impl Host for Coroutines {
    #[inline]
    fn give_up(&self, me: ThreadId) {
        let yielder = self.slots.borrow()[me].yielder.get();
        let yielder = yielder.expect("a running thread has told its yielder");
        // SAFETY: the yielder lives on the thread's own stack while the thread runs, and it is the
        // thread itself that calls.
        unsafe { (*yielder).suspend(()) };
    }

    unsafe fn start(&self, thread: ThreadId, _: Name, body: Box<dyn FnOnce() + '_>) {
        // SAFETY: only the lifetime is erased; by our caller's promise what is borrowed outlives
        // the thread.
        let body = unsafe {
            std::mem::transmute::<Box<dyn FnOnce() + '_>, Box<dyn FnOnce() + 'static>>(body)
        };
        let stack = self.stacks.borrow_mut().pop().unwrap_or_else(|| {
            DefaultStack::new(stack_bytes()).expect("there is address space for another stack")
        });
        let this: *const Self = self;
        let fiber = Fiber::with_stack(stack, move |yielder, ()| {
            // SAFETY: the coroutines are dropped before `self` is.
            let this = unsafe { &*this };
            this.slots.borrow()[thread].yielder.set(Some(yielder));
            body();
        });
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= thread {
            slots.resize_with(thread + 1, Rc::default);
        }
        drop(slots);
        // SAFETY: a thread that starts does not run.
        unsafe { *self.fiber(thread) = Some(fiber) };
    }
}

impl Coroutines {
    /// The coroutine of a thread.
    ///
    /// # Safety
    /// What this returned for the thread before is not used any more.
    #[expect(
        clippy::mut_from_ref,
        reason = "what is borrowed twice is the list of slots only"
    )]
    unsafe fn fiber(&self, thread: ThreadId) -> &mut Option<Fiber> {
        let slot = Rc::as_ptr(&self.slots.borrow()[thread]);
        // SAFETY: slots are never taken out, and our caller promises the rest.
        unsafe { &mut *(*slot).fiber.get() }
    }

    /// Runs a thread until it gives up control or ends.
    // A return behind a switch is one that the processor foresees wrongly.
    #[inline(always)]
    fn resume(&self, thread: ThreadId) {
        // SAFETY: the runner's loop alone gets here and to `unwind`, and no thread does, so this is
        // over before the coroutine is asked for again.
        let fiber = unsafe { self.fiber(thread) };
        let Some(running) = fiber else {
            return;
        };
        if let CoroutineResult::Return(()) = running.resume(())
            && let Some(ended) = fiber.take()
        {
            self.stacks.borrow_mut().push(ended.into_stack());
        }
    }

    /// Ends every thread that has not ended, the last one started first.
    fn unwind(&self, execution: &Execution<'_>) {
        execution.phase.set(Phase::Unwinding);
        let started = std::mem::take(&mut *execution.started.borrow_mut());
        for &thread in started.iter().rev() {
            // SAFETY: no thread runs, and this is over before one is resumed.
            let begun = unsafe { self.fiber(thread) };
            match begun.as_ref().map(corosensei::Coroutine::started) {
                Some(true) => {
                    execution.current.set(thread);
                    self.resume(thread);
                }
                // It has not run at all: its body is dropped.
                Some(false) => *begun = None,
                None => {}
            }
            debug_assert!(
                // SAFETY: no thread runs.
                unsafe { self.fiber(thread) }.is_none(),
                "unwinding gave up control"
            );
        }
        *execution.started.borrow_mut() = started;
    }
}

impl Drop for Coroutines {
    /// After a panic of the engine: threads that have not ended are unwound while all else is there,
    /// the last one first.
    fn drop(&mut self) {
        let threads = self.slots.borrow().len();
        for thread in (0..threads).rev() {
            // SAFETY: no thread runs, and the coroutine is not in its slot any more when it is dropped.
            drop(unsafe { self.fiber(thread) }.take());
        }
    }
}

/// Runs executions of `main` until the driver has no more, or `go_on` says no before one.
pub(in crate::engines::exhaustive) fn run(
    execution: &Execution<'_>,
    coroutines: &Coroutines,
    main: &dyn Fn(),
    go_on: &mut dyn FnMut(&Execution<'_>) -> bool,
) -> bool {
    run_on(execution, || {
        loop {
            if !execution.inner.borrow_mut().driver.begin() {
                return true;
            }
            if !go_on(execution) {
                return false;
            }
            if let Some(ended) = execution.play() {
                execution.end(ended);
                if execution.is_done() {
                    return false;
                }
                continue;
            }
            execution.inner.borrow_mut().driver.once_more();
            // SAFETY: every thread has ended or been unwound before this iteration ends, and
            // `main` and `execution` outlive it.
            unsafe { execution.begin(main) };
            let ended = one(execution, coroutines);
            if execution.is_again() {
                coroutines.unwind(execution);
                continue;
            }
            // What the search learns is how the world was when the execution ended.
            execution.end(ended);
            finish(execution, coroutines, ended);
            if execution.is_done() {
                return false;
            }
        }
    })
}

/// Runs one linearisation of a trace, and tells when the trace is over: how it ended, and what each
/// thread has announced and not been given.
///
/// # Errors
/// A property that fails on the way.
pub(in crate::engines::exhaustive) fn linearise(
    execution: &Execution<'_>,
    coroutines: &Coroutines,
    main: &dyn Fn(),
    linearised: &mut Linearised<'_>,
    over: &dyn Fn(),
) -> Result<(Next, Left), Failed> {
    // SAFETY: every thread has ended or been unwound before this returns, and `main` and `execution`
    // outlive it.
    unsafe { execution.begin(main) };
    let end = loop {
        let next = linearised.next(&mut execution.inner.borrow_mut().world);
        match next {
            Next::Silent(thread) => {
                execution.current.set(thread);
                coroutines.resume(thread);
            }
            Next::Step(thread, alternative) => execution.apply(thread, alternative),
            end => break Some(end),
        }
        if execution.phase.get() == Phase::Unwinding {
            break None;
        }
    };
    over();
    let result = {
        let mut inner = execution.inner.borrow_mut();
        let world = &inner.world;
        let threads = 0..world.thread_count();
        let left = threads.map(|thread| world.announced(thread)).collect();
        match end {
            Some(end) => Ok((end, left)),
            None => Err(inner.failure()),
        }
    };
    finish(execution, coroutines, Ended::Cut);
    let mut inner = execution.inner.borrow_mut();
    inner.failed = None;
    inner.stuck = None;
    drop(inner);
    result
}

/// Runs the threads that go on without a choice; `false` when the execution is given up.
fn silent(execution: &Execution<'_>, coroutines: &Coroutines) -> bool {
    loop {
        let next = execution.inner.borrow_mut().world.next_runnable();
        let Some(thread) = next else {
            return true;
        };
        execution.current.set(thread);
        coroutines.resume(thread);
        if execution.phase.get() == Phase::Unwinding {
            return false;
        }
    }
}

fn one(execution: &Execution<'_>, coroutines: &Coroutines) -> Ended {
    loop {
        if !silent(execution, coroutines) {
            return Ended::Failed;
        }
        match execution.decide() {
            Decision::Step {
                thread,
                alternative,
            } => {
                execution.apply(thread, alternative);
                if execution.phase.get() == Phase::Unwinding {
                    return Ended::Failed;
                }
            }
            Decision::Over => {
                execution.over();
                return Ended::Complete;
            }
            Decision::Cut => return Ended::Cut,
        }
    }
}

/// Empties the stacks: by running on what was cut where nobody is blocked, else by unwinding.
fn finish(execution: &Execution<'_>, coroutines: &Coroutines, ended: Ended) {
    if ended == Ended::Cut && !execution.is_done() {
        execution.drain(DRAINED_STEPS);
        while silent(execution, coroutines) && execution.may_drain() {
            let next = {
                let inner = execution.inner.borrow();
                (0..inner.world.thread_count()).find(|&thread| inner.world.enabled(thread))
            };
            let Some(thread) = next else {
                break;
            };
            execution.apply(thread, 0);
        }
    }
    if execution.inner.borrow().world.unfinished() > 0 {
        coroutines.unwind(execution);
    }
}
