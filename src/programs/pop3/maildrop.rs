//! A Maildir as a mail drop: locked for one session, listed once, read in blocks, deleted from in the
//! end.
//!
//! Everything is opened below a directory that is held open, without following symbolic links, and
//! only if it is a regular file: what others do to the files while a session runs ends in an error
//! of that message and in nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CStr, CString};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::users::UserName;
use crate::escape;
use crate::primitives::MaildropLocks;
use crate::primitives::maildrop_lock::Maildrop as Held;
use crate::programs::net::Exit;
use crate::programs::net::exit::EndsProgram;
use crate::protocols::pop3::UniqueId;
use crate::protocols::pop3::server::Entry;
use crate::protocols::pop3::stuffing::Meter;
use crate::sync::{Mutex, Os};

/// Sizes that are remembered at most; a hundred bytes each.
const REMEMBERED: usize = 1 << 18;

/// Bytes that are read at once to measure a message.
const BLOCK: usize = 64 * 1024;

/// The mail drops of all users: `ROOT/USER/{new,cur,tmp}`, each a Maildir
/// (<https://cr.yp.to/proto/maildir.html>).
pub struct Store {
    root: OwnedFd,
    /// Between the sessions of this process; against others a mail drop's directory is locked.
    locks: MaildropLocks<Os, UserName>,
    /// What was measured, so that a login does not read all mail again.
    sizes: Mutex<Os, HashMap<Identity, u64>>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// What a file is, as long as nobody writes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    /// When its contents were written last: seconds and nanoseconds.
    written: (i64, u64),
}

impl Identity {
    fn of(stat: &Stat) -> Option<Self> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return None;
        }
        Some(Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            bytes: u64::try_from(stat.st_size).ok()?,
            written: (stat.st_mtime, stat.st_mtime_nsec),
        })
    }
}

/// Why a mail drop is not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another session has it, of this process or another.
    #[error("another session has the mail drop")]
    InUse,
    /// Its directory cannot be used.
    #[error("cannot use the mail drop of {user}: {source}")]
    Io {
        /// Whose it is.
        user: UserName,
        /// Why not.
        source: io::Error,
    },
}

/// There is no directory with mail drops.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the directory {} of mail drops: {source}", escape::line(&root.display().to_string()))]
pub struct StoreError {
    root: PathBuf,
    source: io::Error,
}

impl EndsProgram for StoreError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl Store {
    /// The mail drops below a directory, which has to be there.
    ///
    /// # Errors
    /// When it is not, or cannot be opened.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(root, flags, Mode::empty()).map_err(|error| StoreError {
                root: root.to_owned(),
                source: error.into(),
            })?;
        Ok(Self {
            root: directory,
            locks: MaildropLocks::new("mail drops"),
            sizes: Mutex::new("sizes", HashMap::new()),
        })
    }

    /// Locks and lists the mail drop of a user; makes an empty one where there is none.
    ///
    /// The lock is let go of when the mail drop is dropped, or the process dies: it is one on the
    /// user's directory (flock), behind that of this process.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another session has it; else when its directories or messages
    /// cannot be read.
    pub fn lock(&self, user: &UserName) -> Result<Maildrop<'_>, OpenError> {
        let held = self
            .locks
            .try_open(user.clone())
            .map_err(|_| OpenError::InUse)?;
        self.list(held).map_err(|error| match error {
            Errno::WOULDBLOCK => OpenError::InUse,
            error => OpenError::Io {
                user: user.clone(),
                source: error.into(),
            },
        })
    }

    fn list<'a>(&'a self, held: Held<'a, Os, UserName>) -> Result<Maildrop<'a>, Errno> {
        let directory = subdirectory(&self.root, held.name().as_str())?;
        rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        // Part of a Maildir, for those who deliver.
        subdirectory(&directory, "tmp")?;
        let mut files = Files {
            store: self,
            new: subdirectory(&directory, "new")?,
            cur: subdirectory(&directory, "cur")?,
            messages: Vec::new(),
            open: None,
            _lock: directory,
        };
        files.list()?;
        Ok(Maildrop { files, held })
    }

    /// The size of a message as POP3 counts it.
    fn measure(&self, file: &File, identity: Identity) -> io::Result<u64> {
        if let Some(octets) = self.sizes.lock().get(&identity) {
            return Ok(*octets);
        }
        let (mut meter, mut block, mut offset) = (Meter::default(), vec![0; BLOCK], 0);
        while offset < identity.bytes {
            let read = read_at(file, &mut block, offset)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            meter.update(&block[..read]);
            offset += read as u64;
        }
        let mut sizes = self.sizes.lock();
        if sizes.len() >= REMEMBERED {
            sizes.clear();
        }
        sizes.insert(identity, meter.octets());
        Ok(meter.octets())
    }
}

/// Opens a directory below another, and makes it where it is not there. No symbolic links.
fn subdirectory(parent: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    let open = || {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::openat(&parent, name, flags, Mode::empty())
    };
    match open() {
        Err(Errno::NOENT) => match rustix::fs::mkdirat(&parent, name, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => open(),
            Err(error) => Err(error),
        },
        result => result,
    }
}

/// A mail drop that one session has locked.
///
/// The lock against other processes is dropped before that of this process: whoever gets the second
/// has to get the first as well.
pub struct Maildrop<'a> {
    files: Files<'a>,
    held: Held<'a, Os, UserName>,
}

struct Files<'a> {
    store: &'a Store,
    new: OwnedFd,
    cur: OwnedFd,
    messages: Vec<Message>,
    /// The message that is being read.
    open: Option<(usize, File)>,
    /// The user's directory, locked against other processes.
    _lock: OwnedFd,
}

/// A message as it was when the mail drop was listed.
#[derive(Debug)]
struct Message {
    place: Place,
    /// The name of the file: a base that stays, and from the first `:` on flags that change.
    name: CString,
    identity: Identity,
    entry: Entry,
}

/// Which directory of a Maildir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// Nobody has seen it.
    New,
    Cur,
}

impl Place {
    const ALL: [Self; 2] = [Self::New, Self::Cur];
}

/// A message cannot be had any more as it was listed.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Its file is not there, or is another one, or was written to.
    #[error("the file of message {} is gone or was changed", .0 + 1)]
    Changed(usize),
    /// It cannot be read or deleted.
    #[error("message {}: {source}", .index + 1)]
    Io {
        /// Which, from 0.
        index: usize,
        /// Why not.
        source: io::Error,
    },
}

impl Maildrop<'_> {
    /// The messages for the protocol, in the order of their delivery.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let messages = self.files.messages.iter();
        messages.map(|message| message.entry.clone()).collect()
    }

    /// Reads a block of a message (counted from 0) at an offset; how many bytes, and whether they
    /// are the last. Offset 0 opens the message. The block is filled, but for the last one.
    ///
    /// # Errors
    /// When the file is not the one that was listed any more.
    pub fn read(
        &mut self,
        index: usize,
        offset: u64,
        block: &mut [u8],
    ) -> Result<(usize, bool), MessageError> {
        self.files.read(index, offset, block)
    }

    /// Deletes messages (counted from 0) and lets go of the mail drop. One that somebody else has
    /// deleted counts as deleted; one whose file is another by now is not touched.
    ///
    /// # Errors
    /// The first error, after all others were tried; what was not deleted stays.
    pub fn commit(self, deleted: impl IntoIterator<Item = usize>) -> Result<(), MessageError> {
        let Self { files, mut held } = self;
        for index in deleted {
            held.mark(index);
        }
        held.commit(move |marks| files.delete(marks))
    }
}

impl fmt::Debug for Maildrop<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maildrop")
            .field("user", self.held.name())
            .field("messages", &self.files.messages.len())
            .finish_non_exhaustive()
    }
}

impl Files<'_> {
    /// Finds the messages: regular files whose names do not begin with a dot.
    fn list(&mut self) -> Result<(), Errno> {
        let mut found = Vec::new();
        for place in Place::ALL {
            for name in self.names(place)? {
                match self.open(place, &name) {
                    Ok(Some((file, identity))) => {
                        // What cannot be read now may be readable in the next session.
                        match self.store.measure(&file, identity) {
                            Ok(octets) => found.push((place, name, identity, octets)),
                            Err(error) => tracing::warn!("left out {}: {error}", shown(&name)),
                        }
                    }
                    Ok(None) => tracing::warn!("left out {}: no regular file", shown(&name)),
                    // Gone, or moved to the other directory by a mail reader at this moment.
                    Err(Errno::NOENT) => {}
                    Err(error) => tracing::warn!("left out {}: {error}", shown(&name)),
                }
            }
        }
        found.sort_by(|(place, name, ..), (other_place, other_name, ..)| {
            delivery(name)
                .cmp(&delivery(other_name))
                .then(place.cmp(other_place))
        });
        let mut taken = BTreeMap::new();
        for (place, name, identity, octets) in found {
            let mut unique_id = unique_id(base(&name));
            if let Some(other) = taken.insert(unique_id.clone(), identity) {
                if other == identity {
                    // A mail reader has moved it between the two listings.
                    continue;
                }
                unique_id = hashed(name.as_bytes());
            }
            self.messages.push(Message {
                place,
                name,
                identity,
                entry: Entry { octets, unique_id },
            });
        }
        Ok(())
    }

    fn directory(&self, place: Place) -> &OwnedFd {
        match place {
            Place::New => &self.new,
            Place::Cur => &self.cur,
        }
    }

    fn names(&self, place: Place) -> Result<Vec<CString>, Errno> {
        let mut names = Vec::new();
        for entry in Dir::read_from(self.directory(place))? {
            let entry = entry?;
            if !entry.file_name().to_bytes().starts_with(b".") {
                names.push(entry.file_name().to_owned());
            }
        }
        Ok(names)
    }

    /// Opens a file if it is a regular one; never waits for the other end of a FIFO.
    fn open(&self, place: Place, name: &CStr) -> Result<Option<(File, Identity)>, Errno> {
        let directory = self.directory(place);
        // A look first: opening a device can do something by itself.
        let stat = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if Identity::of(&stat).is_none() {
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(directory, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // It has become a symbolic link since.
            Err(Errno::LOOP) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(identify(&file).map(|identity| (file, identity)))
    }

    /// The file of a message, wherever a mail reader may have moved it, if it is still that file.
    fn find(&self, message: &Message) -> Result<Option<(Place, CString, File)>, Errno> {
        let found = |place, name: &CStr| match self.open(place, name) {
            Ok(Some((file, identity))) if identity == message.identity => Ok(Some(file)),
            Ok(_) | Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        };
        if let Some(file) = found(message.place, &message.name)? {
            return Ok(Some((message.place, message.name.clone(), file)));
        }
        // Moved from new to cur, as most mail readers do it: without reading the directories.
        for flags in [":2,", ":2,S"] {
            let name = [base(&message.name), flags.as_bytes()].concat();
            if let Ok(name) = CString::new(name)
                && let Some(file) = found(Place::Cur, &name)?
            {
                return Ok(Some((Place::Cur, name, file)));
            }
        }
        for place in Place::ALL {
            for name in self.names(place)? {
                if base(&name) == base(&message.name)
                    && let Some(file) = found(place, &name)?
                {
                    return Ok(Some((place, name, file)));
                }
            }
        }
        Ok(None)
    }

    fn read(
        &mut self,
        index: usize,
        offset: u64,
        block: &mut [u8],
    ) -> Result<(usize, bool), MessageError> {
        let changed = || MessageError::Changed(index);
        let failed = |source| MessageError::Io { index, source };
        let message = self.messages.get(index).ok_or_else(changed)?;
        let file = match self.open.take() {
            Some((open, file)) if open == index && offset > 0 => file,
            _ => {
                let found = self.find(message).map_err(|error| failed(error.into()))?;
                found.map(|(_, _, file)| file).ok_or_else(changed)?
            }
        };
        let rest = message.identity.bytes.saturating_sub(offset);
        let wanted = usize::try_from(rest).unwrap_or(usize::MAX).min(block.len());
        let read = read_at(&file, &mut block[..wanted], offset).map_err(failed)?;
        let last = offset + read as u64 == message.identity.bytes;
        if read < wanted || (last && identify(&file) != Some(message.identity)) {
            return Err(changed());
        }
        if !last {
            self.open = Some((index, file));
        }
        Ok((read, last))
    }

    fn delete(self, marks: &BTreeSet<usize>) -> Result<(), MessageError> {
        let mut result = Ok(());
        for &index in marks {
            let failed = |error: Errno| MessageError::Io {
                index,
                source: error.into(),
            };
            let deleted = self.messages.get(index).map(|message| {
                match self.find(message).map_err(failed)? {
                    Some((place, name, _)) => {
                        match rustix::fs::unlinkat(self.directory(place), &name, AtFlags::empty()) {
                            Ok(()) | Err(Errno::NOENT) => Ok(()),
                            Err(error) => Err(failed(error)),
                        }
                    }
                    None if self.is_gone(message).map_err(failed)? => Ok(()),
                    None => Err(MessageError::Changed(index)),
                }
            });
            result = result.and(deleted.unwrap_or(Ok(())));
        }
        if !marks.is_empty() {
            for place in Place::ALL {
                let synced = rustix::fs::fsync(self.directory(place));
                result = result.and(synced.map_err(|error| MessageError::Io {
                    index: 0,
                    source: error.into(),
                }));
            }
        }
        result
    }

    /// Whether nothing has the name of the message any more.
    fn is_gone(&self, message: &Message) -> Result<bool, Errno> {
        for place in Place::ALL {
            if self
                .names(place)?
                .iter()
                .any(|name| base(name) == base(&message.name))
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The part of a file's name that stays when flags change.
fn base(name: &CStr) -> &[u8] {
    let name = name.to_bytes();
    name.split(|byte| *byte == b':').next().unwrap_or(name)
}

/// The order of delivery: names begin with the second of it.
fn delivery(name: &CStr) -> (u64, &[u8]) {
    let base = base(name);
    let digits = base.iter().take_while(|byte| byte.is_ascii_digit());
    let second = digits.fold(0_u64, |second, digit| {
        second
            .saturating_mul(10)
            .saturating_add(u64::from(digit - b'0'))
    });
    (second, base)
}

/// The base itself where it is short and printable, else its hash.
fn unique_id(base: &[u8]) -> UniqueId {
    UniqueId::new(base).unwrap_or_else(|_| hashed(base))
}

fn hashed(name: &[u8]) -> UniqueId {
    UniqueId::new(blake3::hash(name).to_hex().as_bytes())
        .expect("64 hexadecimal digits are a unique identifier")
}

fn identify(file: &File) -> Option<Identity> {
    rustix::fs::fstat(file)
        .ok()
        .and_then(|stat| Identity::of(&stat))
}

/// Fills the block, as far as the file goes.
pub(super) fn read_at(file: &File, block: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read_at(&mut block[filled..], offset + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn shown(name: &CStr) -> String {
    escape::bytes(name.to_bytes())
}
