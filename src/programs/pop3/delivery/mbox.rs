//! An mbox: a batch grows in a file beside it, and has arrived when it stands at the end of the mbox.
//!
//! The mbox is locked while it is written to, by fcntl and flock, as mail programs do it. The ledger
//! has the end of the mbox before, and the batch stays beside it until it is in its place: so
//! after a kill at any byte the next process sees how much of the batch is there, and goes on
//! behind it. Where somebody else has written behind half a batch, what is missing is fetched
//! again, and theirs is not touched.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, fcntl_lock, flock};

use super::lock;
use super::mailbox::{Mailbox, head};
use super::mboxrd::Encoder;
use super::steps::{Step, Steps};
use crate::programs::pop3::maildrop::read_at;

/// How long a mail program may have the mbox locked.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long to wait before the next look.
const PAUSE: Duration = Duration::from_millis(20);

/// Bytes that are compared at once.
const BLOCK: usize = 64 * 1024;

/// An mbox. The place of a message is `OFFSET+LENGTH`.
#[derive(Debug)]
pub(super) struct Mbox {
    path: PathBuf,
    /// Where a batch grows.
    spool_path: PathBuf,
    spool: Option<Encoder<BufWriter<File>>>,
    /// Where the messages of the batch end in it.
    ends: Vec<u64>,
    /// Between [`Mailbox::prepare`] and [`Mailbox::place`]: the locked mbox, and its end before the
    /// batch.
    prepared: Option<(File, u64)>,
    crlf: bool,
    steps: Steps,
}

impl Mbox {
    /// Opens an mbox, which is made where there is none; batches grow at the other path.
    ///
    /// # Errors
    /// When the file is no mbox, or the file system refuses.
    pub(super) fn open(path: &Path, spool: &Path, crlf: bool, steps: Steps) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            // A FIFO is not waited for.
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let head = head(&file, 5)?;
        if !head.is_empty() && head != b"From " {
            return Err(io::Error::other(
                "it is a file, but no mbox, which would begin with `From `; name another (-o)",
            ));
        }
        lock::flush_directory_of(path)?;
        Ok(Self {
            path: path.to_owned(),
            spool_path: spool.to_owned(),
            spool: None,
            ends: Vec::new(),
            prepared: None,
            crlf,
            steps,
        })
    }

    /// Opens and locks the mbox. Blocks while somebody else has it.
    fn lock(&self) -> io::Result<File> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let locked = lock::open(&self.path, |file| {
                fcntl_lock(file, FlockOperation::NonBlockingLockExclusive)?;
                flock(file, FlockOperation::NonBlockingLockExclusive)
            })?;
            if let Some(file) = locked {
                return Ok(file);
            }
            if Instant::now() >= deadline {
                return Err(io::Error::other(
                    "another program has locked it; close that, and run this again",
                ));
            }
            thread::sleep(PAUSE);
        }
    }

    fn spool(&mut self) -> io::Result<&mut Encoder<BufWriter<File>>> {
        self.spool
            .as_mut()
            .ok_or_else(|| io::Error::other("no message was begun"))
    }
}

impl Mailbox for Mbox {
    fn path(&self) -> &Path {
        &self.path
    }

    fn begin(&mut self) -> io::Result<()> {
        self.steps.take(Step::Stage)?;
        if self.spool.is_none() {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&self.spool_path)?;
            let file = BufWriter::with_capacity(BLOCK, file);
            self.spool = Some(Encoder::new(file, self.crlf));
        }
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.spool()?.write(octets)
    }

    fn end(&mut self) -> io::Result<()> {
        let spool = self.spool()?;
        spool.end()?;
        let length = spool.length();
        self.ends.push(length);
        Ok(())
    }

    fn take_back(&mut self) -> io::Result<()> {
        self.steps.take(Step::Sweep)?;
        let end = self.ends.last().copied().unwrap_or(0);
        let spool = self.spool()?;
        spool.back_to(end);
        let file = spool.output();
        file.flush()?;
        file.get_ref().set_len(end)?;
        file.seek(SeekFrom::Start(end))?;
        Ok(())
    }

    fn keep_first(&mut self, messages: usize) -> io::Result<()> {
        if messages >= self.ends.len() {
            return Ok(());
        }
        self.ends.truncate(messages);
        self.take_back()
    }

    fn prepare(&mut self) -> io::Result<Vec<String>> {
        self.steps.take(Step::Flush)?;
        let file = self.spool()?.output();
        file.flush()?;
        file.get_ref().sync_all()?;
        lock::flush_directory_of(&self.spool_path)?;
        let mut mbox = self.lock()?;
        let start = end_of_messages(&mut mbox)?;
        self.prepared = Some((mbox, start));
        let mut from = 0;
        let place = |end: &u64| {
            let place = format!("{}+{}", start + from, end - from);
            from = *end;
            place
        };
        Ok(self.ends.iter().map(place).collect())
    }

    fn place(&mut self) -> io::Result<()> {
        let Some((mut mbox, start)) = self.prepared.take() else {
            return Ok(());
        };
        let length = self.ends.last().copied().unwrap_or(0);
        self.steps.take(Step::Place)?;
        self.ends.clear();
        let spool = self.spool()?.output().get_mut();
        let placed = append(spool, 0, length, &mut mbox, start);
        if placed.is_err() {
            // Half a message is of no use; if it stays, the next process looks for it.
            let _ = mbox.set_len(start);
        }
        placed
    }

    fn recover(&mut self, places: &[String]) -> io::Result<Vec<bool>> {
        let places: Option<Vec<(u64, u64)>> = places
            .iter()
            .map(|place| {
                let (offset, length) = place.split_once('+')?;
                Some((offset.parse().ok()?, length.parse().ok()?))
            })
            .collect();
        let places = places.ok_or_else(|| io::Error::other("its ledger is damaged"))?;
        self.steps.take(Step::Place)?;
        let start = places.first().map_or(0, |(offset, _)| *offset);
        let length: u64 = places.iter().map(|(_, length)| *length).sum();
        let mut mbox = self.lock()?;
        let spool = match File::open(&self.spool_path) {
            Ok(spool) if spool.metadata()?.len() >= length => Some(spool),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(mut spool) = spool else {
            // Somebody has removed it: everything is fetched again.
            return Ok(vec![false; places.len()]);
        };
        let same = common(&spool, &mbox, start, length)?;
        let there = if mbox.metadata()?.len() == start + same {
            append(&mut spool, same, length, &mut mbox, start)?;
            length
        } else {
            mbox.sync_all()?;
            same
        };
        Ok(places
            .iter()
            .map(|(offset, length)| offset + length <= start + there)
            .collect())
    }

    fn sweep(&mut self) -> io::Result<()> {
        self.steps.take(Step::Sweep)?;
        self.spool = None;
        self.ends.clear();
        match fs::remove_file(&self.spool_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The end of a locked mbox, behind an empty line, which is written if it is not there.
fn end_of_messages(mbox: &mut File) -> io::Result<u64> {
    let end = mbox.seek(SeekFrom::End(0))?;
    let mut last = [b'\n'; 2];
    let have = usize::try_from(end).map_or(2, |end| end.min(2));
    mbox.read_exact_at(&mut last[2 - have..], end - have as u64)?;
    let missing: &[u8] = match last {
        [b'\n', b'\n'] => b"",
        [b'\r', b'\n'] if ends_in_empty_crlf(mbox, end)? => b"",
        [_, b'\n'] => b"\n",
        _ => b"\n\n",
    };
    mbox.write_all(missing)?;
    Ok(end + missing.len() as u64)
}

fn ends_in_empty_crlf(mbox: &File, end: u64) -> io::Result<bool> {
    let mut last = [0; 4];
    if end < 4 {
        return Ok(false);
    }
    mbox.read_exact_at(&mut last, end - 4)?;
    Ok(&last == b"\r\n\r\n")
}

/// Puts the bytes from `from` to `to` of a spool in their place in a locked mbox; flushed.
fn append(spool: &mut File, from: u64, to: u64, mbox: &mut File, start: u64) -> io::Result<()> {
    spool.seek(SeekFrom::Start(from))?;
    mbox.seek(SeekFrom::Start(start + from))?;
    let copied = io::copy(&mut Read::take(spool, to - from), mbox)?;
    if copied < to - from {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    mbox.sync_all()
}

/// How many of the first `length` bytes of a spool stand in the mbox from `start` on.
fn common(spool: &File, mbox: &File, start: u64, length: u64) -> io::Result<u64> {
    let (mut ours, mut theirs) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut same = 0;
    while same < length {
        let wanted = usize::try_from(length - same).map_or(BLOCK, |left| left.min(BLOCK));
        let one = read_at(spool, &mut ours[..wanted], same)?;
        let other = read_at(mbox, &mut theirs[..one], start + same)?;
        let (ours, theirs) = (&ours[..other], &theirs[..other]);
        let equal = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
        same += equal as u64;
        if equal < one || one == 0 {
            break;
        }
    }
    Ok(same)
}
