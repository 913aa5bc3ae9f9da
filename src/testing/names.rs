//! The name of a test, and the names of its snapshots.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The name of the test that runs on this thread, as the test harness has it: the thread's. None on
/// the main thread and on threads without a name, where no harness has told it.
pub(super) fn test() -> Option<String> {
    let thread = thread::current();
    let name = thread.name().filter(|name| *name != "main")?;
    Some(name.to_owned())
}

/// The name of a snapshot: by the test, or the function where no test is known, the scenario and
/// what was set. `module` is that of the caller, which is part of the file's name anyway; `here` is
/// the type name of an item in the calling function.
pub(super) fn snapshot(
    test: Option<&str>,
    module: &str,
    here: &str,
    scenario: &str,
    settings: &BTreeMap<&str, &str>,
) -> String {
    let without_crate = |path: &str| match path.split_once("::") {
        Some((_, path)) => path.to_owned(),
        None => String::new(),
    };
    let mut path = match test {
        Some(test) => test.to_owned(),
        None => function(&without_crate(here)),
    };
    let module = format!("{}::", without_crate(module));
    if let Some(rest) = path.strip_prefix(&module) {
        path = rest.to_owned();
    }
    let settings: Vec<String> = settings
        .iter()
        .map(|(name, value)| format!("{name}-{value}"))
        .collect();
    let parts = [path, scenario.to_owned(), settings.join("_")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|part| !part.is_empty())
        .map(|part| fit_for_a_file(part))
        .collect();
    parts.join("__")
}

/// `name` where it comes for the first time in a test, `name-2` where it comes again.
pub(super) fn numbered(test: Option<&str>, name: String) -> String {
    static GIVEN: Mutex<BTreeMap<(Option<String>, String), usize>> = Mutex::new(BTreeMap::new());
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let times = given
        .entry((test.map(str::to_owned), name.clone()))
        .or_insert(0);
    *times += 1;
    match *times {
        1 => name,
        times => format!("{name}-{times}"),
    }
}

/// `module::function` of `module::function::{{closure}}::here`.
fn function(here: &str) -> String {
    let path = here.rsplit_once("::").map_or("", |(path, _)| path);
    path.replace("::{{closure}}", "")
}

/// Letters, digits, hyphens and underlines; `::` and `/` part what belongs apart.
fn fit_for_a_file(name: &str) -> String {
    let parted = name.replace("::", "__").replace('/', "__");
    let fit = |c: char| match c {
        '-' | '_' | '0'..='9' | 'a'..='z' | 'A'..='Z' => c,
        _ => '-',
    };
    parted.chars().map(fit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(test: Option<&str>, module: &str, here: &str) -> String {
        snapshot(test, module, here, "counter/locked", &BTreeMap::new())
    }

    #[test]
    fn a_snapshot_is_named_by_test_scenario_and_instance() {
        let (module, here) = ("my_crate::tests", "my_crate::tests::helper::here");
        let of_test = name(Some("tests::counts"), module, here);
        assert_eq!(of_test, "counts__counter__locked");
        let elsewhere = name(Some("other::counts"), module, here);
        assert_eq!(elsewhere, "other__counts__counter__locked");
        let parameterised = name(Some("tests::counts::case_1"), module, here);
        assert_eq!(parameterised, "counts__case_1__counter__locked");
        let set = BTreeMap::from([("n", "3"), ("spurious", "on")]);
        let of_instance = snapshot(Some("counts"), "my_crate", here, "counter/locked", &set);
        assert_eq!(of_instance, "counts__counter__locked__n-3_spurious-on");
    }

    #[test]
    fn without_a_test_a_snapshot_is_named_by_the_function() {
        let module = "my_crate::tests";
        for here in [
            "my_crate::tests::counts::here",
            "my_crate::tests::counts::{{closure}}::here",
        ] {
            assert_eq!(name(None, module, here), "counts__counter__locked");
        }
        assert_eq!(
            name(None, "my_crate", "my_crate::main::here"),
            "main__counter__locked"
        );
    }

    #[test]
    fn a_name_that_comes_again_in_a_test_is_numbered() {
        let of = |test| numbered(Some(test), "a".to_owned());
        let names = [of("one"), of("one"), of("two"), of("one")];
        assert_eq!(names, ["a", "a-2", "a", "a-3"]);
    }
}
