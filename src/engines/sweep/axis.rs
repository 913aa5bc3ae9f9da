//! What a sweep goes over: a parameter or a switch, and its values in order.

use crate::engines::check::SWITCHES;
use crate::scenario::{Domain, Parameter, Value};

/// The most values of one axis.
const MOST_VALUES: usize = 1_000;

/// A parameter or a switch and the values that it is swept over, in the order of the sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The parameter or switch.
    pub name: &'static str,
    /// Its values; at least one, none of them twice.
    pub values: Vec<Value>,
    /// Whether it is a switch of the semantics and no parameter of the scenario.
    pub is_switch: bool,
}

/// Why a range cannot be swept over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AxisError {
    /// It is not of the form that ranges have.
    #[error("--over {text}: write NAME=FROM..TO with both ends, or NAME=VALUE,VALUE, as in n=2..8")]
    Form {
        /// What was given.
        text: String,
    },
    /// The scenario has no such parameter, and there is no such switch.
    #[error("there is no parameter `{name}`")]
    Unknown {
        /// What was given.
        name: String,
    },
    /// The parameter or switch cannot be this.
    #[error("--over {name}={value}: `{name}` is {domain}")]
    Outside {
        /// The parameter or switch.
        name: String,
        /// What was given.
        value: String,
        /// What it can be.
        domain: String,
    },
    /// The range has no value.
    #[error("--over {name}={from}..{to}: nothing lies between; write the smaller end first")]
    Empty {
        /// The parameter.
        name: String,
        /// Its first end.
        from: usize,
        /// Its second end.
        to: usize,
    },
    /// The range has too many values.
    #[error("--over {name}: more than {MOST_VALUES} values; sweep a part of them")]
    TooMany {
        /// The parameter.
        name: String,
    },
}

impl Axis {
    /// Reads `n=2..8`, `n=2..=8` (both ends belong to it either way), `n=2,3,5..8` or
    /// `semaphore=strong,weak`, for one of `parameters` or a switch.
    ///
    /// # Errors
    /// [`AxisError`] when there is no such parameter or switch or it cannot have such a value.
    pub fn parse(text: &str, parameters: &[Parameter]) -> Result<Self, AxisError> {
        let form = || AxisError::Form {
            text: text.to_owned(),
        };
        let (name, list) = text.split_once('=').ok_or_else(form)?;
        let parameter = parameters.iter().find(|parameter| parameter.name == name);
        let switch = SWITCHES.iter().find(|(switch, _)| *switch == name);
        let (name, domain) = match (parameter, switch) {
            (Some(parameter), _) => (parameter.name, parameter.domain.clone()),
            (None, Some((switch, words))) => (*switch, Domain::Words(words)),
            (None, None) => {
                return Err(AxisError::Unknown {
                    name: name.to_owned(),
                });
            }
        };
        let mut values = Vec::new();
        for part in list.split(',') {
            if part.is_empty() {
                return Err(form());
            }
            add(name, &domain, part, &mut values)?;
            if values.len() > MOST_VALUES {
                return Err(AxisError::TooMany {
                    name: name.to_owned(),
                });
            }
        }
        Ok(Self {
            name,
            values,
            is_switch: parameter.is_none(),
        })
    }
}

/// Adds what a part of the list stands for, `3` or `5..8` or a word.
fn add(
    name: &'static str,
    domain: &Domain,
    part: &str,
    values: &mut Vec<Value>,
) -> Result<(), AxisError> {
    let outside = |value: &str| AxisError::Outside {
        name: name.to_owned(),
        value: value.to_owned(),
        domain: domain.to_string(),
    };
    let mut push = |value: Value| {
        if !values.contains(&value) {
            values.push(value);
        }
    };
    match domain {
        Domain::Words(words) => {
            let word = words.iter().find(|word| **word == part);
            push(Value::Word(word.ok_or_else(|| outside(part))?));
        }
        Domain::Numbers { min, max } => {
            let number = |text: &str| -> Result<usize, AxisError> {
                let number = text.parse().map_err(|_| outside(text))?;
                if (*min..=*max).contains(&number) {
                    Ok(number)
                } else {
                    Err(outside(text))
                }
            };
            let Some((from, to)) = part.split_once("..") else {
                push(Value::Number(number(part)?));
                return Ok(());
            };
            let (from, to) = (number(from)?, number(to.strip_prefix('=').unwrap_or(to))?);
            if from > to {
                return Err(AxisError::Empty {
                    name: name.to_owned(),
                    from,
                    to,
                });
            }
            if to - from >= MOST_VALUES {
                return Err(AxisError::TooMany {
                    name: name.to_owned(),
                });
            }
            (from..=to).for_each(|number| push(Value::Number(number)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters() -> Vec<Parameter> {
        vec![
            Parameter::number("n", "philosophers", 3, (2, 64)),
            Parameter::words("lock", "of what", &["facade", "semaphore"]),
        ]
    }

    fn numbers(text: &str) -> Vec<usize> {
        let axis = Axis::parse(text, &parameters()).expect("the range can be read");
        let number = |value: &Value| match value {
            Value::Number(number) => *number,
            Value::Word(word) => panic!("{word} is no number"),
        };
        axis.values.iter().map(number).collect()
    }

    #[test]
    fn both_ends_belong_to_a_range_and_nothing_comes_twice() {
        assert_eq!(numbers("n=2..4"), [2, 3, 4]);
        assert_eq!(numbers("n=2..=4"), [2, 3, 4]);
        assert_eq!(numbers("n=8,2..4,3,5"), [8, 2, 3, 4, 5]);
        assert_eq!(numbers("n=7"), [7]);
    }

    #[test]
    fn words_of_parameters_and_switches_are_swept_as_well() {
        let axis = Axis::parse("lock=semaphore,facade", &parameters()).expect("both are words");
        assert_eq!(
            axis.values,
            [Value::Word("semaphore"), Value::Word("facade")]
        );
        assert!(!axis.is_switch);
        let axis = Axis::parse("semaphore=strong,weak", &parameters()).expect("both are words");
        assert!(axis.is_switch);
    }

    #[test]
    fn what_cannot_be_swept_is_told() {
        let error = |text: &str| {
            let error = Axis::parse(text, &parameters()).expect_err("it cannot be swept");
            error.to_string()
        };
        assert_eq!(
            error("n"),
            "--over n: write NAME=FROM..TO with both ends, or NAME=VALUE,VALUE, as in n=2..8"
        );
        assert_eq!(error("n=1..3"), "--over n=1: `n` is 2..=64");
        assert_eq!(error("n=2..70"), "--over n=70: `n` is 2..=64");
        assert_eq!(error("n=two"), "--over n=two: `n` is 2..=64");
        assert_eq!(
            error("n=5..3"),
            "--over n=5..3: nothing lies between; write the smaller end first"
        );
        assert_eq!(error("m=1..3"), "there is no parameter `m`");
        assert_eq!(
            error("lock=1..3"),
            "--over lock=1..3: `lock` is facade|semaphore"
        );
    }
}
