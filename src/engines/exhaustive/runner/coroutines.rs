//! Threads as coroutines on pooled stacks (`corosensei`): a switch is a few instructions.

use std::cell::RefCell;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::engines::exhaustive::execution::{Execution, Host, Phase};
use crate::engines::exhaustive::explorer::{Decision, Ended};
use crate::sync::Name;
use crate::sync::stepping::{ThreadId, run_on};

/// Stack of a thread in bytes; untouched pages cost nothing.
const STACK_BYTES: usize = 512 * 1024;

/// Steps that a cut execution is run on before its stacks are unwound instead.
const DRAINED_STEPS: u32 = 2_000;

type Fiber = Coroutine<(), (), (), DefaultStack>;

/// The coroutines of one execution after another.
#[derive(Default)]
pub(in crate::engines::exhaustive) struct Coroutines {
    stacks: RefCell<Vec<DefaultStack>>,
    fibers: RefCell<Vec<Option<Fiber>>>,
    yielders: RefCell<Vec<Option<*const Yielder<(), ()>>>>,
}

// SAFETY: only `resume` continues a coroutine after `give_up`, `start` stores `body` under
// `thread`, and `unwind` goes through the threads in the reverse order of their starts.
unsafe impl Host for Coroutines {
    fn give_up(&self, me: ThreadId) {
        let yielder = self.yielders.borrow()[me].expect("a running thread has told its yielder");
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
            DefaultStack::new(STACK_BYTES).expect("there is address space for another stack")
        });
        let this: *const Self = self;
        let fiber = Fiber::with_stack(stack, move |yielder, ()| {
            // SAFETY: the coroutines are dropped before `self` is.
            let this = unsafe { &*this };
            this.yielders.borrow_mut()[thread] = Some(yielder);
            body();
        });
        let mut fibers = self.fibers.borrow_mut();
        if fibers.len() <= thread {
            fibers.resize_with(thread + 1, || None);
            self.yielders.borrow_mut().resize(thread + 1, None);
        }
        fibers[thread] = Some(fiber);
    }
}

impl Coroutines {
    /// Runs a thread until it gives up control or ends.
    fn resume(&self, thread: ThreadId) {
        let fiber = self.fibers.borrow_mut()[thread].take();
        let Some(mut fiber) = fiber else {
            return;
        };
        match fiber.resume(()) {
            CoroutineResult::Yield(()) => self.fibers.borrow_mut()[thread] = Some(fiber),
            CoroutineResult::Return(()) => self.stacks.borrow_mut().push(fiber.into_stack()),
        }
    }

    /// Ends every thread that has not ended, the last one started first.
    fn unwind(&self, execution: &Execution<'_>) {
        execution.phase.set(Phase::Unwinding);
        let started = std::mem::take(&mut *execution.started.borrow_mut());
        for &thread in started.iter().rev() {
            let begun = self.fibers.borrow()[thread]
                .as_ref()
                .map(corosensei::Coroutine::started);
            match begun {
                Some(true) => {
                    execution.current.set(thread);
                    self.resume(thread);
                }
                // It has not run at all: its body is dropped.
                Some(false) => drop(self.fibers.borrow_mut()[thread].take()),
                None => {}
            }
            debug_assert!(
                self.fibers.borrow()[thread].is_none(),
                "unwinding gave up control"
            );
        }
        *execution.started.borrow_mut() = started;
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
