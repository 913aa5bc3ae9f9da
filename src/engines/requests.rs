//! The requests of a worker process, read by a thread of their own: while a job runs, somebody has to
//! notice that the parent wants it to stop, or is gone.

use std::io::{self, BufRead};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use serde::de::DeserializeOwned;

use super::stop;

/// The line that asks the job that runs to stop between two executions.
pub(super) const STOP: &str = "stop";

/// The exit code of a worker whose parent is gone.
const ABANDONED: i32 = 1;

/// The requests from standard input, one a line.
///
/// When standard input ends before all of them are answered, the parent is gone and this process
/// ends, whatever it is doing: nobody would read the answer.
pub(super) struct Requests<T> {
    read: Receiver<io::Result<T>>,
    answered: Arc<AtomicU64>,
}

impl<T: DeserializeOwned + Send + 'static> Requests<T> {
    /// Begins to read.
    pub(super) fn of_parent() -> Self {
        end_with_parent();
        let (sender, read) = channel();
        let answered = Arc::new(AtomicU64::new(0));
        let known = Arc::clone(&answered);
        thread::spawn(move || {
            let mut asked = 0;
            for line in io::stdin().lock().lines() {
                if matches!(&line, Ok(line) if line == STOP) {
                    stop::request();
                    continue;
                }
                let request = line.and_then(|line| {
                    serde_json::from_str(&line).map_err(|error| {
                        let why = format!("a request cannot be read: {error}");
                        io::Error::new(io::ErrorKind::InvalidData, why)
                    })
                });
                let failed = request.is_err();
                asked += 1;
                // After an error the process ends by itself.
                if sender.send(request).is_err() || failed {
                    return;
                }
            }
            // Relaxed: only the number itself is shared.
            if known.load(Ordering::Relaxed) < asked {
                process::exit(ABANDONED);
            }
        });
        Self { read, answered }
    }

    /// Waits for the next request; none: there will be no more.
    ///
    /// # Errors
    /// When standard input fails or holds something else.
    pub(super) fn next(&self) -> io::Result<Option<T>> {
        self.read.recv().ok().transpose()
    }

    /// Tells that the last request has been answered.
    pub(super) fn answered(&self) {
        // Relaxed: only the number itself is shared.
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Has the system end this process when the thread that has started it ends, which waits for it as
/// long as it lives. A parent that was gone before has closed standard input, so that the reader
/// notices; elsewhere the reader notices always.
fn end_with_parent() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Signal, set_parent_process_death_signal};
        // Where the system refuses it, the reader is left.
        let _ = set_parent_process_death_signal(Some(Signal::KILL));
    }
}
