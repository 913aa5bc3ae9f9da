//! Data races against their definition: random programs of plain memory, atomics and fences of every
//! order, over the engines and over happens-before as it is written down in the memory model.

use std::sync::Arc;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Word, check};
use crosscheck::scenario::{Instance, Program, Property, Scenario};
use crosscheck::sync::{AtomicUsize, Backend, Semantics, Shared, fence, scope};
use proptest::prelude::*;

/// What a thread does.
#[derive(Clone, Copy, Debug)]
enum Do {
    /// Writes the plain memory.
    Write,
    /// Reads it.
    Read,
    /// Reads it if the last value that was read is not 0.
    ReadIf,
    Load(usize, Ordering),
    Store(usize, Ordering),
    /// Adds 1.
    Add(usize, Ordering),
    /// From 0 to 1: the order of success, and of failure.
    Exchange(usize, Ordering, Ordering),
    Fence(Ordering),
}

const WORDS: usize = 2;

/// Threads that do so, beside a main thread that waits for them.
#[derive(Clone, Debug)]
struct Lines(Vec<Vec<Do>>);

impl Scenario for Lines {
    fn name(&self) -> &'static str {
        "random/lines"
    }

    fn properties(&self) -> Vec<Property> {
        vec![Property::DataRaceFreedom]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let memory = Shared::<B, u32>::new("memory", 0);
        let words: Vec<_> = (0..WORDS)
            .map(|word| AtomicUsize::<B>::new(("word", word), 0))
            .collect();
        let (memory, words) = (&memory, &words);
        scope::<B, _>(|scope| {
            for (number, line) in self.0.iter().enumerate() {
                scope.spawn(("thread", number), move || {
                    let mut last = 0;
                    for step in line {
                        match *step {
                            Do::Write => memory.set(1),
                            Do::ReadIf if last == 0 => {}
                            Do::Read | Do::ReadIf => {
                                let _ = memory.get();
                            }
                            Do::Load(word, order) => last = words[word].load(order),
                            Do::Store(word, order) => words[word].store(1, order),
                            Do::Add(word, order) => last = words[word].fetch_add(1, order),
                            Do::Exchange(word, success, failure) => {
                                let found = words[word].compare_exchange(0, 1, success, failure);
                                last = found.unwrap_or_else(|found| found);
                            }
                            Do::Fence(order) => fence::<B>(order),
                        }
                    }
                });
            }
        });
    }
}

/// What happened in one interleaving.
#[derive(Clone, Copy, Debug)]
struct Event {
    thread: usize,
    what: Do,
    /// The event whose value an atomic read has found; none: the first value.
    from: Option<usize>,
    /// The order that took effect, and whether it reads and writes its word.
    order: Ordering,
    reads: bool,
    writes: bool,
}

fn releases(order: Ordering) -> bool {
    matches!(order, Release | AcqRel | SeqCst)
}

fn acquires(order: Ordering) -> bool {
    matches!(order, Acquire | AcqRel | SeqCst)
}

impl Lines {
    /// Whether two accesses to the plain memory, one of them a write, are unordered in the
    /// happens-before of some interleaving of all that the threads do, fences included.
    fn has_race(&self) -> bool {
        let state = State {
            at: vec![0; self.0.len()],
            last: vec![0; self.0.len()],
            values: [(0, None); WORDS],
            events: Vec::new(),
        };
        self.races_from(&state)
    }

    fn races_from(&self, state: &State) -> bool {
        let mut ended = true;
        for (thread, line) in self.0.iter().enumerate() {
            if let Some(&what) = line.get(state.at[thread]) {
                ended = false;
                let mut next = state.clone();
                next.happens(thread, what);
                if self.races_from(&next) {
                    return true;
                }
            }
        }
        ended && is_race(&state.events)
    }
}

#[derive(Clone, Debug)]
struct State {
    at: Vec<usize>,
    last: Vec<usize>,
    /// Of each word the value, and who wrote it.
    values: [(usize, Option<usize>); WORDS],
    events: Vec<Event>,
}

impl State {
    fn happens(&mut self, thread: usize, what: Do) {
        self.at[thread] += 1;
        let now = self.events.len();
        let mut event = Event {
            thread,
            what,
            from: None,
            order: Relaxed,
            reads: false,
            writes: false,
        };
        match what {
            Do::ReadIf if self.last[thread] == 0 => return,
            Do::Write | Do::Read | Do::ReadIf => {}
            Do::Fence(order) => event.order = order,
            Do::Load(word, order) => {
                (event.order, event.reads) = (order, true);
                (self.last[thread], event.from) = self.values[word];
            }
            Do::Store(word, order) => {
                (event.order, event.writes) = (order, true);
                self.values[word] = (1, Some(now));
            }
            Do::Add(word, order) => {
                (event.order, event.reads, event.writes) = (order, true, true);
                (self.last[thread], event.from) = self.values[word];
                self.values[word] = (self.last[thread] + 1, Some(now));
            }
            Do::Exchange(word, success, failure) => {
                (self.last[thread], event.from) = self.values[word];
                event.reads = true;
                event.writes = self.last[thread] == 0;
                event.order = if event.writes { success } else { failure };
                if event.writes {
                    self.values[word] = (1, Some(now));
                }
            }
        }
        self.events.push(event);
    }
}

/// Happens-before by its definition: the order of each thread and what synchronises, transitively.
fn is_race(events: &[Event]) -> bool {
    let count = events.len();
    let mut before = vec![vec![false; count]; count];
    for later in 0..count {
        for earlier in 0..later {
            before[earlier][later] = events[earlier].thread == events[later].thread;
        }
    }
    for (read, reader) in events.iter().enumerate().filter(|(_, event)| event.reads) {
        // The writes whose release sequences the value is of: the one that was read, and as long as
        // that is a read-modify-write the one that it read.
        let mut from = reader.from;
        while let Some(write) = from {
            let writer = events[write];
            for release in 0..=write {
                let is_release = release == write && releases(writer.order)
                    || is_fence(events[release], releases)
                        && events[release].thread == writer.thread;
                for acquire in read..count {
                    let is_acquire = acquire == read && acquires(reader.order)
                        || is_fence(events[acquire], acquires)
                            && events[acquire].thread == reader.thread;
                    before[release][acquire] |= is_release && is_acquire;
                }
            }
            from = writer.from.filter(|_| writer.reads);
        }
    }
    for middle in 0..count {
        for earlier in 0..count {
            for later in 0..count {
                before[earlier][later] |= before[earlier][middle] && before[middle][later];
            }
        }
    }
    let accesses = |event: &Event| matches!(event.what, Do::Write | Do::Read | Do::ReadIf);
    let writes = |event: &Event| matches!(event.what, Do::Write);
    (0..count).any(|later| {
        (0..later).any(|earlier| {
            let (one, other) = (&events[earlier], &events[later]);
            one.thread != other.thread
                && accesses(one)
                && accesses(other)
                && (writes(one) || writes(other))
                && !before[earlier][later]
        })
    })
}

fn is_fence(event: Event, of: fn(Ordering) -> bool) -> bool {
    matches!(event.what, Do::Fence(order) if of(order))
}

fn lines() -> impl Strategy<Value = Lines> {
    let word = 0..WORDS;
    let loads = prop::sample::select(vec![Relaxed, Acquire, SeqCst]);
    let stores = prop::sample::select(vec![Relaxed, Release, SeqCst]);
    let both = prop::sample::select(vec![Relaxed, Acquire, Release, AcqRel, SeqCst]);
    let fences = prop::sample::select(vec![Acquire, Release, AcqRel, SeqCst, SeqCst]);
    let step = prop_oneof![
        2 => Just(Do::Write),
        1 => Just(Do::Read),
        2 => Just(Do::ReadIf),
        3 => (word.clone(), loads.clone()).prop_map(|(word, order)| Do::Load(word, order)),
        3 => (word.clone(), stores).prop_map(|(word, order)| Do::Store(word, order)),
        1 => (word.clone(), both.clone()).prop_map(|(word, order)| Do::Add(word, order)),
        1 => (word, both, loads).prop_map(|(word, success, failure)| {
            Do::Exchange(word, success, failure)
        }),
        3 => fences.prop_map(Do::Fence),
    ];
    let of = |threads, steps| {
        let line = prop::collection::vec(step.clone(), 1..=steps);
        prop::collection::vec(line, threads).prop_map(Lines)
    };
    prop_oneof![3 => of(2, 5), 1 => of(3, 3)]
}

fn word(program: &Program, engine: EngineId, mode: SearchMode) -> Word {
    let limits = Limits {
        mode,
        ..Limits::PROOF
    };
    let row = check(&Job {
        program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: [Property::DataRaceFreedom].into(),
        engine,
        limits: &limits,
    })
    .remove(0);
    row.verdict.word()
}

/// The engines say what happens-before says; a search over states may say that it cannot tell.
fn agree(lines: Lines) -> Result<(), TestCaseError> {
    let races = lines.has_race();
    let truth = if races { Word::Refuted } else { Word::Proved };
    let shown = format!("{lines:?}");
    let program: Program = Arc::new(lines);
    for mode in [SearchMode::Traces, SearchMode::Source] {
        let found = word(&program, EngineId::Exhaustive, mode);
        prop_assert_eq!(found, truth, "{}: {}", mode, shown);
    }
    let found = word(&program, EngineId::ShuttleDfs, SearchMode::Auto);
    prop_assert_eq!(found, truth, "shuttle-dfs: {}", shown);
    let found = word(&program, EngineId::Exhaustive, SearchMode::States);
    prop_assert!(
        found == truth || found == Word::Bounded,
        "states: {} instead of {}: {}",
        found,
        truth,
        shown
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_race_is_what_happens_before_does_not_order(lines in lines()) {
        agree(lines)?;
    }
}

/// In happens-before a sequentially consistent fence acquires and releases, and no more: without an
/// atomic that is read between two of them they order nothing, in whatever order silent steps run.
#[test]
fn fences_order_nothing_by_themselves() {
    let beside = [
        vec![Do::Write, Do::Fence(SeqCst), Do::Store(0, Relaxed)],
        vec![Do::Load(0, Relaxed), Do::Fence(SeqCst), Do::Read],
    ];
    let alone = [
        vec![Do::Write, Do::Fence(SeqCst)],
        vec![Do::Fence(SeqCst), Do::Read],
    ];
    for lines in [beside, alone] {
        let lines = Lines(lines.to_vec());
        assert!(lines.has_race());
        agree(lines).unwrap();
    }
}

/// What is read between two fences orders them, also in a search that runs few executions.
#[test]
fn fences_order_what_is_read_between_them() {
    for (release, acquire) in [(SeqCst, SeqCst), (Release, Acquire), (AcqRel, SeqCst)] {
        let lines = Lines(vec![
            vec![Do::Write, Do::Fence(release), Do::Store(0, Relaxed)],
            vec![Do::Load(0, Relaxed), Do::Fence(acquire), Do::ReadIf],
        ]);
        assert!(!lines.has_race());
        agree(lines).unwrap();
    }
}
