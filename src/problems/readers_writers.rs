//! Readers and writers (Courtois, Heymans, Parnas, CACM 14(10), 1971): readers share, a writer is
//! alone.
//!
//! Each reader reads and each writer writes `rounds` times. Readers may be inside together, and a
//! writer keeps everybody else out. The rules differ in who goes first when both wait, and so in
//! who can be kept waiting for ever.
//!
//! The invariant: a writer is alone, it can happen that two readers are inside together, and where
//! writers are preferred no reader comes in while one waits. In the wrong variant readers change the
//! number of readers without protection, so that two of them take themselves for the first.

use std::sync::Arc;

use super::{INFINITE, Problem, Variant, team, weak};
use crate::primitives::{Semaphore, SemaphoreSet};
use crate::scenario::specifications::{Hold, Sharing};
use crate::scenario::{
    Gathering, History, Instance, Memory, Parallelism, Parameter, Property, Scenario, Truth, Zone,
};
use crate::sync::{Attempt, Backend, Semantics, Shared, SwaitOrder, rounds, run_threads};

/// Two readers are inside at once.
const TOGETHER: &str = "two readers together";

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    use Memory::SequentiallyConsistent;
    use Property::{
        BoundedBypass, DataRaceFreedom, DeadlockFreedom, Linearizability, MutualExclusion,
        Reachability, StarvationFreedom,
    };
    Problem {
        id: "readers-writers",
        summary: "readers share what a writer has alone",
        variants: vec![
            Variant {
                program: Arc::new(ReadersWriters {
                    name: "readers-writers/fair",
                    rule: Rule::Fair,
                }),
                summary: "everybody passes a turnstile in the order of arrival",
                truth: Truth {
                    failures: &[
                        (BoundedBypass, SequentiallyConsistent, |_, _| true),
                        (Reachability, SequentiallyConsistent, alone),
                        (StarvationFreedom, SequentiallyConsistent, weak),
                    ],
                },
            },
            Variant {
                program: Arc::new(ReadersWriters {
                    name: "readers-writers/reader-preference",
                    rule: Rule::ReaderPreference,
                }),
                summary: "the first reader locks writers out, the last one lets them in",
                truth: Truth {
                    failures: &[
                        (BoundedBypass, SequentiallyConsistent, |_, _| true),
                        (Reachability, SequentiallyConsistent, alone),
                        (
                            StarvationFreedom,
                            SequentiallyConsistent,
                            |instance, semantics| {
                                weak(instance, semantics) || instance.number("readers") >= 2
                            },
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(ReadersWriters {
                    name: "readers-writers/writer-preference",
                    rule: Rule::WriterPreference,
                }),
                summary: "a writer that waits holds back new readers",
                truth: Truth {
                    failures: &[
                        (BoundedBypass, SequentiallyConsistent, |_, _| true),
                        (Reachability, SequentiallyConsistent, alone),
                        (
                            StarvationFreedom,
                            SequentiallyConsistent,
                            |instance, semantics| {
                                weak(instance, semantics) || instance.number("writers") >= 2
                            },
                        ),
                    ],
                },
            },
            Variant {
                program: Arc::new(ReadersWriters {
                    name: "readers-writers/bounded-readers",
                    rule: Rule::BoundedReaders,
                }),
                summary: "a general set: a writer needs all units that readers may take",
                truth: Truth {
                    failures: &[
                        (
                            Reachability,
                            SequentiallyConsistent,
                            |instance, semantics| {
                                alone(instance, semantics) || instance.number("limit") < 2
                            },
                        ),
                        (StarvationFreedom, SequentiallyConsistent, readers_in_turn),
                        (BoundedBypass, SequentiallyConsistent, readers_in_turn),
                    ],
                },
            },
            Variant {
                program: Arc::new(ReadersWriters {
                    name: "readers-writers/unguarded-count",
                    rule: Rule::UnguardedCount,
                }),
                summary: "readers count themselves without a mutex",
                truth: Truth {
                    failures: &[
                        (DataRaceFreedom, SequentiallyConsistent, |i, s| !alone(i, s)),
                        (MutualExclusion, SequentiallyConsistent, |i, s| !alone(i, s)),
                        (DeadlockFreedom, SequentiallyConsistent, |i, s| !alone(i, s)),
                        (Linearizability, SequentiallyConsistent, |i, s| !alone(i, s)),
                        (Reachability, SequentiallyConsistent, alone),
                    ],
                },
            },
        ],
    }
}

/// There is one reader only.
fn alone(instance: &Instance, _: &Semantics) -> bool {
    instance.number("readers") < 2
}

/// Readers can be inside in turn, never all out, while a writer waits; or anyone can come first.
fn readers_in_turn(instance: &Instance, semantics: &Semantics) -> bool {
    match semantics.swait {
        SwaitOrder::Weak => true,
        SwaitOrder::Scan => instance.number("readers") >= 2 && instance.number("limit") >= 2,
        SwaitOrder::Strict => false,
    }
}

/// Readers `*(enter; read; leave)`, writers `*(enter; write; leave)`.
struct ReadersWriters {
    name: &'static str,
    rule: Rule,
}

/// Who may enter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The first reader takes `wmutex`, the last one returns it.
    ReaderPreference,
    /// The same without `rmutex` around the counting.
    UnguardedCount,
    /// The second problem of Courtois, Heymans and Parnas.
    WriterPreference,
    /// The first rule behind a turnstile.
    Fair,
    /// Readers `Swait(L,1,1; W,1,0)`, writers `Swait(W,1,1; L,R,0)`.
    BoundedReaders,
}

impl Scenario for ReadersWriters {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![
            Parameter::number("readers", "readers", 2, (1, 32)),
            Parameter::number("writers", "writers", 1, (1, 32)),
            Parameter::number("rounds", "visits of each", 1, (1, 1000)),
        ];
        if self.rule == Rule::BoundedReaders {
            let help = "readers that may be inside together, R";
            parameters.push(Parameter::number("limit", help, 2, (1, 32)));
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::DataRaceFreedom,
            Property::Reachability,
        ]
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability, Property::MaximalParallelism]
    }

    fn liveness(&self) -> Vec<Property> {
        if self.rule == Rule::UnguardedCount {
            return Vec::new();
        }
        INFINITE.to_vec()
    }

    fn marks(&self) -> Vec<&'static str> {
        vec![TOGETHER]
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let mut file = File::<B>::new(instance);
        if self.rule == Rule::BoundedReaders {
            let limit = instance.number("limit");
            file.seats = Some(Zone::admitting("reading", limit));
        }
        match self.rule {
            Rule::ReaderPreference => visits(&file, &ByCount::new(true)),
            Rule::UnguardedCount => visits(&file, &ByCount::new(false)),
            Rule::WriterPreference => visits(&file, &ByTwoCounts::new(&file)),
            Rule::Fair => visits(&file, &ByTurnstile::new()),
            Rule::BoundedReaders => visits(&file, &BySet::new(instance.number("limit"))),
        }
    }
}

/// What is read and written, and who is at it.
struct File<B: Backend> {
    readers: usize,
    writers: usize,
    rounds: usize,
    text: Shared<B, bool>,
    /// One for each reader: it has its own to itself, and a writer has all of them.
    views: Vec<Zone<B>>,
    readers_inside: Gathering<B>,
    /// For no more readers than this, where the rule says so.
    seats: Option<Zone<B>>,
    /// Whoever reads or writes.
    inside: Parallelism<B>,
}

impl<B: Backend> File<B> {
    fn new(instance: &Instance) -> Self {
        let readers = instance.number("readers");
        Self {
            readers,
            writers: instance.number("writers"),
            rounds: instance.number("rounds"),
            text: Shared::new("text", false),
            views: (0..readers).map(|i| Zone::exclusive(("view", i))).collect(),
            readers_inside: Gathering::new("readers inside", 2, TOGETHER),
            seats: None,
            inside: Parallelism::new("inside"),
        }
    }

    fn read(&self, reader: usize) {
        self.inside.during(|| self.view(reader));
    }

    fn view(&self, reader: usize) {
        let view = self.views[reader].enter();
        let seat = self.seats.as_ref().map(Zone::enter);
        self.readers_inside.attend(|| self.text.get());
        drop(seat);
        drop(view);
    }

    fn write(&self) {
        self.inside.during(|| {
            let views: Vec<_> = self.views.iter().map(Zone::enter).collect();
            // Always the same, so that a state can come again.
            self.text.set(true);
            drop(views);
        });
    }
}

/// How one enters and leaves.
trait Protocol<B: Backend>: Sync {
    fn begin_reading(&self, reader: usize);
    fn end_reading(&self);
    fn begin_writing(&self, writer: usize);
    fn end_writing(&self);
}

fn visits<B: Backend>(file: &File<B>, protocol: &dyn Protocol<B>) {
    let history = History::<B, _>::new("file", Sharing);
    let reader = |i: usize| {
        for _ in rounds::<B>(file.rounds, &()) {
            let attempt = Attempt::<B>::begin();
            history.record(Hold::Read, || protocol.begin_reading(i));
            attempt.served();
            file.read(i);
            history.record(Hold::EndRead, || protocol.end_reading());
        }
    };
    let writer = |i: usize| {
        for _ in rounds::<B>(file.rounds, &()) {
            let attempt = Attempt::<B>::begin();
            history.record(Hold::Write, || protocol.begin_writing(i));
            attempt.served();
            file.write();
            history.record(Hold::EndWrite, || protocol.end_writing());
        }
    };
    let mut threads = team("reader", file.readers, &reader);
    threads.extend(team("writer", file.writers, &writer));
    run_threads::<B>(threads);
}

/// A number of threads, the first and the last of which stand for all: they take and return `whole`.
struct Counted<B: Backend> {
    mutex: Option<Semaphore<B>>,
    count: Shared<B, isize>,
}

impl<B: Backend> Counted<B> {
    fn new(mutex: &'static str, count: &'static str) -> Self {
        Self {
            mutex: Some(Semaphore::new(mutex, 1)),
            count: Shared::new(count, 0),
        }
    }

    fn enter(&self, whole: &Semaphore<B>) {
        let inside = self.mutex.as_ref().map(Semaphore::acquire);
        let count = self.count.get() + 1;
        self.count.set(count);
        if count == 1 {
            whole.p();
        }
        drop(inside);
    }

    fn leave(&self, whole: &Semaphore<B>) {
        let inside = self.mutex.as_ref().map(Semaphore::acquire);
        let count = self.count.get() - 1;
        self.count.set(count);
        if count == 0 {
            whole.v();
        }
        drop(inside);
    }
}

/// Reader preference.
struct ByCount<B: Backend> {
    readers: Counted<B>,
    wmutex: Semaphore<B>,
}

impl<B: Backend> ByCount<B> {
    fn new(guarded: bool) -> Self {
        let mut readers = Counted::new("rmutex", "count");
        if !guarded {
            readers.mutex = None;
        }
        Self {
            readers,
            wmutex: Semaphore::new("wmutex", 1),
        }
    }
}

impl<B: Backend> Protocol<B> for ByCount<B> {
    fn begin_reading(&self, _: usize) {
        self.readers.enter(&self.wmutex);
    }

    fn end_reading(&self) {
        self.readers.leave(&self.wmutex);
    }

    fn begin_writing(&self, _: usize) {
        self.wmutex.p();
    }

    fn end_writing(&self) {
        self.wmutex.v();
    }
}

/// Writer preference; the names are the paper's.
struct ByTwoCounts<B: Backend> {
    /// `readcount` under `mutex1`.
    readers: Counted<B>,
    /// `writecount` under `mutex2`.
    writers: Counted<B>,
    /// One reader at a time comes to `r`, so that a writer finds no others in its queue.
    mutex3: Semaphore<B>,
    w: Semaphore<B>,
    r: Semaphore<B>,
    /// What preference means: while a writer waits no reader comes in. One for each reader and each
    /// writer, for several writers may wait.
    doorways: Vec<Vec<Zone<B>>>,
}

impl<B: Backend> ByTwoCounts<B> {
    fn new(file: &File<B>) -> Self {
        let doorways =
            |reader| (0..file.writers).map(move |_| Zone::exclusive(("doorway", reader)));
        Self {
            readers: Counted::new("mutex1", "readcount"),
            writers: Counted::new("mutex2", "writecount"),
            mutex3: Semaphore::new("mutex3", 1),
            w: Semaphore::new("w", 1),
            r: Semaphore::new("r", 1),
            doorways: (0..file.readers)
                .map(|reader| doorways(reader).collect())
                .collect(),
        }
    }
}

impl<B: Backend> Protocol<B> for ByTwoCounts<B> {
    fn begin_reading(&self, reader: usize) {
        self.mutex3.p();
        self.r.p();
        let comes_in: Vec<_> = self.doorways[reader].iter().map(Zone::enter).collect();
        self.readers.enter(&self.w);
        drop(comes_in);
        self.r.v();
        self.mutex3.v();
    }

    fn end_reading(&self) {
        self.readers.leave(&self.w);
    }

    fn begin_writing(&self, writer: usize) {
        self.writers.enter(&self.r);
        let waits: Vec<_> = self
            .doorways
            .iter()
            .map(|of_reader| of_reader[writer].enter())
            .collect();
        self.w.p();
        drop(waits);
    }

    fn end_writing(&self) {
        self.w.v();
        self.writers.leave(&self.r);
    }
}

/// Arrival order.
struct ByTurnstile<B: Backend> {
    turnstile: Semaphore<B>,
    inner: ByCount<B>,
}

impl<B: Backend> ByTurnstile<B> {
    fn new() -> Self {
        Self {
            turnstile: Semaphore::new("turnstile", 1),
            inner: ByCount::new(true),
        }
    }
}

impl<B: Backend> Protocol<B> for ByTurnstile<B> {
    fn begin_reading(&self, reader: usize) {
        self.turnstile.p();
        self.turnstile.v();
        self.inner.begin_reading(reader);
    }

    fn end_reading(&self) {
        self.inner.end_reading();
    }

    fn begin_writing(&self, writer: usize) {
        self.turnstile.p();
        self.inner.begin_writing(writer);
    }

    fn end_writing(&self) {
        self.turnstile.v();
        self.inner.end_writing();
    }
}

/// The general set; never more than R readers.
struct BySet<B: Backend> {
    limit: usize,
    set: SemaphoreSet<B>,
}

/// Members of the set.
const L: usize = 0;
const W: usize = 1;

impl<B: Backend> BySet<B> {
    fn new(limit: usize) -> Self {
        Self {
            limit,
            set: SemaphoreSet::new("set", &[limit, 1]),
        }
    }
}

impl<B: Backend> Protocol<B> for BySet<B> {
    fn begin_reading(&self, _: usize) {
        self.set.swait_general(&[(L, 1, 1), (W, 1, 0)]);
    }

    fn end_reading(&self) {
        self.set.ssignal_general(&[(L, 1)]);
    }

    fn begin_writing(&self, _: usize) {
        self.set.swait_general(&[(W, 1, 1), (L, self.limit, 0)]);
    }

    fn end_writing(&self) {
        self.set.ssignal_general(&[(W, 1)]);
    }
}
