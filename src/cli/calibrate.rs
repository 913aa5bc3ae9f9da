//! `calibrate`: what each engine is known to miss, and what it says today.

use super::suite::Suite;
use super::{Failure, print};
use crate::engines::calibration;

pub(super) fn run(suite: &Suite<'_>) -> Result<u8, Failure> {
    let probes = calibration::calibrate();
    print(&calibration::render(&probes))?;
    let mut contradictions = calibration::mistakes(&probes);
    contradictions.extend(calibration::changes(&probes));
    for contradiction in &contradictions {
        eprintln!("{}: {contradiction}", suite.program);
    }
    Ok(u8::from(!contradictions.is_empty()))
}
