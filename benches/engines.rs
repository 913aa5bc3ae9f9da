//! Executions per second of each engine on three fixed programs, whole searches of engine
//! `exhaustive` beside those of loom and shuttle where they end, and what a step of its runner costs.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crosscheck::engines::exhaustive::turns::in_turns;
use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, Job, Limits, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program, Scenario};
use crosscheck::sync::{Backend, Mutex, Semantics, SemaphoreOrder, scope, yield_now};

const PROGRAMS: [&str; 3] = [
    "critical-section/mutex",
    "philosophers/odd-even",
    "bounded-buffer/ring",
];

/// Executions of one measurement.
const EXECUTIONS: u64 = 50;

fn program(name: &str) -> Program {
    catalogue()
        .into_iter()
        .flat_map(|problem| problem.variants)
        .find(|variant| variant.program.name() == name)
        .map(|variant| variant.program)
        .expect("the catalogue has the three programs")
}

fn engines(criterion: &mut Criterion) {
    for name in PROGRAMS {
        let program = program(name);
        let instance = Instance::defaults(&program.parameters());
        let mut group = criterion.benchmark_group(name);
        group
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(2));
        for engine in EngineId::ALL {
            let limits = Limits {
                executions: Some(EXECUTIONS),
                exhaustive_executions: Some(EXECUTIONS),
                schedules: EXECUTIONS,
                thread_schedules: EXECUTIONS,
                ..Limits::QUICK
            };
            let job = Job {
                program: &program,
                instance: &instance,
                semantics: Semantics::DEFAULT,
                targets: program.properties().into_iter().collect(),
                engine,
                limits: &limits,
            };
            // A complete search may have fewer executions than asked for.
            let executions = check(&job)[0].executions;
            group.throughput(Throughput::Elements(executions));
            group.bench_function(engine.as_str(), |b| b.iter(|| check(&job)));
        }
        group.finish();
    }
}

/// Whole searches: the program, its parameters, and with what it is searched.
const WHOLE: [(&str, &str, &[Way]); 6] = [
    (
        "philosophers/odd-even",
        "n=3 meals=1 lock=facade",
        &SIDE_BY_SIDE,
    ),
    ("philosophers/odd-even", "n=5 meals=1 lock=facade", &BOTH),
    ("philosophers/odd-even", "n=5 meals=2 lock=facade", &BOTH),
    ("philosophers/room", "n=5 meals=1 lock=facade", &[STATES]),
    ("philosophers/room", "n=5 meals=2 lock=facade", &[STATES]),
    ("philosophers/monitor", "n=5 meals=1 lock=facade", &BOTH),
];

/// By whom, and how.
type Way = (EngineId, SearchMode);

const TRACES: Way = (EngineId::Exhaustive, SearchMode::Traces);
const STATES: Way = (EngineId::Exhaustive, SearchMode::States);
const BOTH: [Way; 2] = [TRACES, STATES];
const SIDE_BY_SIDE: [Way; 3] = [TRACES, STATES, (EngineId::Loom, SearchMode::Auto)];

fn whole_searches(criterion: &mut Criterion) {
    for (name, settings, ways) in WHOLE {
        let program = program(name);
        let parameters = program.parameters();
        let mut instance = Instance::defaults(&parameters);
        for pair in settings.split(' ') {
            let (name, value) = pair.split_once('=').expect("written as name=value");
            let parameter = parameters.iter().find(|parameter| parameter.name == name);
            let parameter = parameter.expect("the program has the parameter");
            let value = parameter.parse(value).expect("the parameter has the value");
            instance = instance.with(parameter.name, value);
        }
        let mut group = criterion.benchmark_group(format!("{name} {settings}, whole"));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(5));
        for &(engine, mode) in ways {
            let limits = Limits {
                mode,
                ..Limits::PROOF
            };
            let job = Job {
                program: &program,
                instance: &instance,
                semantics: Semantics {
                    semaphore: SemaphoreOrder::Weak,
                    ..Semantics::DEFAULT
                },
                targets: program.properties().into_iter().collect(),
                engine,
                limits: &limits,
            };
            group.bench_function(format!("{engine} {mode}"), |b| b.iter(|| check(&job)));
        }
        group.finish();
    }
}

/// What a step of [`Steps`] is.
#[derive(Clone, Copy)]
enum Of {
    /// A thread takes or gives back a lock of its own.
    Locks,
    /// Nothing changes.
    Yields,
}

/// Threads that take so many steps each, in which nothing is to be decided.
struct Steps(Of);

impl Scenario for Steps {
    fn name(&self) -> &'static str {
        "engines/steps"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let of = self.0;
        scope::<B, _>(|scope| {
            for i in 0..4 {
                scope.spawn(("thread", i), move || match of {
                    Of::Locks => {
                        let lock = Mutex::<B, ()>::new(("lock", i), ());
                        for _ in 0..500 {
                            drop(lock.lock());
                        }
                    }
                    Of::Yields => {
                        for _ in 0..1_000 {
                            yield_now::<B>();
                        }
                    }
                });
            }
        });
    }
}

/// A step of the runner without a search: a switch to another thread, its code up to its next
/// announcement, and what the step changes in the model; that is nothing where threads yield.
fn runner(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("runner");
    for (name, of) in [("locks", Of::Locks), ("yields", Of::Yields)] {
        let program: Program = Arc::new(Steps(of));
        let job = Job {
            program: &program,
            instance: &Instance::default(),
            semantics: Semantics::DEFAULT,
            targets: program.properties().into_iter().collect(),
            engine: EngineId::Exhaustive,
            limits: &Limits::PROOF,
        };
        group.throughput(Throughput::Elements(in_turns(&job, EXECUTIONS)));
        group.bench_function(name, |b| b.iter(|| in_turns(&job, EXECUTIONS)));
    }
    group.finish();
}

criterion_group!(engine_benches, engines, whole_searches, runner);
criterion_main!(engine_benches);
