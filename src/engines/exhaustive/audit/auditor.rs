//! Runs traces of a search again and compares.

use super::addresses::Ballast;
use super::linearise::{First, Left, Linearised, Next};
use super::listener::{Heard, Listener, Said};
use super::sample::Trace;
use crate::engines::check::Job;
use crate::engines::exhaustive::driver::Driver;
use crate::engines::exhaustive::execution::{Execution, Failed, Inner, Settings, Stuck};
use crate::engines::exhaustive::runner::coroutines::{Coroutines, linearise};
use crate::engines::exhaustive::tale;
use crate::engines::exhaustive::world::World;
use crate::sync::Name;
use crate::sync::stepping::{Op, Place, Shown, ThreadId, run_on};

/// Of the runs that are compared with the search only, one in so many is on other addresses.
const SHIFTS: u64 = 3;

/// The order in which a search runs silent steps: each after the step that led to it.
const AS_SEARCHED: &str = "as the search ran it";

/// The auditor of one search.
pub(in crate::engines::exhaustive) struct Auditor<'h> {
    job: &'h Job<'h>,
    main: &'h dyn Fn(),
    coroutines: &'h Coroutines,
    execution: Execution<'h>,
    /// How many numbers the search had given when its identities were taken over.
    numbers: Option<[usize; 4]>,
    ballast: Ballast,
    /// The first trace, which is run once more at the end.
    first: Option<Box<Trace>>,
    /// What was heard of it.
    first_heard: Heard,
    /// What has been heard in the two orders.
    heard: [Heard; 2],
    audited: u64,
    /// What came out otherwise, where the search goes on: over states, in which a race that would
    /// explain it may be found later.
    found: Option<Stuck>,
}

impl<'h> Auditor<'h> {
    /// Prepares to audit a search that is run with these settings.
    pub(in crate::engines::exhaustive) fn new(
        job: &'h Job<'h>,
        main: &'h dyn Fn(),
        coroutines: &'h Coroutines,
        settings: &Settings,
    ) -> Self {
        let settings = Settings {
            learns: false,
            protects: false,
            audits: false,
            unwatched: true,
            ..settings.clone()
        };
        Self {
            job,
            main,
            coroutines,
            execution: Execution::new(coroutines, settings, Driver::Audit, None),
            numbers: None,
            ballast: Ballast::new(),
            first: None,
            first_heard: Heard::default(),
            heard: Default::default(),
            audited: 0,
            found: None,
        }
    }

    /// Runs the execution that the search has run last again, if it is in the sample. `false`: it
    /// comes out otherwise, and the search is stuck.
    #[inline]
    pub(in crate::engines::exhaustive) fn passes(&mut self, search: &mut Inner) -> bool {
        match search.sample.as_mut().and_then(super::Sample::take) {
            Some(trace) if self.found.is_none() => {
                self.audits(search, trace);
                if self.execution.settings.by_state {
                    self.found = search.stuck.take();
                }
                search.stuck.is_none()
            }
            _ => true,
        }
    }

    /// The search has ended: audits its last execution, and its first once more.
    pub(in crate::engines::exhaustive) fn ends(mut self, search: &mut Inner) {
        if search.failed.is_some() || search.stuck.is_some() {
            return;
        }
        if self.passes(search)
            && self.found.is_none()
            && let Some(first) = self.first.take()
        {
            let before = std::mem::take(&mut self.first_heard);
            self.heard[0] = self.runs_again(search, &first, First::Lowest, Heard::default());
            if search.stuck.is_none()
                && let Some(found) = differs(
                    &before,
                    &self.heard[0],
                    ["at the beginning of the search", "at its end"],
                )
            {
                search.stuck = Some(Stuck::Outside(found));
            }
        }
        search.stuck = search.stuck.take().or(self.found);
        if search.stuck.is_none() {
            search.totals.audited = self.audited;
        }
    }

    #[cold]
    fn audits(&mut self, search: &mut Inner, trace: Box<Trace>) {
        self.audited += 1;
        let by_turns = match trace.number.is_multiple_of(2) {
            true => First::Lowest,
            false => First::Highest,
        };
        if trace.both {
            let [lowest, highest] = std::mem::take(&mut self.heard);
            let lowest = self.runs_again(search, &trace, First::Lowest, lowest);
            if search.stuck.is_none() {
                let highest = self.runs_again(search, &trace, First::Highest, highest);
                if search.stuck.is_none()
                    && let Some(found) = differs(
                        &lowest,
                        &highest,
                        [said(First::Lowest), said(First::Highest)],
                    )
                {
                    search.stuck = Some(Stuck::Outside(found));
                }
                self.heard = [lowest, highest];
            }
        } else {
            let [heard, other] = std::mem::take(&mut self.heard);
            let heard = self.runs_again(search, &trace, by_turns, heard);
            self.heard = [heard, other];
        }
        if self.first.is_none() {
            self.first_heard = std::mem::take(&mut self.heard[0]);
            self.first = Some(trace);
        }
    }

    /// Runs a trace in one linearisation, on other addresses, and compares it with what the search
    /// saw.
    fn runs_again(
        &mut self,
        search: &mut Inner,
        trace: &Trace,
        first: First,
        heard: Heard,
    ) -> Heard {
        self.takes_over(&search.world);
        let shifts = trace.both || trace.number.is_multiple_of(SHIFTS);
        if shifts {
            self.ballast.release();
        }
        // Where nobody compares two runs with each other, nothing has to be written down.
        let listens = trace.both;
        let mut linearised = Linearised::new(&trace.order, first);
        let listener = Listener::new(&self.execution, heard, listens);
        let end = run_on(&listener, || {
            linearise(
                &self.execution,
                self.coroutines,
                self.main,
                &mut linearised,
                &|| listener.stops(),
            )
        });
        if shifts {
            self.ballast.refill();
        }
        let heard = listener.into_heard();
        let found = match end {
            Err(Failed {
                property, message, ..
            }) => Some(format!(
                "{property} fails ({message}) {}, and not {AS_SEARCHED}",
                said(first)
            )),
            Ok((Next::Differs(thread, expected), left)) => {
                let now = left.get(thread).copied().flatten();
                let before = expected.map(|index| linearised.event(index));
                let before = before.map(|event| (event.op, event.place));
                Some(came(&heard, thread, before, now, linearised.first()))
            }
            Ok((_, left)) => {
                let threads = 0..left.len().max(trace.left.len());
                let of = |left: &Left, thread: ThreadId| {
                    let left = left.get(thread).copied().flatten();
                    // Which of its threads a scope waits for first may be chance.
                    left.map(|(op, place)| match op {
                        Op::Join(_) => (Op::Join(0), place),
                        op => (op, place),
                    })
                };
                threads
                    .map(|thread| (thread, of(&trace.left, thread), of(&left, thread)))
                    .find(|(_, before, now)| before != now)
                    .map(|(thread, before, now)| {
                        came(&heard, thread, before, now, linearised.first())
                    })
            }
        };
        if let Some(found) = found {
            search.stuck = Some(Stuck::Outside(found));
        }
        heard
    }

    /// Gives threads and objects the numbers that the search has given them.
    fn takes_over(&mut self, world: &World) {
        let numbers = world.numbers();
        if self.numbers == Some(numbers) {
            return;
        }
        let mut own = World::new(&self.job.semantics);
        own.know(world.identities(), world.used());
        let inner = &mut *self.execution.inner.borrow_mut();
        if !inner.world.keeps_keys() {
            own.without_keys();
        }
        inner.world = own;
        self.numbers = Some(numbers);
    }
}

/// An order of silent steps, in words.
fn said(first: First) -> &'static str {
    match first {
        First::Lowest => "when of concurrent parts those of threads that started earlier run first",
        First::Highest => "when of concurrent parts those of threads that started later run first",
    }
}

fn named(heard: &Heard, thread: ThreadId) -> String {
    let name = heard.thread_names.get(thread).copied().flatten();
    name.map_or_else(
        || match thread {
            0 => "main".to_owned(),
            _ => format!("thread {thread}"),
        },
        |name: Name| format!("`{name}`"),
    )
}

/// An operation that a thread has announced, in words.
fn announced(heard: &Heard, announced: Option<(Op, Place)>) -> String {
    let Some((op, place)) = announced else {
        return "its end".to_owned();
    };
    let known = |object| heard.objects.get(object).copied().flatten();
    let is_mutex = |object| matches!(known(object), Some((Shown::Mutex, _)));
    let (word, object) = tale::announced(op, is_mutex);
    match object.and_then(known) {
        Some((_, name)) => format!("{word} `{name}` at {place}"),
        None => format!("{word} at {place}"),
    }
}

/// That a thread came to something else than in the search.
fn came(
    heard: &Heard,
    thread: ThreadId,
    before: Option<(Op, Place)>,
    now: Option<(Op, Place)>,
    first: First,
) -> String {
    format!(
        "{} comes to {} {AS_SEARCHED}, and to {} {}",
        named(heard, thread),
        announced(heard, before),
        announced(heard, now),
        said(first),
    )
}

/// The first difference between what was heard of one trace in two runs, if there is one; `when` says
/// of each how it was run.
fn differs(one: &Heard, other: &Heard, when: [&str; 2]) -> Option<String> {
    let threads = 0..one.threads.len().max(other.threads.len());
    threads.into_iter().find_map(|thread| {
        let said = |heard: &'_ Heard, at: usize| {
            let said = heard.threads.get(thread)?;
            said.get(at).copied()
        };
        let length = |heard: &Heard| heard.threads.get(thread).map_or(0, Vec::len);
        let length = length(one).max(length(other));
        let at = (0..length).find(|&at| said(one, at) != said(other, at))?;
        let both = [said(one, at), said(other, at)];
        let who = named(one, thread);
        let operation = |said: Option<Said>| match said {
            None => Some(None),
            Some(Said::Announced(op, place)) => Some(Some((op, place))),
            Some(_) => None,
        };
        if let [Some(first), Some(second)] = both.map(operation) {
            let (first, second) = (announced(one, first), announced(other, second));
            return Some(format!(
                "{who} comes to {first} {}, and to {second} {}",
                when[0], when[1]
            ));
        }
        let before = (0..at).rev().find_map(|at| said(one, at)?.place());
        let near = match (both.into_iter().flatten().find_map(Said::place), before) {
            (Some(place), _) => format!(" at {place}"),
            (None, Some(before)) => format!(" after {before}"),
            (None, None) => String::new(),
        };
        let what = match both.into_iter().flatten().next() {
            Some(Said::Written(..)) => "leaves different data",
            Some(Said::Keeps(..)) => "keeps different data",
            Some(Said::Made(..)) => "makes different objects",
            Some(Said::Started(_)) => "starts different threads",
            _ => "does different things",
        };
        Some(format!("{who} {what}{near} {} and {}", when[0], when[1]))
    })
}
