//! Files that are opened and locked at once: the lock is on the file that has the name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::io::Errno;

/// Opens a file to read and write it, makes it where there is none, and takes its lock; `None` when
/// somebody else has it.
///
/// # Errors
/// When the file cannot be opened or locked.
pub(super) fn open(
    path: &Path,
    lock: impl Fn(&File) -> Result<(), Errno>,
) -> io::Result<Option<File>> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        match lock(&file) {
            Ok(()) => {}
            // POSIX lets fcntl say either.
            Err(Errno::AGAIN | Errno::ACCESS) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        // It may have been written anew between opening and locking.
        let ours = file.metadata()?;
        match fs::metadata(path) {
            Ok(named) if named.ino() == ours.ino() && named.dev() == ours.dev() => {
                return Ok(Some(file));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
}

/// Flushes the names in the directory that a file is in.
///
/// # Errors
/// When the file system refuses.
pub(super) fn flush_directory_of(file: &Path) -> io::Result<()> {
    let directory = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(directory)?.sync_all()
}
