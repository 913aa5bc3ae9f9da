//! Who decides the next step: a search, the schedule that a search found, or a recording.

use super::as_found;
use super::explorer::graph::Survey;
use super::explorer::nearest::Nearest;
use super::explorer::order::Order;
use super::explorer::{Choice, Decision, Divergence, Ended, Explorer, Memo, Taken};
use super::rounds::Rounds;
use super::turns::Turns;
use super::world::World;
use super::world::event::Event;
use crate::sync::announcing::Recorder;
use crate::sync::stepping::{Op, ThreadId};

/// Who decides.
pub(super) enum Driver {
    /// A search.
    Search(Box<dyn Explorer>),
    /// A schedule of native steps, followed on semaphores that are built of mutexes.
    Guide(Guide),
    /// The script of the recorder's session.
    Script,
    /// The search that builds the state graph.
    Survey(Box<Survey>),
    /// The search for the nearest execution that passes.
    Near(Nearest),
    /// These steps, and then no more: the next one last.
    Steps(Vec<Choice>),
    /// The steps of a counterexample that is told in native steps.
    Again(as_found::Steps),
    /// The steps of an infinite execution, for some rounds.
    Rounds(Rounds),
    /// Each thread in its turn.
    Turns(Turns),
    /// The auditor, who takes the steps of a trace himself.
    Audit,
}

impl Driver {
    pub(super) fn begin(&mut self) -> bool {
        match self {
            Self::Search(explorer) => explorer.begin(),
            Self::Survey(survey) => survey.begin(),
            Self::Near(nearest) => nearest.begin(),
            Self::Guide(_)
            | Self::Script
            | Self::Steps(_)
            | Self::Again(_)
            | Self::Rounds(_)
            | Self::Turns(_)
            | Self::Audit => true,
        }
    }

    pub(super) fn decide(
        &mut self,
        world: &World,
        recorder: Option<&Recorder>,
    ) -> Result<Decision, Box<Divergence>> {
        match (self, recorder) {
            (Self::Search(explorer), _) => explorer.decide(world),
            (Self::Guide(guide), Some(recorder)) => Ok(guide.decide(world, recorder)),
            (Self::Script, Some(recorder)) => Ok(scripted(world, recorder)),
            (Self::Survey(survey), _) => survey.decide(world),
            (Self::Near(nearest), _) => nearest.decide(world),
            (Self::Rounds(rounds), _) => Ok(rounds.decide(world)),
            (Self::Turns(turns), _) => Ok(turns.decide(world)),
            (Self::Steps(steps), _) => Ok(match steps.pop() {
                Some(choice) if is_possible(world, choice) => choice.into(),
                None if world.is_dead() => Decision::Over,
                _ => Decision::Cut,
            }),
            (Self::Again(steps), _) => Ok(steps.decide(world)),
            (Self::Guide(_) | Self::Script, None) | (Self::Audit, _) => Ok(Decision::Over),
        }
    }

    pub(super) fn end(&mut self, world: &World, ended: Ended) {
        match self {
            Self::Search(explorer) => explorer.end(world, ended),
            Self::Survey(survey) => survey.end(world, ended),
            Self::Near(nearest) => nearest.end(world, ended),
            Self::Guide(_)
            | Self::Script
            | Self::Steps(_)
            | Self::Again(_)
            | Self::Rounds(_)
            | Self::Turns(_)
            | Self::Audit => {}
        }
    }

    /// The search, where it is one that comes back to points of an execution.
    fn search(&self) -> Option<&dyn Explorer> {
        match self {
            Self::Search(explorer) => Some(&**explorer),
            Self::Survey(survey) => Some(&**survey),
            _ => None,
        }
    }

    fn search_mut(&mut self) -> Option<&mut dyn Explorer> {
        match self {
            Self::Search(explorer) => Some(&mut **explorer),
            Self::Survey(survey) => Some(&mut **survey),
            _ => None,
        }
    }

    pub(super) fn common(&self) -> usize {
        self.search().map_or(0, Explorer::common)
    }

    pub(super) fn skip(&mut self, steps: usize) {
        if let Some(search) = self.search_mut() {
            search.skip(steps);
        }
    }

    pub(super) fn comes_back(&self) -> bool {
        self.search().is_some_and(Explorer::comes_back)
    }

    pub(super) fn once_more(&mut self) {
        if let Some(search) = self.search_mut() {
            search.once_more();
        }
    }

    pub(super) fn memory(&self) -> usize {
        match self {
            Self::Search(explorer) => explorer.memory(),
            _ => 0,
        }
    }

    /// How many states there are so far, and a lower bound of the part that is done.
    pub(super) fn progress(&self) -> (u64, f64) {
        match self {
            Self::Search(explorer) => (explorer.counts().states, explorer.progress()),
            _ => (0, 0.0),
        }
    }

    /// What the search knows between two executions.
    pub(super) fn memo(&self) -> Option<Memo> {
        match self {
            Self::Search(explorer) => explorer.memo(),
            _ => None,
        }
    }

    pub(super) fn restart(&mut self) {
        if let Self::Search(explorer) = self {
            explorer.restart();
        }
    }

    /// See [`Explorer::hang`].
    pub(super) fn hang(&mut self, world: &World) -> Option<Vec<Event>> {
        match self {
            Self::Search(explorer) => explorer.hang(world),
            _ => None,
        }
    }

    pub(super) fn order(&self) -> Option<&Order> {
        match self {
            Self::Search(explorer) => explorer.order(),
            _ => None,
        }
    }
}

/// Whether a step can be taken: it may be of a program that is built in another way.
pub(super) fn is_possible(world: &World, choice: Choice) -> bool {
    choice.thread < world.thread_count()
        && world.enabled(choice.thread)
        && choice.alternative < world.alternatives(choice.thread)
}

/// Follows a schedule of native steps on a program whose semaphores are built of mutexes: each
/// native step becomes all the steps that the built one takes for it, without anybody between.
///
/// That is how the built semaphore refines the native one: a P that is one step there is a
/// critical section here, and may be followed by a wait that the granting V ends.
pub(super) struct Guide {
    schedule: Vec<Taken>,
    next: usize,
    /// The thread whose composite step is being run to its end, or until it waits, and how many it
    /// had done before.
    carried: Option<(ThreadId, u64)>,
    /// Steps of a thread that are still to be taken for one that is no composite.
    more: Option<(ThreadId, usize)>,
    /// Threads that wait inside a composite that they have begun.
    open: Vec<bool>,
    closing: ThreadId,
}

impl Guide {
    pub(super) fn new(schedule: Vec<Taken>) -> Self {
        Self {
            schedule,
            next: 0,
            carried: None,
            more: None,
            open: Vec::new(),
            closing: 0,
        }
    }

    fn is_open(&self, thread: ThreadId) -> bool {
        self.open.get(thread).copied().unwrap_or(false)
    }

    fn set_open(&mut self, thread: ThreadId, open: bool) {
        if self.open.len() <= thread {
            self.open.resize(thread + 1, false);
        }
        self.open[thread] = open;
    }

    fn decide(&mut self, world: &World, recorder: &Recorder) -> Decision {
        loop {
            if let Some((thread, count)) = self.more {
                self.more = (count > 1).then_some((thread, count - 1));
                if count > 0 && world.enabled(thread) {
                    return step(thread, 0);
                }
                continue;
            }
            if let Some((thread, done)) = self.carried {
                let waits = recorder.done(thread) == done;
                if waits && world.enabled(thread) {
                    return step(thread, 0);
                }
                self.set_open(thread, waits);
                self.carried = None;
                continue;
            }
            let Some(&Taken { choice, op, .. }) = self.schedule.get(self.next) else {
                return self.close(world, recorder);
            };
            let thread = choice.thread;
            if self.is_open(thread) {
                // It has been served since.
                if !world.enabled(thread) {
                    return Decision::Over;
                }
                self.carried = Some((thread, recorder.done(thread)));
                if matches!(op, Op::Granted { .. }) {
                    self.next += 1;
                }
                continue;
            }
            self.next += 1;
            match op {
                // Served at once.
                Op::Granted { .. } => continue,
                Op::Look(_) => {
                    self.more = Some((thread, 2));
                    continue;
                }
                _ if recorder.in_composite(thread) => {
                    self.carried = Some((thread, recorder.done(thread)));
                    continue;
                }
                _ if world.enabled(thread) => return choice.into(),
                _ => return Decision::Over,
            }
        }
    }

    /// The schedule is at its end: those who are inside a composite go on until they wait.
    fn close(&mut self, world: &World, recorder: &Recorder) -> Decision {
        while self.closing < world.thread_count() {
            let thread = self.closing;
            let inside = world.announced(thread).is_some() && recorder.in_composite(thread);
            if inside && world.enabled(thread) {
                return step(thread, 0);
            }
            self.closing += 1;
        }
        Decision::Over
    }
}

fn step(thread: ThreadId, alternative: u32) -> Decision {
    Decision::Step {
        thread,
        alternative,
    }
}

/// The thread that has the next step of the script.
fn scripted(world: &World, recorder: &Recorder) -> Decision {
    let Some(label) = recorder.next_of_script() else {
        return Decision::Over;
    };
    let named = |&thread: &ThreadId| {
        world.announced(thread).is_some() && recorder.label(thread).as_ref() == Some(&label)
    };
    let Some(thread) = (0..world.thread_count()).find(named) else {
        return Decision::Over;
    };
    let alternative = match world.announced(thread) {
        Some((Op::Choose(_), _)) => recorder.scripted_choice().unwrap_or(0),
        Some((
            Op::Notify {
                condvar,
                all: false,
            },
            _,
        )) => {
            let waiters = world.waiters(condvar);
            let woken = recorder.woken_by_script(condvar, &waiters);
            woken.unwrap_or(0) as u64
        }
        _ => 0,
    };
    if world.enabled(thread) {
        step(thread, u32::try_from(alternative).unwrap_or(0))
    } else {
        Decision::Over
    }
}
