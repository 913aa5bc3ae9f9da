//! The gate: a conditional critical region (Hoare, "Towards a theory of parallel programming",
//! 1972) on one mutex and one condition variable.

use std::fmt;

use crate::sync::{Backend, Condvar, Mutex, Name};

/// State that threads change one at a time, and whose conditions they can wait for.
///
/// Every change wakes every waiter, which tests its condition again: simple and never a lost
/// wake-up, at the price of waking those who cannot go on. No order of service: whoever locks
/// first after a change is first.
///
/// ```
/// use crosscheck::primitives::Gate;
/// use crosscheck::sync::Os;
///
/// let open = Gate::<Os, bool>::new("door", false);
/// open.change(|open| *open = true);
/// open.when(|open| open.then_some(()));
/// ```
pub struct Gate<B: Backend, T: Send> {
    state: Mutex<B, Guarded<T>>,
    changed: Condvar<B>,
}

struct Guarded<T> {
    value: T,
    waiting: usize,
}

impl<B: Backend, T: Send> Gate<B, T> {
    /// A gate around `value`.
    #[track_caller]
    pub fn new(name: impl Into<Name>, value: T) -> Self {
        let name = name.into();
        Self {
            state: Mutex::new(name, Guarded { value, waiting: 0 }),
            changed: Condvar::new(name),
        }
    }

    /// Runs `step` on the state as soon as it returns something, and returns that. Blocks.
    ///
    /// `step` changes nothing that others wait for when it returns `None`: nobody is woken then.
    /// What it changes otherwise is a change like those of [`Gate::change`].
    #[track_caller]
    pub fn when<R>(&self, mut step: impl FnMut(&mut T) -> Option<R>) -> R {
        let mut state = self.state.lock();
        loop {
            if let Some(result) = step(&mut state.value) {
                self.tell(state.waiting);
                return result;
            }
            state.waiting += 1;
            state = self.changed.wait(state);
            state.waiting -= 1;
        }
    }

    /// Runs `step` on the state at once and wakes every waiter.
    #[track_caller]
    pub fn change<R>(&self, step: impl FnOnce(&mut T) -> R) -> R {
        let mut state = self.state.lock();
        let result = step(&mut state.value);
        self.tell(state.waiting);
        result
    }

    /// Looks at the state without changing it.
    #[track_caller]
    pub fn look<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.state.lock().value)
    }

    #[track_caller]
    fn tell(&self, waiting: usize) {
        if waiting > 0 {
            self.changed.notify_all();
        }
    }
}

impl<B: Backend, T: Send> fmt::Debug for Gate<B, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
