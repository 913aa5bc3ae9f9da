//! The animal cage: hunter and farmer bring animals to a cage with room for one, zoo and restaurant
//! take them.
//!
//! The hunter puts tigers into the cage, which only the zoo takes; the farmer puts pigs, which only
//! the restaurant takes. Both wait until the cage is empty, and a semaphore a kind says what is in
//! it. It is the fruit plate of two parents in other words, and the same code.
//!
//! The invariant: the zoo gets tigers only and the restaurant pigs only, there are never two animals
//! in the cage, and none is lost. What goes wrong when one semaphore stands for both kinds is shown
//! at the fruit plate.

use std::sync::Arc;

use super::place::{Place, Story};
use super::{Problem, Variant};
use crate::scenario::Truth;

const STORY: Story = Story {
    item: "animal",
    place: ("cage", "empty"),
    kinds: &[("tiger", "zoo"), ("pig", "restaurant")],
    putters: &["hunter", "farmer"],
};

/// The problem and its variant.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "animal-cage",
        summary: "hunter and farmer fill a cage for one animal, zoo and restaurant take their kind",
        variants: vec![Variant {
            program: Arc::new(Place {
                name: "animal-cage/four",
                story: &STORY,
                signal_a_kind: true,
            }),
            summary: "the hunter brings tigers, the farmer pigs",
            truth: Truth::HOLDS,
        }],
    }
}
