//! A watch for programs that block in something that is no operation of the model: a lock of std
//! held over a step, a channel, a sleep. The engine has lost control then and would wait for ever.
//!
//! Seen from outside: every thread of the process sleeps and none has used any time for a while.
//! That is so on Linux, where the system tells the state of each thread; elsewhere the patience of
//! whoever waits for the row is what is left.

use std::fs;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::sync::last_step;

/// How long nobody may go on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// How often the watch looks.
const LOOKS: u32 = 10;

/// The exit code of a process that the watch has ended.
const BLOCKED: i32 = 1;

/// The watch over the jobs of a worker process.
#[derive(Debug)]
pub(super) struct Watch {
    runs: Arc<AtomicBool>,
}

impl Watch {
    /// Begins to watch; when a job blocks, `tells` is called with the thread and the place, and the
    /// process ends.
    pub(super) fn new(tells: impl Fn(&str) + Send + 'static) -> Self {
        let runs = Arc::new(AtomicBool::new(false));
        let job_runs = Arc::clone(&runs);
        thread::spawn(move || {
            let mut before = None;
            let mut looks = 0;
            loop {
                thread::sleep(PATIENCE / LOOKS);
                // Relaxed: nothing but the flag is shared.
                let now = job_runs.load(Relaxed).then(time_used).flatten();
                looks = match now {
                    Some(_) if now == before => looks + 1,
                    _ => 0,
                };
                before = now;
                if looks >= LOOKS {
                    tells(&near());
                    process::exit(BLOCKED);
                }
            }
        });
        Self { runs }
    }

    /// Runs a job, which is watched.
    pub(super) fn over<T>(&self, job: impl FnOnce() -> T) -> T {
        last_step::passed(0, None);
        // Relaxed, twice: nothing but the flag is shared.
        self.runs.store(true, Relaxed);
        let result = job();
        self.runs.store(false, Relaxed);
        result
    }
}

/// The thread that has gone on last, and where.
fn near() -> String {
    let (thread, place) = last_step::last();
    let who = match thread {
        0 => "the main thread".to_owned(),
        _ => format!("thread {thread}"),
    };
    match place {
        Some(place) => format!("in {who}, after its step at {place}"),
        None => format!("in {who}, before its first step"),
    }
}

/// The time that the threads of this process have used, in ticks of the system's clock; none where
/// one of them is not asleep, or nobody knows.
fn time_used() -> Option<u64> {
    let own = format!("{} ", own_id()?);
    let mut used = 0;
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let stat = match fs::read_to_string(thread.ok()?.path().join("stat")) {
            Ok(stat) => stat,
            // It has ended meanwhile.
            Err(_) => return None,
        };
        // The name stands in parentheses, and may hold any; fields are counted from behind it
        // (proc_pid_stat(5)): the state, and 11 and 12 fields later user and system time.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let state = fields.next()?;
        let mut times = fields.skip(10).map(str::parse::<u64>);
        if stat.starts_with(&own) {
            // The watch itself, which runs now and whose time does not count.
            continue;
        }
        used += times.next()?.ok()? + times.next()?.ok()?;
        if state != "S" {
            return None;
        }
    }
    Some(used)
}

/// The number by which the system knows the calling thread.
fn own_id() -> Option<u32> {
    let link = fs::read_link("/proc/thread-self").ok()?;
    link.file_name()?.to_str()?.parse().ok()
}
