//! How a run behaves where the program leaves it open, and what a run sums up.

use std::collections::{BTreeMap, BTreeSet};

use crate::sync::{Property, Semantics};

/// How a run behaves where the program leaves it open.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The switches.
    pub semantics: Semantics,
    /// After how many rounds a busy-wait is ended.
    pub spin_cap: u32,
    /// The properties that are looked at, and whose failure ends the run.
    pub targets: BTreeSet<Property>,
    /// The properties whose failure ends the run as well where it is met, though nothing is done to
    /// meet it; the failure of any other only ends its execution.
    pub heard: BTreeSet<Property>,
    /// Where choices come from.
    pub choices: Choices,
    /// Seed of the random yields before operations; none when absent.
    pub perturb: Option<u64>,
    /// The recording to repeat.
    pub script: Option<Script>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            semantics: Semantics::DEFAULT,
            spin_cap: 2,
            targets: Property::ALL.into_iter().collect(),
            heard: BTreeSet::new(),
            choices: Choices::Table(ChoiceTable::new()),
            perturb: None,
            script: None,
        }
    }
}

/// Which choice: path of the thread, position among the thread's choices, number of alternatives.
/// The number is part of it, since at one position it may differ between schedules.
pub type ChoiceKey = (Vec<u32>, usize, usize);

/// What is chosen where.
pub type ChoiceTable = BTreeMap<ChoiceKey, usize>;

/// Where choices come from.
#[derive(Clone, Debug)]
pub enum Choices {
    /// From a table, 0 where it is silent. The same table gives the same choices in every
    /// interleaving.
    Table(ChoiceTable),
    /// Pseudo-random by seed, execution and position.
    Sampled(u64),
}

/// A recording to repeat.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The steps, in order.
    pub steps: Vec<ScriptStep>,
}

/// A step of a recording: names, not numbers, so that it survives small edits of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptStep {
    /// The thread, as [`Session::thread_label`](super::Session::thread_label) writes it.
    pub thread: String,
    /// The operation's word.
    pub operation: String,
    /// The object, as [`Session::object_label`](super::Session::object_label) writes it; empty if there is none.
    pub object: String,
    /// The value of a choice.
    pub value: Option<u64>,
}

/// What the executions of a run used; some of it limits what may be concluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Used {
    /// Atomic loads, stores or read-modify-writes.
    pub atomics: bool,
    /// Loads or stores with `SeqCst`.
    pub seq_cst_accesses: bool,
    /// An atomic that is both stored to and read-modify-written.
    pub mixed_writes: bool,
    /// Fences.
    pub fences: bool,
    /// `try_lock`.
    pub try_lock: bool,
    /// Condition variables.
    pub condvars: bool,
    /// Parks.
    pub parks: bool,
    /// Semaphores.
    pub semaphores: bool,
    /// Semaphore sets.
    pub sets: bool,
    /// Choices, spurious wake-ups included.
    pub choices: bool,
    /// Busy-waits.
    pub spins: bool,
    /// Steps that only let others run.
    pub yields: bool,
    /// Plain memory.
    pub cells: bool,
}

/// Sums and maxima over the executions of a run.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// Executions that ran to their end, cut ones included.
    pub executions: u64,
    /// The most steps in one execution.
    pub max_steps: usize,
    /// The most threads in one execution, the main one included.
    pub max_threads: usize,
    /// What was used.
    pub used: Used,
    /// Executions in which a busy-wait was ended.
    pub spins_capped: u64,
    /// Executions that were cut by the failure of a property that is no target.
    pub cut: BTreeMap<Property, u64>,
    /// Situations that occurred.
    pub marks: BTreeSet<&'static str>,
    /// Situations that occurred after a read that the recorded order does not explain.
    pub weak_marks: BTreeSet<&'static str>,
    /// The most threads that were found together in a region.
    pub together: u64,
    /// Distinct states that a search kept, where it visited all.
    pub states: Option<u64>,
    /// How many threads have made the search, where more than one did.
    pub workers: Option<usize>,
    /// Every choice that was asked for.
    pub choices: BTreeSet<ChoiceKey>,
    /// Executions that were run again, in other linearisations of the same trace, and came out the
    /// same.
    pub audited: u64,
}

impl Totals {
    /// Adds the totals of another run of the same program.
    pub fn add(&mut self, other: Self) {
        self.executions += other.executions;
        self.max_steps = self.max_steps.max(other.max_steps);
        self.max_threads = self.max_threads.max(other.max_threads);
        self.spins_capped += other.spins_capped;
        self.used.add(other.used);
        for (property, times) in other.cut {
            *self.cut.entry(property).or_insert(0) += times;
        }
        self.marks.extend(other.marks);
        self.weak_marks.extend(other.weak_marks);
        self.together = self.together.max(other.together);
        self.choices.extend(other.choices);
        self.audited += other.audited;
    }
}

impl Used {
    fn add(&mut self, other: Self) {
        self.atomics |= other.atomics;
        self.seq_cst_accesses |= other.seq_cst_accesses;
        self.mixed_writes |= other.mixed_writes;
        self.fences |= other.fences;
        self.try_lock |= other.try_lock;
        self.condvars |= other.condvars;
        self.parks |= other.parks;
        self.semaphores |= other.semaphores;
        self.sets |= other.sets;
        self.choices |= other.choices;
        self.spins |= other.spins;
        self.yields |= other.yields;
        self.cells |= other.cells;
    }
}
