//! A search in a file: written when it is cut and now and then while it runs, and gone on with
//! later by the same executable on the same row.
//!
//! What a search knows is tied to the very program: numbers of threads, objects and locations, and
//! digests of places. So a file names the row and the executable, and another one is refused.

use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, mem};

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
const HEADER: &[u8] = b"crosscheck search 1\n";

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
    /// It holds something else, or was cut.
    #[error(
        "{path} is no checkpoint of a search, or damaged; begin anew with --checkpoint",
        path = path.display()
    )]
    Damaged {
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

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    row: String,
    build: u64,
    knowledge: Knowledge,
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

/// A fingerprint of this executable.
fn build() -> io::Result<u64> {
    let mut file = BufReader::new(File::open(env::current_exe()?)?);
    let mut hasher = DefaultHasher::new();
    let mut block = vec![0; 1 << 16];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hasher.finish()),
            count => hasher.write(&block[..count]),
        }
    }
}

/// Where a search is kept, and when it was last.
pub(super) struct Keeper {
    path: PathBuf,
    row: String,
    build: u64,
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
            row: row(job, mode),
            build,
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
        let saved = Saved {
            row: self.row.clone(),
            build: self.build,
            knowledge: Knowledge::of(inner),
        };
        write(&self.path, &(memo, saved)).map_err(|source| CheckpointError::Write {
            path: self.path.clone(),
            source,
        })?;
        self.cost = started.elapsed();
        self.last = Instant::now();
        Ok(())
    }

    /// Reads what was kept.
    pub(super) fn resume(&self) -> Result<(Memo, Knowledge), CheckpointError> {
        let (memo, saved) = read(&self.path)?;
        if saved.row != self.row {
            return Err(CheckpointError::OtherRow {
                theirs: saved.row,
                ours: self.row.clone(),
            });
        }
        if saved.build != self.build {
            return Err(CheckpointError::OtherBuild);
        }
        Ok((memo, saved.knowledge))
    }
}

/// Beside the file and then in its place, so that it is never half of one.
fn write(path: &Path, saved: &(Memo, Saved)) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut output = BufWriter::new(file.as_file_mut());
    output.write_all(HEADER)?;
    let mut output = postcard::to_io(saved, output).map_err(io::Error::other)?;
    output.flush()?;
    drop(output);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn read(path: &Path) -> Result<(Memo, Saved), CheckpointError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(|source| CheckpointError::Read {
            path: path.to_owned(),
            source,
        })?;
    let damaged = || CheckpointError::Damaged {
        path: path.to_owned(),
    };
    let body = bytes.strip_prefix(HEADER).ok_or_else(damaged)?;
    match postcard::take_from_bytes(body) {
        Ok((saved, [])) => Ok(saved),
        _ => Err(damaged()),
    }
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
