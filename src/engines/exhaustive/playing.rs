//! Executions that are played on the model alone, where it is known what the code of their threads
//! does.

use super::driver::Driver;
use super::execution::{Execution, Inner, Stuck};
use super::explorer::{Decision, Divergence, Ended};
use super::learned::{Deed, Differs, Learned, Then};
use super::observer::Observer;
use super::segments::Segments;
use super::watch::Watch;
use crate::sync::stepping::ThreadId;

impl Execution<'_> {
    /// Plays an execution, from the last point that it has in common with the one before. None: it
    /// has to be run, from its beginning, since it comes to code whose thread has not seen that before.
    pub(super) fn play(&self) -> Option<Ended> {
        if !self.inner.borrow_mut().plays_from_last_point() {
            return None;
        }
        self.begins_running();
        loop {
            match self.decide() {
                Decision::Step {
                    thread,
                    alternative,
                } => {
                    if !self.inner.borrow_mut().plays(thread, alternative) {
                        return None;
                    }
                }
                Decision::Over => {
                    self.over();
                    return Some(Ended::Complete);
                }
                Decision::Cut => return Some(Ended::Cut),
            }
        }
    }

    /// Code that runs changes the model.
    pub(super) fn does(&self, deed: impl FnOnce() -> Deed) {
        if self.settings.learns && self.observing() {
            self.inner.borrow_mut().does(deed);
        }
    }
}

/// Who looks for races and zones; `protected`: locks have shown so far that there is nothing to be
/// found. What is played in a search over traces has no unprotected memory.
fn watch<'a>(
    segments: &'a mut Option<Segments>,
    protected: bool,
    observer: &'a mut Observer,
    driver: &'a Driver,
) -> Watch<'a> {
    match segments {
        _ if protected => Watch::Nobody,
        Some(segments) => Watch::State(segments),
        None => Watch::Trace(observer, driver.order()),
    }
}

impl Inner {
    /// Goes back to the last point, or to the beginning; `false`: the execution has to be run.
    fn plays_from_last_point(&mut self) -> bool {
        let protected = self.zones_are_protected();
        let Some(learned) = &mut self.learned else {
            return false;
        };
        if !Learned::may_play(self.totals.executions) {
            return false;
        }
        self.cut_by = None;
        learned.turns_back(self.driver.common());
        let mut watch = watch(
            &mut self.segments,
            protected,
            &mut self.observer,
            &self.driver,
        );
        if let Some((steps, capped)) = learned.returns(&mut self.world, &mut watch) {
            self.driver.skip(steps);
            self.capped = capped;
            return true;
        }
        self.capped = false;
        self.world.begin();
        match &mut self.segments {
            Some(segments) => segments.begin(),
            None => self.observer.begin(),
        }
        self.plays_silently()
    }

    /// Plays a step, and what follows without a choice; `false`: it is not known.
    fn plays(&mut self, thread: ThreadId, alternative: u32) -> bool {
        self.world.apply(thread, alternative);
        if self.world.overflows() {
            return false;
        }
        if let Some(segments) = &mut self.segments {
            segments.applied(thread);
        }
        if self.world.announced(thread).is_some() {
            // It has a second half. What is told of locks with the first one has been, if it is
            // known.
            let past = self.world.past(thread);
            if !self
                .learned
                .as_ref()
                .is_some_and(|learned| learned.knows(past))
            {
                return false;
            }
        }
        self.plays_silently()
    }

    /// Plays what threads do without a choice; `false`: it is not known.
    fn plays_silently(&mut self) -> bool {
        let protected = self.zones_are_protected();
        let Some(learned) = &self.learned else {
            return false;
        };
        let mut watch = watch(
            &mut self.segments,
            protected,
            &mut self.observer,
            &self.driver,
        );
        while let Some(thread) = self.world.next_runnable() {
            if let Some(child) = self.world.joined(thread) {
                watch.joined(&self.world, thread, child);
            }
            if !learned.plays(thread, &mut self.world, &mut watch, &mut self.capped) {
                return false;
            }
        }
        true
    }

    /// Writes down how the execution stands before a step, if the search comes back.
    pub(super) fn stands(&mut self) {
        let protected = self.zones_are_protected();
        if let Some(learned) = &mut self.learned
            && self.driver.comes_back()
        {
            let watch = watch(
                &mut self.segments,
                protected,
                &mut self.observer,
                &self.driver,
            );
            learned.stands(&self.world, &watch, self.capped);
        }
    }

    /// Code of a thread begins to run.
    pub(super) fn begins_silently(&mut self, me: ThreadId) {
        if let Some(learned) = &mut self.learned {
            learned.begins(self.world.past(me));
        }
    }

    /// Code that runs changes the model.
    pub(super) fn does(&mut self, deed: impl FnOnce() -> Deed) {
        if let Some(learned) = &mut self.learned {
            learned.does(deed());
        }
    }

    /// What follows from the past of a thread ends here; that is kept, or compared with what was.
    ///
    /// # Errors
    /// [`Differs`] when it is another than before: the search ends.
    pub(super) fn follows(&mut self, me: ThreadId, then: Then) -> Result<(), Differs> {
        let Some(learned) = &mut self.learned else {
            return Ok(());
        };
        learned.ends(then).inspect_err(|&Differs(before)| {
            self.stuck = Some(Stuck::Diverged(Box::new(Divergence {
                step: self.world.applied() as usize,
                thread: me,
                before,
                now: then.announced(),
            })));
        })
    }
}
