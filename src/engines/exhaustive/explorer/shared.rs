//! What the workers of one search over states share: which states are known, and what is still to
//! be visited.
//!
//! A state belongs to the worker that comes upon it first; another one that comes later turns back,
//! or visits what slept at every visit so far and does not at its own.
//!
//! When no worker has anything left, everything has been visited, in whatever order that was: each
//! word of steps from a state, none of whose first steps sleeps there in the end, has been run, up to
//! the order of independent steps. For take the first visit after which none of them sleeps, and of
//! those that it runs the first in its order. Behind that step no first step of the rest of the word
//! sleeps: the sleep set holds what slept at all visits so far and what the visit has run before. So
//! the same is true of the rest, which is shorter. (A step is taken with the gives that are run at once
//! behind it: the states between are not kept, and each visit goes through them.)

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::keys::part_of;
use super::states::{Sleep, Task};
use super::table::{Table, tables};

/// Parts of the table, by the high bits of a key: many more than there are workers.
const SHARDS: usize = 256;

/// What the workers share.
#[derive(Debug)]
pub struct Shared {
    shards: Box<[Mutex<Table>]>,
    /// Whether a thread that only gives is run at once.
    eager: bool,
    board: Mutex<Board>,
    /// There is a task, or there will be none.
    changed: Condvar,
    /// How many tasks more than there are would be taken at once. A hint, so every access is relaxed:
    /// the board decides.
    wanted: AtomicUsize,
    /// Executions of all workers. Relaxed: only the number itself is shared.
    executions: AtomicU64,
    /// A worker has come upon something that all of them should have known at the beginning. Relaxed:
    /// read when all have ended, whose joins order it.
    surprised: AtomicBool,
}

#[derive(Debug)]
struct Board {
    tasks: Vec<Task>,
    workers: usize,
    waiting: usize,
    over: bool,
    scattered: Option<u64>,
}

impl Board {
    fn pop(&mut self) -> Option<Task> {
        let Some(state) = &mut self.scattered else {
            return self.tasks.pop();
        };
        if self.tasks.is_empty() {
            return None;
        }
        // A linear congruential generator suffices (Knuth, MMIX).
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let at = (*state >> 33) as usize % self.tasks.len();
        Some(self.tasks.swap_remove(at))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A worker that panics ends the search, and its verdict is no proof.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// What is known when `workers` begin, and whether threads that only give are run at once.
    pub(super) fn new(known: &[(u128, Sleep)], eager: bool, workers: usize) -> Self {
        let shards = tables(SHARDS, known);
        Self {
            shards: shards.into_iter().map(Mutex::new).collect(),
            board: Mutex::new(Board {
                tasks: Vec::new(),
                workers,
                waiting: 0,
                over: false,
                scattered: None,
            }),
            eager,
            changed: Condvar::new(),
            wanted: AtomicUsize::new(0),
            executions: AtomicU64::new(0),
            surprised: AtomicBool::new(false),
        }
    }

    /// Has every branch handed on, whoever wants it, and tasks taken in a random order: for laws,
    /// which have to hold in every order.
    pub fn scatter(&self, seed: u64) {
        lock(&self.board).scattered = Some(seed);
        self.wanted.store(usize::MAX, Ordering::Relaxed);
    }

    /// There is a worker less than there were to be; to be called before one of the others begins.
    pub fn without_one(&self) {
        lock(&self.board).workers -= 1;
    }

    pub(super) fn is_eager(&self) -> bool {
        self.eager
    }

    /// What `visit` makes of the entry of a state.
    pub(super) fn with<T>(&self, key: u128, visit: impl FnOnce(&mut Table) -> T) -> T {
        visit(&mut lock(&self.shards[part_of(key, SHARDS)]))
    }

    /// What is to be visited next; blocks while only others have something. None: nothing is left,
    /// or the search has been stopped.
    pub(super) fn take(&self) -> Option<Task> {
        let mut board = lock(&self.board);
        board.waiting += 1;
        loop {
            if board.over {
                return None;
            }
            if let Some(task) = board.pop() {
                board.waiting -= 1;
                self.hint(&board);
                return Some(task);
            }
            if board.waiting == board.workers {
                board.over = true;
                self.changed.notify_all();
                return None;
            }
            self.hint(&board);
            board = self
                .changed
                .wait(board)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hint(&self, board: &Board) {
        if board.scattered.is_some() {
            return;
        }
        let wanted = board.waiting.saturating_sub(board.tasks.len());
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    /// Whether somebody waits for a task.
    pub(super) fn wants(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) > 0
    }

    /// Hands a task to whoever waits.
    pub(super) fn give(&self, task: Task) {
        let mut board = lock(&self.board);
        board.tasks.push(task);
        self.hint(&board);
        self.changed.notify_one();
    }

    /// Ends the search: nobody gets a task any more.
    pub fn stop(&self) {
        lock(&self.board).over = true;
        self.changed.notify_all();
    }

    /// Whether nobody gets a task any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        lock(&self.board).over
    }

    /// Ends the search, because of something that has to be known from its beginning.
    pub fn surprise(&self) {
        self.surprised.store(true, Ordering::Relaxed);
        self.stop();
    }

    /// Whether it ended so.
    #[must_use]
    pub fn is_surprised(&self) -> bool {
        self.surprised.load(Ordering::Relaxed)
    }

    /// Counts an execution that is about to begin; how many others have.
    pub fn count(&self) -> u64 {
        self.executions.fetch_add(1, Ordering::Relaxed)
    }

    /// How many states are known.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.shards
            .iter()
            .map(|part| lock(part).states() as u64)
            .sum()
    }

    /// Bytes of the table.
    pub(super) fn memory(&self) -> usize {
        self.shards.iter().map(|part| lock(part).memory()).sum()
    }
}
