//! What is claimed of a scenario: which property fails, and on which instances.

use super::{Instance, Property};
use crate::sync::Semantics;

/// The memory model under which something is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// Already under sequential consistency, so under every weaker model too.
    SequentiallyConsistent,
    /// Only under the C11 memory model.
    C11,
}

/// What is claimed of a scenario, as predicates over its instances.
#[derive(Clone, Copy, Debug)]
pub struct Truth {
    /// The properties that fail, and where; all others hold everywhere.
    pub failures: &'static [Failing],
}

/// A property that fails on some instances.
pub type Failing = (Property, Memory, fn(&Instance, &Semantics) -> bool);

impl Truth {
    /// Every property holds on every instance.
    pub const HOLDS: Self = Self { failures: &[] };

    /// Whether `property` fails on `instance` under `memory`.
    #[must_use]
    pub fn fails(
        &self,
        property: Property,
        memory: Memory,
        instance: &Instance,
        semantics: &Semantics,
    ) -> bool {
        self.failures.iter().any(|(failing, needs, on)| {
            *failing == property
                && (*needs == Memory::SequentiallyConsistent || memory == Memory::C11)
                && on(instance, semantics)
        })
    }

    /// Whether any property of finite executions fails on `instance` under `memory`.
    #[must_use]
    pub fn fails_somehow(
        &self,
        memory: Memory,
        instance: &Instance,
        semantics: &Semantics,
    ) -> bool {
        self.failures
            .iter()
            .filter(|(property, ..)| !property.is_of_infinite_executions())
            .any(|(property, ..)| self.fails(*property, memory, instance, semantics))
    }
}
