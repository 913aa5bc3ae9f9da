//! A file that is not whole yet: it grows under another name in the directory where it is going to
//! be, and gets its own name when it is complete, verified and on the disk.
//!
//! The other name is made from the file's own, so that an interrupted transfer can be resumed. Who
//! writes it holds a lock on it that ends with the process. After a kill at any moment the file has
//! its old content or all of the new.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;

use rustix::fs::{
    AtFlags, FileType, FlockOperation, Mode as Bits, OFlags, RenameFlags, Timespec, Timestamps,
    UTIME_NOW, fchmod, flock, fstat, fsync, futimens, linkat, openat, renameat, renameat_with,
    statat, unlinkat,
};
use rustix::io::Errno;

use super::beneath;
use crate::protocols::transfer::{Digest, Metadata, Prefix, Reason, Refusal};

/// Where content goes.
#[derive(Debug)]
pub struct Target {
    output: Output,
    digest: blake3::Hasher,
    length: u64,
}

#[derive(Debug)]
enum Output {
    Partial(Partial),
    /// Standard output, which gets the content before it is verified.
    Pipe,
}

/// A file under another name.
#[derive(Debug)]
struct Partial {
    directory: OwnedFd,
    /// Its name in the end.
    name: String,
    /// Its name until then.
    partial: String,
    /// Locked.
    file: File,
    overwrite: bool,
    metadata: Metadata,
}

/// What becomes of a partial file that is not committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// It stays, for a transfer that resumes it.
    Kept,
    /// It is removed.
    Removed,
}

const PREFIX: &str = ".crosscheck-";
const SUFFIX: &str = ".part";

/// The name of a file while it is not whole: of fixed length, for the file's own may be as long as
/// names can be.
fn partial_name(name: &str) -> String {
    let digest = blake3::hash(name.as_bytes()).to_hex();
    format!("{PREFIX}{}{SUFFIX}", &digest[..32])
}

/// Whether a name is one of those.
#[must_use]
pub fn is_partial(name: &OsStr) -> bool {
    let name = name.as_bytes();
    name.starts_with(PREFIX.as_bytes()) && name.ends_with(SUFFIX.as_bytes())
}

/// An attempt to open the partial file may meet another process's attempt; so many times at most.
const ATTEMPTS: usize = 16;

impl Target {
    /// Prepares to store `name` in a directory; with `resume`, behind what an earlier transfer left,
    /// which is read and digested. Blocks.
    ///
    /// # Errors
    /// When the name is taken and not to be replaced, or taken by something that is no file; when
    /// another transfer stores the same file; when the directory is not writable.
    pub fn file(
        directory: OwnedFd,
        name: &str,
        metadata: Metadata,
        resume: bool,
        overwrite: bool,
    ) -> Result<Self, Refusal> {
        if is_partial(OsStr::new(name)) {
            return Err(Refusal::new(
                Reason::Name,
                "names of this form are for files that are not whole yet",
            ));
        }
        match statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile if !overwrite => return Err(exists()),
                FileType::RegularFile => {}
                _ => return Err(Refusal::new(Reason::Kind, "the name is taken by no file")),
            },
            Err(Errno::NOENT) => {}
            Err(error) => return Err(beneath::refusal(error)),
        }
        let partial = partial_name(name);
        let file = lock(&directory, &partial, resume)?;
        let mut target = Self {
            output: Output::Partial(Partial {
                directory,
                name: name.to_owned(),
                partial,
                file,
                overwrite,
                metadata,
            }),
            digest: blake3::Hasher::new(),
            length: 0,
        };
        target.digest_kept()?;
        Ok(target)
    }

    /// Standard output.
    #[must_use]
    pub fn standard_output() -> Self {
        Self {
            output: Output::Pipe,
            digest: blake3::Hasher::new(),
            length: 0,
        }
    }

    /// Digests what is there already; the file is written behind it.
    fn digest_kept(&mut self) -> Result<(), Refusal> {
        let Output::Partial(partial) = &mut self.output else {
            return Ok(());
        };
        let failed = |error: io::Error| beneath::io(&error);
        partial.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut block = vec![0; super::BLOCK as usize];
        loop {
            match partial.file.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    self.digest.update(&block[..count]);
                    self.length += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// What is there: its length and digest.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        Prefix {
            length: self.length,
            digest: self.digest(),
        }
    }

    /// The digest of what is there.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(*self.digest.finalize().as_bytes())
    }

    /// The sender has said what it sends.
    pub fn expect(&mut self, metadata: Metadata) {
        if let Output::Partial(partial) = &mut self.output {
            partial.metadata = metadata;
        }
    }

    /// Writes content. Blocks.
    ///
    /// # Errors
    /// When there is no space, or nobody reads standard output any more.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        match &mut self.output {
            Output::Partial(partial) => partial.file.write_all(bytes),
            Output::Pipe => io::stdout().lock().write_all(bytes),
        }
        .map_err(|error| beneath::io(&error))?;
        self.digest.update(bytes);
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Gives the file its mode, its time and, when all of it is on the disk, its name. Blocks as
    /// long as the disk does.
    ///
    /// # Errors
    /// When the name was taken in the meantime and is not to be replaced, or the disk fails; the
    /// old file is untouched then.
    pub fn commit(&mut self) -> Result<(), Refusal> {
        match &mut self.output {
            Output::Partial(partial) => partial.commit(),
            Output::Pipe => io::stdout()
                .lock()
                .flush()
                .map_err(|error| beneath::io(&error)),
        }
    }

    /// Ends without a commit.
    pub fn abandon(self, leave: Leave) {
        if let Output::Partial(partial) = self.output
            && (leave == Leave::Removed || self.length == 0)
        {
            // The lock is still held: it is ours to remove.
            let _ = unlinkat(&partial.directory, &partial.partial, AtFlags::empty());
        }
    }
}

impl Partial {
    fn commit(&self) -> Result<(), Refusal> {
        fchmod(&self.file, Bits::from_raw_mode(self.metadata.mode.bits()))
            .map_err(beneath::refusal)?;
        if let Some(modified) = self.metadata.modified {
            let times = Timestamps {
                last_access: Timespec {
                    tv_sec: 0,
                    tv_nsec: UTIME_NOW,
                },
                last_modification: Timespec {
                    tv_sec: modified.seconds(),
                    tv_nsec: modified.nanoseconds().into(),
                },
            };
            futimens(&self.file, &times).map_err(beneath::refusal)?;
        }
        fsync(&self.file).map_err(beneath::refusal)?;
        if !names(&self.directory, &self.partial, &self.file)? {
            return Err(Refusal::new(
                Reason::Failed,
                "somebody else has replaced or removed it while it was written",
            ));
        }
        match self.overwrite {
            true => renameat(&self.directory, &self.partial, &self.directory, &self.name)
                .map_err(beneath::refusal),
            false => self.take_free_name(),
        }?;
        // The name is on the disk when its directory is.
        fsync(&self.directory).map_err(beneath::refusal)
    }

    fn take_free_name(&self) -> Result<(), Refusal> {
        let (directory, partial, name) = (&self.directory, &self.partial, &self.name);
        let failed = |error| match error {
            Errno::EXIST => exists(),
            error => beneath::refusal(error),
        };
        match renameat_with(directory, partial, directory, name, RenameFlags::NOREPLACE) {
            // File systems that do not know the flag know links, which do not replace either.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            renamed => return renamed.map_err(failed),
        }
        match linkat(directory, partial, directory, name, AtFlags::empty()) {
            // After a kill here the file has both names; who stores it again begins a new one.
            Ok(()) => unlinkat(directory, partial, AtFlags::empty()).map_err(beneath::refusal),
            Err(Errno::PERM | Errno::NOSYS | Errno::OPNOTSUPP) => Err(Refusal::new(
                Reason::Failed,
                "it cannot give a name without replacing what may have it; --overwrite does that",
            )),
            Err(error) => Err(failed(error)),
        }
    }
}

fn exists() -> Refusal {
    Refusal::new(Reason::Exists, "--overwrite replaces it")
}

/// Opens the partial file and locks it: a new one, or with `resume` the one that is there.
fn lock(directory: &OwnedFd, partial: &str, resume: bool) -> Result<File, Refusal> {
    let busy = || Refusal::new(Reason::Busy, "");
    let common = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let private = Bits::from_raw_mode(0o600);
    for _ in 0..ATTEMPTS {
        let new = common | OFlags::CREATE | OFlags::EXCL;
        let (file, created) = match openat(directory, partial, new, private) {
            Ok(file) => (file, true),
            Err(Errno::EXIST) => match openat(directory, partial, common, Bits::empty()) {
                Ok(file) => (file, false),
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(beneath::refusal(error)),
            },
            Err(error) => return Err(beneath::refusal(error)),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(busy()),
            Err(error) => return Err(beneath::refusal(error)),
        }
        // The name may belong to another file by now.
        let file = File::from(file);
        if !names(directory, partial, &file)? {
            continue;
        }
        // Not what somebody else has put there to have it written through.
        let stat = fstat(&file).map_err(beneath::refusal)?;
        let ours = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
            && stat.st_nlink == 1
            && stat.st_uid == rustix::process::geteuid().as_raw();
        if !created && (!resume || !ours) {
            unlinkat(directory, partial, AtFlags::empty()).map_err(beneath::refusal)?;
            continue;
        }
        return Ok(file);
    }
    Err(busy())
}

/// Whether that is the name of this very file.
fn names(directory: &OwnedFd, name: &str, file: &File) -> Result<bool, Refusal> {
    let stat = fstat(file).map_err(beneath::refusal)?;
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (stat.st_dev, stat.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(beneath::refusal(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    use std::path::Path;

    use super::*;
    use crate::protocols::transfer::{Mode, Modified};

    fn target(folder: &Path, resume: bool, overwrite: bool) -> Result<Target, Refusal> {
        let directory = File::open(folder).expect("a folder").into();
        let metadata = Metadata {
            length: None,
            mode: Mode::new(0o640),
            modified: Modified::new(1_000_000_000, 5),
        };
        Target::file(directory, "file", metadata, resume, overwrite)
    }

    fn names_in(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().into_string())
            .map(|name| name.expect("UTF-8"))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = target(folder.path(), false, false).expect("a target");
        file.write(b"content").expect("space");
        assert_eq!(names_in(folder.path()), [partial_name("file")]);
        file.commit().expect("the name is free");
        assert_eq!(names_in(folder.path()), ["file"]);
        let metadata = std::fs::metadata(folder.path().join("file")).expect("the file");
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o640);
        assert_eq!(
            (metadata.mtime(), metadata.mtime_nsec()),
            (1_000_000_000, 5)
        );
    }

    #[test]
    fn a_name_that_is_taken_meanwhile_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = target(folder.path(), false, false).expect("a target");
        file.write(b"new").expect("space");
        std::fs::write(folder.path().join("file"), "old").expect("a file");
        let refusal = file.commit().expect_err("the name is taken");
        assert_eq!(refusal.reason(), Reason::Exists);
        file.abandon(Leave::Removed);
        assert_eq!(names_in(folder.path()), ["file"]);
        let refusal = target(folder.path(), false, false).expect_err("the name is taken");
        assert_eq!(refusal.reason(), Reason::Exists);
        let mut file = target(folder.path(), false, true).expect("a target");
        file.write(b"new").expect("space");
        file.commit().expect("it is replaced");
        let read = std::fs::read(folder.path().join("file")).expect("the file");
        assert_eq!(read, b"new");
    }

    #[test]
    fn what_is_kept_is_resumed_and_else_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = target(folder.path(), false, false).expect("a target");
        file.write(b"begin").expect("space");
        file.abandon(Leave::Kept);
        let file = target(folder.path(), true, false).expect("a target");
        let prefix = file.prefix();
        assert_eq!((prefix.length, prefix.digest), (5, Digest::of(b"begin")));
        file.abandon(Leave::Kept);
        let file = target(folder.path(), false, false).expect("a target");
        assert_eq!(file.prefix(), Prefix::empty());
        file.abandon(Leave::Kept);
        assert!(
            names_in(folder.path()).is_empty(),
            "nothing is worth keeping"
        );
    }

    #[test]
    fn two_transfers_of_a_file_do_not_mix() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = target(folder.path(), false, false).expect("a target");
        for resume in [false, true] {
            let refusal = target(folder.path(), resume, true).expect_err("it is locked");
            assert_eq!(refusal.reason(), Reason::Busy);
        }
        first.abandon(Leave::Removed);
        target(folder.path(), false, false).expect("a target");
    }

    /// As on a file system without renames that do not replace, after a kill between the two steps
    /// that stand for one.
    #[test]
    fn a_file_with_both_names_is_whole_and_the_next_one_is_new() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = target(folder.path(), false, false).expect("a target");
        file.write(b"whole").expect("space");
        drop(file);
        let partial = folder.path().join(partial_name("file"));
        std::fs::hard_link(&partial, folder.path().join("file")).expect("a link");
        let mut file = target(folder.path(), true, true).expect("a target");
        assert_eq!(file.prefix(), Prefix::empty());
        let read = || std::fs::read(folder.path().join("file")).expect("the file");
        file.write(b"new").expect("space");
        assert_eq!(read(), b"whole");
        file.commit().expect("it is replaced");
        assert_eq!(read(), b"new");
        assert_eq!(names_in(folder.path()), ["file"]);
    }

    #[test]
    fn what_somebody_else_puts_in_the_place_of_the_partial_file_gets_no_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let partial = folder.path().join(partial_name("file"));
        for overwrite in [false, true] {
            let mut file = target(folder.path(), false, overwrite).expect("a target");
            file.write(b"ours").expect("space");
            std::fs::remove_file(&partial).expect("the part");
            symlink("/etc/passwd", &partial).expect("a link");
            let refused = file.commit().expect_err("it is another");
            assert_eq!(refused.reason(), Reason::Failed, "{refused}");
            std::fs::remove_file(&partial).expect("the link");
            file.commit().expect_err("it is gone");
            assert!(names_in(folder.path()).is_empty());
        }
    }

    /// What somebody has put in the place of the partial file is neither followed nor written.
    #[test]
    fn nothing_is_written_through_links() {
        let folder = tempfile::tempdir().expect("a folder");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "as it was").expect("a file");
        let trap = folder.path().join(partial_name("file"));
        std::fs::hard_link(&victim, &trap).expect("a link");
        let mut file = target(folder.path(), true, false).expect("a target");
        assert_eq!(file.prefix(), Prefix::empty());
        file.write(b"new").expect("space");
        file.abandon(Leave::Removed);
        symlink(&victim, &trap).expect("a link");
        let refused = target(folder.path(), true, false).expect_err("it is a link");
        assert_eq!(refused.reason(), Reason::Denied);
        let read = std::fs::read(&victim).expect("the file");
        assert_eq!(read, b"as it was");
    }
}
