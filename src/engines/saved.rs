//! A counterexample in a file that people read: JSON, and a checksum of what it says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::counterexample::Counterexample;

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Saved {
    checksum: String,
    #[serde(flatten)]
    counterexample: Counterexample,
}

/// Why the text of a file is not taken for a counterexample.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It does not read as a counterexample.
    #[error("no token and no saved counterexample, or a damaged one: {0}; save it anew")]
    Unreadable(String),
    /// It does not say what was saved.
    #[error("the saved counterexample is damaged: it does not say what was saved; save it anew")]
    Damaged,
}

/// Returns the text of a file that holds a counterexample.
#[must_use]
pub fn text(counterexample: &Counterexample) -> String {
    let saved = Saved {
        checksum: checksum(counterexample),
        counterexample: counterexample.clone(),
    };
    let text = serde_json::to_string_pretty(&saved).expect("plain data always serialises");
    text + "\n"
}

/// Reads the text of a file.
///
/// # Errors
/// [`SavedError`] when it says anything else than was saved.
pub fn read(text: &str) -> Result<Counterexample, SavedError> {
    let unreadable = |error: serde_json::Error| SavedError::Unreadable(error.to_string());
    let saved: Saved = serde_json::from_str(text).map_err(unreadable)?;
    // Names that are not known, or stand there twice, are not read, but were not saved either.
    let all: Value = serde_json::from_str(text).map_err(unreadable)?;
    let told = serde_json::to_value(&saved).map_err(unreadable)?;
    if saved.checksum != checksum(&saved.counterexample) || all != told {
        return Err(SavedError::Damaged);
    }
    Ok(saved.counterexample)
}

fn checksum(counterexample: &Counterexample) -> String {
    let text = serde_json::to_vec(counterexample).expect("plain data always serialises");
    blake3::hash(&text).to_hex().to_string()
}
