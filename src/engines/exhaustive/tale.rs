//! An execution of native steps, written down as it is shown.

use super::observer::Race;
use crate::engines::counterexample::CounterStep;
use crate::sync::announcing::ObjectKind;
use crate::sync::stepping::{Change, Condition, ObjectId, Op, Place, Shown, ThreadId};
use crate::sync::{Kind, Name, Property};

/// Names, and what was done.
#[derive(Debug, Default)]
pub(super) struct Tale {
    threads: Vec<Name>,
    objects: Vec<Option<(Shown, Name)>>,
    pub(super) steps: Vec<CounterStep>,
    /// The threads in the order in which they started.
    pub(super) started: Vec<ThreadId>,
    /// Also what threads do between their steps is told: accesses, fences, stays.
    whole: bool,
    /// Who holds which mutex.
    held: Vec<(ObjectId, ThreadId)>,
}

impl Tale {
    /// One that tells also what threads do between their steps.
    pub(super) fn whole() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

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
        let (word, object, value) = told(op, result);
        self.holds(thread, op, result);
        self.put(thread, word, object, value, place, self.whole);
    }

    /// What a thread does between two steps.
    pub(super) fn between(
        &mut self,
        thread: ThreadId,
        word: &'static str,
        object: Option<ObjectId>,
        place: Place,
    ) {
        if self.whole {
            self.put(thread, word, object, None, place, false);
        }
    }

    fn put(
        &mut self,
        thread: ThreadId,
        word: &'static str,
        object: Option<ObjectId>,
        value: Option<u64>,
        place: Place,
        gated: bool,
    ) {
        self.named_at_least(thread);
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
            gated,
        });
    }

    fn holds(&mut self, thread: ThreadId, op: Op, result: u64) {
        let (taken, given) = match op {
            Op::Take { object, .. } => (Some(object), None),
            Op::TryTake { object, .. } if result == 1 => (Some(object), None),
            Op::Reacquire { mutex, .. } => (Some(mutex), None),
            Op::Give { object, .. } => (None, Some(object)),
            Op::Wait { mutex, .. } => (None, Some(mutex)),
            _ => (None, None),
        };
        let is_mutex = |object: &ObjectId| {
            let known = self.objects.get(*object).copied().flatten();
            matches!(known, Some((Shown::Mutex, _)))
        };
        if let Some(object) = taken.filter(is_mutex) {
            self.held.push((object, thread));
        }
        if let Some(object) = given {
            self.held.retain(|(held, _)| *held != object);
        }
    }

    /// Who holds a mutex.
    pub(super) fn holder(&self, mutex: ObjectId) -> Option<ThreadId> {
        let held = self.held.iter().find(|(held, _)| *held == mutex);
        held.map(|(_, thread)| *thread)
    }

    /// The mutexes that a thread holds, as reports call them.
    pub(super) fn held_by(&self, thread: ThreadId) -> Vec<String> {
        let own = self.held.iter().filter(|(_, holder)| *holder == thread);
        own.map(|(object, _)| self.described(*object)).collect()
    }

    /// An object as reports call it.
    fn described(&self, object: ObjectId) -> String {
        match self.objects.get(object).copied().flatten() {
            Some((shown, name)) => format!("{} `{name}`", kind(shown).word()),
            None => format!("object {object}"),
        }
    }

    fn object(&self, object: ObjectId) -> String {
        let known = self.objects.get(object).copied().flatten();
        known.map_or_else(|| format!("object {object}"), |(_, name)| name.to_string())
    }

    /// What a blocked thread waits for, in words, and the mutex, if it is one.
    pub(super) fn waits_for(&self, op: Op, notified: bool) -> (String, Option<ObjectId>) {
        let units = |object: ObjectId, units: u32| match units {
            1 => self.described(object),
            units => format!("{units} units of {}", self.described(object)),
        };
        match op {
            Op::Take {
                object, units: n, ..
            } => (units(object, n), Some(object)),
            Op::TakeAll { object, .. } => (format!("units of {}", self.described(object)), None),
            Op::Granted { object } => (self.described(object), None),
            Op::Reacquire { mutex, .. } if notified => (self.described(mutex), Some(mutex)),
            Op::Reacquire { condvar, .. } => (
                format!("a notification of {}", self.described(condvar)),
                None,
            ),
            Op::Await(word, condition) => (
                format!("{} {}", self.described(word), to_be(condition)),
                None,
            ),
            Op::Park => ("being unparked".to_owned(), None),
            Op::Arrive(barrier) | Op::Depart(barrier) => {
                (format!("the others at {}", self.described(barrier)), None)
            }
            Op::Join(child) => (format!("the end of {}", self.name(child)), None),
            _ => ("its turn".to_owned(), None),
        }
    }

    /// That a thread enters a zone while others are inside.
    pub(super) fn enters(
        &self,
        thread: ThreadId,
        zone: ObjectId,
        property: Property,
        others: &[ThreadId],
    ) -> String {
        let names: Vec<String> = others.iter().map(|&other| self.thread(other)).collect();
        let (thread, zone, names) = (self.name(thread), self.object(zone), names.join(" and "));
        if property == Property::StageOrder {
            return format!(
                "{thread} begins a stage of {zone} while {names} has not ended another"
            );
        }
        let are = if others.len() == 1 { "is" } else { "are" };
        format!("{thread} enters {zone} while {names} {are} inside")
    }

    /// That an access races with an earlier one.
    pub(super) fn races(
        &self,
        thread: ThreadId,
        memory: ObjectId,
        write: bool,
        place: Place,
        race: Race,
    ) -> String {
        let verb = if write { "writes" } else { "reads" };
        format!(
            "{} {verb} {} at {place} while {}'s access at {} is not ordered before it",
            self.name(thread),
            self.object(memory),
            self.name(race.other),
            race.place,
        )
    }

    fn named_at_least(&mut self, thread: ThreadId) {
        if self.threads.len() <= thread {
            self.named(thread, "main".into());
        }
    }
}

fn to_be(condition: Condition) -> String {
    match condition {
        Condition::Is(value) => format!("to be {value}"),
        Condition::IsNot(value) => format!("to be anything but {value}"),
        Condition::Below(limit) => format!("to be below {limit}"),
        Condition::AtLeast(limit) => format!("to be {limit} or more"),
        Condition::SignedBelow(limit) => format!("to be below {limit}"),
        Condition::SignedAtLeast(limit) => format!("to be {limit} or more"),
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
