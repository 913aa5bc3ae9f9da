//! Sizes and times of a session.

use std::time::Duration;

use crate::protocols::framing::frame::MAX_PAYLOAD;

/// The largest payload of a frame that is not content, in bytes; every peer must admit it.
pub const MAX_CONTROL: u32 = 8192;

/// What a session tolerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest block of content that this side takes and sends, in bytes; from
    /// [`MAX_CONTROL`] to 1 MiB, which values outside are moved to.
    pub block: u32,
    /// From the start to the agreement on a version, all in all.
    pub handshake: Duration,
    /// From the end of a command to the next one, complete.
    pub idle: Duration,
    /// While content flows: for every [`Limits::LEAST`] bytes of it, and for a frame in between.
    pub stall: Duration,
    /// For what the peer does on its own: read and hash a prefix, flush a file.
    pub patience: Duration,
    /// After a failure: for the last frame to leave.
    pub linger: Duration,
}

impl Limits {
    /// So many bytes of content, in either direction, count as progress.
    pub const LEAST: u64 = 4096;

    /// The size of blocks, within what frames can carry.
    pub(super) fn block(&self) -> u32 {
        self.block.clamp(MAX_CONTROL, MAX_PAYLOAD)
    }
}

impl Default for Limits {
    /// Blocks of 1 MiB; 10 s, 5 min, 60 s, 10 min and 5 s.
    fn default() -> Self {
        Self {
            block: MAX_PAYLOAD,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            stall: Duration::from_secs(60),
            patience: Duration::from_secs(600),
            linger: Duration::from_secs(5),
        }
    }
}
