fn main() {
    use crosscheck::engines::{EngineId, Limits, Job, check};
    let name = std::env::args().nth(1).unwrap();
    let problems = crosscheck::problems::catalogue();
    let variant = problems.iter().flat_map(|p| &p.variants).find(|v| v.program.name() == name).unwrap();
    let mut instance = crosscheck::scenario::Instance::defaults(&variant.program.parameters());
    let mut limits = Limits { executions: None, steps: 100000, ..Limits::QUICK };
    for pair in std::env::args().skip(2) {
        let (k, v) = pair.split_once('=').unwrap();
        if k == "mode" { limits.mode = match v { "states" => crosscheck::engines::limits::SearchMode::States, "source" => crosscheck::engines::limits::SearchMode::Source, _ => crosscheck::engines::limits::SearchMode::Traces }; continue; }
        let ps = variant.program.parameters();
        let p = ps.iter().find(|p| p.name == k).unwrap();
        instance = instance.with(p.name, p.parse(v).unwrap());
    }
    let mut semantics = crosscheck::sync::Semantics::DEFAULT;
    if std::env::var("WEAK").is_ok() { semantics.semaphore = crosscheck::sync::SemaphoreOrder::Weak; semantics.swait = crosscheck::sync::SwaitOrder::Weak; }
    let job = Job { program: &variant.program, instance: &instance, semantics, targets: variant.program.properties().into_iter().collect(), engine: EngineId::Exhaustive, limits: &limits };
    let t = std::time::Instant::now();
    for row in check(&job) {
        println!("{} {} {} {} {}", row.scenario, row.property, row.verdict.word(), row.executions, row.verdict.reason());
    }
    println!("{:?}", t.elapsed());
}
