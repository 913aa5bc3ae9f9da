//! Deadlines, from instants that the outside gives.

use std::time::{Duration, Instant};

use super::End;
use crate::protocols::pop3::ServerLimits;

/// When something last moved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    connected: Instant,
    /// Last whole line, answer, or octet taken.
    active: Instant,
    /// When output began to wait, or was last taken.
    progress: Instant,
}

/// What a session waits for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waits {
    pub(super) for_login: bool,
    /// Output waits to be taken.
    pub(super) for_reader: bool,
    /// Nothing is to be done before the next command.
    pub(super) for_command: bool,
}

impl Clock {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            connected: now,
            active: now,
            progress: now,
        }
    }

    pub(super) fn active(&mut self, now: Instant) {
        self.active = self.active.max(now);
    }

    /// If output waits now, it did not before.
    pub(super) fn begins_to_wait(&mut self, now: Instant) {
        self.progress = self.progress.max(now);
    }

    pub(super) fn progress(&mut self, now: Instant) {
        self.active(now);
        self.progress = self.progress.max(now);
    }

    /// The next deadline, and what it means if nothing happens before. A deadline beyond what an
    /// instant can hold is none.
    pub(super) fn next(&self, waits: Waits, limits: &ServerLimits) -> Option<(Instant, End)> {
        let after = |applies: bool, from: Instant, time: Duration, end: End| {
            applies
                .then(|| from.checked_add(time))
                .flatten()
                .map(|at| (at, end))
        };
        let idle = waits.for_command && !waits.for_login;
        [
            after(
                waits.for_login,
                self.connected,
                limits.login,
                End::LoginTimeout,
            ),
            after(
                waits.for_reader,
                self.progress,
                limits.write_stall,
                End::WriteStall,
            ),
            after(idle, self.active, limits.idle, End::Idle),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }
}
