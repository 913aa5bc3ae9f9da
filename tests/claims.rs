//! The table of claims: what chance decides is no claim, and no damage of the table goes unnoticed.

use std::collections::BTreeSet;
use std::path::Path;

use crosscheck::engines::claims::{Line, Mode, Table};
use crosscheck::engines::plan::{Planned, catalogue_plan};
use crosscheck::engines::{Claim, Claimed, EngineId, ExitStatus, Limits, Word};
use crosscheck::problems::{Problem, catalogue};
use crosscheck::scenario::Memory;
use crosscheck::sync::Property;

use super::damage::Numbers;
use super::rows::rows;

const TEXT: &str = include_str!("../verification/claims.txt");

const MODES: [Mode; 2] = [Mode::Quick, Mode::Proof];

/// What a line claims, whatever its number is.
fn content(line: &Line) -> Line {
    Line {
        number: 0,
        ..line.clone()
    }
}

fn is_of(line: &Line, planned: &Planned) -> bool {
    planned.mode == Some(line.mode)
        && planned.program.name() == line.scenario
        && planned.engine == line.engine
        && planned.instance_text() == line.instance
        && planned.asks == line.asks
}

/// The row that a line is about.
fn planned(problems: &[Problem], line: &Line) -> Result<Planned, String> {
    let table = Table {
        lines: vec![line.clone()],
    };
    let plan = catalogue_plan(problems, &table, line.mode).map_err(|error| error.to_string())?;
    let row = plan.into_iter().find(|planned| is_of(line, planned));
    row.ok_or_else(|| format!("line {} is about no row", line.number))
}

fn of(problems: Vec<Problem>, scenario: &str) -> Vec<Problem> {
    let is_of = |problem: &Problem| {
        let mut variants = problem.variants.iter();
        variants.any(|variant| variant.program.name() == scenario)
    };
    problems.into_iter().filter(is_of).collect()
}

/// The words that a sampler can say of a property: it never proves that something always holds, and
/// never refutes what does; it may come upon each failure that there is, and upon every situation.
fn possible(property: Property, fails: bool) -> BTreeSet<Word> {
    match property {
        Property::Reachability if fails => [Word::Sampled].into(),
        Property::Reachability => [Word::Sampled, Word::Proved].into(),
        _ if fails => [Word::Sampled, Word::Refuted].into(),
        _ => [Word::Sampled].into(),
    }
}

/// Where chance decides, the claims about a row are all that can come out, and nothing else; a
/// sampler that is the same every time says one of those.
#[test]
fn chance_contradicts_no_claim_and_every_claim_of_it_is_possible() {
    let table = Table::built_in().expect("the table can be read");
    let problems = catalogue();
    let mut seen = 0;
    let samplers = |line: &&Line| !line.engine.is_exhaustive();
    for line in table.lines.iter().filter(samplers) {
        let planned = planned(&problems, line).expect("every line is about a row");
        let mut variants = problems.iter().flat_map(|problem| &problem.variants);
        let variant = variants.find(|variant| variant.program.name() == line.scenario);
        let truth = &variant.expect("it is in the catalogue").truth;
        for property in planned.job().targets {
            let memory = Memory::SequentiallyConsistent;
            let (instance, switches) = (&planned.instance, &planned.semantics);
            let fails = truth.fails(property, memory, instance, switches);
            let possible = possible(property, fails);
            let claim = line.claim(property);
            let claimed: BTreeSet<Word> = claim.words.iter().copied().collect();
            let place = format!("line {}, {property}: {}", line.number, claim.text());
            if line.engine.is_deterministic() {
                assert!(claimed.is_subset(&possible), "{place}, not of {possible:?}");
            } else {
                // Of several failures the first one ends the execution, and which can be the first
                // is found below; that a situation never comes is for its predicate to say.
                let may_be_first = line.refuted.contains(&property);
                let expected = match property {
                    Property::Reachability => self::possible(property, false),
                    _ => self::possible(property, may_be_first),
                };
                assert_eq!(claimed, expected, "{place}");
                assert!(claimed == possible || fails, "{place}, not {possible:?}");
                assert_eq!(claim.executions, None, "{place}");
            }
            seen += 1;
        }
    }
    assert!(seen > 500, "only {seen} claims of samplers");
}

/// Which of several failures comes first is a matter of chance: each that can is named.
#[test]
fn every_failure_that_chance_may_come_upon_first_is_named() {
    let table = Table::built_in().expect("the table can be read");
    let problems = catalogue();
    let mut seen = 0;
    let of_chance = |line: &&Line| !line.engine.is_deterministic() && !line.refuted.is_empty();
    for line in table.lines.iter().filter(of_chance) {
        let planned = planned(&problems, line).expect("every line is about a row");
        let mut first = BTreeSet::new();
        for seed in 1..=40 {
            for engine in [
                EngineId::ShuttleRandom,
                EngineId::ShuttlePct,
                EngineId::ShuttleUrw,
            ] {
                let planned = Planned {
                    engine,
                    limits: Limits {
                        schedules: 50,
                        seed,
                        ..planned.limits.clone()
                    },
                    ..planned.clone()
                };
                let rows = planned.check();
                let found = rows.iter().filter(|row| row.counterexample().is_some());
                first.extend(found.map(|row| row.property));
            }
        }
        let named: BTreeSet<Property> = line.refuted.iter().copied().collect();
        // On threads what lies between two steps overlaps as well, so that more may be first there.
        assert!(
            !first.is_empty() && first.is_subset(&named),
            "line {}: {first:?}",
            line.number
        );
        seen += 1;
    }
    assert!(seen > 20, "only {seen} lines of chance");
}

/// A situation that is reached before chance comes upon a failure, or without one.
#[test]
fn a_witness_beside_a_failure_that_chance_missed_contradicts_nothing() {
    let line = "quick a/b threads n=2 all sampled|refuted:invariant -";
    let table = Table::parse(line).expect("it can be read");
    let words = |property| table.lines[0].claim(property).words;
    assert_eq!(
        words(Property::Reachability),
        [Word::Sampled, Word::Proved],
        "the failure stands beside it"
    );
    assert_eq!(words(Property::Invariant), [Word::Sampled, Word::Refuted]);
    assert_eq!(words(Property::DeadlockFreedom), [Word::Sampled]);
}

/// What no run can say, and what can be written in two ways.
#[test]
fn a_line_that_no_run_can_meet_is_refused_with_its_number() {
    for (line, says) in [
        ("quick a/b loom n=2 all proved 06", "`06` is no count"),
        ("quick a/b loom n=2 all proved +6", "`+6` is no count"),
        ("quick a/b loom n=2 all proved -", "states its exact number"),
        ("quick a/b loom n=2 all bounded 6", "only a proved row"),
        ("quick a/b loom n=2 all proved|bounded 6", "same word every"),
        ("quick a/b loom n=2 all sampled -", "it does not sample"),
        ("quick a/b threads n=2 all proved 6", "neither prove"),
        ("quick a/b shuttle-pct n=2 all bounded -", "nor bound"),
        (
            "quick a/b threads n=2 all refuted:invariant -",
            "find nothing",
        ),
        ("quick a/b threads n=2 all sampled|sampled -", "twice"),
        (
            "quick a/b threads n=2 all sampled|refuted:invariant+invariant -",
            "`invariant` stands there twice",
        ),
        (
            "quick a/b threads n=2 all sampled|refuted:reachability -",
            "something never happens",
        ),
        ("quick a/b loom n=2 invariant,invariant proved 6", "twice"),
        (
            "quick a/b loom n=2 conservation refuted:invariant -",
            "invariant is not asked for",
        ),
        ("quick a/b loom n=2 all proved 6 6", "seven columns"),
    ] {
        let error = Table::parse(&format!("# a table\n{line}\n")).expect_err(line);
        assert!(error.to_string().contains(says), "{line}: {error}");
        assert_eq!(error.line, 2, "{line}");
    }
    let twice = "quick a/b loom n=2 all proved 6\nquick a/b loom n=2 all proved 7\n";
    let error = Table::parse(twice).expect_err("two lines are about one row");
    assert!(error.to_string().ends_with("of line 1 again"), "{error}");
}

/// A row without its line fails, and the exit code says so; of a scenario of which the table does
/// not speak nothing is claimed.
#[test]
fn a_row_that_every_variant_has_needs_its_line() {
    let whole = Table::built_in().expect("the table can be read");
    let problems = catalogue();
    let plan = catalogue_plan(&problems, &whole, Mode::Quick).expect("it is of the catalogue");
    let is_wanted =
        |p: &&Planned| p.program.name() == "semaphore/queued" && p.engine == EngineId::Exhaustive;
    let planned = plan.iter().filter(is_wanted).find(|p| p.is_default());
    let planned = planned.expect("it has its default row");
    let row = rows("semaphore/queued", &[], &Limits::QUICK).remove(0);
    assert_eq!(row.instance_text(), planned.instance_text());
    let mut table = whole.clone();
    table.lines.retain(|line| !is_of(line, planned));
    assert_eq!(table.lines.len() + 1, whole.lines.len());
    let claimed = Claimed {
        claim: planned.claim(&table, &row),
        row: row.clone(),
    };
    assert_eq!(claimed.claim, Some(Claim::lacking()));
    let says = claimed.contradiction().expect("it is contradicted");
    assert!(says.starts_with("the row has no claim"), "{says}");
    assert_eq!(ExitStatus::of(&[claimed]), ExitStatus::Contradicted);
    assert_eq!(planned.claim(&Table::default(), &row), None);
}

/// Whether the report of a row is pinned: a row under another name has none.
fn is_pinned(planned: &Planned) -> bool {
    let folder = planned.program.name().split('/').next().unwrap_or_default();
    let mode = planned.mode.expect("it is of the table").as_str();
    let name = planned.name().replace("::", "__");
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("verification/snapshots")
        .join(folder)
        .join(format!("{mode}__{name}.snap"))
        .exists()
}

/// Returns whether a run that meets one claim cannot meet the other, whatever chance does.
fn contradicts(line: &Line, other: &Line, targets: &BTreeSet<Property>) -> bool {
    targets.iter().any(|&property| {
        let (one, other) = (line.claim(property), other.claim(property));
        let both = one.words.iter().any(|word| other.words.contains(word));
        !both && !one.words.is_empty() || one.executions != other.executions
    })
}

/// Damages a line in one place: a character out, another one in its place, one more.
fn damages(line: &str, numbers: &mut Numbers) -> Vec<String> {
    const ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz-=,|:+/# \t_.A";
    let mut all = Vec::new();
    for at in 0..line.len() {
        let mut any = || char::from(ALPHABET[numbers.below(ALPHABET.len())]);
        let (before, behind) = (&line[..at], &line[at + 1..]);
        all.push(format!("{before}{behind}"));
        all.push(format!("{before}{}{behind}", any()));
        all.push(format!("{before}{}{}", any(), &line[at..]));
        all.push(before.to_owned());
    }
    all
}

/// One character changed, taken out or put in, or the end of a line cut off: the table cannot be
/// read, or is of no row, or the run contradicts it. A part of the lines where nothing is optimised.
#[test]
fn every_damaged_line_is_an_error_or_contradicted_by_the_run() {
    let step = if cfg!(debug_assertions) { 16 } else { 1 };
    let whole = Table::built_in().expect("the table can be read");
    let text: Vec<&str> = TEXT.lines().collect();
    let mut numbers = Numbers(4);
    let [mut refused, mut contradicted, mut same] = [0; 3];
    for line in whole.lines.iter().skip(numbers.below(step)).step_by(step) {
        let problems = of(catalogue(), &line.scenario);
        let original = planned(&problems, line).expect("it is about a row");
        let targets = original.job().targets;
        assert!(is_pinned(&original), "{}", original.name());
        for damaged in damages(text[line.number - 1], &mut numbers) {
            let place = format!("line {}: {damaged}", line.number);
            let mut lines = match Table::parse(&damaged) {
                Err(_) => {
                    refused += 1;
                    continue;
                }
                Ok(table) => table.lines,
            };
            let Some(other) = lines.pop() else {
                // A comment, or nothing: a line less, which the census counts.
                assert!(
                    damaged
                        .split('#')
                        .next()
                        .unwrap_or_default()
                        .trim()
                        .is_empty()
                );
                contradicted += 1;
                continue;
            };
            if content(&other) == content(line) {
                let words = |text: &str| {
                    let text = text.split('#').next().unwrap_or_default();
                    text.split_whitespace()
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                };
                assert_eq!(words(&damaged), words(text[line.number - 1]), "{place}");
                same += 1;
                continue;
            }
            let of_row = |known: &&Line| {
                let row = |line: &Line| {
                    let Line { mode, engine, .. } = *line;
                    (
                        mode,
                        engine,
                        line.scenario.clone(),
                        line.instance.clone(),
                        line.asks.clone(),
                    )
                };
                row(known) == row(&other)
            };
            match whole.lines.iter().find(of_row) {
                Some(known) if known.number == line.number => {
                    assert!(contradicts(line, &other, &targets), "{place}");
                }
                Some(known) => {
                    // The row of another line again.
                    let mut all = text.clone();
                    all[line.number - 1] = &damaged;
                    let error = Table::parse(&all.join("\n")).expect_err(&place);
                    assert_eq!(error.line, known.number.max(line.number), "{place}");
                }
                None => match planned(&problems, &other) {
                    Err(_) => {}
                    // Another row, and its report is not there; nor is the claim of the first one.
                    Ok(other) => assert!(!is_pinned(&other), "{place}"),
                },
            }
            contradicted += 1;
        }
    }
    assert!(
        refused > contradicted && contradicted > same,
        "{refused}, {contradicted}, {same}"
    );
}

/// A line out, a line twice, two lines that changed places: another number of rows, an error, or
/// the same rows.
#[test]
fn lines_that_are_lost_or_doubled_are_noticed() {
    let whole = Table::built_in().expect("the table can be read");
    let problems = catalogue();
    let rows = |table: &Table| -> usize {
        let plan = |mode| catalogue_plan(&problems, table, mode).expect("it is of the catalogue");
        MODES.map(plan).iter().map(Vec::len).sum()
    };
    let all = rows(&whole);
    let text: Vec<&str> = TEXT.lines().collect();
    let mut numbers = Numbers(5);
    for _ in 0..if cfg!(debug_assertions) { 20 } else { 400 } {
        let line = &whole.lines[numbers.below(whole.lines.len())];
        let at = line.number - 1;
        let mut doubled = text.clone();
        doubled.insert(numbers.below(text.len()), text[at]);
        let error = Table::parse(&doubled.join("\n")).expect_err("a line stands there twice");
        assert!(error.to_string().contains("again"), "{error}");

        let mut fewer = whole.clone();
        fewer.lines.remove(
            whole
                .lines
                .iter()
                .position(|other| other == line)
                .expect("there"),
        );
        let problems = of(catalogue(), &line.scenario);
        if planned(&problems, line)
            .expect("it is about a row")
            .is_default()
        {
            assert_eq!(rows(&fewer), all);
            assert!(
                fewer.speaks_of(line.mode, &line.scenario),
                "the row lacks its claim"
            );
        } else {
            assert_eq!(rows(&fewer) + 1, all, "line {}", line.number);
        }
    }
}

/// The tables of mutants: what is written in another way is refused, what says something else is of
/// other instances, and those stand in what is pinned.
#[test]
fn every_damaged_line_of_the_mutants_is_an_error_or_names_other_instances() {
    const TEXT: &str = include_str!("../verification/mutants.txt");
    use crosscheck::engines::mutants::Table;
    let whole = Table::built_in().expect("the table can be read");
    let text: Vec<&str> = TEXT.lines().collect();
    let mut numbers = Numbers(6);
    let mut seen = 0;
    for (at, line) in text.iter().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        for damaged in damages(line, &mut numbers) {
            let mut all = text.clone();
            all[at] = &damaged;
            match Table::parse(&all.join("\n")) {
                Err(error) => assert_eq!(error.line, at + 1, "{damaged}: {error}"),
                Ok(table) if table == whole => {
                    let words = |text: &str| {
                        let text = text.split('#').next().unwrap_or_default();
                        text.replace([' ', '\t'], "")
                    };
                    assert_eq!(words(&damaged), words(line), "{damaged}");
                }
                Ok(table) => {
                    let lost = whole
                        .lines
                        .iter()
                        .any(|(scenario, instances)| table.lines.get(scenario) != Some(instances));
                    assert!(lost, "{damaged}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 2_000, "{seen}");
}
