//! A directory that names cannot lead out of: everything is opened relative to a handle, and no
//! symbolic link is ever followed, also not one that is put there while we look.
//!
//! On Linux the kernel does it in one step (openat2 with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`);
//! where it cannot, the path is walked component by component with `O_NOFOLLOW`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode as Bits, OFlags, ResolveFlags, Stat, fstat, mkdirat, openat,
    openat2, statat,
};
use rustix::io::Errno;

use super::target::{self, Target};
use crate::protocols::transfer::{
    Entry, EntryKind, Metadata, Mode, Modified, Reason, Refusal, RelativePath,
};

/// A directory, opened once.
#[derive(Debug)]
pub struct Root {
    directory: OwnedFd,
}

/// How directories are opened.
const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// How files are opened: a FIFO is not waited for.
const FILE: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY);

/// Opens a regular file of this machine to read it, by any path, symbolic links included.
///
/// # Errors
/// When it is not there, is anything else (a FIFO is not waited for), or may not be read.
pub fn open_named(path: &Path) -> Result<(OwnedFd, Stat), Refusal> {
    regular(openat(CWD, path, FILE, Bits::empty()))
}

fn regular(opened: rustix::io::Result<OwnedFd>) -> Result<(OwnedFd, Stat), Refusal> {
    let file = opened.map_err(refusal)?;
    let stat = fstat(&file).map_err(refusal)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok((file, stat)),
        FileType::Directory => Err(Refusal::new(Reason::Kind, "it is a directory")),
        _ => Err(Refusal::new(Reason::Kind, "it is a device or a pipe")),
    }
}

impl Root {
    /// Opens a directory of this machine, by any path, symbolic links included.
    ///
    /// # Errors
    /// When it is not there, is no directory, or may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let path = match path.as_os_str().is_empty() {
            true => Path::new("."),
            false => path,
        };
        let directory = openat(CWD, path, DIRECTORY, Bits::empty())?;
        Ok(Self { directory })
    }

    /// Opens a regular file to read it, with its metadata.
    ///
    /// # Errors
    /// When it is not there, is anything else (a FIFO is not waited for), or may not be read.
    pub fn open_file(&self, path: &RelativePath) -> Result<(OwnedFd, Stat), Refusal> {
        regular(self.open_beneath(path.as_str(), FILE))
    }

    /// The directory that a path is in, opened.
    ///
    /// # Errors
    /// When it is not there or is no directory.
    pub fn parent_of(&self, path: &RelativePath) -> Result<OwnedFd, Refusal> {
        match path.parent() {
            Some(parent) => self.open_directory(&parent),
            None => self.directory.try_clone().map_err(|error| io(&error)),
        }
    }

    /// Prepares to store a file in this directory.
    ///
    /// # Errors
    /// As [`Target::file`].
    pub fn into_target(self, name: &str, resume: bool, overwrite: bool) -> Result<Target, Refusal> {
        let metadata = Metadata::default();
        Target::file(self.directory, name, metadata, resume, overwrite)
    }

    fn open_directory(&self, path: &RelativePath) -> Result<OwnedFd, Refusal> {
        self.open_beneath(path.as_str(), DIRECTORY).map_err(refusal)
    }

    /// Makes a directory; one that is there is as good.
    ///
    /// # Errors
    /// When something else has the name, or the directory above is not there or not writable.
    pub fn make_directory(&self, path: &RelativePath, mode: Mode) -> Result<(), Refusal> {
        let parent = self.parent_of(path)?;
        // Who makes a tree has to be able to fill it.
        let mode = Bits::from_raw_mode(mode.bits() | 0o700);
        match mkdirat(&parent, path.name(), mode) {
            Ok(()) => Ok(()),
            Err(Errno::EXIST) => {
                let stat = statat(&parent, path.name(), AtFlags::SYMLINK_NOFOLLOW);
                match stat.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
                    Ok(FileType::Directory) => Ok(()),
                    _ => Err(Refusal::new(Reason::Exists, "it is no directory")),
                }
            }
            Err(error) => Err(refusal(error)),
        }
    }

    /// The entries of a directory in the order of their names, and how many more there are whose names
    /// no peer may use. What interrupted transfers have left is not shown.
    ///
    /// # Errors
    /// When it is not there, is no directory, or may not be read.
    pub fn entries(&self, path: Option<&RelativePath>) -> Result<(Vec<Entry>, u64), Refusal> {
        let directory = match path {
            Some(path) => self.open_directory(path)?,
            // Another handle, with a place of its own in the list of entries.
            None => openat(&self.directory, ".", DIRECTORY, Bits::empty()).map_err(refusal)?,
        };
        let mut entries = Vec::new();
        let mut hidden = 0;
        for entry in Dir::read_from(&directory).map_err(refusal)? {
            let entry = entry.map_err(refusal)?;
            let name = entry.file_name().to_bytes();
            if [&b"."[..], b".."].contains(&name) || target::is_partial(OsStr::from_bytes(name)) {
                continue;
            }
            let Ok(path) = RelativePath::from_bytes(name) else {
                hidden += 1;
                continue;
            };
            match statat(&directory, path.name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => entries.push(Entry {
                    kind: kind(&stat),
                    name: path,
                    metadata: metadata(&stat),
                }),
                // Gone since its name was read.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(refusal(error)),
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((entries, hidden))
    }

    fn open_beneath(&self, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(&self.directory, path, flags, Bits::empty(), resolve) {
            // Before Linux 5.6, or where a filter forbids what it does not know.
            Err(Errno::NOSYS | Errno::PERM) => walk(&self.directory, path, flags),
            // A rename went on beside us: the kernel could not tell whether we stay beneath.
            Err(Errno::AGAIN) => walk(&self.directory, path, flags),
            opened => opened,
        }
    }
}

/// Opens a path component by component, following no link.
fn walk(root: &OwnedFd, path: &str, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut here = None;
    let mut components = path.split('/').peekable();
    while let Some(component) = components.next() {
        let flags = match components.peek() {
            Some(_) => DIRECTORY,
            None => flags,
        };
        let from = here.as_ref().unwrap_or(root).as_fd();
        here = Some(
            match openat(from, component, flags | OFlags::NOFOLLOW, Bits::empty()) {
                // Of a link, too, the kernel says that it is no directory.
                Err(Errno::NOTDIR) => {
                    let stat = statat(from, component, AtFlags::SYMLINK_NOFOLLOW)?;
                    let link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
                    return Err(if link { Errno::LOOP } else { Errno::NOTDIR });
                }
                opened => opened?,
            },
        );
    }
    here.ok_or(Errno::NOENT)
}

fn kind(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

/// Length (of a file only), mode and time of modification.
#[must_use]
pub fn metadata(stat: &Stat) -> Metadata {
    let file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    Metadata {
        length: u64::try_from(stat.st_size).ok().filter(|_| file),
        mode: Mode::new(stat.st_mode),
        modified: u32::try_from(stat.st_mtime_nsec)
            .ok()
            .and_then(|nanoseconds| Modified::new(stat.st_mtime, nanoseconds)),
    }
}

/// What an error of the file system is for the peer.
#[must_use]
pub fn refusal(error: Errno) -> Refusal {
    let reason = match error {
        Errno::NOENT => Reason::NotFound,
        Errno::NOTDIR => Reason::Kind,
        // A symbolic link in the path, or one that leads out.
        Errno::LOOP | Errno::XDEV => {
            return Refusal::new(Reason::Denied, "symbolic links are not followed");
        }
        Errno::ACCESS | Errno::PERM | Errno::ROFS => Reason::Denied,
        Errno::EXIST | Errno::NOTEMPTY => Reason::Exists,
        Errno::ISDIR => return Refusal::new(Reason::Kind, "it is a directory"),
        // A FIFO, a socket.
        Errno::NXIO => return Refusal::new(Reason::Kind, "it is a device or a pipe"),
        Errno::NOSPC | Errno::DQUOT | Errno::FBIG => Reason::NoSpace,
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => Reason::Name,
        _ => Reason::Failed,
    };
    Refusal::new(reason, io::Error::from(error).to_string())
}

/// As [`refusal`], for an error of the standard library.
#[must_use]
pub fn io(error: &io::Error) -> Refusal {
    match Errno::from_io_error(error) {
        Some(error) => refusal(error),
        None => Refusal::new(Reason::Failed, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn path(path: &str) -> RelativePath {
        RelativePath::new(path).expect("an allowed path")
    }

    /// Both ways of resolution, the kernel's and ours, give the same.
    #[test]
    fn links_lead_nowhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path();
        std::fs::create_dir_all(base.join("root/inside")).expect("a folder");
        std::fs::write(base.join("secret"), "secret").expect("a file");
        std::fs::write(base.join("root/inside/file"), "file").expect("a file");
        symlink("../secret", base.join("root/out")).expect("a link");
        symlink("..", base.join("root/up")).expect("a link");
        symlink("inside", base.join("root/in")).expect("a link");
        let root = Root::open(&base.join("root")).expect("the folder");
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        for (name, good) in [
            ("inside/file", true),
            ("out", false),
            ("up/secret", false),
            ("in/file", false),
            ("inside/file/x", false),
            ("nothing", false),
        ] {
            let (one, other) = (
                root.open_beneath(name, flags),
                walk(&root.directory, name, flags),
            );
            assert_eq!((one.is_ok(), other.is_ok()), (good, good), "{name}");
            assert_eq!(one.err(), other.err(), "{name}");
            assert_eq!(root.open_file(&path(name)).is_ok(), good, "{name}");
        }
        let denied = root
            .open_file(&path("up/secret"))
            .expect_err("it leads out");
        assert_eq!(denied.reason(), Reason::Denied);
    }

    #[test]
    fn only_regular_files_are_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = Root::open(folder.path()).expect("the folder");
        rustix::fs::mknodat(
            CWD,
            folder.path().join("pipe"),
            FileType::Fifo,
            Bits::from_raw_mode(0o600),
            0,
        )
        .expect("a FIFO");
        root.make_directory(&path("folder"), Mode::new(0o755))
            .expect("a folder");
        for name in ["pipe", "folder"] {
            let refusal = root.open_file(&path(name)).expect_err("it is no file");
            assert_eq!(refusal.reason(), Reason::Kind, "{name}");
        }
        let (entries, hidden) = root.entries(None).expect("the entries");
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind).collect();
        assert_eq!(kinds, [EntryKind::Directory, EntryKind::Other]);
        assert_eq!(hidden, 0);
    }
}
