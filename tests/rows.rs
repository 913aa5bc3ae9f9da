//! Rows of the catalogue by name, for tests of the engine.

use std::collections::BTreeSet;

use crosscheck::engines::{EngineId, Job, Limits, Row, check};
use crosscheck::problems::catalogue;
use crosscheck::scenario::Instance;
use crosscheck::sync::{Property, Semantics};

/// What engine `exhaustive` says of an instance, on the calling thread.
pub(crate) fn rows(name: &str, settings: &[(&str, &str)], limits: &Limits) -> Vec<Row> {
    rows_of(name, settings, limits, BTreeSet::new())
}

/// The same of these properties; of all of the program's where there are none.
pub(crate) fn rows_of(
    name: &str,
    settings: &[(&str, &str)],
    limits: &Limits,
    asked: BTreeSet<Property>,
) -> Vec<Row> {
    let problems = catalogue();
    let variant = problems
        .iter()
        .flat_map(|problem| &problem.variants)
        .find(|variant| variant.program.name() == name)
        .expect("it is in the catalogue");
    let parameters = variant.program.parameters();
    let mut instance = Instance::defaults(&parameters);
    for (name, value) in settings {
        let parameter = parameters.iter().find(|parameter| parameter.name == *name);
        let parameter = parameter.expect("the program has the parameter");
        let value = parameter.parse(value).expect("the parameter has the value");
        instance = instance.with(parameter.name, value);
    }
    check(&Job {
        program: &variant.program,
        instance: &instance,
        semantics: Semantics::DEFAULT,
        targets: if asked.is_empty() {
            variant.program.properties().into_iter().collect()
        } else {
            asked
        },
        engine: EngineId::Exhaustive,
        limits,
    })
}
