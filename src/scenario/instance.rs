//! Instance parameters: what a scenario can be asked for, and one choice of it.

use std::collections::BTreeMap;
use std::fmt;

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A number.
    Number(usize),
    /// One of a few words.
    Word(&'static str),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// The values that a parameter can take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Numbers, both ends included.
    Numbers {
        /// The least.
        min: usize,
        /// The greatest.
        max: usize,
    },
    /// Words.
    Words(&'static [&'static str]),
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbers { min, max } => write!(f, "{min}..={max}"),
            Self::Words(words) => f.write_str(&words.join("|")),
        }
    }
}

/// A parameter of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its id: `n`, `meals`, `capacity`.
    pub name: &'static str,
    /// What it means.
    pub help: &'static str,
    /// The values that it can take.
    pub domain: Domain,
    /// Its value in the quick instance.
    pub default: Value,
}

impl Parameter {
    /// A number between `min` and `max`.
    #[must_use]
    pub fn number(
        name: &'static str,
        help: &'static str,
        default: usize,
        (min, max): (usize, usize),
    ) -> Self {
        let domain = Domain::Numbers { min, max };
        Self {
            name,
            help,
            domain,
            default: Value::Number(default),
        }
    }

    /// One of `words`; the first is the default.
    ///
    /// # Panics
    /// When there is no word.
    #[must_use]
    pub fn words(name: &'static str, help: &'static str, words: &'static [&'static str]) -> Self {
        let default = Value::Word(words.first().expect("a parameter has at least one value"));
        Self {
            name,
            help,
            domain: Domain::Words(words),
            default,
        }
    }

    /// Reads a value of this parameter.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<Value> {
        match &self.domain {
            Domain::Numbers { min, max } => {
                let number = text.parse().ok()?;
                (*min..=*max)
                    .contains(&number)
                    .then_some(Value::Number(number))
            }
            Domain::Words(words) => words
                .iter()
                .find(|word| **word == text)
                .map(|w| Value::Word(w)),
        }
    }
}

/// One choice of a scenario's parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    values: BTreeMap<&'static str, Value>,
}

impl Instance {
    /// The defaults.
    #[must_use]
    pub fn defaults(parameters: &[Parameter]) -> Self {
        Self {
            values: parameters
                .iter()
                .map(|p| (p.name, p.default.clone()))
                .collect(),
        }
    }

    /// This instance with one parameter changed; for a parameter of the scenario.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: Value) -> Self {
        self.values.insert(name, value);
        self
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The number of a parameter.
    ///
    /// # Panics
    /// When the scenario has no such parameter or it is a word: a slip in the scenario.
    #[must_use]
    pub fn number(&self, name: &str) -> usize {
        match self.values.get(name) {
            Some(Value::Number(number)) => *number,
            other => {
                panic!("the scenario asks for the number `{name}`, its instance has {other:?}")
            }
        }
    }

    /// The word of a parameter.
    ///
    /// # Panics
    /// When the scenario has no such parameter or it is a number: a slip in the scenario.
    #[must_use]
    pub fn word(&self, name: &str) -> &'static str {
        match self.values.get(name) {
            Some(Value::Word(word)) => word,
            other => panic!("the scenario asks for the word `{name}`, its instance has {other:?}"),
        }
    }

    /// The parameters and their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }
}

impl fmt::Display for Instance {
    /// `meals=1 n=3`, in the order of the names; `-` when there are no parameters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.values.is_empty() {
            return f.write_str("-");
        }
        for (index, (name, value)) in self.values.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}
