//! A Maildir (<https://cr.yp.to/proto/maildir.html>): a message grows in `tmp`, and has arrived when
//! its file is in `new`.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use super::mailbox::Mailbox;
use super::steps::{Step, Steps};

/// Files that are flushed at once: a file system writes them in one go.
const FLUSHES: usize = 16;

/// A Maildir. The place of a message is the name of its file.
#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
    /// Distinguishes the files of this account from those of others.
    tag: String,
    /// The message that is being written.
    arriving: Option<(String, io::BufWriter<File>)>,
    /// Complete in `tmp`.
    batch: Vec<(String, File)>,
    /// Messages that were begun in this session: part of their names.
    begun: u64,
    steps: Steps,
}

impl Maildir {
    /// Opens a Maildir, which is made where there is none.
    ///
    /// # Errors
    /// When the file system refuses.
    pub(super) fn open(path: &Path, tag: &str, steps: Steps) -> io::Result<Self> {
        for directory in ["tmp", "new", "cur"] {
            fs::create_dir_all(path.join(directory))?;
        }
        Ok(Self {
            path: path.to_owned(),
            tag: tag.to_owned(),
            arriving: None,
            batch: Vec::new(),
            begun: 0,
            steps,
        })
    }

    fn move_in(&self, name: &str) -> io::Result<()> {
        self.steps.take(Step::Place)?;
        fs::rename(
            self.path.join("tmp").join(name),
            self.path.join("new").join(name),
        )
    }

    /// Removes a message that has not gone to its place.
    fn remove(&self, name: &str) -> io::Result<()> {
        self.steps.take(Step::Sweep)?;
        fs::remove_file(self.path.join("tmp").join(name))
    }

    fn flush_directories(&self) -> io::Result<()> {
        self.steps.take(Step::FlushPlace)?;
        for directory in ["new", "tmp"] {
            File::open(self.path.join(directory))?.sync_all()?;
        }
        Ok(())
    }
}

impl Mailbox for Maildir {
    fn path(&self) -> &Path {
        &self.path
    }

    fn begin(&mut self) -> io::Result<()> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        self.begun += 1;
        // Unique as Maildir wants it: second, microsecond, process, count; the tag is for us.
        let name = format!(
            "{}.M{:06}P{}Q{:06}.crosscheck-{}.{}",
            now.as_secs(),
            now.subsec_micros(),
            std::process::id(),
            self.begun,
            self.tag,
            host()
        );
        self.steps.take(Step::Stage)?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path.join("tmp").join(&name))?;
        self.arriving = Some((name, io::BufWriter::with_capacity(64 * 1024, file)));
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        match &mut self.arriving {
            Some((_, file)) => file.write_all(octets),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if let Some((name, file)) = self.arriving.take() {
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            self.batch.push((name, file));
        }
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        match self.arriving.take() {
            Some((name, _)) => self.remove(&name),
            None => Ok(()),
        }
    }

    fn keep_first(&mut self, messages: usize) -> io::Result<()> {
        let forgotten = self.batch.split_off(messages.min(self.batch.len()));
        let mut names = forgotten.iter().map(|(name, _)| name);
        names.try_for_each(|name| self.remove(name))
    }

    fn prepare(&mut self) -> io::Result<Vec<String>> {
        self.steps.take(Step::Flush)?;
        flush(&self.batch)?;
        File::open(self.path.join("tmp"))?.sync_all()?;
        Ok(self.batch.iter().map(|(name, _)| name.clone()).collect())
    }

    fn place(&mut self) -> io::Result<()> {
        for (name, _) in std::mem::take(&mut self.batch) {
            self.move_in(&name)?;
        }
        self.flush_directories()
    }

    fn recover(&mut self, places: &[String]) -> io::Result<Vec<bool>> {
        let seen: BTreeSet<Vec<u8>> = ["new", "cur"]
            .into_iter()
            .map(|place| fs::read_dir(self.path.join(place)))
            .collect::<io::Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .map(|entry| {
                let name = entry?.file_name().into_encoded_bytes();
                let base = name.split(|byte| *byte == b':').next();
                Ok(base.unwrap_or_default().to_vec())
            })
            .collect::<io::Result<_>>()?;
        let kept = places
            .iter()
            .map(|name| match self.move_in(name) {
                Ok(()) => Ok(true),
                // Moved before the end. Or swept out of tmp by somebody: then it was never
                // delivered, and is fetched again.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    Ok(seen.contains(name.as_bytes()))
                }
                Err(error) => Err(error),
            })
            .collect::<io::Result<_>>()?;
        self.flush_directories()?;
        Ok(kept)
    }

    fn sweep(&mut self) -> io::Result<()> {
        let ours = format!(".crosscheck-{}.", self.tag);
        for entry in fs::read_dir(self.path.join("tmp"))? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().contains(&ours) {
                self.steps.take(Step::Sweep)?;
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn flush(batch: &[(String, File)]) -> io::Result<()> {
    let share = batch.len().div_ceil(FLUSHES).max(1);
    thread::scope(|scope| {
        let flushes: Vec<_> = batch
            .chunks(share)
            .map(|share| scope.spawn(|| share.iter().try_for_each(|(_, file)| file.sync_all())))
            .collect();
        flushes.into_iter().try_for_each(|flush| {
            flush
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a flush panicked")))
        })
    })
}

/// The name of this machine, as a part of file names.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name: String = name
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c))
        .collect();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name
    }
}
