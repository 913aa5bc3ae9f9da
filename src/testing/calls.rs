//! The checks of one test, one after the other, in the test's process and in its workers.
//!
//! A worker is the test binary, started again with the name of the test. It has to come to the same
//! check, so it passes those that come before with the rows that they had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::{env, fs, io, process};

use crate::engines::Row;
use crate::engines::plan::Planned;
use crate::engines::worker::{rows_as_text, rows_of_text};

/// Set in a test binary that has been started as a worker: the number of the check for which it is.
pub(super) const SERVE: &str = "CROSSCHECK_SERVE";

/// The file with the rows of the checks before.
pub(super) const EARLIER: &str = "CROSSCHECK_EARLIER";

/// What each test's checks came to, in order; one that has not ended has no text.
static DONE: Mutex<BTreeMap<String, Vec<Option<String>>>> = Mutex::new(BTreeMap::new());

/// One check of a test.
#[derive(Clone, Debug)]
pub(super) struct Call {
    test: String,
    number: usize,
}

/// What a check has to do.
#[derive(Debug)]
pub(super) enum Part {
    /// To check, with workers.
    Check(Call),
    /// To answer as a worker.
    Serve,
    /// To pass with these rows, since a later check of the test is the one that is wanted.
    Pass(Vec<Row>),
}

/// The next check of `test`, of which `plan` makes the rows.
///
/// # Errors
/// When this is a worker and the file with the rows before does not fit.
pub(super) fn next(test: &str, plan: &[Planned]) -> io::Result<Part> {
    let call = {
        let mut done = done();
        let of_test = done.entry(test.to_owned()).or_default();
        of_test.push(None);
        Call {
            test: test.to_owned(),
            number: of_test.len() - 1,
        }
    };
    let Some(wanted) = env::var_os(SERVE) else {
        return Ok(Part::Check(call));
    };
    let wanted = wanted.to_str().and_then(|wanted| wanted.parse().ok());
    if wanted == Some(call.number) {
        return Ok(Part::Serve);
    }
    let path = env::var_os(EARLIER).ok_or(io::ErrorKind::NotFound)?;
    let text = fs::read_to_string(path)?;
    let line = text.lines().nth(call.number);
    let rows = line.and_then(|line| rows_of_text(line, plan));
    rows.map(Part::Pass).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "the checks of the test come in another order",
        )
    })
}

impl Call {
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// Keeps the rows for the workers of later checks.
    pub(super) fn keep(&self, rows: &[Vec<Row>]) {
        let text = rows_as_text(rows);
        if let Some(of_test) = done().get_mut(&self.test) {
            of_test[self.number] = Some(text);
        }
    }

    /// The rows of the checks before, in a file; none where this is the first.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn earlier(&self) -> io::Result<Option<Earlier>> {
        if self.number == 0 {
            return Ok(None);
        }
        let lines: Vec<String> = {
            let done = done();
            let before = &done[&self.test][..self.number];
            before
                .iter()
                .map(|text| text.clone().unwrap_or_default())
                .collect()
        };
        let test = self.test.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let name = format!("crosscheck-{}-{}-{test}", process::id(), self.number);
        let path = env::temp_dir().join(name);
        fs::write(&path, lines.join("\n"))?;
        Ok(Some(Earlier { path }))
    }
}

/// A file that is removed when it is no longer needed.
#[derive(Debug)]
pub(super) struct Earlier {
    path: PathBuf,
}

impl Earlier {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Earlier {
    fn drop(&mut self) {
        // Somebody else has tidied up.
        let _ = fs::remove_file(&self.path);
    }
}

fn done() -> MutexGuard<'static, BTreeMap<String, Vec<Option<String>>>> {
    DONE.lock().unwrap_or_else(PoisonError::into_inner)
}
