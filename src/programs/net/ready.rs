//! Waiting for sockets: poll(2) with a deadline, interrupted by nothing but what was asked for.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

/// What to wait for at a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Something to read, the end of the stream included.
    pub read: bool,
    /// Room to write.
    pub write: bool,
}

impl Interest {
    /// Something to read.
    pub const READ: Self = Self {
        read: true,
        write: false,
    };
    /// Room to write.
    pub const WRITE: Self = Self {
        read: false,
        write: true,
    };
    /// Nothing but an error of the descriptor.
    pub const NONE: Self = Self {
        read: false,
        write: false,
    };

    fn flags(self) -> PollFlags {
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, self.read);
        flags.set(PollFlags::OUT, self.write);
        flags
    }
}

/// Waits until one of the descriptors has what is wanted of it, or has failed; says of each whether
/// it is ready. All false after the deadline. Blocks.
///
/// A signal does not end the wait, and does not lengthen it.
///
/// # Errors
/// Those of poll(2): more descriptors than the process may have, or no memory.
pub fn ready<const N: usize>(
    wanted: [(BorrowedFd<'_>, Interest); N],
    deadline: Option<Instant>,
) -> io::Result<[bool; N]> {
    let mut polled = wanted.map(|(fd, interest)| PollFd::from_borrowed_fd(fd, interest.flags()));
    poll(&mut polled, deadline)?;
    Ok(polled.map(|fd| !fd.revents().is_empty()))
}

/// As [`ready`], for any number of descriptors.
///
/// # Errors
/// As [`ready`].
pub fn ready_of(
    wanted: &[(BorrowedFd<'_>, Interest)],
    deadline: Option<Instant>,
) -> io::Result<Vec<bool>> {
    let mut polled: Vec<PollFd<'_>> = wanted
        .iter()
        .map(|(fd, interest)| PollFd::from_borrowed_fd(*fd, interest.flags()))
        .collect();
    poll(&mut polled, deadline)?;
    Ok(polled.iter().map(|fd| !fd.revents().is_empty()).collect())
}

fn poll(fds: &mut [PollFd<'_>], deadline: Option<Instant>) -> io::Result<()> {
    loop {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match rustix::event::poll(fds, left.map(timespec).as_ref()) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The earlier of two deadlines, where none is later than any.
#[must_use]
pub fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn timespec(time: Duration) -> Timespec {
    // Longer than any kernel counts is as good as for ever.
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}
