//! What comes before a start and after a join is ordered, in every mode; what is not is a race.

use std::sync::Arc;

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, Row, Word, check};
use crosscheck::primitives::Semaphore;
use crosscheck::scenario::{Instance, Program, Property, Scenario, Zone};
use crosscheck::sync::{Backend, Mutex, Semantics, Shared, choose, scope};
use proptest::prelude::*;

const CELLS: usize = 2;

/// What a thread does, in this order.
#[derive(Clone, Debug)]
enum Act {
    Read(usize),
    Write(usize),
    /// Enters the zone and leaves it.
    Visit,
    /// Writes under the lock.
    Locked(usize),
    /// Enters the zone under the lock.
    Guarded,
    /// Writes between a P and a V of a semaphore that has one unit at the beginning.
    Gated(usize),
    /// Gives that semaphore a unit more.
    Open,
    /// Leaves a unit, or takes one.
    Give,
    Take,
    /// A scope: what its threads do, and what the thread itself does after each start, before it
    /// joins them.
    Scope(Vec<(Acts, Acts)>),
}

type Acts = Vec<Act>;

/// A program of acts.
#[derive(Clone, Debug)]
struct Tree {
    acts: Acts,
    targets: Vec<Property>,
    /// How many ways there are to end, all the same: they make the search long enough for most of its
    /// executions to be played.
    ends: usize,
}

struct Objects<B: Backend> {
    cells: [Shared<B, usize>; CELLS],
    zone: Zone<B>,
    lock: Mutex<B, ()>,
    signal: Semaphore<B>,
    gate: Semaphore<B>,
}

impl<B: Backend> Objects<B> {
    fn run(&self, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Read(cell) => {
                    self.cells[*cell].get();
                }
                Act::Write(cell) => self.cells[*cell].with_mut(|value| *value += 1),
                Act::Visit => drop(self.zone.enter()),
                Act::Locked(cell) => {
                    let _held = self.lock.lock();
                    self.cells[*cell].with_mut(|value| *value += 1);
                }
                Act::Guarded => {
                    let _held = self.lock.lock();
                    drop(self.zone.enter());
                }
                Act::Gated(cell) => {
                    self.gate.p();
                    self.cells[*cell].with_mut(|value| *value += 1);
                    self.gate.v();
                }
                Act::Open => self.gate.v(),
                Act::Give => self.signal.v(),
                Act::Take => self.signal.p(),
                Act::Scope(threads) => scope::<B, _>(|scope| {
                    for (i, (theirs, mine)) in threads.iter().enumerate() {
                        scope.spawn(("thread", i), move || self.run(theirs));
                        self.run(mine);
                    }
                }),
            }
        }
    }
}

impl Scenario for Tree {
    const CLOSED: bool = true;

    fn name(&self) -> &'static str {
        "starts/tree"
    }

    fn properties(&self) -> Vec<Property> {
        self.targets.clone()
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let objects = Objects::<B> {
            cells: [0, 1].map(|i| Shared::new(("cell", i), 0)),
            zone: Zone::exclusive("zone"),
            lock: Mutex::new("lock", ()),
            signal: Semaphore::new("signal", 0),
            gate: Semaphore::new("gate", 1),
        };
        objects.run(&self.acts);
        if self.ends > 1 {
            let _ = choose::<B>("end", self.ends);
        }
    }
}

fn row(acts: &[Act], targets: &[Property], mode: SearchMode) -> Row {
    row_with_ends(acts, targets, mode, 1)
}

fn row_with_ends(acts: &[Act], targets: &[Property], mode: SearchMode, ends: usize) -> Row {
    let tree = Tree {
        acts: acts.to_vec(),
        targets: targets.to_vec(),
        ends,
    };
    let program: Program = Arc::new(tree);
    let limits = Limits {
        mode,
        exhaustive_executions: Some(200_000),
        ..Limits::PROOF
    };
    let mut rows = check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: targets.iter().copied().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    rows.remove(0)
}

const MODES: [SearchMode; 3] = [SearchMode::Traces, SearchMode::Source, SearchMode::States];

fn all_say(word: Word, targets: &[Property], acts: &[Act]) {
    for mode in MODES {
        let row = row(acts, targets, mode);
        let why = row.verdict.reason();
        assert_eq!(row.verdict.word(), word, "{mode:?}: {why}\n{acts:?}");
    }
}

const RACES: [Property; 2] = [Property::DataRaceFreedom, Property::DeadlockFreedom];
const ALL: [Property; 3] = [
    Property::DataRaceFreedom,
    Property::MutualExclusion,
    Property::DeadlockFreedom,
];
const ZONES: [Property; 2] = [Property::MutualExclusion, Property::DeadlockFreedom];

use Act::{Gated, Give, Guarded, Locked, Open, Read, Scope, Take, Visit, Write};

fn start(theirs: &[Act], mine: &[Act]) -> (Acts, Acts) {
    (theirs.to_vec(), mine.to_vec())
}

#[test]
fn before_a_start_and_after_a_join_nothing_races() {
    let apart = || start(&[Read(1)], &[Read(1)]);
    for acts in [
        vec![Read(0), Scope(vec![start(&[Write(0)], &[])]), Read(0)],
        vec![
            Write(0),
            Write(1),
            Scope(vec![start(&[Write(0)], &[]), apart()]),
            Write(0),
            Write(1),
        ],
        // A scope after a scope, and a scope in a scope, whose thread is joined by its starter.
        vec![
            Scope(vec![start(&[Write(0)], &[]), apart()]),
            Scope(vec![start(&[Write(0)], &[Write(1)])]),
        ],
        vec![Scope(vec![
            start(
                &[Write(0), Scope(vec![start(&[Write(0)], &[])]), Write(0)],
                &[],
            ),
            apart(),
        ])],
        // By way of a thread that was started: it signals to one that was started before.
        vec![Scope(vec![
            start(&[Take, Write(0)], &[Write(0)]),
            start(&[Give], &[]),
        ])],
        // By way of a join: who has joined gives the lock on.
        vec![Scope(vec![
            start(&[Scope(vec![start(&[Write(0)], &[])]), Give], &[]),
            start(&[Take, Read(0)], &[]),
        ])],
    ] {
        all_say(Word::Proved, &RACES, &acts);
    }
}

#[test]
fn what_neither_orders_races() {
    for acts in [
        // After the start, before the join.
        vec![Scope(vec![start(&[Write(0)], &[Read(0)])])],
        // Siblings, where the starter was first.
        vec![
            Write(0),
            Scope(vec![start(&[Read(0)], &[]), start(&[Write(0)], &[])]),
        ],
        // One has ended, but nobody who joins it comes before the other.
        vec![Scope(vec![
            start(&[Scope(vec![start(&[Write(0)], &[])]), Give], &[]),
            start(&[Read(0), Take], &[]),
        ])],
        // Started later than the write of one, but not after that of the other.
        vec![Scope(vec![
            start(&[Write(0)], &[Give]),
            start(&[Take, Write(0)], &[]),
        ])],
        // Who gives a unit, which commutes with all, comes after one of two that do not.
        vec![Scope(vec![
            start(&[Locked(0)], &[Read(0)]),
            start(&[Scope(vec![start(&[], &[Give])])], &[]),
        ])],
        // The signal comes before the write of the thread that was started.
        vec![Scope(vec![
            start(&[Take, Write(0)], &[]),
            start(&[Give, Write(0)], &[]),
        ])],
    ] {
        all_say(Word::Refuted, &RACES, &acts);
    }
}

#[test]
fn stays_before_a_start_and_after_a_join_do_not_overlap() {
    let apart = || start(&[Visit], &[]);
    all_say(
        Word::Proved,
        &ZONES,
        &[Visit, Scope(vec![apart()]), Visit, Scope(vec![apart()])],
    );
    for acts in [
        vec![Scope(vec![start(&[Visit], &[Visit])])],
        vec![Visit, Scope(vec![apart(), apart()])],
    ] {
        all_say(Word::Refuted, &ZONES, &acts);
    }
}

#[test]
fn whoever_is_alone_needs_no_lock() {
    let locked = || start(&[Locked(0)], &[]);
    let acts = [Write(0), Scope(vec![locked(), locked()]), Read(0)];
    all_say(Word::Proved, &RACES, &acts);
    let watched = [Write(0), Scope(vec![locked(), start(&[Read(0)], &[])])];
    all_say(Word::Refuted, &RACES, &watched);
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        3 => (0..CELLS).prop_map(Read),
        3 => (0..CELLS).prop_map(Write),
        1 => Just(Visit),
        2 => (0..CELLS).prop_map(Locked),
        1 => Just(Guarded),
        1 => (0..CELLS).prop_map(Gated),
        1 => Just(Open),
        4 => Just(Give),
        1 => Just(Take),
    ]
}

fn acts(longest: usize) -> impl Strategy<Value = Acts> {
    prop::collection::vec(act(), 0..=longest)
}

/// A scope of up to two threads, in one of which there may be another.
fn tree() -> impl Strategy<Value = Acts> {
    let inner = (acts(1), acts(2), acts(1), acts(1)).prop_map(|(before, theirs, mine, after)| {
        let scope = Scope(vec![(theirs, mine)]);
        [before, vec![scope], after].concat()
    });
    let thread = prop_oneof![2 => acts(2), 1 => inner];
    let scope = prop::collection::vec((thread, acts(1)), 1..=3);
    (acts(2), scope, acts(2))
        .prop_map(|(before, scope, after)| [before, vec![Scope(scope)], after].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whether something races, and whether stays overlap, is decided in another way on states than
    /// on traces.
    #[test]
    fn states_and_traces_find_the_same_races_and_overlaps(acts in tree()) {
        // Nothing that happens here ends an execution without being looked for.
        for targets in [&ALL[..], &ZONES] {
            let [traces, states] = [SearchMode::Traces, SearchMode::States]
                .map(|mode| row(&acts, targets, mode));
            let why = format!("{}; {}", traces.verdict.reason(), states.verdict.reason());
            prop_assert_eq!(is_found(&traces), is_found(&states), "{}", why);
        }
    }
}

/// Acts of which most are protected, so that locks show it.
fn careful() -> impl Strategy<Value = Acts> {
    let act = prop_oneof![
        3 => (0..CELLS).prop_map(Locked),
        3 => Just(Guarded),
        3 => (0..CELLS).prop_map(Gated),
        1 => Just(Give),
        1 => Just(Take),
        1 => act(),
    ];
    let threads = prop::collection::vec(
        (prop::collection::vec(act, 1..=2), Just(Acts::new())),
        2..=3,
    );
    threads.prop_map(|threads| vec![Scope(threads)])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// What is played finds what Source-DPOR finds, which runs all code and keeps clocks, and in as
    /// many executions.
    #[test]
    fn what_is_played_finds_what_all_code_does(acts in prop_oneof![tree(), careful()]) {
        for targets in [&ALL[..], &ZONES] {
            let [traces, source] = [SearchMode::Traces, SearchMode::Source]
                .map(|mode| row_with_ends(&acts, targets, mode, 80));
            let why = format!("{}; {}", traces.verdict.reason(), source.verdict.reason());
            prop_assert_eq!(is_found(&traces), is_found(&source), "{}", why);
            if !is_found(&traces) {
                prop_assert_eq!(traces.executions, source.executions, "{}", why);
            }
        }
    }
}

/// Returns whether something was found.
fn is_found(row: &Row) -> bool {
    match row.verdict.word() {
        Word::Refuted => true,
        Word::GaveUp => panic!("{}", row.verdict.reason()),
        _ => false,
    }
}
