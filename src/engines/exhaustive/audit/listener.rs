//! A layer over the machine that writes down what the program tells it, thread by thread.

use std::cell::{Cell, RefCell};

use crate::engines::exhaustive::execution::Execution;
use crate::sync::stepping::{
    Machine, NewObject, Note, ObjectId, Op, Place, Shown, Substance, ThreadId,
};
use crate::sync::{Composite, Moment, Name, Need, Property, Semantics};

/// Something that a thread has told the model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Said {
    /// It is about to do this.
    Announced(Op, Place),
    /// It makes an object of this kind that begins like this.
    Made(Shown, u64),
    /// It starts a thread.
    Started(Name),
    /// It has left data of this digest at an object.
    Written(ObjectId, Option<u64>, ThreadId),
    /// It accesses plain memory.
    Accesses(ObjectId, bool, Place),
    /// It remembers no more than this.
    Keeps(u64, Place),
    /// Something between two steps.
    Notes(Note, Place),
}

impl Said {
    /// The place at which it was told, where one is known.
    pub(super) fn place(self) -> Option<Place> {
        match self {
            Self::Announced(_, place)
            | Self::Accesses(_, _, place)
            | Self::Keeps(_, place)
            | Self::Notes(_, place) => Some(place),
            Self::Made(..) | Self::Started(_) | Self::Written(..) => None,
        }
    }
}

/// What each thread has told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) threads: Vec<Vec<Said>>,
    pub(super) thread_names: Vec<Option<Name>>,
    pub(super) objects: Vec<Option<(Shown, Name)>>,
}

impl Heard {
    fn clear(&mut self) {
        for said in &mut self.threads {
            said.clear();
        }
    }

    fn push(&mut self, thread: ThreadId, said: Said) {
        if self.threads.len() <= thread {
            self.threads.resize_with(thread + 1, Vec::new);
        }
        self.threads[thread].push(said);
    }

    fn name<T: Copy>(names: &mut Vec<Option<T>>, id: usize, name: T) {
        if names.len() <= id {
            names.resize(id + 1, None);
        }
        names[id] = Some(name);
    }
}

/// A machine that listens to what it hands on.
pub(super) struct Listener<'e, 'h> {
    execution: &'e Execution<'h>,
    heard: RefCell<Heard>,
    listens: Cell<bool>,
}

impl<'e, 'h> Listener<'e, 'h> {
    /// Listens to one execution, or, without `listens`, for names only; `heard` is emptied and used
    /// again.
    pub(super) fn new(execution: &'e Execution<'h>, mut heard: Heard, listens: bool) -> Self {
        heard.clear();
        Self {
            execution,
            heard: RefCell::new(heard),
            listens: Cell::new(listens),
        }
    }

    /// What comes from here on is no part of the trace.
    pub(super) fn stops(&self) {
        self.listens.set(false);
    }

    /// All that was told.
    pub(super) fn into_heard(self) -> Heard {
        self.heard.into_inner()
    }

    fn hears(&self, said: Said) {
        if self.listens.get() {
            self.heard.borrow_mut().push(self.execution.me(), said);
        }
    }
}

/// What an object holds at the beginning, as far as one number says it.
fn beginning(substance: &Substance) -> u64 {
    match substance {
        Substance::Units { free, .. } => free
            .iter()
            .fold(free.len() as u64, |sum, &free| sum * 31 + u64::from(free)),
        Substance::Word(value) => *value,
        Substance::Barrier(threads) => u64::from(*threads),
        Substance::Zone(limit) => *limit as u64,
        Substance::Condvar | Substance::Memory | Substance::Label => 0,
    }
}

// SAFETY: every call is handed on to the execution, which keeps the promises of a machine.
unsafe impl Machine for Listener<'_, '_> {
    fn me(&self) -> ThreadId {
        self.execution.me()
    }

    fn object(&self, new: NewObject) -> ObjectId {
        self.hears(Said::Made(new.kind, beginning(&new.substance)));
        let shown = (new.kind, new.name);
        let id = self.execution.object(new);
        Heard::name(&mut self.heard.borrow_mut().objects, id, shown);
        id
    }

    fn needs(&self, set: ObjectId, needs: &[Need]) -> usize {
        self.execution.needs(set, needs)
    }

    fn free(&self, object: ObjectId) -> Vec<u32> {
        self.execution.free(object)
    }

    fn visible(&self, op: Op, place: Place) -> u64 {
        // In which order a scope joins its threads is no step, and may be chance.
        if !matches!(op, Op::Join(_)) {
            self.hears(Said::Announced(op, place));
        }
        self.execution.visible(op, place)
    }

    fn access(&self, memory: ObjectId, write: bool, place: Place) {
        self.hears(Said::Accesses(memory, write, place));
        self.execution.access(memory, write, place);
    }

    fn accessed(&self, memory: ObjectId, write: bool, place: Place) {
        self.execution.accessed(memory, write, place);
    }

    fn written(&self, memory: ObjectId, digest: Option<u64>) {
        self.hears(Said::Written(memory, digest, self.execution.me()));
        self.execution.written(memory, digest);
    }

    fn note(&self, note: Note, place: Place) {
        // That a situation occurs is a witness: another linearisation need not show it.
        if !matches!(note, Note::Reached(_)) {
            self.hears(Said::Notes(note, place));
        }
        self.execution.note(note, place);
    }

    fn remembers(&self) -> bool {
        self.execution.remembers()
    }

    fn checkpoint(&self, digest: u64, place: Place) {
        self.hears(Said::Keeps(digest, place));
        self.execution.checkpoint(digest, place);
    }

    fn checkpoint_spin(&self, before: Option<u128>, digest: u64, place: Place) -> Option<u128> {
        self.hears(Said::Keeps(digest, place));
        self.execution.checkpoint_spin(before, digest, place)
    }

    unsafe fn spawn(&self, name: Name, body: Box<dyn FnOnce() + Send + '_>) -> ThreadId {
        self.hears(Said::Started(name));
        // SAFETY: handed on to our caller.
        let thread = unsafe { self.execution.spawn(name, body) };
        Heard::name(&mut self.heard.borrow_mut().thread_names, thread, name);
        // What it does from here on and what the new thread begins with are concurrent.
        self.execution.pauses();
        thread
    }

    fn rename(&self, name: Name) {
        let me = self.execution.me();
        Heard::name(&mut self.heard.borrow_mut().thread_names, me, name);
        self.execution.rename(name);
    }

    fn spin(&self, rounds: u32, place: Place) -> bool {
        self.execution.spin(rounds, place)
    }

    fn another_round(&self, counted: bool) -> bool {
        self.execution.another_round(counted)
    }

    fn asks(&self, property: Property) -> bool {
        self.execution.asks(property)
    }

    fn moment(&self, observer: ObjectId, step: Composite, place: Place) -> Option<Moment> {
        self.execution.moment(observer, step, place)
    }

    fn together(&self, count: usize) {
        self.execution.together(count);
    }

    fn looks_outside(&self) {
        self.execution.looks_outside();
    }

    fn fail(&self, property: Property, message: String, place: Place) -> ! {
        self.execution.fail(property, message, place)
    }

    fn semantics(&self) -> Semantics {
        self.execution.semantics()
    }

    fn native(&self) -> bool {
        self.execution.native()
    }

    fn tearing_down(&self) -> bool {
        self.execution.tearing_down()
    }
}
