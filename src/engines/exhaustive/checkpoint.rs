//! A search in a file: written when it is cut and now and then while it runs, and gone on with
//! later by the same executable on the same row.
//!
//! What a search knows is tied to the very program: numbers of threads, objects and locations, and
//! digests of places. So a file names the row and the executable, and another one is refused.
//!
//! A file is a header, the row and the executable, what the search knows, and a digest of all of
//! that, which is looked at before anything else is: a search that went on from other bytes than
//! were written could prove what does not hold.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, mem};

use blake3::{Hash, Hasher, OUT_LEN};

use serde::{Deserialize, Serialize};

use super::execution::{Execution, Inner};
use super::explorer::Memo;
use super::locksets::Locksets;
use super::world::{Identities, Used as WorldUsed};
use crate::engines::check::{Job, instance_text};
use crate::engines::limits::SearchMode;
use crate::sync::Property;
use crate::sync::announcing::{Totals, Used};

/// What a file begins with; the number is that of the format.
const HEADER: &[u8] = b"crosscheck search 2\n";

/// What files of every format begin with.
const FAMILY: &[u8] = b"crosscheck search ";

/// Shortest time between two writings, so that they cost little.
const EVERY: Duration = Duration::from_secs(20);

/// Why a search cannot be gone on with, or not be kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckpointError {
    /// The file cannot be read.
    #[error("cannot read the checkpoint {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the checkpoint {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not begin as a checkpoint does.
    #[error(
        "{path} is no checkpoint of a search, or its beginning is damaged; begin anew with \
         --checkpoint",
        path = path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It holds other bytes than were written.
    #[error(
        "the checkpoint {path} is damaged: it does not hold what was written; begin anew with \
         --checkpoint",
        path = path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It begins as a file of another format.
    #[error(
        "the checkpoint {path} is in the format of another version of this program, or its first \
         line is damaged; begin anew with --checkpoint",
        path = path.display()
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to another search.
    #[error("the checkpoint is of {theirs}, not of {ours}; resume it with the same arguments")]
    OtherRow {
        /// What the file is about.
        theirs: String,
        /// What was asked for.
        ours: String,
    },
    /// It was written by another build.
    #[error(
        "the checkpoint was written by another build of this program; begin anew with --checkpoint"
    )]
    OtherBuild,
}

/// A digest of 256 bits, of a file or of an executable.
type Digest = [u8; OUT_LEN];

/// Whose search a file holds; read before the search, which only the same executable can.
#[derive(Serialize, Deserialize)]
struct Owner {
    row: String,
    build: Digest,
}

/// What has to be known beside the search itself to go on with it.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Knowledge {
    identities: Identities,
    world_used: WorldUsed,
    locksets: Option<Locksets>,
    weak_orders: bool,
    totals: SavedTotals,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct SavedTotals {
    executions: u64,
    max_steps: usize,
    max_threads: usize,
    used: Used,
    spins_capped: u64,
    cut: Vec<(String, u64)>,
    marks: Vec<String>,
}

/// The row that a search is about, in words.
fn row(job: &Job<'_>, mode: SearchMode) -> String {
    let targets: Vec<&str> = job.targets.iter().map(|property| property.id()).collect();
    format!(
        "{} {} for {} by {}, {mode}, spins={} steps={}",
        job.program.name(),
        instance_text(job.instance, &job.switches()),
        targets.join("+"),
        job.engine,
        job.limits.spins,
        job.limits.steps,
    )
}

/// A fingerprint of this executable, which does not change while it runs.
fn build() -> io::Result<Digest> {
    static BUILD: OnceLock<Digest> = OnceLock::new();
    if let Some(build) = BUILD.get() {
        return Ok(*build);
    }
    let mut hasher = Hasher::new();
    hasher.update_reader(File::open(env::current_exe()?)?)?;
    Ok(*BUILD.get_or_init(|| *hasher.finalize().as_bytes()))
}

/// Where a search is kept, and when it was last.
pub(super) struct Keeper {
    path: PathBuf,
    owner: Owner,
    last: Instant,
    cost: Duration,
}

impl Keeper {
    /// # Errors
    /// When this executable cannot be read.
    pub(super) fn new(
        path: &Path,
        job: &Job<'_>,
        mode: SearchMode,
    ) -> Result<Self, CheckpointError> {
        let build = build().map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            owner: Owner {
                row: row(job, mode),
                build,
            },
            last: Instant::now(),
            cost: Duration::ZERO,
        })
    }

    /// Whether it is time: not often, and no more than a twentieth of the time goes into it.
    pub(super) fn is_time(&self) -> bool {
        self.last.elapsed() >= EVERY.max(self.cost * 20)
    }

    /// Keeps a search as it is between two executions; when that fails, the file is as it was.
    pub(super) fn keep(&mut self, inner: &Inner) -> Result<(), CheckpointError> {
        let started = Instant::now();
        let Some(memo) = inner.driver.memo() else {
            return Ok(());
        };
        write(&self.path, &self.owner, &(memo, Knowledge::of(inner))).map_err(|source| {
            CheckpointError::Write {
                path: self.path.clone(),
                source,
            }
        })?;
        self.cost = started.elapsed();
        self.last = Instant::now();
        Ok(())
    }

    /// Reads what was kept.
    pub(super) fn resume(&self) -> Result<(Memo, Knowledge), CheckpointError> {
        let bytes = contents(&self.path).map_err(|source| CheckpointError::Read {
            path: self.path.clone(),
            source,
        })?;
        let path = || self.path.clone();
        let body = body(&bytes).map_err(|refused| match refused {
            Refused::Foreign => CheckpointError::Foreign { path: path() },
            Refused::Damaged => CheckpointError::Damaged { path: path() },
            Refused::OtherFormat => CheckpointError::OtherFormat { path: path() },
        })?;
        let damaged = |_| CheckpointError::Damaged { path: path() };
        let (owner, rest): (Owner, _) = postcard::take_from_bytes(body).map_err(damaged)?;
        if owner.row != self.owner.row {
            return Err(CheckpointError::OtherRow {
                theirs: owner.row,
                ours: self.owner.row.clone(),
            });
        }
        if owner.build != self.owner.build {
            return Err(CheckpointError::OtherBuild);
        }
        match postcard::take_from_bytes(rest).map_err(damaged)? {
            (search, []) => Ok(search),
            _ => Err(CheckpointError::Damaged { path: path() }),
        }
    }
}

/// Writes to a file, and takes the digest of what goes there.
struct Digested<W> {
    output: W,
    hasher: Hasher,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Writes beside the file and then in its place, so that it is never half of one.
fn write(path: &Path, owner: &Owner, search: &(Memo, Knowledge)) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut output = BufWriter::new(Digested {
        output: file.as_file_mut(),
        hasher: Hasher::new(),
    });
    output.write_all(HEADER)?;
    let output = postcard::to_io(owner, output).map_err(io::Error::other)?;
    let output = postcard::to_io(search, output).map_err(io::Error::other)?;
    let Digested { output, hasher } = output.into_inner().map_err(|error| error.into_error())?;
    output.write_all(hasher.finalize().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name as well, where a folder can be synchronised; elsewhere the old search may be
    // there again after a power failure, and it is whole too.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// The bytes of a file; a device or a pipe may have no end.
fn contents(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        let why = "it is no ordinary file";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    fs::read(path)
}

/// Why the bytes of a file are not looked into.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Foreign,
    Damaged,
    OtherFormat,
}

/// What stands between header and digest, when the digest is that of both.
fn body(bytes: &[u8]) -> Result<&[u8], Refused> {
    if !bytes.starts_with(FAMILY) {
        return Err(Refused::Foreign);
    }
    // The first format had no digest.
    if bytes.starts_with(b"crosscheck search 1\n") {
        return Err(Refused::OtherFormat);
    }
    let (told, digest) = bytes.split_last_chunk().ok_or(Refused::Damaged)?;
    if blake3::hash(told) != Hash::from_bytes(*digest) {
        return Err(Refused::Damaged);
    }
    told.strip_prefix(HEADER).ok_or(Refused::OtherFormat)
}

impl Knowledge {
    /// What a search knows between two executions.
    pub(super) fn of(inner: &Inner) -> Self {
        let totals = &inner.totals;
        Self {
            identities: inner.world.identities(),
            world_used: inner.world.used(),
            locksets: inner.locksets.clone(),
            weak_orders: inner.weak_orders,
            totals: SavedTotals {
                executions: totals.executions,
                max_steps: totals.max_steps,
                max_threads: totals.max_threads,
                used: totals.used,
                spins_capped: totals.spins_capped,
                cut: totals
                    .cut
                    .iter()
                    .map(|(property, times)| (property.id().to_owned(), *times))
                    .collect(),
                marks: totals.marks.iter().map(|&mark| mark.to_owned()).collect(),
            },
        }
    }

    /// The same, for a search that counts what it does itself.
    pub(super) fn uncounted(self) -> Self {
        Self {
            totals: SavedTotals {
                used: self.totals.used,
                ..SavedTotals::default()
            },
            ..self
        }
    }

    /// How many executions have been run.
    pub(super) fn executions(&self) -> u64 {
        self.totals.executions
    }

    /// Puts what was kept into an execution that has not begun.
    pub(super) fn into_execution(self, job: &Job<'_>, execution: &Execution<'_>) {
        let mut inner = execution.inner.borrow_mut();
        inner.world.know(self.identities, self.world_used);
        inner.locksets = self.locksets;
        inner.weak_orders = self.weak_orders;
        let SavedTotals {
            executions,
            max_steps,
            max_threads,
            used,
            spins_capped,
            cut,
            marks,
        } = self.totals;
        inner.totals = Totals {
            executions,
            max_steps,
            max_threads,
            used,
            spins_capped,
            cut: cut
                .into_iter()
                .filter_map(|(id, times)| Some((Property::from_id(&id)?, times)))
                .collect(),
            marks: job
                .program
                .marks()
                .into_iter()
                .filter(|mark| marks.iter().any(|other| other == mark))
                .collect(),
            ..mem::take(&mut inner.totals)
        };
    }
}
