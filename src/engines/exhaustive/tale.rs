//! An execution of native steps, written down as it is shown.

use crate::engines::counterexample::CounterStep;
use crate::sync::announcing::ObjectKind;
use crate::sync::stepping::{Change, ObjectId, Op, Place, Shown, ThreadId};
use crate::sync::{Kind, Name};

/// Names, and what was done.
#[derive(Debug, Default)]
pub(super) struct Tale {
    threads: Vec<Name>,
    objects: Vec<Option<(Shown, Name)>>,
    pub(super) steps: Vec<CounterStep>,
    /// The threads in the order in which they started.
    pub(super) started: Vec<ThreadId>,
}

impl Tale {
    pub(super) fn named(&mut self, thread: ThreadId, name: Name) {
        if self.threads.len() <= thread {
            self.threads.resize(thread + 1, "main".into());
        }
        self.threads[thread] = name;
    }

    pub(super) fn made(&mut self, object: ObjectId, shown: Shown, name: Name) {
        if self.objects.len() <= object {
            self.objects.resize(object + 1, None);
        }
        self.objects[object] = Some((shown, name));
    }

    /// The same with the threads numbered as they started.
    pub(super) fn renumbered(mut self) -> Self {
        let threads = self.started.iter().map(|&thread| self.name(thread));
        self.threads = threads.collect();
        for step in &mut self.steps {
            let started = |&thread: &ThreadId| thread == step.thread;
            if let Some(number) = self.started.iter().position(started) {
                step.thread = number;
            }
        }
        self.started = (0..self.started.len()).collect();
        self
    }

    fn name(&self, thread: ThreadId) -> Name {
        let name = self.threads.get(thread).copied();
        name.unwrap_or_else(|| "main".into())
    }

    /// The threads by their names.
    pub(super) fn threads(&self) -> Vec<String> {
        self.threads.iter().map(Name::to_string).collect()
    }

    /// A thread's name.
    pub(super) fn thread(&self, thread: ThreadId) -> String {
        self.name(thread).to_string()
    }

    pub(super) fn step(&mut self, thread: ThreadId, op: Op, place: Place, result: u64) {
        self.named_at_least(thread);
        let (word, object, value) = told(op, result);
        let known = object.and_then(|object| *self.objects.get(object)?);
        let mutex = matches!(known, Some((Shown::Mutex, _)));
        let operation = shown(word, mutex);
        self.steps.push(CounterStep {
            thread,
            operation: operation.to_owned(),
            object: known.map_or_else(String::new, |(_, name)| name.to_string()),
            kind: known.map_or_else(String::new, |(shown, _)| kind(shown).word().to_owned()),
            value,
            location: place.to_string(),
            depth: 0,
            gated: false,
        });
    }

    fn named_at_least(&mut self, thread: ThreadId) {
        if self.threads.len() <= thread {
            self.named(thread, "main".into());
        }
    }
}

/// An operation's word and its object, before it has happened; `is_mutex` says whether an object is
/// a mutex.
pub(super) fn announced(
    op: Op,
    is_mutex: impl FnOnce(ObjectId) -> bool,
) -> (&'static str, Option<ObjectId>) {
    let (word, object, _) = told(op, 0);
    (shown(word, object.is_some_and(is_mutex)), object)
}

/// The word of an operation on a mutex, or on something else.
fn shown(word: &'static str, mutex: bool) -> &'static str {
    match word {
        "request" | "granted" if mutex => "lock",
        "try-request" if mutex => "try-lock",
        "release" if mutex => "unlock",
        // It never waits: what it got is part of the step.
        "try-request" => "granted",
        word => word,
    }
}

fn kind(shown: Shown) -> ObjectKind {
    match shown {
        Shown::Mutex => ObjectKind::Mutex,
        Shown::Condvar => ObjectKind::Condvar,
        Shown::Atomic => ObjectKind::Atomic,
        Shown::Cell => ObjectKind::Cell,
        Shown::Barrier => ObjectKind::Composite(Kind::Barrier),
        Shown::RwLock => ObjectKind::Composite(Kind::RwLock),
        Shown::Composite(kind) => ObjectKind::Composite(kind),
    }
}

/// An operation's word, its object, and the value that is told of it.
fn told(op: Op, result: u64) -> (&'static str, Option<ObjectId>, Option<u64>) {
    match op {
        Op::Take { object, .. } | Op::TakeAll { object, .. } => ("request", Some(object), None),
        Op::Granted { object } => ("granted", Some(object), None),
        Op::TryTake { object, .. } => ("try-request", Some(object), Some(result)),
        Op::Give { object, .. } | Op::GiveAll { object, .. } => ("release", Some(object), None),
        Op::Look(object) => ("look", Some(object), None),
        Op::Wait { condvar, .. } => ("wait", Some(condvar), None),
        Op::Reacquire { condvar, .. } => ("wake", Some(condvar), None),
        Op::Notify { condvar, all: true } => ("notify-all", Some(condvar), Some(result)),
        Op::Notify { condvar, .. } => ("notify-one", Some(condvar), Some(result)),
        Op::Load(word) | Op::Await(word, _) => ("load", Some(word), Some(result)),
        Op::Store(word, value) => ("store", Some(word), Some(value)),
        Op::Modify(word, Change::Exchange(current, _)) if current != result => {
            ("failed-exchange", Some(word), Some(result))
        }
        Op::Modify(word, _) => ("rmw", Some(word), Some(result)),
        Op::Read(memory) => ("read", Some(memory), None),
        Op::Write(memory) => ("write", Some(memory), None),
        Op::Enter(zone) => ("enter", Some(zone), None),
        Op::Leave(zone) => ("leave", Some(zone), None),
        Op::Park => ("park", None, None),
        Op::Unpark(_) => ("unpark", None, None),
        Op::Arrive(barrier) | Op::Depart(barrier) => ("request", Some(barrier), None),
        Op::Choose(_) => ("choose", None, Some(result)),
        Op::Yield => ("yield", None, None),
        Op::Join(_) => ("join", None, None),
    }
}
