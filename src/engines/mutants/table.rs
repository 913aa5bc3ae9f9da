//! The instances on which the mutants of each variant are judged: data, one line a variant.
//!
//! The table is `verification/mutants.txt`. A line names a variant and its instances, separated by
//! `|`, each as what differs from the defaults (`-` for the defaults themselves):
//! `bounded-buffer/ring  - | items=3,capacity=2`. Small instances come first: most mutants die there.

use std::collections::BTreeMap;

use crate::engines::check::set_switch;
use crate::scenario::{Instance, Parameter};
use crate::sync::Semantics;

/// What an instance sets, by the names of parameters and switches.
pub type Settings = Vec<(String, String)>;

/// The instances of each variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// By `problem/variant`.
    pub lines: BTreeMap<String, Vec<Settings>>,
}

/// What is wrong with the table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("verification/mutants.txt, line {line}: {what}")]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

impl Table {
    /// The table that was built in.
    ///
    /// # Errors
    /// [`TableError`] when a line cannot be read.
    #[cfg(feature = "catalogue")]
    pub fn built_in() -> Result<Self, TableError> {
        Self::parse(include_str!("../../../verification/mutants.txt"))
    }

    /// Reads a table; `#` begins a comment.
    ///
    /// # Errors
    /// [`TableError`] when a line cannot be read.
    pub fn parse(text: &str) -> Result<Self, TableError> {
        let mut lines = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.split_once('#').map_or(line, |(line, _)| line).trim();
            if line.is_empty() {
                continue;
            }
            let error = |what: String| TableError { line: at + 1, what };
            let (scenario, instances) = line
                .split_once(char::is_whitespace)
                .ok_or_else(|| error("a variant and its instances are needed".to_owned()))?;
            let instances = instances
                .split('|')
                .map(|text| settings(text).map_err(error))
                .collect::<Result<Vec<_>, _>>()?;
            if let Some(at) =
                (1..instances.len()).find(|&at| instances[..at].contains(&instances[at]))
            {
                return Err(error(format!("its instance {} stands there twice", at + 1)));
            }
            if lines.insert(scenario.to_owned(), instances).is_some() {
                return Err(error(format!("`{scenario}` has two lines")));
            }
        }
        Ok(Self { lines })
    }

    /// The instances of a variant; its defaults where the table says nothing.
    #[must_use]
    pub fn instances(&self, scenario: &str) -> Vec<Settings> {
        let known = self.lines.get(scenario).cloned();
        known.unwrap_or_else(|| vec![Vec::new()])
    }
}

fn settings(text: &str) -> Result<Settings, String> {
    let text = text.trim();
    if text == "-" {
        return Ok(Vec::new());
    }
    let mut settings = Settings::new();
    for pair in text.split(',') {
        let (name, value) = pair
            .split_once('=')
            .filter(|_| !pair.contains(char::is_whitespace))
            .ok_or_else(|| format!("`{pair}` is not of the form name=value"))?;
        if settings.iter().any(|(known, _)| known == name) {
            return Err(format!("`{name}` is set twice"));
        }
        settings.push((name.to_owned(), value.to_owned()));
    }
    Ok(settings)
}

/// The instance that settings stand for.
///
/// # Errors
/// What is no parameter or switch, or no value of it.
pub(super) fn instance(
    parameters: &[Parameter],
    settings: &Settings,
) -> Result<(Instance, Semantics), String> {
    let mut instance = Instance::defaults(parameters);
    let mut semantics = Semantics::DEFAULT;
    for (name, value) in settings {
        match parameters.iter().find(|parameter| parameter.name == name) {
            Some(parameter) => {
                let parsed = parameter.parse(value);
                let parsed = parsed
                    .filter(|parsed| parsed.to_string() == *value)
                    .ok_or_else(|| format!("{name} is {}, not {value}", parameter.domain))?;
                instance = instance.with(parameter.name, parsed);
            }
            None if set_switch(&mut semantics, name, value) => {}
            None => return Err(format!("there is no parameter or switch {name}={value}")),
        }
    }
    Ok((instance, semantics))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_instances_in_order() {
        let table = Table::parse("# nothing\na/b  - | n=3,lock=semaphore # larger\n")
            .expect("the table can be read");
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            table.instances("a/b"),
            [vec![], vec![pair("n", "3"), pair("lock", "semaphore")]]
        );
        assert_eq!(table.instances("c/d"), [vec![]]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_told_with_its_number() {
        for (text, says) in [
            ("a/b", "line 1: a variant and its instances are needed"),
            ("\na/b n", "line 2: `n` is not of the form name=value"),
            ("a/b -\na/b -", "line 2: `a/b` has two lines"),
            (
                "a/b - | n=3 | -",
                "line 1: its instance 3 stands there twice",
            ),
            ("a/b n=3,n=3", "line 1: `n` is set twice"),
            ("a/b -,n=3", "line 1: `-` is not of the form name=value"),
            ("a/b n=3,", "line 1: `` is not of the form name=value"),
            ("a/b n= 3", "line 1: `n= 3` is not of the form name=value"),
        ] {
            let error = Table::parse(text).expect_err("it cannot be read");
            assert!(error.to_string().ends_with(says), "{error}");
        }
    }

    #[cfg(feature = "catalogue")]
    #[test]
    fn the_table_that_was_built_in_can_be_read() {
        assert!(Table::built_in().is_ok());
    }
}
