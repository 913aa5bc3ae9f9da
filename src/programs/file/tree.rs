//! Whole directories: a walk over the tree, one command a file, over one connection.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::beneath::{self, Root};
use super::client::{Connection, Progress, TransferError, Transferred};
use super::source::Source;
use super::target::Target;
use crate::protocols::transfer::{Entry, EntryKind, Mode, Reason, Refusal, RelativePath};

/// What became of a file of a tree.
#[derive(Debug)]
pub enum Event<'a> {
    /// It is through.
    Done(&'a RelativePath, Transferred),
    /// It was left out, for that reason.
    Skipped(&'a str, &'a str),
}

/// How files of a tree are transferred.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Go on with what earlier transfers left.
    pub resume: bool,
    /// Replace files.
    pub overwrite: bool,
}

/// So many entries of one directory are believed.
const MOST_ENTRIES: usize = 1_000_000;

/// Gets everything beneath a directory of the server, `None` being its root, into a directory here,
/// which is made if need be. Symbolic links and devices are left out. Blocks.
///
/// # Errors
/// At the first file that fails; those before it are through.
pub fn get(
    connection: &mut Connection<'_>,
    from: Option<&RelativePath>,
    to: &Path,
    options: Options,
    told: &mut dyn FnMut(Event<'_>),
    progress: Progress<'_>,
) -> Result<(), TransferError> {
    let here = |refusal| TransferError::local(to.display(), refusal);
    std::fs::create_dir_all(to).map_err(|error| here(beneath::io(&error)))?;
    let root = Root::open(to).map_err(|error| here(beneath::io(&error)))?;
    // Directories that have not been listed, by their paths beneath `from`.
    let mut ahead: VecDeque<Option<RelativePath>> = VecDeque::from([None]);
    while let Some(directory) = ahead.pop_front() {
        let there = below(from, directory.as_ref())?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut too_many = false;
        let listed = connection.list(there.as_ref(), &mut |entry| {
            too_many |= entries.len() >= MOST_ENTRIES;
            if !too_many {
                entries.push(entry);
            }
        })?;
        if too_many {
            return Err(here(Refusal::new(
                Reason::Failed,
                format!("a directory has more than {MOST_ENTRIES} entries"),
            )));
        }
        if listed.hidden > 0 {
            let name = directory.as_ref().map_or(".", RelativePath::as_str);
            told(Event::Skipped(name, "entries whose names are not UTF-8"));
        }
        for entry in entries {
            let local = below(directory.as_ref(), Some(&entry.name))?.unwrap_or(entry.name);
            match entry.kind {
                EntryKind::Directory => {
                    root.make_directory(&local, entry.metadata.mode)
                        .map_err(|refusal| TransferError::local(&local, refusal))?;
                    ahead.push_back(Some(local));
                }
                EntryKind::File => {
                    let remote = below(from, Some(&local))?.unwrap_or_else(|| local.clone());
                    let target = root
                        .parent_of(&local)
                        .and_then(|parent| {
                            Target::file(
                                parent,
                                local.name(),
                                entry.metadata,
                                options.resume,
                                options.overwrite,
                            )
                        })
                        .map_err(|refusal| TransferError::local(&local, refusal))?;
                    let done = connection.get(&remote, target, options.resume, progress)?;
                    told(Event::Done(&local, done));
                }
                EntryKind::Link => told(Event::Skipped(local.as_str(), "a symbolic link")),
                EntryKind::Other => told(Event::Skipped(local.as_str(), "a device or a pipe")),
            }
        }
    }
    Ok(())
}

/// Puts everything beneath a directory here into a directory of the server, which is made if need
/// be. Symbolic links and devices are left out. Blocks.
///
/// # Errors
/// At the first file that fails; those before it are through.
pub fn put(
    connection: &mut Connection<'_>,
    from: &Path,
    to: Option<&RelativePath>,
    options: Options,
    told: &mut dyn FnMut(Event<'_>),
    progress: Progress<'_>,
) -> Result<(), TransferError> {
    let root = Root::open(from)
        .map_err(|error| TransferError::local(from.display(), beneath::io(&error)))?;
    if let Some(to) = to {
        // From the outermost on: one that is there is as good.
        let mut outer: Vec<RelativePath> = Vec::new();
        let mut path = Some(to.clone());
        while let Some(directory) = path {
            path = directory.parent();
            outer.push(directory);
        }
        for directory in outer.iter().rev() {
            connection.make_directory(directory, Mode::new(0o755))?;
        }
    }
    let mut ahead: VecDeque<Option<RelativePath>> = VecDeque::from([None]);
    while let Some(directory) = ahead.pop_front() {
        let name = directory.as_ref().map_or(".", RelativePath::as_str);
        let (entries, hidden) = root
            .entries(directory.as_ref())
            .map_err(|refusal| TransferError::local(name, refusal))?;
        if hidden > 0 {
            told(Event::Skipped(name, "entries whose names are not UTF-8"));
        }
        for entry in entries {
            let local = below(directory.as_ref(), Some(&entry.name))?.unwrap_or(entry.name);
            let remote = below(to, Some(&local))?.unwrap_or_else(|| local.clone());
            match entry.kind {
                EntryKind::Directory => {
                    connection.make_directory(&remote, entry.metadata.mode)?;
                    ahead.push_back(Some(local));
                }
                EntryKind::File => {
                    let (file, stat) = root
                        .open_file(&local)
                        .map_err(|refusal| TransferError::local(&local, refusal))?;
                    let source = Source::file(file, stat);
                    let (resume, overwrite) = (options.resume, options.overwrite);
                    let done = connection.put(&remote, source, resume, overwrite, progress)?;
                    told(Event::Done(&remote, done));
                }
                EntryKind::Link => told(Event::Skipped(local.as_str(), "a symbolic link")),
                EntryKind::Other => told(Event::Skipped(local.as_str(), "a device or a pipe")),
            }
        }
    }
    Ok(())
}

/// A target for one file, by any path of this machine.
///
/// # Errors
/// As [`Target::file`], and when the path has no name that can be written.
pub fn target_at(path: &Path, resume: bool, overwrite: bool) -> Result<Target, TransferError> {
    let failed = |refusal| TransferError::local(path.display(), refusal);
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| failed(Refusal::new(Reason::Name, "name a file")))?;
    let parent: PathBuf = path.parent().unwrap_or(Path::new("")).to_owned();
    let directory = Root::open(&parent).map_err(|error| failed(beneath::io(&error)))?;
    directory
        .into_target(name, resume, overwrite)
        .map_err(failed)
}

/// One path behind another.
fn below(
    outer: Option<&RelativePath>,
    inner: Option<&RelativePath>,
) -> Result<Option<RelativePath>, TransferError> {
    match (outer, inner) {
        (Some(outer), Some(inner)) => match outer.join(inner.as_str()) {
            Ok(path) => Ok(Some(path)),
            Err(error) => Err(TransferError::local(
                inner,
                Refusal::new(Reason::Name, error.to_string()),
            )),
        },
        (one, other) => Ok(one.or(other).cloned()),
    }
}
