//! A program with one operation changed, as engines run it.

use std::sync::Arc;

use crate::scenario::{Checkable, Instance, Machine, Parameter, Program};
use crate::sync::Property;
use crate::sync::mutating::Session;

/// A program under a session, which has to be installed where it runs.
pub(super) struct Mutant {
    program: Program,
    session: Arc<Session>,
}

impl Mutant {
    pub(super) fn program(program: &Program, session: &Arc<Session>) -> Program {
        Arc::new(Self {
            program: Arc::clone(program),
            session: Arc::clone(session),
        })
    }
}

impl Checkable for Mutant {
    fn name(&self) -> &'static str {
        self.program.name()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.program.parameters()
    }

    fn properties(&self) -> Vec<Property> {
        self.program.properties()
    }

    fn observed(&self) -> Vec<Property> {
        self.program.observed()
    }

    fn liveness(&self) -> Vec<Property> {
        self.program.liveness()
    }

    fn marks(&self) -> Vec<&'static str> {
        self.program.marks()
    }

    fn run_on(&self, machine: Machine, instance: &Instance) {
        self.session.begin();
        self.program.run_mutated(machine, instance);
        // An execution that was given up has unwound past this.
        self.session.end();
    }

    fn run_mutated(&self, machine: Machine, instance: &Instance) {
        self.run_on(machine, instance);
    }

    fn weakens_orders(&self) -> bool {
        self.program.weakens_orders()
    }

    fn is_mutant(&self) -> bool {
        true
    }
}
