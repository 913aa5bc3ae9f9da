//! A file that leaves: read in blocks, digested, and looked at again when all of it is read.

use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};

use rustix::fs::{Advice, Stat, fadvise, fstat};

use super::beneath;
use crate::programs::net::Shutdown;
use crate::programs::net::ready::{self, Interest};
use crate::protocols::transfer::{Digest, Metadata, Mode, Reason, Refusal};

/// Where content comes from.
#[derive(Debug)]
pub struct Source {
    input: Input,
    digest: blake3::Hasher,
}

#[derive(Debug)]
enum Input {
    File {
        file: std::fs::File,
        opened: Stat,
    },
    /// Standard input; ends when the program is to end.
    Pipe {
        shutdown: Shutdown,
    },
}

impl Source {
    /// A regular file that was opened just now.
    #[must_use]
    pub fn file(file: OwnedFd, stat: Stat) -> Self {
        // Only advice: it is read once, from its start to its end.
        let _ = fadvise(&file, 0, None, Advice::Sequential);
        Self {
            input: Input::File {
                file: file.into(),
                opened: stat,
            },
            digest: blake3::Hasher::new(),
        }
    }

    /// Standard input, of unknown length.
    #[must_use]
    pub fn standard_input(shutdown: Shutdown) -> Self {
        Self {
            input: Input::Pipe { shutdown },
            digest: blake3::Hasher::new(),
        }
    }

    /// Length, mode and time of modification, as far as they are known.
    #[must_use]
    pub fn metadata(&self) -> Metadata {
        match &self.input {
            Input::File { opened, .. } => beneath::metadata(opened),
            Input::Pipe { .. } => Metadata {
                length: None,
                mode: Mode::default(),
                modified: None,
            },
        }
    }

    /// Digests that many bytes from the start, or all that there are, and goes on behind them.
    /// Blocks.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest_prefix(&mut self, length: u64) -> Result<Digest, Refusal> {
        let mut block = vec![0; super::BLOCK as usize];
        let mut left = length;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
            match self.read(&mut block[..most])? {
                0 => break,
                count => left -= count as u64,
            }
        }
        Ok(self.digest())
    }

    /// Reads a block, as full as possible from a file, and digests it; 0 at the end. Blocks.
    ///
    /// # Errors
    /// When it cannot be read, or the program is to end while a pipe is empty.
    pub fn read(&mut self, block: &mut [u8]) -> Result<usize, Refusal> {
        let (mut reader, digest) = self.parts();
        let count = reader.read(block)?;
        digest.update(&block[..count]);
        Ok(count)
    }

    /// What reads, and what digests what was read, for two threads.
    pub fn parts(&mut self) -> (Reader<'_>, &mut blake3::Hasher) {
        let reader = Reader {
            input: &mut self.input,
        };
        (reader, &mut self.digest)
    }

    /// Makes sure that the file is as it was when it was opened; the digest of all that was read.
    ///
    /// # Errors
    /// When its length or its time of modification has changed.
    pub fn finish(&mut self) -> Result<Digest, Refusal> {
        if let Input::File { file, opened } = &self.input {
            let now = fstat(file).map_err(beneath::refusal)?;
            // Not the time of change: it moves with names and modes too.
            let seen = |stat: &Stat| (stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
            let (before, after) = (seen(opened), seen(&now));
            if before != after {
                return Err(Refusal::new(
                    Reason::SourceChanged,
                    format!("it had {} bytes and has {}", before.0, after.0),
                ));
            }
        }
        Ok(self.digest())
    }

    fn digest(&self) -> Digest {
        Digest(*self.digest.finalize().as_bytes())
    }
}

/// Reads the content of a [`Source`].
#[derive(Debug)]
pub struct Reader<'a> {
    input: &'a mut Input,
}

impl Reader<'_> {
    /// Reads a block, as full as possible from a file; 0 at the end. Blocks.
    ///
    /// # Errors
    /// As [`Source::read`].
    pub fn read(&mut self, block: &mut [u8]) -> Result<usize, Refusal> {
        let failed = |error: io::Error| beneath::io(&error);
        match self.input {
            Input::File { file, .. } => {
                let mut have = 0;
                while have < block.len() {
                    match file.read(&mut block[have..]) {
                        Ok(0) => break,
                        Ok(count) => have += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(failed(error)),
                    }
                }
                Ok(have)
            }
            Input::Pipe { shutdown } => {
                let stdin = io::stdin();
                let wanted = [
                    (stdin.as_fd(), Interest::READ),
                    (shutdown.as_fd(), Interest::READ),
                ];
                let [_, ends] = ready::ready(wanted, None).map_err(failed)?;
                if ends {
                    return Err(Refusal::new(Reason::Cancelled, ""));
                }
                // Not through the buffer of the standard library: what is ready is taken at once.
                rustix::io::read(stdin.as_fd(), block).map_err(beneath::refusal)
            }
        }
    }
}
