//! The fruit plate: parents put fruit on a plate with room for one, and each child takes its own
//! kind.
//!
//! The father puts an apple or an orange on the plate when it is empty; the son takes oranges and
//! the daughter takes apples. With two parents the father puts apples only and the mother oranges
//! only. A semaphore says that the plate is empty, and one a kind says that such a fruit is on it.
//!
//! The invariant: each child takes its own kind of fruit only, there are never two on the plate, and
//! every fruit is eaten once. In the wrong variant one semaphore says that there is a fruit,
//! whichever it is: the child that waits longest takes the other's.

use std::sync::Arc;

use super::place::{Place, Story};
use super::{Problem, Variant};
use crate::scenario::{Memory, Property, Truth};

/// Apples for the daughter, oranges for the son.
const KINDS: &[(&str, &str)] = &[("apple", "daughter"), ("orange", "son")];

const ONE_PARENT: Story = Story {
    item: "fruit",
    place: ("place", "plate"),
    kinds: KINDS,
    putters: &["father"],
};

const TWO_PARENTS: Story = Story {
    item: "fruit",
    place: ("place", "empty"),
    kinds: KINDS,
    putters: &["father", "mother"],
};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "fruit-plate",
        summary: "parents put fruit on a plate for one, each child takes its kind",
        variants: vec![
            Variant {
                program: Arc::new(Place {
                    name: "fruit-plate/three",
                    story: &ONE_PARENT,
                    signal_a_kind: true,
                }),
                summary: "the father puts either kind, a semaphore a kind",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Place {
                    name: "fruit-plate/four",
                    story: &TWO_PARENTS,
                    signal_a_kind: true,
                }),
                summary: "the father puts apples, the mother oranges",
                truth: Truth::HOLDS,
            },
            Variant {
                program: Arc::new(Place {
                    name: "fruit-plate/one-signal",
                    story: &ONE_PARENT,
                    signal_a_kind: false,
                }),
                summary: "the father puts either kind, one semaphore for both",
                truth: Truth {
                    failures: &[(
                        Property::Invariant,
                        Memory::SequentiallyConsistent,
                        // With one fruit only one child waits.
                        |instance, _| instance.number("items") >= 2,
                    )],
                },
            },
        ],
    }
}
