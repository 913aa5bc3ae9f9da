//! One row of the matrix, as tests pin it: nothing that differs from run to run.

use super::escape;
use super::explain::Story;
use crate::engines::check::Row;
use crate::engines::verdict::{Bounds, Cut, Sample};
use crate::engines::{Claimed, GaveUp, Verdict, Word};

/// The report of one run: what was checked and by whom, a line for each property, and the
/// counterexample where there is one.
///
/// Of an engine whose schedules are not reproducible it says only what every run says.
#[must_use]
pub fn row_report(rows: &[Claimed]) -> String {
    let mut text = String::new();
    let mut last = None;
    for (at, claimed) in rows.iter().enumerate() {
        let row = &claimed.row;
        let run = (&row.scenario, row.instance_text(), row.engine);
        if last.as_ref() == Some(&run) {
            continue;
        }
        if at > 0 {
            text.push('\n');
        }
        let of_run = rows[at..].iter().take_while(|other| {
            let other = &other.row;
            (&other.scenario, other.instance_text(), other.engine) == run
        });
        text.push_str(&run_report(&of_run.collect::<Vec<_>>()));
        last = Some(run);
    }
    text
}

/// The report of rows that differ in nothing but the property.
fn run_report(rows: &[&Claimed]) -> String {
    let row = &rows[0].row;
    let reproducible = row.engine.is_deterministic();
    // What a program was seen to use depends on its schedules; the memory model does not.
    let semantics = if reproducible {
        &row.semantics[..]
    } else {
        &row.semantics[..row.semantics.len().min(1)]
    };
    let mut text = format!(
        "scenario   {}\ninstance   {}\nengine     {}\nsemantics  {}\n\n",
        escape::line(&row.scenario),
        escape::line(&row.instance_text()),
        row.engine,
        escape::line(&semantics.join(", ")),
    );
    if reproducible {
        rows.iter()
            .for_each(|row| text.push_str(&property_lines(row)));
        for counterexample in rows.iter().filter_map(|row| row.row.counterexample()) {
            text.push_str(&format!("\n{}", Story::of(counterexample).text()));
        }
    } else {
        text.push_str(&any_run(rows));
    }
    text
}

/// The verdict and the claim of a property, and the properties that it leaves undecided.
fn property_lines(claimed: &Claimed) -> String {
    let row = &claimed.row;
    let claim = match &claimed.claim {
        Some(claim) => format!("claimed {}", claim.text()),
        None => "unclaimed".to_owned(),
    };
    let reason = escape::line(&steady_reason(row));
    let word = row.verdict.word();
    let mut text = format!("{}: {word}, {claim}: {reason}\n", row.property);
    if let Some(contradiction) = claimed.contradiction() {
        text.push_str(&format!("  ! {}\n", escape::line(&contradiction)));
    }
    for property in &row.undecided {
        text.push_str(&format!("{property}: undecided\n"));
    }
    text
}

/// What is behind a word, without what a clock or the system has a part in.
fn steady_reason(row: &Row) -> String {
    let timed = |cuts: &[Cut]| {
        cuts.iter()
            .any(|cut| matches!(cut, Cut::Time(_) | Cut::Interrupted))
    };
    let joined = |cuts: &[Cut]| {
        let cuts: Vec<String> = cuts.iter().map(Cut::to_string).collect();
        cuts.join("; ")
    };
    match &row.verdict {
        Verdict::Bounded(Bounds { cuts, .. }) if timed(cuts) => joined(cuts),
        Verdict::Sampled(Sample {
            cuts, scheduler, ..
        }) if timed(cuts) => {
            format!("{scheduler}; {}", joined(cuts))
        }
        Verdict::GaveUp(GaveUp::Crashed { .. }) => {
            "the checked program took its process down".to_owned()
        }
        verdict => verdict.reason(),
    }
}

/// What every run of an engine says whose schedules are not reproducible.
fn any_run(rows: &[&Claimed]) -> String {
    let mut text = String::new();
    if let Some(gave_up) = rows
        .iter()
        .find(|row| row.row.verdict.word() == Word::GaveUp)
    {
        text.push_str(&format!(
            "gave-up: {}\n",
            escape::line(&steady_reason(&gave_up.row))
        ));
    } else {
        let claims = || rows.iter().filter_map(|row| row.claim.as_ref());
        let may_fail = claims().any(|claim| claim.words.contains(&Word::Refuted));
        let unclaimed = claims().next().is_none();
        text.push_str(if may_fail || unclaimed {
            "sampled or refuted\n"
        } else {
            "sampled\n"
        });
    }
    for row in rows {
        if let Some(contradiction) = row.contradiction() {
            text.push_str(&format!(
                "! {}: {}\n",
                row.row.property,
                escape::line(&contradiction)
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::engines::{EngineId, Limits};

    #[test]
    fn a_proved_run_has_a_line_for_each_property() {
        let rows = samples::claimed(samples::unclaimed(samples::ORDERED, EngineId::ShuttleDfs));
        let executions = rows[0].row.executions;
        let text = row_report(&rows);
        assert_eq!(
            text,
            format!(
                "scenario   locks/ordered\ninstance   lock=facade rounds=1\n\
                 engine     shuttle-dfs\nsemantics  sc\n\n\
                 deadlock-freedom: proved, claimed proved: all {executions} executions\n\
                 data-race-freedom: proved, claimed proved: all {executions} executions\n"
            )
        );
    }

    #[test]
    fn a_refuted_run_shows_its_counterexample_without_the_token() {
        let rows = samples::claimed(samples::unclaimed(samples::OPPOSITE, EngineId::Loom));
        let text = row_report(&rows);
        assert!(text.contains("\ndeadlock-freedom: refuted, claimed refuted: nobody can move"));
        assert!(text.contains("\ndata-race-freedom: undecided\n"), "{text}");
        assert!(
            text.contains("wait cycle: diner 0 -> diner 1 -> diner 0"),
            "{text}"
        );
        assert!(!text.contains("cc2."), "{text}");
    }

    #[test]
    fn threads_say_what_every_run_says() {
        for scenario in [samples::OPPOSITE, samples::ORDERED] {
            let rows = samples::claimed(samples::unclaimed(scenario, EngineId::Threads));
            let text = row_report(&rows);
            assert!(
                text.ends_with("semantics  sc\n\nsampled or refuted\n"),
                "{text}"
            );
        }
        let mut rows = samples::claimed(samples::unclaimed(samples::ORDERED, EngineId::Threads));
        for row in &mut rows {
            row.claim.as_mut().unwrap().words = vec![Word::Sampled];
        }
        assert!(row_report(&rows).ends_with("\n\nsampled\n"));
        for row in &mut rows {
            row.claim.as_mut().unwrap().words = vec![Word::Proved];
        }
        let text = row_report(&rows);
        assert!(
            text.ends_with("! data-race-freedom: claimed proved, got sampled\n"),
            "{text}"
        );
    }

    #[test]
    fn what_a_clock_cut_has_no_counts() {
        let limits = Limits {
            time: Some(std::time::Duration::from_nanos(1)),
            ..Limits::QUICK
        };
        for (engine, reason) in [
            (
                EngineId::ShuttleDfs,
                ": bounded, unclaimed: cut after 0 s\n",
            ),
            (
                EngineId::ShuttleRandom,
                ": sampled, unclaimed: random walk; cut after 0 s\n",
            ),
        ] {
            let text = row_report(&samples::unclaimed_with(samples::ORDERED, engine, &limits));
            assert!(text.contains(reason), "{text}");
        }
    }

    #[test]
    fn several_runs_stand_one_after_the_other() {
        let mut rows = samples::unclaimed(samples::ORDERED, EngineId::Loom);
        rows.extend(samples::unclaimed(samples::RACE, EngineId::Loom));
        let text = row_report(&rows);
        assert_eq!(text.matches("scenario   ").count(), 2, "{text}");
        assert_eq!(row_report(&[]), "");
    }
}
