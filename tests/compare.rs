//! The variants of a problem side by side: three pages, pinned, and against the catalogue's own
//! predicates.

use std::sync::Arc;

use crosscheck::engines::Limits;
use crosscheck::engines::comparison::{ComparisonError, contenders, questions};
use crosscheck::problems::{Problem, catalogue};
use crosscheck::report::comparison::{Comparison, json, markdown, text};
use crosscheck::scenario::{Memory, Program};
use crosscheck::sync::Property;
use serde_json::Value as Json;

fn problem(id: &str) -> Problem {
    let found = catalogue().into_iter().find(|problem| problem.id == id);
    found.expect("it is in the catalogue")
}

fn programs(problem: &Problem) -> Vec<Program> {
    let variants = problem.variants.iter();
    variants
        .map(|variant| Arc::clone(&variant.program))
        .collect()
}

fn set(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    pairs.iter().map(owned).collect()
}

fn compare(id: &str, pairs: &[(&str, &str)]) -> Comparison {
    let contenders = contenders(&programs(&problem(id)), &set(pairs)).expect("they have these");
    let variants = contenders.iter().map(|contender| {
        let questions = questions(contender, &Limits::QUICK);
        contender.compared(
            questions
                .iter()
                .flat_map(|question| question.check())
                .collect(),
        )
    });
    Comparison {
        problem: id.to_owned(),
        switches: String::new(),
        variants: variants.collect(),
    }
}

/// A page as it is pinned; what it says of each variant agrees with the predicates.
fn page(id: &str) -> String {
    let comparison = compare(id, &[]);
    let document: Json = serde_json::from_str(&json(&comparison)).expect("it is JSON");
    let variants = document["variants"].as_array().expect("a list");
    let problem = problem(id);
    assert_eq!(variants.len(), problem.variants.len());
    let contenders = contenders(&programs(&problem), &[]).expect("nothing is set");
    for ((told, variant), contender) in variants.iter().zip(&problem.variants).zip(&contenders) {
        assert_eq!(told["id"], variant.id());
        for (column, property) in [
            ("deadlock", Property::DeadlockFreedom),
            ("livelock", Property::LivelockFreedom),
            ("starvation", Property::StarvationFreedom),
            ("bypass", Property::BoundedBypass),
        ] {
            let memory = Memory::SequentiallyConsistent;
            let (instance, semantics) = (&contender.instance, &contender.semantics);
            let fails = variant.truth.fails(property, memory, instance, semantics);
            match told[column]["verdict"].as_str() {
                Some("refuted") => assert!(fails, "{id}/{} {column}", variant.id()),
                Some("proved") => assert!(!fails, "{id}/{} {column}", variant.id()),
                _ => {}
            }
        }
    }
    text(&comparison)
}

#[test]
fn philosophers() {
    insta::assert_snapshot!("compare-philosophers", page("philosophers"));
}

#[test]
fn readers_writers() {
    insta::assert_snapshot!("compare-readers-writers", page("readers-writers"));
}

#[test]
fn bounded_buffer() {
    insta::assert_snapshot!("compare-bounded-buffer", page("bounded-buffer"));
}

#[test]
fn what_a_variant_does_not_have_is_left_as_it_is() {
    let problem = problem("philosophers");
    let chosen = set(&[("n", "4"), ("lock", "semaphore"), ("semaphore", "weak")]);
    for contender in contenders(&programs(&problem), &chosen).expect("most have these") {
        assert_eq!(contender.instance.number("n"), 4);
        if contender.instance.get("lock").is_some() {
            assert_eq!(contender.instance.word("lock"), "semaphore");
        }
    }
    let nobody = contenders(&programs(&problem), &set(&[("lock", "glass")]));
    assert!(matches!(nobody, Err(ComparisonError::Value { .. })));
    let no_word = contenders(&programs(&problem), &set(&[("semaphore", "fair")]));
    let no_word = no_word.err().expect("there is no such word").to_string();
    assert_eq!(
        no_word,
        "semaphore=fair: the switch `semaphore` is strong|weak"
    );
}

#[test]
fn every_line_of_the_markdown_table_has_every_column() {
    let text = markdown(&compare("semaphore", &[]));
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let table: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(
        table.len(),
        2 + problem("semaphore").variants.len(),
        "{text}"
    );
    assert!(
        table.iter().all(|line| bars(line) == bars(table[0])),
        "{text}"
    );
}
