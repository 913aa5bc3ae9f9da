//! `calibrate`: what each engine is known to miss, and what it says today.

use super::{Failure, print};
use crate::engines::calibration;

pub(super) fn run() -> Result<u8, Failure> {
    let probes = calibration::calibrate();
    print(&calibration::render(&probes))?;
    let mistakes = calibration::mistakes(&probes);
    for mistake in &mistakes {
        eprintln!("crosscheck: {mistake}");
    }
    Ok(u8::from(!mistakes.is_empty()))
}
