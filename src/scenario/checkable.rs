//! Scenarios without their type: what engines and the catalogue hold.

use std::sync::Arc;

use super::{Instance, Parameter, Scenario};
use crate::sync::Property;
use crate::sync::announcing::Announcing;
use crate::sync::backends::{loom::Loom, os::Os, shuttle::Shuttle};
use crate::sync::mutating::Mutating;
use crate::sync::stepping::Stepping;

/// The machines on which an engine can run a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// OS threads, announced.
    Threads,
    /// loom, announced.
    Loom,
    /// shuttle, announced.
    Shuttle,
    /// The machine of the exhaustive engine.
    Stepping,
}

/// A [`Scenario`] behind a pointer.
pub trait Checkable: Send + Sync {
    /// See [`Scenario::name`].
    fn name(&self) -> &'static str;
    /// See [`Scenario::parameters`].
    fn parameters(&self) -> Vec<Parameter>;
    /// See [`Scenario::properties`].
    fn properties(&self) -> Vec<Property>;
    /// See [`Scenario::observed`].
    fn observed(&self) -> Vec<Property>;
    /// See [`Scenario::liveness`].
    fn liveness(&self) -> Vec<Property>;
    /// See [`Scenario::marks`].
    fn marks(&self) -> Vec<&'static str>;
    /// One execution as the main thread of `machine`, under the installed session.
    fn run_on(&self, machine: Machine, instance: &Instance);
    /// As [`Checkable::run_on`], changed as the installed session of [`mutating`] says.
    ///
    /// # Panics
    /// On a machine other than [`Machine::Stepping`] and, where
    /// [`weakens_orders`](Self::weakens_orders), [`Machine::Loom`].
    ///
    /// [`mutating`]: crate::sync::mutating
    fn run_mutated(&self, machine: Machine, instance: &Instance);
    /// See [`Scenario::WEAKENS_ORDERS`].
    fn weakens_orders(&self) -> bool;
    /// See [`Scenario::CLOSED`].
    fn closed(&self) -> bool {
        false
    }
    /// Whether it is not what its name says, so that a token of its counterexamples would mislead.
    fn is_mutant(&self) -> bool {
        false
    }
}

impl<S: Scenario> Checkable for S {
    fn name(&self) -> &'static str {
        Scenario::name(self)
    }

    fn parameters(&self) -> Vec<Parameter> {
        Scenario::parameters(self)
    }

    fn properties(&self) -> Vec<Property> {
        Scenario::properties(self)
    }

    fn observed(&self) -> Vec<Property> {
        Scenario::observed(self)
    }

    fn liveness(&self) -> Vec<Property> {
        Scenario::liveness(self)
    }

    fn marks(&self) -> Vec<&'static str> {
        Scenario::marks(self)
    }

    fn run_on(&self, machine: Machine, instance: &Instance) {
        match machine {
            Machine::Threads => {
                Announcing::<Os>::main(|| self.run::<Announcing<Os>>(instance));
            }
            Machine::Loom => {
                Announcing::<Loom>::main(|| self.run::<Announcing<Loom>>(instance));
            }
            Machine::Shuttle => {
                Announcing::<Shuttle>::main(|| self.run::<Announcing<Shuttle>>(instance));
            }
            Machine::Stepping => self.run::<Stepping>(instance),
        }
    }

    fn run_mutated(&self, machine: Machine, instance: &Instance) {
        match machine {
            Machine::Stepping => self.run::<Mutating<Stepping>>(instance),
            Machine::Loom => {
                // Of a scenario that does without, it is not built.
                if S::WEAKENS_ORDERS {
                    Announcing::<Loom>::main(|| self.run::<Mutating<Announcing<Loom>>>(instance));
                } else {
                    panic!("{} does not say WEAKENS_ORDERS", Scenario::name(self));
                }
            }
            Machine::Threads | Machine::Shuttle => {
                panic!("programs are not mutated on {machine:?}")
            }
        }
    }

    fn weakens_orders(&self) -> bool {
        S::WEAKENS_ORDERS
    }

    fn closed(&self) -> bool {
        S::CLOSED
    }
}

/// A scenario, shared between the engines that check it.
pub type Program = Arc<dyn Checkable>;
