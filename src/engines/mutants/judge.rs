//! The fate of one mutant: killed, and by what, or alive, and why.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::mutant::Mutant;
use crate::engines::check::{Job, Row, check};
use crate::engines::engine::EngineId;
use crate::engines::limits::{Limits, SearchMode};
use crate::engines::verdict::{Cut, Verdict, Word};
use crate::scenario::{Instance, Program};
use crate::sync::mutating::{Mutation, Outcomes, Session, Sites};
use crate::sync::{Property, Semantics};

/// What became of a mutant.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What is changed.
    pub mutation: Mutation,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fails a property that the program has, or loses parallelism.
    Killed {
        /// What it fails or loses.
        killer: Killer,
        /// Who found it.
        engine: EngineId,
        /// In which execution, from 1; of infinite executions and of what never happens, after how
        /// many in all.
        executions: u64,
        /// On which instance, counted from 0.
        instance: usize,
    },
    /// It has the same outcomes as the program on every instance.
    Same {
        /// Who searched.
        engine: EngineId,
        /// How many outcomes, on all instances.
        outcomes: usize,
        /// How many executions of the mutant, on all instances.
        executions: u64,
        /// Up to what the searches were complete, both that of the program and that of the mutant;
        /// none: complete.
        within: Option<String>,
    },
    /// It fails nothing and differs: what is checked has a hole.
    Differs {
        /// Outcomes of the program that the mutant does not have.
        lost: usize,
        /// Outcomes of the mutant that the program does not have.
        new: usize,
        /// On which instance first, counted from 0.
        instance: usize,
    },
    /// No engine decides it.
    Undecided {
        /// Who gave up last.
        engine: EngineId,
        /// Why.
        why: String,
    },
}

/// What kills a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killer {
    /// A property that it fails.
    Property(Property),
    /// So many threads can be in zones at once, where so many can in the program.
    Parallelism {
        /// In the mutant.
        most: usize,
        /// In the program.
        of: usize,
    },
}

impl fmt::Display for Killer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Property(property) => property.fmt(f),
            Self::Parallelism { most, of } => write!(f, "maximal parallelism, {most} for {of}"),
        }
    }
}

/// An instance on which mutants are judged, and the program on it as it is.
pub(super) struct Bench<'a> {
    pub(super) program: &'a Program,
    pub(super) instance: Instance,
    pub(super) semantics: Semantics,
    /// What the program does, under engine `exhaustive`.
    pub(super) original: Original,
    /// What it does under loom, where atomics have an order that can be weakened.
    pub(super) under_loom: Result<Original, String>,
    /// Properties of infinite executions that it has.
    pub(super) endless: BTreeSet<Property>,
    /// The most threads that can be in zones at once; none: not known.
    pub(super) parallelism: Option<usize>,
}

/// A search over the program as it is.
pub(super) struct Original {
    pub(super) sites: Sites,
    pub(super) outcomes: Outcomes,
    pub(super) executions: u64,
    /// Up to what the search was complete; none: it was.
    pub(super) within: Option<String>,
}

/// What a search says.
enum Found {
    Failed(Property),
    Passed {
        outcomes: Outcomes,
        within: Option<String>,
    },
    Unable(String),
}

/// A search over a program under a session: what it says, and after how many executions.
struct Searched {
    found: Found,
    executions: u64,
    sites: Sites,
}

/// Megabytes of the graph of a program's infinite executions. A unit too many in every round makes it
/// infinite.
const GRAPH: usize = 4;

/// What all mutants are asked, whatever the scenario asks: dropped synchronisation shows as one of
/// these.
const ALWAYS: [Property; 3] = [
    Property::DeadlockFreedom,
    Property::Invariant,
    Property::DataRaceFreedom,
];

impl<'a> Bench<'a> {
    /// The program on an instance, as it is.
    ///
    /// # Errors
    /// The property that it fails, or why it is not decided.
    pub(super) fn new(
        program: &'a Program,
        instance: Instance,
        semantics: Semantics,
        limits: &Limits,
        is_first: bool,
    ) -> Result<Self, String> {
        let mut bench = Self {
            program,
            instance,
            semantics,
            original: Original {
                sites: Sites::default(),
                outcomes: Outcomes::default(),
                executions: 0,
                within: None,
            },
            under_loom: Err("it was not searched".to_owned()),
            endless: BTreeSet::new(),
            parallelism: None,
        };
        bench.original = bench.as_it_is(EngineId::Exhaustive, limits)?;
        bench.parallelism = bench.parallelism(None, limits);
        // On the smallest instance only: a graph of infinite executions grows fast.
        let asked: BTreeSet<Property> = match is_first {
            true => program.liveness().into_iter().collect(),
            false => BTreeSet::new(),
        };
        let proved = |row: &Row| (row.verdict.word() == Word::Proved).then_some(row.property);
        let rows = bench.endless_rows(None, asked, limits);
        bench.endless = rows.iter().filter_map(proved).collect();
        Ok(bench)
    }

    /// Searches the program under loom, for mutants of memory order.
    pub(super) fn look_under_loom(&mut self, limits: &Limits) {
        self.under_loom = match self.program.weakens_orders() {
            true => self.as_it_is(EngineId::Loom, limits),
            false => Err(ORDERS_STAY.to_owned()),
        };
    }

    fn as_it_is(&self, engine: EngineId, limits: &Limits) -> Result<Original, String> {
        let searched = self.search(None, engine, limits);
        match searched.found {
            Found::Failed(property) => Err(format!("it fails {property} itself")),
            Found::Unable(why) => Err(why),
            Found::Passed { outcomes, within } => Ok(Original {
                sites: searched.sites,
                outcomes,
                executions: searched.executions,
                within,
            }),
        }
    }

    fn search(&self, mutation: Option<&Mutation>, engine: EngineId, limits: &Limits) -> Searched {
        let session = Session::new(mutation.cloned());
        if engine == EngineId::Loom && !self.program.weakens_orders() {
            // It has not been built for that.
            return Searched {
                found: Found::Unable(ORDERS_STAY.to_owned()),
                executions: 0,
                sites: session.sites(),
            };
        }
        let targets = self.program.properties().into_iter().chain(ALWAYS);
        let limits = Limits {
            // A search over states leaves executions out, and outcomes with them.
            mode: SearchMode::Traces,
            ..limits.clone()
        };
        let rows = self.check(&session, engine, targets.collect(), &limits);
        let failed = rows.iter().find(|row| row.verdict.word() == Word::Refuted);
        let cut = rows.iter().find_map(|row| match &row.verdict {
            Verdict::Proved(_) | Verdict::Refuted(_) => None,
            Verdict::Bounded(bounds) => Some((bounded(&bounds.cuts), row)),
            Verdict::Sampled(_) | Verdict::GaveUp(_) => Some((None, row)),
        });
        let passed = |within| Found::Passed {
            outcomes: session.outcomes(),
            within,
        };
        let found = match (failed, cut) {
            (Some(row), _) => Found::Failed(row.property),
            (None, None) => passed(None),
            (None, Some((Some(within), _))) => passed(Some(within)),
            (None, Some((None, row))) => Found::Unable(row.verdict.reason()),
        };
        Searched {
            found,
            executions: rows.first().map_or(0, |row| row.executions),
            sites: session.sites(),
        }
    }

    /// The most threads that can be in zones at once; none where not every state was visited.
    fn parallelism(&self, mutation: Option<&Mutation>, limits: &Limits) -> Option<usize> {
        let session = Session::measuring(mutation.cloned());
        let limits = Limits {
            mode: SearchMode::States,
            ..limits.clone()
        };
        let targets = self.program.properties().into_iter().chain(ALWAYS);
        let rows = self.check(&session, EngineId::Exhaustive, targets.collect(), &limits);
        let visited = |row: &Row| match &row.verdict {
            Verdict::Proved(_) => true,
            Verdict::Bounded(bounds) => bounded(&bounds.cuts).is_some(),
            _ => row.property == Property::Reachability,
        };
        rows.iter().all(visited).then(|| session.parallelism())
    }

    /// What infinite executions do, on a graph of states that is no larger than it need be.
    fn endless_rows(
        &self,
        mutation: Option<&Mutation>,
        asked: BTreeSet<Property>,
        limits: &Limits,
    ) -> Vec<Row> {
        if asked.is_empty() {
            return Vec::new();
        }
        let session = Session::new(mutation.cloned());
        let limits = Limits {
            memory: GRAPH,
            ..limits.clone()
        };
        self.check(&session, EngineId::Exhaustive, asked, &limits)
    }

    fn check(
        &self,
        session: &Arc<Session>,
        engine: EngineId,
        targets: BTreeSet<Property>,
        limits: &Limits,
    ) -> Vec<Row> {
        let program = Mutant::program(self.program, session);
        let job = Job {
            program: &program,
            instance: &self.instance,
            semantics: self.semantics,
            targets,
            engine,
            limits,
        };
        session.install(|| check(&job))
    }
}

/// Why memory orders of a program are not judged.
const ORDERS_STAY: &str =
    "its orders are weakened where its Scenario has `const WEAKENS_ORDERS: bool = true`";

/// The bounds of a search that went through everything within them; none: it was cut somewhere.
fn bounded(cuts: &[Cut]) -> Option<String> {
    let within = |cut: &Cut| {
        matches!(
            cut,
            Cut::Spins(_) | Cut::SpuriousWakeups(_) | Cut::KnownGap(_)
        )
    };
    let told: Vec<String> = cuts.iter().map(Cut::to_string).collect();
    cuts.iter().all(within).then(|| told.join("; "))
}

/// Judges a mutant on each instance until one kills it.
pub(super) fn judge(benches: &[Bench<'_>], mutation: Mutation, limits: &Limits) -> Judged {
    let fate = fate(benches, &mutation, limits);
    Judged { mutation, fate }
}

fn fate(benches: &[Bench<'_>], mutation: &Mutation, limits: &Limits) -> Fate {
    let benches: Vec<(usize, &Bench<'_>)> = benches
        .iter()
        .enumerate()
        .filter(|(_, bench)| bench.original.sites.contains_key(&mutation.site))
        .collect();
    let mut alive = Alive::default();
    for &(at, bench) in &benches {
        let engine = EngineId::Exhaustive;
        if let Some(killed) = alive.survives(bench, at, mutation, engine, limits) {
            return killed;
        }
    }
    if mutation.is_of_memory_order() {
        // Under sequential consistency a memory order makes data races only.
        let sequential = alive;
        alive = Alive::default();
        for &(at, bench) in &benches {
            if let Some(killed) = alive.survives(bench, at, mutation, EngineId::Loom, limits) {
                return killed;
            }
        }
        alive.differs = sequential.differs.or(alive.differs);
        return alive.fate();
    }
    if alive.undecided.is_some() {
        return alive.fate();
    }
    for &(at, bench) in &benches {
        if let Some(killed) = alive.keeps_parallelism(bench, at, mutation, limits) {
            return killed;
        }
    }
    // On the smallest instance only: a graph of infinite executions grows fast.
    if let Some(&(at, bench)) = benches.first()
        && let Some(killed) = alive.goes_on(bench, at, mutation, limits)
    {
        return killed;
    }
    alive.fate()
}

/// What is known of a mutant that nothing has killed yet.
#[derive(Default)]
struct Alive {
    engine: Option<EngineId>,
    outcomes: usize,
    executions: u64,
    within: Option<String>,
    differs: Option<Fate>,
    undecided: Option<Fate>,
}

impl Alive {
    /// Searches the mutant on one instance; how it is killed, if it is.
    fn survives(
        &mut self,
        bench: &Bench<'_>,
        instance: usize,
        mutation: &Mutation,
        engine: EngineId,
        limits: &Limits,
    ) -> Option<Fate> {
        let searched = bench.search(Some(mutation), engine, limits);
        let original = match engine {
            EngineId::Loom => bench.under_loom.as_ref(),
            _ => Ok(&bench.original),
        };
        self.engine = Some(engine);
        self.executions += searched.executions;
        let undecided = |why: String| Some(Fate::Undecided { engine, why });
        match searched.found {
            Found::Failed(property) => {
                return Some(Fate::Killed {
                    killer: Killer::Property(property),
                    engine,
                    executions: searched.executions,
                    instance,
                });
            }
            Found::Unable(why) => self.undecided = undecided(why),
            Found::Passed { outcomes, within } => match original {
                Err(why) => {
                    let why = format!("nothing fails, but of the program as it is: {why}");
                    self.undecided = undecided(why);
                }
                Ok(original) if within == original.within => {
                    let (lost, new) = (
                        original.outcomes.beyond(&outcomes),
                        outcomes.beyond(&original.outcomes),
                    );
                    self.outcomes += outcomes.count();
                    self.within = within.or(self.within.take());
                    if lost + new > 0 && self.differs.is_none() {
                        self.differs = Some(Fate::Differs {
                            lost,
                            new,
                            instance,
                        });
                    }
                }
                Ok(_) => {
                    let why = within.unwrap_or_else(|| "only the program was bounded".to_owned());
                    self.undecided = undecided(why);
                }
            },
        }
        None
    }

    /// Compares how many threads can be in zones at once; how that kills the mutant, if it does.
    fn keeps_parallelism(
        &mut self,
        bench: &Bench<'_>,
        instance: usize,
        mutation: &Mutation,
        limits: &Limits,
    ) -> Option<Fate> {
        let engine = EngineId::Exhaustive;
        let of = bench.parallelism?;
        match bench.parallelism(Some(mutation), limits) {
            Some(most) if most < of => Some(Fate::Killed {
                killer: Killer::Parallelism { most, of },
                engine,
                executions: self.executions,
                instance,
            }),
            Some(most) => {
                if most > of && self.differs.is_none() {
                    self.differs = Some(Fate::Differs {
                        lost: 0,
                        new: 0,
                        instance,
                    });
                }
                None
            }
            None => {
                let why = "how many threads can be in zones at once is not known".to_owned();
                self.undecided = Some(Fate::Undecided { engine, why });
                None
            }
        }
    }

    /// Asks for the properties of infinite executions that the program has; how they kill the mutant,
    /// if they do.
    fn goes_on(
        &mut self,
        bench: &Bench<'_>,
        instance: usize,
        mutation: &Mutation,
        limits: &Limits,
    ) -> Option<Fate> {
        let engine = EngineId::Exhaustive;
        let rows = bench.endless_rows(Some(mutation), bench.endless.clone(), limits);
        for row in &rows {
            match row.verdict.word() {
                Word::Proved => {}
                Word::Refuted => {
                    return Some(Fate::Killed {
                        killer: Killer::Property(row.property),
                        engine,
                        executions: row.executions,
                        instance,
                    });
                }
                Word::Bounded | Word::Sampled | Word::GaveUp => {
                    let why = format!("{}: {}", row.property, row.verdict.reason());
                    self.undecided = Some(Fate::Undecided { engine, why });
                }
            }
        }
        None
    }

    fn fate(self) -> Fate {
        let same = Fate::Same {
            engine: self.engine.unwrap_or(EngineId::Exhaustive),
            outcomes: self.outcomes,
            executions: self.executions,
            within: self.within,
        };
        self.differs.or(self.undecided).unwrap_or(same)
    }
}
