//! The steps of a delivery that outlast the process, and somebody who looks at them.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::rc::Rc;

/// A step that leaves something on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A message begins to grow where no mail reader looks.
    Stage,
    /// The messages of a batch are flushed there.
    Flush,
    /// The ledger gets the promises of a batch.
    Promise,
    /// They are flushed.
    FlushPromise,
    /// A message, or a batch where that is one step, goes to its place.
    Place,
    /// The places are flushed.
    FlushPlace,
    /// The ledger learns that all promises are kept.
    Settle,
    /// That is flushed.
    FlushSettle,
    /// What was staged and is not needed any more is removed.
    Sweep,
    /// The ledger is written anew beside the old one.
    Rewrite,
    /// The new ledger takes the name of the old one.
    Rename,
}

type Look = dyn FnMut(Step) -> io::Result<()>;

/// Who looks at each [`Step`] before it is taken: an error keeps it from being taken, as a disk that
/// is full does, or the end of the process. Nobody, unless told otherwise.
#[derive(Clone, Default)]
pub struct Steps(Option<Rc<RefCell<Look>>>);

impl Steps {
    /// Steps that are looked at.
    pub fn watched(look: impl FnMut(Step) -> io::Result<()> + 'static) -> Self {
        Self(Some(Rc::new(RefCell::new(look))))
    }

    /// Whether the step may be taken.
    pub(super) fn take(&self, step: Step) -> io::Result<()> {
        match &self.0 {
            Some(look) => (*look.borrow_mut())(step),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "watched"
        } else {
            "unseen"
        })
    }
}
