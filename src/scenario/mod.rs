//! What a checked program is.
//!
//! 1. [`Scenario`]: the program, generic over the backend, with its parameters and properties.
//! 2. [`Instance`], [`Parameter`]: one choice of the parameters.
//! 3. [`Zone`], [`Gathering`], [`Ledger`], [`Stages`]: observers of mutual exclusion, of who meets
//!    whom, of conservation and order, and of what has to happen one after the other.
//! 4. [`linearize`]: [`History`], calls and returns against a [`Specification`];
//!    [`specifications`]: those of the suite's objects.
//! 5. [`parallelism`]: [`Parallelism`], how many are in a region at once.
//! 6. [`Truth`]: what is claimed of a scenario, as predicates over its instances.
//! 7. `Checkable`: a scenario without its type, for engines; [`Problem`], [`Variant`]: scenarios that
//!    belong together, with what is claimed of each.

#[cfg(feature = "engines")]
mod checkable;
mod instance;
pub mod linearize;
mod observe;
pub mod parallelism;
#[cfg(feature = "engines")]
mod problem;
pub mod specifications;
mod stages;
mod truth;

#[cfg(feature = "engines")]
pub use checkable::{Checkable, Machine, Program};
pub use instance::{Domain, Instance, Parameter, Value};
pub use linearize::{Called, History, Specification};
pub use observe::{Gathering, Ledger, Stay, Zone};
pub use parallelism::Parallelism;
#[cfg(feature = "engines")]
pub use problem::{Problem, Variant};
pub use stages::Stages;
pub use truth::{Failing, Memory, Truth};

use crate::sync::Backend;
pub use crate::sync::{Name, Property, reached, require};

/// A program to check.
///
/// `run` is executed once for every schedule: it creates the shared state on its own stack, starts
/// threads that borrow it, waits for them, and tests what must hold at the end. Between
/// synchronisation operations it must be deterministic: no clock, no random numbers (use
/// [`choose`](crate::sync::choose)), no addresses, no iteration over hash maps.
///
/// Deadlocks, data races and panics are found without being asked for.
pub trait Scenario: Send + Sync + 'static {
    /// Whether it has atomics whose memory orders are to be weakened one at a time, to see whether
    /// anything would notice. That takes a build of it for loom, changed, of its own; no unless
    /// overridden.
    const WEAKENS_ORDERS: bool = false;

    /// Whether its code looks at nothing but its own variables and what the backend knows of: at no
    /// memory outside of the facade's objects that another thread changes, such as a counter of std
    /// for an assertion, unless it says so ([`looks_outside`](crate::sync::looks_outside)); and
    /// whether values in [`Shared`](crate::sync::Shared) memory are hashed alike only where it makes
    /// the same of them. Then a search of engine `exhaustive` need not run code again where it is
    /// known what it does. No unless overridden.
    const CLOSED: bool = false;

    /// Its name: `problem/variant`, lower case with hyphens.
    fn name(&self) -> &'static str;

    /// The parameters of an instance, with their defaults; none unless overridden.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// The properties that are checked; deadlock-freedom, invariant and data-race-freedom unless
    /// overridden.
    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::Invariant,
            Property::DataRaceFreedom,
        ]
    }

    /// The properties that observers decide on moments and that can be asked for
    /// ([`Property::is_of_moments`]): it has a [`History`] for linearizability, a [`Parallelism`] for
    /// maximal parallelism. None unless overridden.
    fn observed(&self) -> Vec<Property> {
        Vec::new()
    }

    /// The properties of its infinite executions that can be asked for; none unless overridden.
    ///
    /// Such a scenario goes round its loops by [`rounds`](crate::sync::rounds) and says by
    /// [`Attempt`](crate::sync::Attempt) who waits and who is served. Engine `exhaustive` alone
    /// answers.
    fn liveness(&self) -> Vec<Property> {
        Vec::new()
    }

    /// The situations that have to occur in some execution, for [`Property::Reachability`].
    fn marks(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// One execution.
    fn run<B: Backend>(&self, instance: &Instance);
}
