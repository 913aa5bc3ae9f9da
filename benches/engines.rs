//! Executions per second of each engine on three fixed programs.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crosscheck::engines::{EngineId, Job, Limits, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::{Instance, Program};
use crosscheck::sync::Semantics;

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

criterion_group!(engine_benches, engines);
criterion_main!(engine_benches);
