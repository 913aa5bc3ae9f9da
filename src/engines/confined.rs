//! The memory that the process of a row may have, and what it means when such a process ends.
//!
//! A search counts what it holds, and a checked program does not: one that allocates without end
//! would take all memory of the machine before anybody looked. So its process has a limit on its
//! address space, far beyond what the search may hold, and what fails there is told as that.

use super::limits::{Limits, stack_bytes};
use super::verdict::GaveUp;

/// Megabytes for everything else than searches and stacks: what allocators reserve for each thread.
const SPARE: usize = 1_024;

/// For how many stacks of checked threads there is room.
const STACKS: usize = 256;

/// Megabytes that the process of a row may have beside what it had before.
///
/// A table that grows is there twice for a while; a thread that shares a search has a stack and an
/// allocator's reserve of its own, and stacks of its own for the threads that it checks.
fn megabytes(limits: &Limits) -> usize {
    let stack = stack_bytes().div_ceil(1_000_000);
    let workers = limits.workers.max(1);
    let shared = workers.saturating_mul(64 + 16 * stack);
    limits
        .memory
        .saturating_mul(2)
        .saturating_add(SPARE + STACKS * stack)
        .saturating_add(shared)
}

/// Gives this process the limit of a row that it is going to run.
///
/// Where the system does not tell how much address space there is in use, or refuses a limit, there
/// is none.
pub(super) fn confine(limits: &Limits) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Some(used) = in_use() else { return };
        let most = (megabytes(limits) as u64).saturating_mul(1_000_000);
        let most = used.saturating_add(most);
        let before = getrlimit(Resource::As);
        let limit = Rlimit {
            current: Some(before.maximum.map_or(most, |maximum| maximum.min(most))),
            maximum: before.maximum,
        };
        // Below the hard limit this is always allowed; without it the row runs as it did before.
        let _ = setrlimit(Resource::As, limit);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = limits;
}

/// Bytes of address space in use.
#[cfg(target_os = "linux")]
fn in_use() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The end of a process that ran a row.
#[derive(Debug)]
pub(super) struct End {
    /// The signal that ended it, if one did.
    pub(super) signal: Option<i32>,
    /// The status, in words.
    pub(super) status: String,
    /// The last that it printed to its standard error, a line each.
    pub(super) words: Vec<String>,
}

const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGBUS: i32 = 7;
const SIGSEGV: i32 = 11;

impl End {
    /// Why nothing is known of the row.
    pub(super) fn reason(&self, limits: &Limits) -> GaveUp {
        if self.signal == Some(SIGABRT)
            && let Some(bytes) = self.words.iter().find_map(|line| refused(line))
        {
            return GaveUp::Allocation {
                bytes,
                limit: megabytes(limits),
            };
        }
        GaveUp::Crashed { how: self.how() }
    }

    /// The end in words, with the last that was printed.
    pub(super) fn how(&self) -> String {
        let how = match self.signal {
            Some(signal) => format!("signal {signal} ({})", self.named(signal)),
            None => self.status.clone(),
        };
        if self.words.is_empty() {
            how
        } else {
            format!("{how}: {}", self.words.join(" / "))
        }
    }

    fn named(&self, signal: i32) -> String {
        let stack = format!(
            "has {} KiB, more with RUST_MIN_STACK={}",
            stack_bytes() >> 10,
            stack_bytes() * 4
        );
        let overflowed = |line: &String| line.contains("has overflowed its stack");
        match signal {
            SIGABRT if self.words.iter().any(overflowed) => {
                format!("SIGABRT, a stack overflow; the stack of a checked thread {stack}")
            }
            SIGABRT => "SIGABRT, an abort".to_owned(),
            SIGKILL => "SIGKILL, perhaps for lack of memory".to_owned(),
            // The page below a stack is out of bounds, and nobody knows what else was.
            SIGSEGV | SIGBUS => format!(
                "SIG{}, a stack overflow or a wild pointer; the stack of a checked thread {stack}",
                if signal == SIGSEGV { "SEGV" } else { "BUS" }
            ),
            _ => "a signal".to_owned(),
        }
    }
}

/// How many bytes there were no more of, in the words of Rust's allocation errors.
fn refused(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("memory allocation of ")?;
    rest.strip_suffix(" bytes failed")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(signal: Option<i32>, words: &[&str]) -> End {
        End {
            signal,
            status: "exit status: 3".to_owned(),
            words: words.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    #[test]
    fn an_allocation_that_failed_is_told_as_one() {
        let words = ["something", "memory allocation of 4096 bytes failed"];
        let limits = Limits::QUICK;
        assert_eq!(
            end(Some(SIGABRT), &words).reason(&limits),
            GaveUp::Allocation {
                bytes: 4096,
                limit: megabytes(&limits)
            }
        );
        let printed = end(None, &words).reason(&limits);
        assert!(matches!(printed, GaveUp::Crashed { .. }), "{printed}");
    }

    #[test]
    fn what_may_be_a_stack_overflow_names_the_stack() {
        for (signal, words) in [
            (SIGSEGV, &[][..]),
            (SIGABRT, &["thread 'x' (1) has overflowed its stack"]),
        ] {
            let why = end(Some(signal), words).reason(&Limits::QUICK).to_string();
            let stack = format!("has {} KiB, more with RUST_MIN_STACK", stack_bytes() >> 10);
            assert!(why.contains(&stack), "{why}");
        }
        let why = end(Some(SIGABRT), &[]).reason(&Limits::QUICK).to_string();
        assert!(
            why.contains("SIGABRT, an abort") && !why.contains("KiB"),
            "{why}"
        );
    }

    #[test]
    fn more_memory_for_the_search_is_more_for_its_process() {
        let of = |memory| {
            megabytes(&Limits {
                memory,
                ..Limits::QUICK
            })
        };
        assert!(of(4_096) >= of(2_048) + 4_096);
        assert!(of(usize::MAX) >= of(1_000_000));
    }
}
