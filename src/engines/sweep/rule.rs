//! The rule behind a sweep: the simplest of a small class that fits every decided instance.
//!
//! A rule is `true`, `false`, one comparison, or two joined by `and` or `or`. A comparison is a word
//! of a parameter (`lock = semaphore`) or a linear one, `sum >= k`, in which at most three
//! parameters count once or, one of them, twice, on either side: `n >= 4`,
//! `producers + consumers > 2*capacity`.
//!
//! It is a hypothesis: it fits the instances that were searched and is proved for no other.

use std::collections::BTreeMap;
use std::fmt;

use crate::scenario::Value;

/// When a property fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// In every instance.
    Always,
    /// In none.
    Never,
    /// Where a comparison holds.
    When(Comparison),
    /// Where both hold.
    Both(Comparison, Comparison),
    /// Where one of two holds, or both.
    Either(Comparison, Comparison),
}

/// A comparison over the parameters of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `left >= right + more`; what counts twice is named twice. One of both sides has a name.
    Sum {
        /// What is added.
        left: Vec<String>,
        /// What is subtracted.
        right: Vec<String>,
        /// By how much the left side is larger at least.
        more: i64,
    },
    /// The parameter is this word.
    Is {
        /// The parameter.
        name: String,
        /// The word.
        word: &'static str,
    },
}

/// A comparison, what it costs, and where it holds.
struct Candidate {
    cost: usize,
    comparison: Comparison,
    /// A bit for each decided instance.
    holds: Vec<u64>,
}

/// The most parameters of a comparison.
const MOST_NAMES: usize = 3;

impl Rule {
    /// The simplest rule that holds in exactly those of `points` that fail, of which the values are
    /// those of the parameters `names`; none when no rule of the class does, or there is no point.
    #[must_use]
    pub fn fit(names: &[&str], points: &[(&[Value], bool)]) -> Option<Self> {
        let fails = set(points.iter().map(|(_, fails)| *fails));
        if points.is_empty() {
            return None;
        }
        if points.iter().all(|(_, fails)| *fails) {
            return Some(Self::Always);
        }
        if !points.iter().any(|(_, fails)| *fails) {
            return Some(Self::Never);
        }
        let candidates = candidates(names, points);
        // The cheapest comes first, and the first of those in the order of the parameters.
        let alone = candidates
            .iter()
            .find(|candidate| candidate.holds == fails)
            .map(|candidate| Self::When(candidate.comparison.clone()));
        if alone.is_some() {
            return alone;
        }
        let both = pair(
            &candidates,
            |holds| is_subset(&fails, holds),
            |one, other| {
                let joined = one.iter().zip(other).map(|(one, other)| one & other);
                joined.eq(fails.iter().copied())
            },
        );
        let either = pair(
            &candidates,
            |holds| is_subset(holds, &fails),
            |one, other| {
                let joined = one.iter().zip(other).map(|(one, other)| one | other);
                joined.eq(fails.iter().copied())
            },
        );
        match (both, either) {
            (Some((cost, _, _)), Some((less, one, other))) if less < cost => {
                Some(Self::Either(one, other))
            }
            (Some((_, one, other)), _) => Some(Self::Both(one, other)),
            (None, Some((_, one, other))) => Some(Self::Either(one, other)),
            (None, None) => None,
        }
    }
}

/// The cheapest pair of those candidates that may be part of one.
fn pair(
    candidates: &[Candidate],
    may: impl Fn(&[u64]) -> bool,
    fits: impl Fn(&[u64], &[u64]) -> bool,
) -> Option<(usize, Comparison, Comparison)> {
    let parts: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| may(&candidate.holds))
        .collect();
    let mut best: Option<(usize, Comparison, Comparison)> = None;
    for (at, one) in parts.iter().enumerate() {
        for other in &parts[at + 1..] {
            let cost = one.cost + other.cost;
            // Costs grow along the list.
            if best.as_ref().is_some_and(|(least, ..)| cost >= *least) {
                break;
            }
            if fits(&one.holds, &other.holds) {
                best = Some((cost, one.comparison.clone(), other.comparison.clone()));
                break;
            }
        }
    }
    best
}

/// A bit for each instance.
fn set(bits: impl Iterator<Item = bool>) -> Vec<u64> {
    let mut set = Vec::new();
    for (at, bit) in bits.enumerate() {
        if at % 64 == 0 {
            set.push(0);
        }
        set[at / 64] |= u64::from(bit) << (at % 64);
    }
    set
}

fn is_subset(part: &[u64], whole: &[u64]) -> bool {
    part.iter()
        .zip(whole)
        .all(|(part, whole)| part & !whole == 0)
}

/// One comparison, the simplest, for each set of instances that one can tell apart; the cheapest
/// first.
fn candidates(names: &[&str], points: &[(&[Value], bool)]) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = Vec::new();
    let numeric: Vec<usize> = (0..names.len())
        .filter(|&axis| {
            let is_number =
                |(values, _): &(&[Value], bool)| matches!(values[axis], Value::Number(_));
            points.iter().all(is_number)
        })
        .collect();
    for axis in (0..names.len()).filter(|axis| !numeric.contains(axis)) {
        words(names[axis], axis, points, &mut all);
    }
    for weights in weights(numeric.len()) {
        let sums: Vec<i64> = points
            .iter()
            .map(|(values, _)| {
                let terms = numeric.iter().zip(&weights);
                terms
                    .map(|(&axis, weight)| weight * number(&values[axis]))
                    .sum()
            })
            .collect();
        let mut steps = sums.clone();
        steps.sort_unstable();
        steps.dedup();
        for step in steps.windows(2) {
            // Anything above the first and up to the second says the same of these points.
            let more = [1, 0]
                .into_iter()
                .find(|k| step[0] < *k && *k <= step[1])
                .unwrap_or(step[1]);
            let side = |wanted: i64| -> Vec<String> {
                let mut side = Vec::new();
                for (&axis, weight) in numeric.iter().zip(&weights) {
                    for _ in 0..(weight * wanted).max(0) {
                        side.push(names[axis].to_owned());
                    }
                }
                side
            };
            let (left, right) = (side(1), side(-1));
            let terms = left.len() + right.len();
            let constant = terms > 1 && !matches!(more, 0 | 1);
            all.push(Candidate {
                cost: terms + usize::from(constant),
                holds: set(sums.iter().map(|sum| *sum >= more)),
                comparison: Comparison::Sum { left, right, more },
            });
        }
    }
    all.sort_by_key(|candidate| candidate.cost);
    let mut seen = std::collections::HashSet::new();
    all.retain(|candidate| seen.insert(candidate.holds.clone()));
    all
}

/// The comparisons with the words of a parameter.
fn words(name: &str, axis: usize, points: &[(&[Value], bool)], all: &mut Vec<Candidate>) {
    let mut words: Vec<&'static str> = Vec::new();
    for (values, _) in points {
        if let Value::Word(word) = values[axis]
            && !words.contains(&word)
        {
            words.push(word);
        }
    }
    for word in words {
        all.push(Candidate {
            cost: 1,
            holds: set(points
                .iter()
                .map(|(values, _)| values[axis] == Value::Word(word))),
            comparison: Comparison::Is {
                name: name.to_owned(),
                word,
            },
        });
    }
}

/// The weights with which so many parameters may count, simple ones first: at most three count, at
/// most one of them twice, and none twice alone.
fn weights(parameters: usize) -> Vec<Vec<i64>> {
    let mut all: Vec<Vec<i64>> = vec![Vec::new()];
    for _ in 0..parameters {
        let longer = |weights: &Vec<i64>| {
            let one = |weight: i64| {
                let mut weights = weights.clone();
                weights.push(weight);
                weights
            };
            [1, -1, 2, -2, 0].map(one)
        };
        all = all
            .iter()
            .flat_map(longer)
            .filter(|weights| may_count(weights))
            .collect();
    }
    all.retain(|weights| {
        let counting = weights.iter().filter(|weight| **weight != 0).count();
        let total: i64 = weights.iter().map(|weight| weight.abs()).sum();
        counting > 0 && !(counting == 1 && total == 2)
    });
    all.sort_by_key(|weights| weights.iter().map(|weight| weight.abs()).sum::<i64>());
    all
}

fn may_count(weights: &[i64]) -> bool {
    let counting = weights.iter().filter(|weight| **weight != 0).count();
    let twice = weights.iter().filter(|weight| weight.abs() == 2).count();
    counting <= MOST_NAMES && twice <= 1
}

fn number(value: &Value) -> i64 {
    match value {
        Value::Number(number) => i64::try_from(*number).unwrap_or(i64::MAX / 8),
        Value::Word(_) => 0,
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Always => f.write_str("always"),
            Self::Never => f.write_str("never"),
            Self::When(comparison) => comparison.fmt(f),
            Self::Both(one, other) => write!(f, "{one} and {other}"),
            Self::Either(one, other) => write!(f, "{one} or {other}"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Is { name, word } => write!(f, "{name} = {word}"),
            Self::Sum { left, right, more } => {
                let (sum_of_left, sum_of_right) = (sum(left), sum(right));
                match (left.is_empty(), right.is_empty(), *more) {
                    (_, true, more) => write!(f, "{sum_of_left} >= {more}"),
                    (true, false, more) => write!(f, "{sum_of_right} <= {}", -more),
                    (false, false, 0) => write!(f, "{sum_of_left} >= {sum_of_right}"),
                    (false, false, 1) => write!(f, "{sum_of_left} > {sum_of_right}"),
                    (false, false, more @ 2..) => {
                        write!(f, "{sum_of_left} > {sum_of_right} + {}", more - 1)
                    }
                    (false, false, more) => {
                        write!(f, "{sum_of_left} >= {sum_of_right} - {}", -more)
                    }
                }
            }
        }
    }
}

/// `producers + 2*capacity`.
fn sum(names: &[String]) -> String {
    let mut counted: BTreeMap<usize, (&str, usize)> = BTreeMap::new();
    for name in names {
        let first = names.iter().position(|other| other == name).unwrap_or(0);
        counted.entry(first).or_insert((name, 0)).1 += 1;
    }
    let terms: Vec<String> = counted
        .values()
        .map(|(name, times)| match times {
            1 => (*name).to_owned(),
            _ => format!("{times}*{name}"),
        })
        .collect();
    terms.join(" + ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule that fits what `fails` says of all points with values from 1 to `most`.
    fn rule(names: &[&str], most: usize, fails: impl Fn(&[usize]) -> bool) -> Option<String> {
        let mut points: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in names {
            points = points
                .into_iter()
                .flat_map(|point| (1..=most).map(move |next| [&point[..], &[next]].concat()))
                .collect();
        }
        let values: Vec<Vec<Value>> = points
            .iter()
            .map(|point| point.iter().map(|n| Value::Number(*n)).collect())
            .collect();
        let decided: Vec<(&[Value], bool)> = values
            .iter()
            .zip(&points)
            .map(|(values, point)| (values.as_slice(), fails(point)))
            .collect();
        Rule::fit(names, &decided).map(|rule| rule.to_string())
    }

    #[test]
    fn the_simplest_rule_is_found() {
        let found = |fails: fn(&[usize]) -> bool| {
            rule(&["p", "c", "k"], 4, fails).expect("a rule of the class fits")
        };
        assert_eq!(found(|_| true), "always");
        assert_eq!(found(|_| false), "never");
        assert_eq!(found(|x| x[0] >= 3), "p >= 3");
        assert_eq!(found(|x| x[2] < 2), "k <= 1");
        assert_eq!(found(|x| x[0] + x[1] > 2 * x[2]), "p + c > 2*k");
        assert_eq!(found(|x| x[0] + x[1] > x[2] + 2), "p + c > k + 2");
        assert_eq!(found(|x| x[0] >= x[1]), "p >= c");
        assert_eq!(found(|x| x[0] == x[1]), "p >= c and c >= p");
        assert_eq!(found(|x| x[0] >= 3 || x[1] >= 4), "p >= 3 or c >= 4");
        assert_eq!(found(|x| x[0] >= 2 && x[2] <= 3), "p >= 2 and k <= 3");
    }

    #[test]
    fn what_no_rule_of_the_class_says_is_not_made_up() {
        assert_eq!(rule(&["p"], 8, |x| x[0] % 2 == 0), None);
    }

    #[test]
    fn words_are_compared_too() {
        let points = [
            ([Value::Word("strong"), Value::Number(2)], false),
            ([Value::Word("strong"), Value::Number(3)], true),
            ([Value::Word("weak"), Value::Number(2)], true),
            ([Value::Word("weak"), Value::Number(3)], true),
        ];
        let points: Vec<(&[Value], bool)> = points.iter().map(|(v, f)| (&v[..], *f)).collect();
        let rule = Rule::fit(&["semaphore", "n"], &points).expect("a rule of the class fits");
        assert_eq!(rule.to_string(), "semaphore = weak or n >= 3");
    }

    proptest! {
        /// Whatever is found holds in exactly the points that fail.
        #[test]
        fn a_rule_that_is_found_fits(bits in prop::collection::vec(any::<bool>(), 12)) {
            let values: Vec<Vec<Value>> = (0..12)
                .map(|at| vec![Value::Number(at / 4), Value::Number(at % 4)])
                .collect();
            let points: Vec<(&[Value], bool)> =
                values.iter().map(Vec::as_slice).zip(bits.iter().copied()).collect();
            if let Some(rule) = Rule::fit(&["a", "b"], &points) {
                for (values, fails) in &points {
                    prop_assert_eq!(holds(&rule, values), *fails, "{} at {:?}", rule, values);
                }
            }
        }
    }

    /// Reads a rule anew, independently of how it was found.
    fn holds(rule: &Rule, values: &[Value]) -> bool {
        let one = |comparison: &Comparison| match comparison {
            Comparison::Is { .. } => panic!("there are no words"),
            Comparison::Sum { left, right, more } => {
                let value = |name: &String| number(&values[usize::from(name == "b")]);
                let total = |side: &[String]| side.iter().map(value).sum::<i64>();
                total(left) - total(right) >= *more
            }
        };
        match rule {
            Rule::Always => true,
            Rule::Never => false,
            Rule::When(only) => one(only),
            Rule::Both(first, second) => one(first) && one(second),
            Rule::Either(first, second) => one(first) || one(second),
        }
    }
}
