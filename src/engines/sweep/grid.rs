//! The instances of a sweep: every combination of the values of its axes.

use super::axis::Axis;
use crate::engines::check::set_switch;
use crate::engines::engine::EngineId;
use crate::engines::limits::SearchMode;
use crate::engines::plan::Planned;
use crate::engines::{Row, Word};
use crate::scenario::Value;

/// The most instances of a sweep.
pub const MOST_POINTS: usize = 10_000;

/// A row that stands for all, and what varies.
#[derive(Clone)]
pub struct Grid {
    /// The row whose instance and switches the axes change.
    pub base: Planned,
    /// What varies; at least one axis.
    pub axes: Vec<Axis>,
    /// Whether an instance that was cut is searched again by its states.
    pub falls_back: bool,
}

/// There are too many instances.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sweep has more than {MOST_POINTS} instances; sweep a part of them")]
pub struct TooManyPoints;

impl Grid {
    /// Every combination of values, the last axis varying fastest.
    ///
    /// # Errors
    /// [`TooManyPoints`] when there are more than [`MOST_POINTS`].
    pub fn points(&self) -> Result<Vec<Vec<Value>>, TooManyPoints> {
        let mut points: Vec<Vec<Value>> = vec![Vec::new()];
        for axis in &self.axes {
            if points.len() * axis.values.len() > MOST_POINTS {
                return Err(TooManyPoints);
            }
            let longer = |point: &Vec<Value>| {
                let one = |value: &Value| {
                    let mut point = point.clone();
                    point.push(value.clone());
                    point
                };
                axis.values.iter().map(one).collect::<Vec<_>>()
            };
            points = points.iter().flat_map(longer).collect();
        }
        Ok(points)
    }

    /// The row of a point of [`Grid::points`].
    #[must_use]
    pub fn row(&self, point: &[Value]) -> Planned {
        let mut row = self.base.clone();
        for (axis, value) in self.axes.iter().zip(point) {
            if axis.is_switch {
                let set = set_switch(&mut row.semantics, axis.name, &value.to_string());
                debug_assert!(set, "the values of an axis are words of its switch");
            } else {
                row.instance = row.instance.with(axis.name, value.clone());
            }
        }
        row
    }

    /// How the row is to be searched again, when these rows do not decide it: by its states, of
    /// which there may be fewer than traces.
    #[must_use]
    pub fn again(&self, point: &[Value], rows: &[Row]) -> Option<Planned> {
        let cut = |row: &Row| {
            row.verdict.word() == Word::Bounded && !row.property.is_of_infinite_executions()
        };
        let decided = rows.iter().any(|row| row.verdict.word() == Word::Refuted);
        let mut row = self.row(point);
        let retries = self.falls_back
            && row.engine == EngineId::Exhaustive
            && row.limits.mode == SearchMode::Traces;
        if !retries || decided || !rows.iter().any(cut) {
            return None;
        }
        row.limits.mode = SearchMode::States;
        Some(row)
    }
}
