//! Systems whose answers are known.

use std::cell::Cell;
use std::time::Instant;

use crosscheck::engines::exhaustive::explorer::Choice;
use crosscheck::engines::exhaustive::explorer::graph::{
    Edge, Gap, Graph, StateId, Survey, members,
};
use crosscheck::engines::exhaustive::liveness::bypass::{Bypass, Overtaking};
use crosscheck::engines::exhaustive::liveness::{Findings, Lasso, check};
use crosscheck::engines::exhaustive::runner::script::{Position, Script, explore};
use crosscheck::engines::exhaustive::world::{World, only};
use crosscheck::sync::Semantics;
use crosscheck::sync::SwaitOrder::{self, Scan, Strict, Weak};
use crosscheck::sync::stepping::{Op, Substance};

use super::machine::{Code, Instr, Program};
use super::systems::{
    and_set, bounded_readers, guarded, monitor, naive, odd_even, ordered, reader_preference, retry,
    room, turnstile, writer_preference,
};

pub(super) fn survey(program: &Program, limit: usize) -> Graph {
    let mut world = World::new(&Semantics::DEFAULT);
    let mut survey = Survey::new(limit);
    explore(program, &mut world, &mut survey, |_, _, _| true).expect("scripts are deterministic");
    survey.into_graph()
}

fn follow(graph: &Graph, from: StateId, way: &[Choice]) -> (Vec<Edge>, StateId) {
    let mut at = from;
    let mut edges = Vec::new();
    for &choice in way {
        let edge = graph.edges(at).iter().find(|edge| edge.choice == choice);
        let edge = *edge.expect("the step is there");
        edges.push(edge);
        at = edge.target;
    }
    (edges, at)
}

/// The states and steps of a cycle, after a check that it is one, and a fair one.
fn fair_cycle(graph: &Graph, lasso: &Lasso) -> Vec<Edge> {
    let (_, start) = follow(graph, 0, &lasso.stem);
    let (edges, end) = follow(graph, start, &lasso.cycle);
    assert_eq!(start, end);
    assert!(!edges.is_empty());
    for thread in members(graph.everybody()) {
        let moves = edges.iter().any(|edge| edge.choice.thread == thread);
        let cannot = |edge: &Edge| graph.enabled(edge.target) & only(thread) == 0;
        assert!(moves || edges.iter().any(cannot), "unfair to {thread}");
    }
    edges
}

/// Every counterexample is what it says.
pub(super) fn verify(graph: &Graph, findings: &Findings) {
    if let Some(stuck) = &findings.deadlock {
        let (_, end) = follow(graph, 0, &stuck.stem);
        assert_eq!(graph.enabled(end), 0);
        assert_eq!(graph.blocked(end), stuck.blocked);
    }
    for (thread, lasso) in &findings.stuck {
        let edges = fair_cycle(graph, lasso);
        let stuck = |edge: &Edge| graph.blocked(edge.target) & only(*thread) != 0;
        assert!(edges.iter().all(stuck));
    }
    if let Some(lasso) = &findings.livelock {
        let edges = fair_cycle(graph, lasso);
        assert!(edges.iter().all(|edge| edge.served == 0));
    }
    for (thread, lasso) in &findings.starved {
        for edge in fair_cycle(graph, lasso) {
            assert_eq!(edge.served & only(*thread), 0);
            assert_ne!(graph.waiting(edge.target) & only(*thread), 0);
        }
    }
    for (thread, overtaking) in &findings.overtaken {
        let Lasso { stem, cycle } = &overtaking.shown_by;
        let (edges, at) = follow(graph, 0, stem);
        let count = |edges: &[Edge]| -> u64 {
            let waits = |edge: &&Edge| {
                graph.waiting(edge.target) & only(*thread) != 0 && edge.served & only(*thread) == 0
            };
            let served = |edge: &Edge| u64::from(edge.served.count_ones());
            edges.iter().rev().take_while(waits).map(served).sum()
        };
        match overtaking.bypass {
            Bypass::Max(max) | Bypass::AtLeast(max) => {
                assert!(cycle.is_empty());
                // The first step of the wait does not count.
                let first = edges.iter().rev().take_while(|edge| {
                    graph.waiting(edge.target) & only(*thread) != 0
                        && edge.served & only(*thread) == 0
                });
                let entered = first.last().map_or(0, |edge| edge.served.count_ones());
                assert!(max == count(&edges) || max == count(&edges) - u64::from(entered));
            }
            Bypass::IfSlow | Bypass::Unbounded => {
                let (edges, end) = follow(graph, at, cycle);
                assert_eq!(at, end);
                assert!(count(&edges) > 0);
                let all = |edge: &Edge| graph.waiting(edge.target) & only(*thread) != 0;
                assert!(edges.iter().all(all));
                let excused = |edge: &Edge| {
                    edge.choice.thread == *thread || graph.enabled(edge.target) & only(*thread) == 0
                };
                let fast = edges.iter().any(excused);
                assert_eq!(fast, overtaking.bypass == Bypass::Unbounded);
            }
        }
    }
}

/// What was found, in short; threads as the script numbers them.
#[derive(Debug)]
struct Verdict {
    deadlock: bool,
    livelock: bool,
    starved: Vec<usize>,
    stuck: Vec<usize>,
    bypass: Vec<Bypass>,
}

impl Verdict {
    /// Everybody is served, always.
    fn is_free(&self) -> bool {
        !self.deadlock && !self.livelock && self.starved.is_empty() && self.stuck.is_empty()
    }

    /// Some are not, and nothing else is wrong.
    fn only_starves(&self, threads: impl IntoIterator<Item = usize>) -> bool {
        let starved: Vec<usize> = threads.into_iter().collect();
        !self.deadlock && !self.livelock && self.stuck.is_empty() && self.starved == starved
    }
}

fn ask(name: &str, order: SwaitOrder, program: &Program) -> Verdict {
    let began = Instant::now();
    let graph = survey(program, 100_000);
    let findings = check(&graph);
    let took = began.elapsed();
    assert_eq!(findings.gap, None);
    verify(&graph, &findings);
    let threads = |list: &[(usize, Lasso)]| list.iter().map(|(thread, _)| thread - 1).collect();
    let numbers = |list: &[(usize, Overtaking)]| list.iter().map(|(_, o)| o.bypass).collect();
    let verdict = Verdict {
        deadlock: findings.deadlock.is_some(),
        livelock: findings.livelock.is_some(),
        starved: threads(&findings.starved),
        stuck: threads(&findings.stuck),
        bypass: numbers(&findings.overtaken),
    };
    println!(
        "{name} | {order:?} | {} states, {} steps, {:.3} s | {verdict:?}",
        graph.len(),
        graph.edge_count(),
        took.as_secs_f64(),
    );
    verdict
}

#[test]
fn nobody_eats_where_the_left_fork_is_given_back() {
    for n in 2..=4 {
        for order in [Strict, Weak] {
            let verdict = ask(&format!("retry, {n}"), order, &retry(n, order));
            assert!(verdict.livelock && !verdict.deadlock);
            assert_eq!(verdict.starved, (0..n).collect::<Vec<_>>());
        }
    }
}

#[test]
fn left_fork_first_deadlocks() {
    for n in 2..=4 {
        let strong = ask(&format!("naive, {n}"), Strict, &naive(n, Strict));
        assert!(strong.deadlock && !strong.livelock && strong.starved.is_empty());
        let weak = ask(&format!("naive, {n}"), Weak, &naive(n, Weak));
        assert!(weak.deadlock && !weak.livelock && !weak.starved.is_empty());
    }
}

#[test]
fn nobody_starves_with_strong_semaphores_and_all_do_with_weak_ones() {
    type System = fn(usize, SwaitOrder) -> Program;
    let systems: [(&str, System); 4] = [
        ("room", room),
        ("guarded", guarded),
        ("odd-even", odd_even),
        ("ordered", ordered),
    ];
    for (name, system) in systems {
        for n in 2..=4 {
            let name = format!("{name}, {n}");
            assert!(ask(&name, Strict, &system(n, Strict)).is_free());
            assert!(ask(&name, Weak, &system(n, Weak)).only_starves(0..n));
        }
    }
}

#[test]
fn both_forks_in_one_step_starve_as_the_queue_is_kept() {
    for n in 2..=4 {
        let name = format!("and-set, {n}");
        assert!(ask(&name, Weak, &and_set(n, Weak)).only_starves(0..n));
        let scan = ask(&name, Scan, &and_set(n, Scan));
        assert!(scan.only_starves(if n < 4 { 0..0 } else { 0..n }));
        assert!(ask(&name, Strict, &and_set(n, Strict)).is_free());
    }
}

#[test]
fn two_neighbours_starve_the_one_between_in_the_monitor_of_four() {
    for n in 2..=4 {
        let verdict = ask(&format!("monitor, {n}"), Strict, &monitor(n, Strict));
        assert!(verdict.only_starves(if n < 4 { 0..0 } else { 0..n }));
    }
}

#[test]
fn a_guard_bounds_overtaking_and_a_room_does_not() {
    for n in 2..=5 {
        let guarded = ask(&format!("guarded, {n}"), Strict, &guarded(n, Strict));
        assert_eq!(guarded.bypass, vec![Bypass::Max(n as u64 - 1); n]);
    }
    // In a room for two a philosopher who has come in and dawdles leaves one place to the others;
    // only from four on can others eat again and again while one who does not dawdle waits.
    for (n, bypass) in [
        (2, Bypass::Max(1)),
        (3, Bypass::IfSlow),
        (4, Bypass::Unbounded),
    ] {
        let room = ask(&format!("room, {n}"), Strict, &room(n, Strict));
        assert_eq!(room.bypass, vec![bypass; n]);
    }
}

#[test]
fn two_readers_starve_a_writer_where_readers_come_first() {
    let ask = |readers, writers, order| {
        let program = reader_preference(readers, writers, order);
        ask(
            &format!("readers first, {readers}+{writers}"),
            order,
            &program,
        )
    };
    assert!(ask(1, 1, Strict).is_free());
    assert!(ask(1, 2, Strict).is_free());
    assert!(ask(2, 1, Strict).only_starves([2]));
    assert!(ask(1, 1, Weak).starved.contains(&1));
    assert!(ask(2, 1, Weak).starved.contains(&2));
}

#[test]
fn nobody_starves_behind_a_turnstile() {
    for (readers, writers) in [(1, 1), (2, 1), (1, 2)] {
        let name = format!("turnstile, {readers}+{writers}");
        let program = turnstile(readers, writers, Strict);
        assert!(ask(&name, Strict, &program).is_free());
        let program = turnstile(readers, writers, Weak);
        assert!(ask(&name, Weak, &program).only_starves(0..readers + writers));
    }
}

#[test]
fn readers_of_a_general_set_starve_the_writer_as_the_queue_is_kept() {
    for readers in 1..=3 {
        let ask = |order| {
            let program = bounded_readers(readers, 2, order);
            ask(&format!("bounded readers, {readers}+1"), order, &program)
        };
        assert!(ask(Weak).starved.contains(&readers));
        let first = if readers < 2 { readers + 1 } else { readers };
        assert!(ask(Scan).only_starves(first..=readers));
        assert!(ask(Strict).is_free());
    }
}

#[test]
fn two_writers_starve_a_reader_where_writers_come_first() {
    let ask = |readers, writers| {
        let program = writer_preference(readers, writers, Strict);
        ask(
            &format!("writers first, {readers}+{writers}"),
            Strict,
            &program,
        )
    };
    assert!(ask(1, 1).is_free());
    assert!(ask(2, 1).is_free());
    assert!(ask(1, 2).only_starves([0]));
}

#[test]
fn who_is_stuck_for_ever_is_named_while_others_run() {
    let mut program = Program::default();
    let lock = program.semaphore(1, Weak);
    let mut keeper = Code::default();
    keeper.take(lock).0.push(Instr::End);
    let mut other = Code::default();
    other.request().take(lock).served().give(lock);
    let mut runner = Code::default();
    runner.act(Op::Yield).served();
    program.threads = vec![keeper, other.for_ever(), runner.for_ever()];
    let verdict = ask("keeper", Weak, &program);
    assert_eq!(verdict.stuck, [1]);
    assert_eq!(verdict.starved, [1]);
    assert!(!verdict.deadlock && !verdict.livelock);
}

#[test]
fn a_thread_waits_from_the_end_of_its_doorway() {
    let waits = |order: SwaitOrder| {
        let mut program = Program::default();
        let lock = program.semaphore(1, order);
        let mut code = Code::default();
        code.request().take(lock).served().give(lock);
        program.threads.push(code.for_ever());
        let graph = survey(&program, 100);
        let mut seen = Vec::new();
        let mut at = 0;
        for _ in 0..4 {
            seen.push(graph.waiting(at) != 0);
            at = graph.edges(at)[0].target;
        }
        seen
    };
    // Announced; then taken; then given back and announced again; ...
    assert_eq!(waits(Weak), [true, false, true, false]);
    // Announced; then in the queue, the unit handed over; then taken; then announced again.
    assert_eq!(waits(Strict), [false, true, false, false]);
    // Announced; then asked and served in one step; ...
    assert_eq!(waits(Scan), [false, false, false, false]);
}

#[test]
fn what_is_missing_of_a_graph_is_said() {
    let mut end = Code::default();
    end.0.push(Instr::End);
    let program = Program {
        threads: vec![end; 64],
        ..Program::default()
    };
    assert_eq!(survey(&program, 100).gap(), Some(Gap::Threads(65)));

    let program = naive(2, Weak);
    let mut world = World::new(&Semantics::DEFAULT);
    let mut search = Survey::new(100);
    explore(&program, &mut world, &mut search, |_, _, _| false).expect("it is deterministic");
    assert_eq!(search.into_graph().gap(), Some(Gap::Unfinished));
}

/// Announces something else in every execution.
struct Fickle(Cell<u64>);

impl Script for Fickle {
    fn objects(&self) -> Vec<Substance> {
        vec![Substance::Word(0)]
    }

    fn threads(&self) -> usize {
        1
    }

    fn next(&self, _: usize, position: &mut Position, _: u64) -> Option<Op> {
        position.at += 1;
        self.0.set(self.0.get() + 1);
        (position.at < 4).then(|| Op::Store(0, self.0.get()))
    }
}

#[test]
fn a_program_that_does_not_repeat_itself_is_no_graph() {
    let mut world = World::new(&Semantics::DEFAULT);
    let mut search = Survey::new(100);
    let end = explore(&Fickle(Cell::new(0)), &mut world, &mut search, |_, _, _| {
        true
    });
    assert!(end.is_err());
}
