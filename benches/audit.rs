//! What the audit costs: whole searches of engine `exhaustive` with it and without it, by turns, in
//! user CPU of this process.

use std::sync::Arc;

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Parameter, Program, Property, Scenario, Value};
use crosscheck::sync::{Backend, Mutex, Semantics, scope};

/// Pairs of searches of which the quicker ones are compared.
const PAIRS: usize = 5;

/// Executions after which a search is cut.
const MOST: u64 = 10_000;

/// Threads that take one lock in turn: a scenario that does not say that it is closed, so that all
/// of its code is run in every execution.
struct Turns {
    threads: usize,
    rounds: usize,
}

impl Scenario for Turns {
    fn name(&self) -> &'static str {
        "bench/turns"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let lock = Mutex::<B, usize>::new("lock", 0);
        scope::<B, _>(|scope| {
            for i in 0..self.threads {
                let lock = &lock;
                scope.spawn(("thread", i), move || {
                    for _ in 0..self.rounds {
                        *lock.lock() += 1;
                    }
                });
            }
        });
    }
}

/// Milliseconds of user CPU that this process has used.
fn user() -> f64 {
    // SAFETY: the structure is plain data, all zeros is a value of it, and the call fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    usage.ru_utime.tv_sec as f64 * 1e3 + usage.ru_utime.tv_usec as f64 / 1e3
}

/// User CPU and executions of a search.
fn search(program: &Program, instance: &Instance, mode: SearchMode, audit: bool) -> (f64, u64) {
    let limits = Limits {
        mode,
        audit,
        exhaustive_executions: Some(MOST),
        ..Limits::PROOF
    };
    let before = user();
    let rows = check(&Job {
        program,
        instance,
        semantics: Semantics::DEFAULT,
        targets: program
            .properties()
            .into_iter()
            .filter(|property| *property != Property::Reachability)
            .collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    });
    (user() - before, rows[0].executions)
}

fn catalogued(name: &str, parameters: &[(&'static str, usize)]) -> (Program, Instance) {
    let program = catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .map(|variant| variant.program)
        .find(|program| program.name() == name)
        .expect("the catalogue has it");
    let known: Vec<Parameter> = program.parameters();
    let mut instance = Instance::defaults(&known);
    for &(name, value) in parameters {
        instance = instance.with(name, Value::Number(value));
    }
    (program, instance)
}

fn main() {
    let turns = |threads, rounds| -> (Program, Instance) {
        (Arc::new(Turns { threads, rounds }), Instance::default())
    };
    let rows = [
        ("turns 3 x 2", SearchMode::Traces, turns(3, 2)),
        ("turns 4 x 2", SearchMode::Traces, turns(4, 2)),
        ("turns 3 x 4", SearchMode::Traces, turns(3, 4)),
        ("turns 3 x 4", SearchMode::Source, turns(3, 4)),
        ("turns 4 x 3", SearchMode::Traces, turns(4, 3)),
        ("turns 5 x 3", SearchMode::States, turns(5, 3)),
        (
            "philosophers/room n=4 meals=2",
            SearchMode::Traces,
            catalogued("philosophers/room", &[("n", 4), ("meals", 2)]),
        ),
    ];
    println!("| search | mode | executions | without, ms | with, ms | ratio |");
    println!("|---|---|---|---|---|---|");
    for (name, mode, (program, instance)) in rows {
        let mut least = [f64::INFINITY; 2];
        let mut executions = 0;
        for _ in 0..PAIRS {
            for (audit, least) in [false, true].into_iter().zip(&mut least) {
                let (ms, count) = search(&program, &instance, mode, audit);
                *least = least.min(ms);
                executions = count;
            }
        }
        let [without, with] = least;
        println!(
            "| {name} | {mode} | {executions} | {without:.1} | {with:.1} | {:.3} |",
            with / without
        );
    }
}
