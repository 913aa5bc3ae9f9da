//! The wish to end: raised once, by a signal or by the program, and seen by every wait.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::ready::{self, Interest};
use crate::sync::{Mutex, Os};

/// The wish to end, shared by all threads of a program.
///
/// It has a descriptor that becomes ready for good when the wish is raised, so that a wait for
/// sockets can wait for it too and ends at once.
#[derive(Clone, Debug)]
pub struct Shutdown {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Set when the wish is raised, before the pipe is closed.
    raised: OnceLock<Instant>,
    reader: PipeReader,
    /// Dropped to raise the wish: a pipe without writers is at its end for every reader, for ever.
    writer: Mutex<Os, Option<PipeWriter>>,
}

impl Shutdown {
    /// A wish that nobody has raised.
    ///
    /// # Errors
    /// When the process can have no more descriptors.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self {
            inner: Arc::new(Inner {
                raised: OnceLock::new(),
                reader,
                writer: Mutex::new("wish to end", Some(writer)),
            }),
        })
    }

    /// A wish that SIGINT, SIGTERM and SIGHUP raise. A second signal ends the process at once, with
    /// exit code 130.
    ///
    /// SIGINT and SIGHUP stay ignored where they were when the process began, as by nohup, or by a
    /// shell for what it runs in the background. Call it once, before there are other threads.
    ///
    /// # Errors
    /// When the process can have no more descriptors, or has such a wish already.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new()?;
        let raised = shutdown.clone();
        let ignored = [libc::SIGINT, libc::SIGHUP].map(|signal| (signal, ignore(signal)));
        ctrlc::set_handler(move || {
            if !raised.raise() {
                std::process::exit(super::Exit::Interrupted.code().into());
            }
        })
        .map_err(io::Error::other)?;
        for (signal, before) in ignored {
            if before {
                ignore(signal);
            }
        }
        Ok(shutdown)
    }

    /// Raises the wish; false when it was raised before.
    pub fn raise(&self) -> bool {
        let first = self.inner.raised.set(Instant::now()).is_ok();
        self.inner.writer.lock().take();
        first
    }

    /// Whether the wish is raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.inner.raised.get().is_some()
    }

    /// Waits until the wish is raised, or the time is over; says whether it is raised. Blocks.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(&self, time: Option<Duration>) -> io::Result<bool> {
        let deadline = time.and_then(|time| Instant::now().checked_add(time));
        let [raised] = ready::ready([(self.as_fd(), Interest::READ)], deadline)?;
        Ok(raised)
    }
}

/// Ignores a signal; whether it was ignored before.
fn ignore(signal: libc::c_int) -> bool {
    // SAFETY: the signals are ones that can be ignored, and ignoring runs no code of ours.
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    before == libc::SIG_IGN
}

impl AsFd for Shutdown {
    /// Ready to read, at its end, when the wish is raised.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.reader.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_raised_once_and_seen_for_ever() {
        let shutdown = Shutdown::new().expect("a pipe");
        let other = shutdown.clone();
        assert!(!shutdown.wait(Some(Duration::ZERO)).expect("poll"));
        assert!(other.raise());
        assert!(!shutdown.raise());
        for _ in 0..3 {
            assert!(shutdown.wait(None).expect("poll"));
        }
        assert!(shutdown.is_raised());
    }
}
