//! The frontier of a sweep: the verdict of each instance, and between which neighbours it flips.

use super::axis::Axis;
use super::rule::Rule;
use crate::engines::limits::SearchMode;
use crate::engines::{EngineId, Row, Word};
use crate::scenario::Value;
use crate::sync::Property;

/// What is known of one instance of a sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The value on each axis.
    pub values: Vec<Value>,
    /// Refuted when a property that was asked for is, proved when all are, else the weakest word.
    pub word: Word,
    /// The property that is refuted, or the first that is not decided.
    pub property: Option<Property>,
    /// What stands behind the word.
    pub reason: String,
    /// Executions of the search that decided it.
    pub executions: u64,
    /// How engine `exhaustive` searched; none: another engine.
    pub mode: Option<SearchMode>,
}

impl Point {
    /// What the rows of its job say.
    #[must_use]
    pub fn new(values: Vec<Value>, mode: Option<SearchMode>, rows: &[Row]) -> Self {
        // From the one that says most against the instance to the one that says nothing.
        let rank = |row: &&Row| match row.verdict.word() {
            Word::Refuted => 0,
            Word::GaveUp => 1,
            Word::Sampled => 2,
            Word::Bounded => 3,
            Word::Proved => 4,
        };
        let worst = rows.iter().min_by_key(rank);
        let word = worst.map_or(Word::GaveUp, |row| row.verdict.word());
        Self {
            values,
            word,
            property: worst
                .filter(|_| word != Word::Proved)
                .map(|row| row.property),
            reason: worst.map_or_else(String::new, |row| row.verdict.reason()),
            executions: worst.map_or(0, |row| row.executions),
            mode,
        }
    }

    /// Whether it fails; none: that is not decided.
    #[must_use]
    pub fn fails(&self) -> Option<bool> {
        match self.word {
            Word::Refuted => Some(true),
            Word::Proved => Some(false),
            Word::Bounded | Word::Sampled | Word::GaveUp => None,
        }
    }
}

/// Two neighbours on an axis, of which one fails and the other does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flip {
    /// The axis.
    pub axis: usize,
    /// Where the first is.
    pub from: Vec<Value>,
    /// The value of the second on the axis.
    pub to: Value,
    /// Whether the second is the one that fails.
    pub begins_to_fail: bool,
}

/// A sweep that has been run.
#[derive(Clone, Debug)]
pub struct Frontier {
    /// `problem/variant`.
    pub scenario: String,
    /// Who searched.
    pub engine: EngineId,
    /// The parameters and switches that are the same in every instance.
    pub fixed: String,
    /// What was asked for; none: all properties of the scenario.
    pub asks: Option<Vec<Property>>,
    /// What varied.
    pub axes: Vec<Axis>,
    /// The instances, the last axis varying fastest.
    pub points: Vec<Point>,
}

impl Frontier {
    /// The flips, axis by axis in the order of the points.
    #[must_use]
    pub fn flips(&self) -> Vec<Flip> {
        let mut flips = Vec::new();
        for (axis, swept) in self.axes.iter().enumerate() {
            // So many points on lie the next value of the axis.
            let stride: usize = self.axes[axis + 1..]
                .iter()
                .map(|axis| axis.values.len())
                .product();
            for (at, point) in self.points.iter().enumerate() {
                if at / stride % swept.values.len() + 1 == swept.values.len() {
                    continue;
                }
                let next = &self.points[at + stride];
                if let (Some(before), Some(after)) = (point.fails(), next.fails())
                    && before != after
                {
                    flips.push(Flip {
                        axis,
                        from: point.values.clone(),
                        to: next.values[axis].clone(),
                        begins_to_fail: after,
                    });
                }
            }
        }
        flips
    }

    /// The simplest rule that says of every decided instance whether it fails; none: nothing that
    /// a [`Rule`] can say fits, or nothing is decided.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        let names: Vec<&str> = self.axes.iter().map(|axis| axis.name).collect();
        let decided: Vec<(&[Value], bool)> = self
            .points
            .iter()
            .filter_map(|point| Some((point.values.as_slice(), point.fails()?)))
            .collect();
        Rule::fit(&names, &decided)
    }

    /// How many instances are not decided.
    #[must_use]
    pub fn undecided(&self) -> usize {
        let undecided = |point: &&Point| point.fails().is_none();
        self.points.iter().filter(undecided).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontier(fails: impl Fn(usize, usize) -> Option<bool>) -> Frontier {
        let axis = |name, values: std::ops::RangeInclusive<usize>| Axis {
            name,
            values: values.map(Value::Number).collect(),
            is_switch: false,
        };
        let axes = vec![axis("n", 2..=4), axis("capacity", 1..=3)];
        let mut points = Vec::new();
        for n in 2..=4 {
            for capacity in 1..=3 {
                points.push(Point {
                    values: vec![Value::Number(n), Value::Number(capacity)],
                    word: match fails(n, capacity) {
                        Some(true) => Word::Refuted,
                        Some(false) => Word::Proved,
                        None => Word::Bounded,
                    },
                    property: None,
                    reason: String::new(),
                    executions: 1,
                    mode: None,
                });
            }
        }
        Frontier {
            scenario: "made/up".to_owned(),
            engine: EngineId::Exhaustive,
            fixed: String::new(),
            asks: None,
            axes,
            points,
        }
    }

    #[test]
    fn flips_are_found_on_each_axis() {
        let frontier = frontier(|n, capacity| Some(n > capacity));
        let told: Vec<(usize, String, bool)> = frontier
            .flips()
            .iter()
            .map(|flip| {
                let from: Vec<String> = flip.from.iter().map(Value::to_string).collect();
                (
                    flip.axis,
                    format!("{} -> {}", from.join(","), flip.to),
                    flip.begins_to_fail,
                )
            })
            .collect();
        let expected = [
            (0, "2,2 -> 3".to_owned(), true),
            (0, "3,3 -> 4".to_owned(), true),
            (1, "2,1 -> 2".to_owned(), false),
            (1, "3,2 -> 3".to_owned(), false),
        ];
        assert_eq!(told, expected);
        assert_eq!(
            frontier.rule().map(|rule| rule.to_string()),
            Some("n > capacity".to_owned())
        );
    }

    #[test]
    fn what_is_not_decided_neither_flips_nor_counts_for_the_rule() {
        let frontier = frontier(|n, capacity| (n != 3).then_some(n > capacity + 1));
        assert_eq!(frontier.undecided(), 3);
        assert!(frontier.flips().iter().all(|flip| flip.axis == 1));
        assert!(frontier.rule().is_some());
    }
}
