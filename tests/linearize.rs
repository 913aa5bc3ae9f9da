//! Linearizability: the checker against all orders, one trace against all its executions, and the
//! suite's own objects.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::replay::{Replayed, replay_on};
use crosscheck::engines::verdict::Verdict;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Word, check};
use crosscheck::primitives::{QueuedSemaphore, RwLock, Semaphore, SemaphoreSet};
use crosscheck::scenario::linearize::{Effect, Event, Specification, What, unexplained};
use crosscheck::scenario::specifications::{
    Answer, Bounded, Counting, Hold, Parts, Several, Sharing, Transfer, Unit,
};
use crosscheck::scenario::{History, Instance, Program, Scenario};
use crosscheck::sync::{
    AtomicUsize, Backend, Body, Mutex, Property, Semantics, SemaphoreOrder, SwaitOrder, run_threads,
};
use proptest::prelude::*;

use crate::starvation::ask;

/// Whether some order of all moments, each within its call and return, is what `spec` does. No
/// sharing of anything, no cleverness: every order is tried.
fn some_order_explains<S: Specification>(spec: &S, history: &[What<S>]) -> bool {
    struct Call<'a, S: Specification> {
        number: usize,
        operation: &'a S::Operation,
        output: Option<&'a S::Output>,
        /// Where it returns.
        end: usize,
    }
    fn tried<S: Specification>(
        spec: &S,
        calls: &[Call<'_, S>],
        moments: &mut Vec<u8>,
        state: &S::State,
    ) -> bool {
        let all = calls.iter().zip(&*moments);
        if all
            .clone()
            .all(|(call, done)| call.output.is_none() || *done == 2)
        {
            return true;
        }
        (0..calls.len()).any(|at| {
            let call = &calls[at];
            // Nobody may still be open who returned before this was called.
            let late = calls.iter().zip(&*moments).any(|(other, done)| {
                other.output.is_some() && other.end < call.number && *done < 2
            });
            let before = moments[at];
            let (after, state, output) = match before {
                _ if late => return false,
                0 => match spec.request(state, call.number, call.operation) {
                    Effect::Disabled => return false,
                    Effect::Waiting(state) => (1, state, None),
                    Effect::Done(state, output) => (2, state, Some(output)),
                },
                1 => match spec.complete(state, call.number, call.operation) {
                    None => return false,
                    Some((state, output)) => (2, state, Some(output)),
                },
                _ => return false,
            };
            if let (Some(wanted), Some(output)) = (call.output, &output)
                && wanted != output
            {
                return false;
            }
            moments[at] = after;
            let found = tried(spec, calls, moments, &state);
            moments[at] = before;
            found
        })
    }
    let calls: Vec<Call<'_, S>> = (0..history.len())
        .filter_map(|number| {
            let What::Call(operation) = &history[number] else {
                return None;
            };
            let returned = history
                .iter()
                .enumerate()
                .find_map(|(end, what)| match what {
                    What::Return(of, output) if *of == number => Some((end, output)),
                    _ => None,
                });
            Some(Call {
                number,
                operation,
                output: returned.map(|(_, output)| output),
                end: returned.map_or(history.len(), |(end, _)| end),
            })
        })
        .collect();
    tried(spec, &calls, &mut vec![0; calls.len()], &spec.initial())
}

/// Every sequence of the events that respects what comes before what.
fn extensions<S: Specification>(events: &[Event<S>]) -> Vec<Vec<usize>> {
    fn go<S: Specification>(
        events: &[Event<S>],
        so_far: &mut Vec<usize>,
        all: &mut Vec<Vec<usize>>,
    ) {
        if so_far.len() == events.len() {
            all.push(so_far.clone());
            return;
        }
        for number in 0..events.len() {
            let ready = events[number]
                .after
                .iter()
                .all(|before| so_far.contains(before));
            if ready && !so_far.contains(&number) {
                so_far.push(number);
                go(events, so_far, all);
                so_far.pop();
            }
        }
    }
    let mut all = Vec::new();
    go(events, &mut Vec::new(), &mut all);
    all
}

/// The history that this sequence of the events is.
fn history_of<S: Specification>(events: &[Event<S>], order: &[usize]) -> Vec<What<S>> {
    order
        .iter()
        .map(|&number| match &events[number].what {
            What::Call(operation) => What::Call(operation.clone()),
            What::Return(call, output) => {
                let at = order.iter().position(|other| other == call);
                What::Return(at.expect("a return follows its call"), output.clone())
            }
        })
        .collect()
}

/// The checker says of these events what all sequences and all orders say.
fn agrees<S: Specification + std::fmt::Debug>(
    spec: &S,
    events: &[Event<S>],
) -> Result<(), TestCaseError> {
    let references: Vec<&Event<S>> = events.iter().collect();
    let all = extensions(events);
    let every = all
        .iter()
        .all(|order| some_order_explains(spec, &history_of(events, order)));
    let found = unexplained(spec, &references);
    prop_assert_eq!(found.is_none(), every, "{:?} {:?}", spec, events);
    if let Some(beginning) = found {
        // What is shown is a beginning of one of them, and nothing explains it.
        prop_assert!(all.iter().any(|order| order.starts_with(&beginning)));
        let shown = history_of(events, &beginning);
        prop_assert!(!some_order_explains(spec, &shown), "{:?}", shown);
    }
    Ok(())
}

/// Calls and returns of up to three threads: who, and whether it returns; in program order, with
/// some pairs of other threads ordered as well.
fn shape() -> impl Strategy<Value = (Vec<(usize, bool)>, Vec<bool>)> {
    let calls = prop::collection::vec((0..3usize, prop::bool::weighted(0.9)), 1..5);
    (calls, prop::collection::vec(prop::bool::weighted(0.35), 64))
}

/// The events of a shape: `call` and `output` make what the n-th call calls and returns.
fn events_of<S: Specification>(
    (calls, ordered): &(Vec<(usize, bool)>, Vec<bool>),
    operation: impl Fn(usize) -> S::Operation,
    output: impl Fn(usize) -> S::Output,
) -> Vec<Event<S>> {
    let mut events: Vec<(usize, Event<S>)> = Vec::new();
    let mut stopped = [false; 3];
    let mut coins = ordered.iter().cycle();
    for (number, &(thread, returns)) in calls.iter().enumerate() {
        if stopped[thread] {
            continue;
        }
        let call = events.len();
        let mut add = |what: What<S>| {
            let mut after: Vec<usize> = (0..events.len())
                .filter(|&other| events[other].0 == thread || coins.next() == Some(&true))
                .collect();
            for other in after.clone() {
                after.extend(&events[other].1.after);
            }
            after.sort_unstable();
            after.dedup();
            events.push((thread, Event { after, what }));
        };
        add(What::Call(operation(number)));
        if returns {
            add(What::Return(call, output(number)));
        } else {
            stopped[thread] = true;
        }
    }
    events.into_iter().map(|(_, event)| event).collect()
}

fn answer(roll: u8) -> Answer {
    match roll % 8 {
        0 => Answer::Refused,
        1 => Answer::Free(0, 1),
        2 => Answer::Free(1, 0),
        _ => Answer::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_checker_agrees_with_all_orders_on_semaphores(
        shape in shape(),
        units in 0..3usize,
        strong in any::<bool>(),
        rolls in prop::collection::vec((0..8u8, any::<u8>()), 5),
    ) {
        let order = if strong { SemaphoreOrder::Strong } else { SemaphoreOrder::Weak };
        let operation = |n: usize| match rolls[n].0 {
            0..=3 => Unit::P(1 + usize::from(rolls[n].0 == 3)),
            4 => Unit::TryP(1),
            5 => Unit::Look,
            _ => Unit::V(1),
        };
        // Mostly what could be true.
        let output = |n: usize| match (rolls[n].0, answer(rolls[n].1)) {
            (0..=3 | 6.., _) => Answer::Done,
            (4, answer @ (Answer::Done | Answer::Refused)) => answer,
            (4, _) => Answer::Refused,
            (_, Answer::Done) => Answer::Free(units, 0),
            (_, answer) => answer,
        };
        agrees(&Counting { units, order }, &events_of(&shape, operation, output))?;
    }

    #[test]
    fn the_checker_agrees_with_all_orders_on_sets(
        shape in shape(),
        order in prop::sample::select(vec![SwaitOrder::Weak, SwaitOrder::Scan, SwaitOrder::Strict]),
        units in prop::collection::vec(0..2usize, 2),
        rolls in prop::collection::vec(0..6u8, 5),
    ) {
        let operation = |n: usize| match rolls[n] {
            0 => Parts::swait(&[0]),
            1 => Parts::swait(&[1]),
            2 => Parts::swait(&[0, 1]),
            3 => Parts::Swait(vec![(0, 1, 0)]),
            4 => Parts::ssignal(&[0]),
            _ => Parts::ssignal(&[0, 1]),
        };
        agrees(&Several { units, order }, &events_of(&shape, operation, |_| Answer::Done))?;
    }

    #[test]
    fn the_checker_agrees_with_all_orders_on_buffers(
        shape in shape(),
        capacity in 1..3usize,
        rolls in prop::collection::vec((any::<bool>(), 0..4usize), 5),
    ) {
        let operation = |n: usize| match rolls[n] {
            (true, _) => Transfer::Put(n),
            (false, _) => Transfer::Take,
        };
        let output = |n: usize| match rolls[n] {
            (true, _) => Answer::Done,
            (false, item) => Answer::Item(item),
        };
        agrees(&Bounded::new(capacity), &events_of(&shape, operation, output))?;
    }
}

/// A counter whose increments may be in two steps.
#[derive(Debug)]
struct Counter;

#[derive(Clone, Copy, Debug)]
enum Count {
    Increment,
    /// A load and a store.
    CarelessIncrement,
    Read,
}

impl Specification for Counter {
    type Operation = Count;
    type Output = usize;
    type State = usize;

    fn initial(&self) -> usize {
        0
    }

    fn request(&self, state: &usize, _: usize, operation: &Count) -> Effect<usize, usize> {
        let next = state + usize::from(!matches!(operation, Count::Read));
        Effect::Done(next, *state)
    }
}

/// Threads that use one counter.
struct Counts {
    threads: Vec<Vec<Count>>,
    /// Every call and return takes one lock, so that each order of them is a trace of its own.
    visible: bool,
}

impl Scenario for Counts {
    fn name(&self) -> &'static str {
        "counter/counts"
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let history = History::<B, _>::new("counter", Counter);
        let moments = self.visible.then(|| Mutex::<B, ()>::new("moments", ()));
        let counter = AtomicUsize::<B>::new("counter", 0);
        let (history, moments, counter) = (&history, &moments, &counter);
        let thread = |counts: &'_ [Count]| {
            for &count in counts {
                let moment = moments.as_ref().map(Mutex::lock);
                let called = history.called(count);
                drop(moment);
                let output = match count {
                    Count::Increment => counter.fetch_add(1, SeqCst),
                    Count::CarelessIncrement => {
                        let seen = counter.load(SeqCst);
                        counter.store(seen + 1, SeqCst);
                        seen
                    }
                    Count::Read => counter.load(SeqCst),
                };
                let moment = moments.as_ref().map(Mutex::lock);
                called.returned(output);
                drop(moment);
            }
        };
        let bodies = self.threads.iter().enumerate();
        let bodies = bodies.map(|(at, counts)| -> Body<'_> {
            let thread = &thread;
            (("thread", at).into(), Box::new(move || thread(counts)))
        });
        run_threads::<B>(bodies.collect());
    }
}

fn run(program: &Program, semantics: Semantics, engine: EngineId, mode: SearchMode) -> Row {
    let limits = Limits {
        mode,
        ..Limits::PROOF
    };
    let rows = check(&Job {
        program,
        instance: &Instance::default(),
        semantics,
        targets: [Property::Linearizability].into(),
        engine,
        limits: &limits,
    });
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().expect("one row")
}

fn traces(program: &Program, semantics: Semantics) -> Row {
    run(program, semantics, EngineId::Exhaustive, SearchMode::Traces)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// One execution a trace, with what its order leaves open, says what one execution for every
    /// order of calls and returns says.
    #[test]
    fn a_trace_stands_for_all_orders_of_its_calls_and_returns(
        threads in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(vec![Count::Increment, Count::CarelessIncrement, Count::Read]),
                1..3,
            ),
            2..4,
        ).prop_filter("few enough orders", |threads| threads.iter().map(Vec::len).sum::<usize>() <= 4),
    ) {
        let program = |visible| -> Program { Arc::new(Counts { threads: threads.clone(), visible }) };
        let (hidden, visible) = (program(false), program(true));
        let by_trace = traces(&hidden, Semantics::DEFAULT);
        let by_order = traces(&visible, Semantics::DEFAULT);
        prop_assert!(matches!(by_trace.verdict.word(), Word::Proved | Word::Refuted));
        prop_assert_eq!(by_trace.verdict.word(), by_order.verdict.word(), "{:?}", threads);
        if by_trace.verdict.word() == Word::Proved {
            prop_assert!(by_trace.executions <= by_order.executions);
        }
    }
}

/// Two increments at once, of which one is lost.
fn careless() -> Program {
    Arc::new(Counts {
        threads: vec![
            vec![Count::CarelessIncrement],
            vec![Count::CarelessIncrement],
        ],
        visible: false,
    })
}

#[test]
fn a_counterexample_replays_and_shows_calls_and_returns() {
    let program = careless();
    let row = traces(&program, Semantics::DEFAULT);
    let found = row.counterexample().expect("an increment is lost");
    assert_eq!(found.property(), Some(Property::Linearizability));
    assert!(
        found
            .message
            .contains("no order of the operations on counter explains: ")
    );
    let words: Vec<&str> = found
        .steps
        .iter()
        .map(|step| step.operation.as_str())
        .collect();
    assert_eq!(words.iter().filter(|word| **word == "call").count(), 2);
    assert_eq!(words.iter().filter(|word| **word == "return").count(), 2);
    for engine in [EngineId::Exhaustive, EngineId::Threads] {
        let again = replay_on(&program, found, engine).expect("it is the same program");
        assert!(matches!(again, Replayed::Same(_)), "{engine}: {again:?}");
    }
}

#[test]
fn every_engine_with_traces_finds_it() {
    let program = careless();
    for engine in [
        EngineId::Exhaustive,
        EngineId::ExhaustiveShuttle,
        EngineId::ShuttleDfs,
    ] {
        let row = run(&program, Semantics::DEFAULT, engine, SearchMode::Traces);
        assert_eq!(
            row.verdict.word(),
            Word::Refuted,
            "{engine}: {}",
            row.verdict.reason()
        );
    }
    let source = run(
        &program,
        Semantics::DEFAULT,
        EngineId::Exhaustive,
        SearchMode::Source,
    );
    assert_eq!(source.verdict.word(), Word::Refuted);
}

#[test]
fn a_search_over_states_and_a_scenario_without_observer_say_so() {
    let row = run(
        &careless(),
        Semantics::DEFAULT,
        EngineId::Exhaustive,
        SearchMode::States,
    );
    let Verdict::GaveUp(GaveUp::Unsupported { what }) = &row.verdict else {
        panic!("{}", row.verdict.reason())
    };
    assert!(what.ends_with("use --mode traces"), "{what}");
    let rows = ask(
        "philosophers/ordered n=2",
        EngineId::Exhaustive,
        &[Property::Linearizability],
    );
    assert_eq!(rows[0].verdict.word(), Word::GaveUp);
    assert!(
        rows[0]
            .verdict
            .reason()
            .ends_with("the scenario has no observer of it")
    );
}

/// The suite's own objects, each used by three threads.
#[derive(Clone, Copy, Debug)]
enum Object {
    Semaphore,
    Queued,
    Set,
    RwLock,
    /// A buffer that gives back the newest item.
    Stack,
}

struct Uses(Object);

impl Scenario for Uses {
    fn name(&self) -> &'static str {
        "objects/uses"
    }

    fn observed(&self) -> Vec<Property> {
        vec![Property::Linearizability]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        match self.0 {
            Object::Semaphore => semaphore::<B>(),
            Object::Queued => queued::<B>(),
            Object::Set => set::<B>(),
            Object::RwLock => rw_lock::<B>(),
            Object::Stack => stack::<B>(),
        }
    }
}

fn team<B: Backend>(body: &(dyn Fn(usize) + Sync)) {
    let bodies = (0..3).map(|i| -> Body<'_> { (("thread", i).into(), Box::new(move || body(i))) });
    run_threads::<B>(bodies.collect());
}

fn counting<B: Backend>(units: usize) -> Counting {
    let order = B::semantics().semaphore;
    Counting { units, order }
}

fn semaphore<B: Backend>() {
    let history = History::<B, _>::new("semaphore", counting::<B>(1));
    let semaphore = Semaphore::<B>::new("semaphore", 1);
    team::<B>(&|i| {
        if i == 2 {
            let called = history.called(Unit::TryP(1));
            let taken = semaphore.try_acquire();
            called.returned(if taken.is_some() {
                Answer::Done
            } else {
                Answer::Refused
            });
            if let Some(taken) = taken {
                history.record(Unit::V(1), || drop(taken));
            }
            return;
        }
        history.record(Unit::P(1), || semaphore.p());
        history.record(Unit::V(1), || semaphore.v());
    });
}

fn queued<B: Backend>() {
    let history = History::<B, _>::new("semaphore", counting::<B>(2));
    let semaphore = QueuedSemaphore::<B>::new("semaphore", 2);
    team::<B>(&|i| {
        // One wants both units, which holds back who comes later only where it is strong.
        let units = 1 + usize::from(i == 0);
        history.record(Unit::P(units), || semaphore.p_many(units));
        history.record(Unit::V(units), || semaphore.v_many(units));
    });
}

fn set<B: Backend>() {
    let specification = Several {
        units: vec![1, 1],
        order: B::semantics().swait,
    };
    let history = History::<B, _>::new("set", specification);
    let set = SemaphoreSet::<B>::new("set", &[1, 1]);
    team::<B>(&|i| {
        let members: &[usize] = [&[0, 1][..], &[0], &[1]][i];
        history.record(Parts::swait(members), || set.swait(members));
        history.record(Parts::ssignal(members), || set.ssignal(members));
    });
}

fn rw_lock<B: Backend>() {
    let history = History::<B, _>::new("lock", Sharing);
    let lock = RwLock::<B>::new("lock");
    team::<B>(&|i| {
        let (begin, end) = match i {
            0 => (Hold::Write, Hold::EndWrite),
            _ => (Hold::Read, Hold::EndRead),
        };
        let called = history.called(begin);
        let guard = if i == 0 { lock.write() } else { lock.read() };
        called.returned(Answer::Done);
        history.record(end, || drop(guard));
    });
}

fn stack<B: Backend>() {
    let history = History::<B, _>::new("buffer", Bounded::new(2));
    let items = Mutex::<B, Vec<usize>>::new("items", Vec::new());
    let full = Semaphore::<B>::new("full", 0);
    team::<B>(&|i| {
        if i < 2 {
            history.record(Transfer::Put(i), || {
                items.lock().push(i);
                full.v();
            });
            return;
        }
        for _ in 0..2 {
            let called = history.called(Transfer::Take);
            full.p();
            let item = items.lock().pop().expect("there is one for each unit");
            called.returned(Answer::Item(item));
        }
    });
}

#[test]
fn the_objects_do_what_their_specifications_say() {
    for semaphore in [SemaphoreOrder::Strong, SemaphoreOrder::Weak] {
        for swait in [SwaitOrder::Strict, SwaitOrder::Scan, SwaitOrder::Weak] {
            let semantics = Semantics {
                semaphore,
                swait,
                ..Semantics::DEFAULT
            };
            for object in [
                Object::Semaphore,
                Object::Queued,
                Object::Set,
                Object::RwLock,
            ] {
                let program: Program = Arc::new(Uses(object));
                let row = traces(&program, semantics);
                let reason = row.verdict.reason();
                println!("{object:?} {semantics:?}: {reason}");
                assert_eq!(
                    row.verdict.word(),
                    Word::Proved,
                    "{object:?} {semantics:?}: {reason}"
                );
            }
        }
    }
}

#[test]
fn a_stack_is_no_buffer() {
    let program: Program = Arc::new(Uses(Object::Stack));
    let row = traces(&program, Semantics::DEFAULT);
    let found = row.counterexample().expect("the newest comes out first");
    assert!(
        found.message.contains("Take returns Item("),
        "{}",
        found.message
    );
}

#[test]
fn the_catalogue_is_linearizable_where_it_says_so() {
    for text in [
        "semaphore/queued capacity=1 n=3 rounds=1",
        "semaphore/queued capacity=1 n=2 rounds=2 semaphore=weak",
        "semaphore/queued capacity=2 n=2 rounds=2",
        "bounded-buffer/single items=3",
        "bounded-buffer/ring capacity=2 items=3",
        "bounded-buffer/two-mutex capacity=2 producers=2 consumers=2 items=1",
        "bounded-buffer/one-mutex capacity=1 producers=2 consumers=1 items=1",
        "bounded-buffer/and-set capacity=2 producers=2 consumers=1 items=1",
        "bounded-buffer/two-mutex-swapped capacity=2 producers=2 consumers=2 items=1",
        "bounded-buffer/mutex-first capacity=1 producers=1 consumers=1 items=1",
        "bounded-buffer/no-mutex capacity=1 producers=2 consumers=1 items=1",
    ] {
        let rows = ask(text, EngineId::Exhaustive, &[Property::Linearizability]);
        assert_eq!(
            rows[0].verdict.word(),
            Word::Proved,
            "{text}: {}",
            rows[0].verdict.reason()
        );
    }
    for text in ["semaphore/off-by-one n=2", "semaphore/busy-wait n=2"] {
        let rows = ask(text, EngineId::Exhaustive, &[Property::Linearizability]);
        assert_eq!(
            rows[0].verdict.word(),
            Word::Refuted,
            "{text}: {}",
            rows[0].verdict.reason()
        );
    }
}
