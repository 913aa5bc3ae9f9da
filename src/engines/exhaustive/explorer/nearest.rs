//! The complete execution nearest to a failing one that does not fail: the same as far as possible.
//!
//! A depth-first search whose first path is the failing schedule and that goes back from its end:
//! the first path that ends well shares the longest beginning with it. A state that has been
//! visited on a path that failed is not visited again; where a failure depends on more than the
//! state (a data race depends on how memory was synchronised before), a nearer one may be passed
//! over.

use std::collections::HashSet;

use super::{Choice, Counts, Decision, Divergence, Ended, Explorer, MANY};
use crate::engines::exhaustive::world::World;
use crate::engines::exhaustive::world::event::Event;

#[derive(Debug)]
struct Node {
    current: Choice,
    /// What else could happen here; none: not looked up yet.
    rest: Option<Vec<Choice>>,
}

/// The search.
#[derive(Debug)]
pub struct Nearest {
    nodes: Vec<Node>,
    depth: usize,
    /// How many steps at the beginning are those of the failing schedule.
    common: usize,
    known: HashSet<u128>,
    counts: Counts,
    found: bool,
    over: bool,
}

impl Nearest {
    /// A search that begins with a schedule that fails.
    #[must_use]
    pub fn new(failing: &[Choice]) -> Self {
        let node = |&current: &Choice| Node {
            current,
            rest: None,
        };
        Self {
            nodes: failing.iter().map(node).collect(),
            depth: 0,
            common: failing.len(),
            known: HashSet::new(),
            counts: Counts::default(),
            found: false,
            over: false,
        }
    }

    /// The schedule that ends well, and how many of its first steps are the failing one's; none as
    /// long as none has been found.
    #[must_use]
    pub fn found(&self) -> Option<(Vec<Choice>, usize)> {
        let choices = self.nodes.iter().map(|node| node.current).collect();
        self.found.then_some((choices, self.common))
    }

    /// Everything that can happen but one thing, the thread that is running first.
    fn others(world: &World, running: Option<Choice>, but: Choice) -> Vec<Choice> {
        let last = running.map(|choice| choice.thread);
        let first = last.into_iter();
        let others = (0..world.thread_count()).filter(|&thread| Some(thread) != last);
        first
            .chain(others)
            .filter(|&thread| world.enabled(thread))
            .flat_map(|thread| {
                // Of very many it is the first ones: the nearest need not be found.
                (0..world.alternatives(thread).min(MANY)).map(move |alternative| Choice {
                    thread,
                    alternative,
                })
            })
            .filter(|&choice| choice != but)
            .collect()
    }

    fn backtrack(&mut self) {
        // Steps behind a failure in a silent step were never taken.
        self.nodes.truncate(self.depth);
        while let Some(node) = self.nodes.last_mut() {
            if let Some(rest) = &mut node.rest
                && !rest.is_empty()
            {
                node.current = rest.remove(0);
                self.common = self.common.min(self.nodes.len() - 1);
                return;
            }
            self.nodes.pop();
        }
        self.over = true;
    }
}

impl Explorer for Nearest {
    fn begin(&mut self) -> bool {
        self.depth = 0;
        !self.over && !self.found
    }

    fn decide(&mut self, world: &World) -> Result<Decision, Box<Divergence>> {
        let depth = self.depth;
        let before = depth.checked_sub(1).map(|last| self.nodes[last].current);
        if let Some(node) = self.nodes.get_mut(depth) {
            let current = node.current;
            if node.rest.is_none() {
                node.rest = Some(Self::others(world, before, current));
            }
            if !world.enabled(current.thread) {
                return Ok(Decision::Over);
            }
            self.depth += 1;
            return Ok(current.into());
        }
        if !self.known.insert(world.key()) {
            return Ok(Decision::Cut);
        }
        let nobody = Choice {
            thread: usize::MAX,
            alternative: 0,
        };
        let mut rest = Self::others(world, before, nobody);
        if rest.is_empty() {
            return Ok(Decision::Over);
        }
        let current = rest.remove(0);
        self.nodes.push(Node {
            current,
            rest: Some(rest),
        });
        self.depth += 1;
        Ok(current.into())
    }

    fn end(&mut self, _: &World, ended: Ended) {
        match ended {
            Ended::Complete => {
                self.counts.complete += 1;
                self.found = true;
            }
            Ended::Failed => {
                self.counts.complete += 1;
                self.backtrack();
            }
            Ended::Cut => {
                self.counts.cut += 1;
                self.backtrack();
            }
        }
    }

    fn counts(&self) -> Counts {
        self.counts
    }

    fn events(&self) -> Vec<Event> {
        Vec::new()
    }

    fn progress(&self) -> f64 {
        f64::from(u8::from(self.over || self.found))
    }

    fn memory(&self) -> usize {
        self.known.capacity() * (size_of::<u128>() + 1) * 8 / 7
    }
}
