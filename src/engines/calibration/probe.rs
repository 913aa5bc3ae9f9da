//! The data of a calibration: a probe, the answers to it, how an answer is judged.

use std::fmt;

use crate::engines::EngineId;

/// A tiny program with a known answer, and what everybody says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its permanent id, lower case with hyphens.
    pub id: &'static str,
    /// What the program does and why it is hard, in one sentence.
    pub story: &'static str,
    /// The known answer.
    pub truth: &'static str,
    /// What differs from the defaults, switches and limits alike: `notify=fifo`; `-` if nothing.
    pub semantics: String,
    /// Who says what: all of [`Who::ALL`], in that order.
    pub answers: Vec<Answer>,
    /// The engine whose full answer a report tells; the words of the others speak for themselves.
    pub telling: Option<EngineId>,
}

/// What one of them says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who.
    pub who: Who,
    /// In one word: a verdict of an engine, or what a raw checker did.
    pub word: String,
    /// In full, with counts and reasons.
    pub says: String,
    /// How that compares with the truth.
    pub judgement: Judgement,
    /// What the versions say that were calibrated; for raw checkers.
    pub pinned: Option<&'static str>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Who {
    /// loom as it is, without the announcing decorator.
    RawLoom,
    /// shuttle's depth-first search as it is, likewise.
    RawShuttle,
    /// An engine of ours.
    Engine(EngineId),
}

impl Who {
    /// Everybody, in the order of a table's columns. Engine `threads` is left out: what it visits
    /// depends on the machine.
    pub const ALL: [Self; 8] = [
        Self::RawLoom,
        Self::RawShuttle,
        Self::Engine(EngineId::Exhaustive),
        Self::Engine(EngineId::Loom),
        Self::Engine(EngineId::ShuttleDfs),
        Self::Engine(EngineId::ShuttleRandom),
        Self::Engine(EngineId::ShuttlePct),
        Self::Engine(EngineId::ShuttleUrw),
    ];

    /// The engines among [`Who::ALL`].
    pub(super) fn engines() -> impl Iterator<Item = EngineId> {
        Self::ALL.into_iter().filter_map(|who| match who {
            Self::Engine(engine) => Some(engine),
            Self::RawLoom | Self::RawShuttle => None,
        })
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::RawLoom => "raw loom",
            Self::RawShuttle => "raw shuttle",
            Self::Engine(engine) => engine.as_str(),
        })
    }
}

/// How an answer compares with the truth.
///
/// A raw checker says nothing of what its answer rests on, so it is judged as if it spoke of the
/// program under C11 and std. A row of ours is judged under the memory model that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judgement {
    /// It is so.
    Right,
    /// It is right about the memory model or the primitives that it assumes, which differ from the
    /// probe's, and it says so or std permits it.
    Elsewhere,
    /// It leaves the question open, and says so.
    Undecided,
    /// It is not so.
    Wrong,
}

impl Judgement {
    /// Every judgement.
    pub const ALL: [Self; 4] = [Self::Right, Self::Elsewhere, Self::Undecided, Self::Wrong];

    /// Its mark in the table.
    #[must_use]
    pub const fn mark(self) -> char {
        match self {
            Self::Right => '+',
            Self::Elsewhere => '~',
            Self::Undecided => '?',
            Self::Wrong => '!',
        }
    }

    /// What the mark means, for the table's legend.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Elsewhere => "right elsewhere",
            Self::Undecided => "left open",
            Self::Wrong => "WRONG",
        }
    }
}
