//! Threads as shuttle's tasks: the same machine and the same searches inside shuttle's runner.
//!
//! Every task stays runnable, so that shuttle itself never blocks one and never sees a deadlock.
//! What goes on is decided in [`Scheduler::next_task`], where announced steps are applied too. An
//! execution is never stopped by `None`: shuttle would leak the stacks of its tasks. Instead the
//! tasks are resumed once more, to unwind.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};

use shuttle::Runner;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use shuttle_engine::runtime::execution::ExecutionState;
use shuttle_engine::runtime::thread::switch;
use shuttle_engine::thread_support::thread_fn;

use crate::engines::exhaustive::execution::{Execution, Host, Phase, Stuck};
use crate::engines::exhaustive::explorer::{Decision, Ended};
use crate::engines::limits::stack_bytes;
use crate::engines::shuttle::config;
use crate::sync::Name;
use crate::sync::announcing::last_panic;
use crate::sync::stepping::{ThreadId, run_on};

type Body = Box<dyn FnOnce()>;

/// The tasks of one execution after another.
#[derive(Default)]
pub(in crate::engines::exhaustive) struct Tasks {
    /// The main thread's body, until shuttle runs it.
    main: Cell<Option<Body>>,
    /// The task of each thread: shuttle numbers them as they start, the model by who starts them.
    of_thread: RefCell<Vec<TaskId>>,
    /// The running task gives up control. Else shuttle asks of its own accord: before a task is
    /// made and when the main one ends.
    gives_up: Cell<bool>,
}

// SAFETY: only `next_task` chooses who is resumed; it goes on with a task that has not given up,
// and when the execution is given up it goes through the tasks from the one started last. `start`
// stores under `thread` the task that runs `body`.
unsafe impl Host for Tasks {
    fn give_up(&self, _: ThreadId) {
        self.gives_up.set(true);
        switch();
    }

    unsafe fn start(&self, thread: ThreadId, name: Name, body: Box<dyn FnOnce() + '_>) {
        // SAFETY: only the lifetime is erased; by our caller's promise what is borrowed outlives
        // the thread.
        let body = unsafe { std::mem::transmute::<Box<dyn FnOnce() + '_>, Body>(body) };
        let task = if thread == 0 {
            // shuttle makes this task itself, from the function that it runs.
            self.main.set(Some(body));
            TaskId::from(0)
        } else {
            // Without a handle, which would detach the task when it is dropped.
            ExecutionState::spawn_thread(
                Box::new(|| thread_fn(body, false, Default::default())),
                stack_bytes(),
                Some(name.to_string()),
                None,
                Location::caller(),
            )
        };
        let mut of_thread = self.of_thread.borrow_mut();
        if of_thread.len() <= thread {
            of_thread.resize(thread + 1, task);
        }
        of_thread[thread] = task;
    }
}

/// What the scheduler and the function that shuttle runs share; on the stack of [`run`].
struct Stage<'a> {
    execution: &'a Execution<'a>,
    tasks: &'a Tasks,
    main: &'a dyn Fn(),
    go_on: RefCell<&'a mut dyn FnMut(&Execution<'_>) -> bool>,
    /// An execution has begun whose end has not been told.
    begun: Cell<bool>,
    ended: Cell<Option<Ended>>,
    /// The driver had no more.
    at_end: Cell<bool>,
}

impl Stage<'_> {
    /// The thread that goes on, after the steps that make it do so; none at the execution's end.
    fn next(&self) -> Option<ThreadId> {
        let execution = self.execution;
        while execution.phase.get() != Phase::Unwinding {
            let silent = execution.inner.borrow_mut().world.next_runnable();
            if silent.is_some() {
                return silent;
            }
            match execution.decide() {
                Decision::Step {
                    thread,
                    alternative,
                } => execution.apply(thread, alternative),
                Decision::Over => {
                    execution.over();
                    self.end(Ended::Complete);
                }
                Decision::Cut => self.end(Ended::Cut),
            }
        }
        self.end(Ended::Failed);
        None
    }

    /// The execution has ended, unless it had before: all that is left is to unwind.
    fn end(&self, ended: Ended) {
        if self.ended.get().is_none() {
            self.ended.set(Some(ended));
        }
        self.execution.phase.set(Phase::Unwinding);
    }

    /// Tells the end of the execution that has just been run; whether there may be another.
    fn told(&self) -> bool {
        if !self.begun.replace(false) {
            return true;
        }
        let left = self.next();
        debug_assert_eq!(left, None, "shuttle's tasks have all ended");
        let ended = self.ended.take().unwrap_or(Ended::Failed);
        if self.execution.is_again() {
            return true;
        }
        self.execution.end(ended);
        !self.execution.is_done()
    }

    fn begin(&self) -> bool {
        if !self.execution.inner.borrow_mut().driver.begin() {
            self.at_end.set(true);
            return false;
        }
        if !(self.go_on.borrow_mut())(self.execution) {
            return false;
        }
        self.begun.set(true);
        // SAFETY: shuttle ends an execution before the next begins and before `run` returns, and
        // resumes no task of it then; `run` borrows `main` and `execution` for as long.
        unsafe { self.execution.begin(self.main) };
        true
    }
}

/// The stage, for what shuttle keeps and wants to be `'static`.
#[derive(Clone, Copy)]
struct Reins(*const Stage<'static>);

// SAFETY: shuttle asks for both of the function that it runs, but calls it, as the scheduler, on
// the OS thread of `Runner::run` only.
unsafe impl Send for Reins {}
// SAFETY: as above.
unsafe impl Sync for Reins {}

impl Reins {
    fn stage(&self) -> &Stage<'static> {
        // SAFETY: `run` keeps the stage until shuttle's runner has ended, which drops us.
        unsafe { &*self.0 }
    }
}

impl fmt::Debug for Reins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reins").finish_non_exhaustive()
    }
}

impl Scheduler for Reins {
    fn new_execution(&mut self) -> Option<Schedule> {
        let stage = self.stage();
        (stage.told() && stage.begin()).then(|| Schedule::new(0))
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        _: bool,
    ) -> Option<TaskId> {
        let stage = self.stage();
        let gives_up = stage.tasks.gives_up.replace(false);
        if let Some(current) = current
            && !gives_up
            && runnable.iter().any(|task| task.id() == current)
        {
            return Some(current);
        }
        if let Some(thread) = stage.next() {
            stage.execution.current.set(thread);
            return Some(stage.tasks.of_thread.borrow()[thread]);
        }
        // shuttle lists tasks in the order in which they were made, that is in which threads started.
        let last = runnable.last()?.id();
        let thread = stage.execution.started.borrow()[usize::from(last)];
        stage.execution.current.set(thread);
        Some(last)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("the stepping backend draws no random numbers of shuttle")
    }
}

/// Runs executions of `main` until the driver has no more, or `go_on` says no before one.
pub(in crate::engines::exhaustive) fn run(
    execution: &Execution<'_>,
    tasks: &Tasks,
    main: &dyn Fn(),
    go_on: &mut dyn FnMut(&Execution<'_>) -> bool,
) -> bool {
    let stage = Stage {
        execution,
        tasks,
        main,
        go_on: RefCell::new(go_on),
        begun: Cell::new(false),
        ended: Cell::new(None),
        at_end: Cell::new(false),
    };
    let reins = Reins((&raw const stage).cast());
    let result = run_on(execution, || {
        catch_unwind(AssertUnwindSafe(|| {
            Runner::new(reins, config()).run(move || {
                let body = reins.stage().tasks.main.take();
                body.expect("an execution begins with its main thread")();
            });
        }))
    });
    if let Err(payload) = result {
        let detail = last_panic::message(payload.as_ref());
        execution.inner.borrow_mut().stuck = Some(Stuck::Internal(detail));
    }
    stage.at_end.get()
}
