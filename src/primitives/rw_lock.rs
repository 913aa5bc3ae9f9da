//! The readers-writers lock (Courtois, Heymans, Parnas, "Concurrent control with readers and
//! writers", 1971): any number of readers or one writer.

use std::fmt;

use super::Gate;
use crate::sync::{Backend, Composite, Kind, Label, Name, SwaitOrder, UnitsApi};

/// A lock that many may hold to read and one alone to write; it protects no value of its own.
///
/// No order of service: whoever comes when it is free for it goes in, so readers that keep coming
/// can keep a writer out for ever. Everything before a release happens before everything after a
/// later taking that it excluded.
///
/// ```
/// use crosscheck::primitives::RwLock;
/// use crosscheck::sync::Os;
///
/// let lock = RwLock::<Os>::new("table");
/// let (one, two) = (lock.read(), lock.read());
/// drop((one, two));
/// let _alone = lock.write();
/// ```
pub struct RwLock<B: Backend> {
    label: Label<B>,
    build: Build<B>,
}

enum Build<B: Backend> {
    /// A reader takes one unit, the writer all. No more than this: on the os backend nothing of
    /// this variant may take space.
    Native(B::Units),
    Gate(Gate<B, Inside>),
}

/// All units of a native lock; more than there are threads.
const ALL: u32 = 1 << 20;

/// What a taking and a release are called in traces: a reader and the writer hold one lock.
const TAKE: Composite = Composite::Acquire(1);
const RELEASE: Composite = Composite::Release(1);

#[derive(Default)]
struct Inside {
    readers: usize,
    writer: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Reader,
    Writer,
}

impl Role {
    fn units(self) -> u32 {
        match self {
            Self::Reader => 1,
            Self::Writer => ALL,
        }
    }
}

impl Inside {
    fn enter(&mut self, role: Role) -> Option<()> {
        match role {
            Role::Reader if !self.writer => self.readers += 1,
            Role::Writer if !self.writer && self.readers == 0 => self.writer = true,
            Role::Reader | Role::Writer => return None,
        }
        Some(())
    }

    fn leave(&mut self, role: Role) {
        match role {
            Role::Reader => self.readers -= 1,
            Role::Writer => self.writer = false,
        }
    }
}

impl<B: Backend> RwLock<B> {
    /// A free lock.
    #[track_caller]
    pub fn new(name: impl Into<Name>) -> Self {
        let name = name.into();
        let label = Label::new(Kind::RwLock, name);
        let build = match B::Units::new(Kind::RwLock, name, &[ALL], SwaitOrder::Weak) {
            Some(units) => Build::Native(units),
            None => Build::Gate(Gate::new(name, Inside::default())),
        };
        Self { label, build }
    }

    /// Takes the lock beside other readers. Blocks while a writer holds it.
    #[track_caller]
    pub fn read(&self) -> RwGuard<'_, B> {
        self.take(Role::Reader)
    }

    /// Takes the lock alone. Blocks while anybody holds it.
    #[track_caller]
    pub fn write(&self) -> RwGuard<'_, B> {
        self.take(Role::Writer)
    }

    #[track_caller]
    fn take(&self, role: Role) -> RwGuard<'_, B> {
        self.label.begin(TAKE);
        match &self.build {
            Build::Native(units) => units.take(role.units(), role == Role::Reader),
            Build::Gate(gate) => gate.when(|inside| inside.enter(role)),
        }
        self.label.end(TAKE, true);
        RwGuard { lock: self, role }
    }

    fn release(&self, role: Role) {
        self.label.begin(RELEASE);
        match &self.build {
            Build::Native(units) => units.give(role.units(), role == Role::Reader),
            Build::Gate(gate) => gate.change(|inside| inside.leave(role)),
        }
        self.label.end(RELEASE, true);
    }
}

impl<B: Backend> fmt::Debug for RwLock<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

/// Proof that a [`RwLock`] is held, by a reader or the writer; released on drop.
#[must_use = "the lock is released at once if the guard is not kept"]
pub struct RwGuard<'a, B: Backend> {
    lock: &'a RwLock<B>,
    role: Role,
}

impl<B: Backend> Drop for RwGuard<'_, B> {
    fn drop(&mut self) {
        if !B::tearing_down() {
            self.lock.release(self.role);
        }
    }
}

impl<B: Backend> fmt::Debug for RwGuard<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwGuard")
            .field("role", &self.role)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::RwLock;
    use crate::primitives::Barrier;
    use crate::sync::{Os, Shared, run_threads};

    #[test]
    fn readers_are_inside_together() {
        let lock = RwLock::<Os>::new("lock");
        let inside = Barrier::<Os>::new("inside", 2);
        let reader = || {
            let _guard = lock.read();
            // Only two who are both inside pass.
            inside.arrive();
        };
        run_threads::<Os>(vec![
            ("reader 0".into(), Box::new(reader)),
            ("reader 1".into(), Box::new(reader)),
        ]);
        drop(lock.write());
    }

    #[test]
    fn a_writer_is_alone() {
        let lock = RwLock::<Os>::new("lock");
        // Panics when two accesses overlap of which one writes.
        let sum = Shared::<Os, usize>::new("sum", 0);
        let writer = || {
            for _ in 0..1000 {
                let _guard = lock.write();
                sum.with_mut(|sum| *sum += 1);
            }
        };
        let reader = || {
            for _ in 0..1000 {
                let _guard = lock.read();
                assert!(sum.get() <= 2000);
            }
        };
        run_threads::<Os>(vec![
            ("writer 0".into(), Box::new(writer)),
            ("writer 1".into(), Box::new(writer)),
            ("reader".into(), Box::new(reader)),
        ]);
        assert_eq!(sum.get(), 2000);
    }
}
