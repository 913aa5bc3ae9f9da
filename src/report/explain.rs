//! One counterexample for people: what fails, who did what in which order, and who waits for whom.

use super::layout::{width, wrapped};
use super::{Rerun, escape};
use crate::engines::check::Row;
use crate::engines::counterexample::{BlockedThread, CounterStep};
use crate::engines::{Counterexample, EngineId, Refutation, Verdict};
use crate::scenario::{Memory, Property};

/// More threads than this are not shown side by side.
const MOST_LANES: usize = 6;
/// Nor lanes that are wider than this.
const MOST_COLUMNS: usize = 110;

/// Explains a counterexample.
#[must_use]
pub fn render(counterexample: &Counterexample) -> String {
    Story::of(counterexample).text()
}

/// Explains a counterexample, with the command that replays it.
#[must_use]
pub fn render_with(counterexample: &Counterexample, rerun: &Rerun) -> String {
    let (story, command) = (render(counterexample), rerun.command(counterexample));
    format!("{story}\nreplay: {command}\n")
}

/// Explains the verdict of a row; the counterexample where it has one.
#[must_use]
pub fn render_row(row: &Row, rerun: &Rerun) -> String {
    if let Some(counterexample) = row.counterexample() {
        return render_with(counterexample, rerun);
    }
    let scenario = titled(&row.scenario, &row.instance_text());
    let (word, reason) = (row.verdict.word(), escape::line(&row.verdict.reason()));
    let memory = memory_model(row.engine);
    let title = match &row.verdict {
        Verdict::Refuted(refutation) if matches!(**refutation, Refutation::Unreachable(_)) => {
            format!("{scenario}: {}", row.property.failure())
        }
        _ => format!("{scenario}: {word}"),
    };
    let executions = row.executions;
    format!(
        "{title}\n  {reason}\n  {}, {word} by {} after {executions} executions under {memory}\n",
        row.property, row.engine,
    )
}

/// A scenario and its instance, where it has parameters.
#[must_use]
pub(super) fn titled(scenario: &str, instance: &str) -> String {
    if instance == "-" {
        escape::line(scenario)
    } else {
        escape::line(&format!("{scenario} {instance}"))
    }
}

/// How many steps a counterexample is told in.
#[must_use]
pub(super) fn steps(counterexample: &Counterexample) -> usize {
    told(counterexample).len()
}

/// A counterexample as it is told; every text is safe to show.
pub(super) struct Story {
    /// Scenario, instance and failure.
    pub(super) title: String,
    /// What fails; may have several lines.
    pub(super) message: String,
    /// Who found it, where, and on what it rests.
    pub(super) about: String,
    /// The threads that do something or wait for something.
    pub(super) threads: Vec<String>,
    /// What they do, in order.
    pub(super) steps: Vec<Told>,
    /// Who waits for whom at the end.
    pub(super) waits: Vec<String>,
    /// A cycle of waits.
    pub(super) cycle: Option<String>,
    /// Where the nearest execution that passes goes another way.
    pub(super) passing: Option<String>,
}

/// A step as it is told.
pub(super) struct Told {
    /// Who: index into the story's threads.
    pub(super) lane: usize,
    /// What.
    pub(super) text: String,
    /// Where: `src/file.rs:12`.
    pub(super) place: String,
}

impl Story {
    pub(super) fn of(counterexample: &Counterexample) -> Self {
        let told = told(counterexample);
        let waiting = waiting(counterexample);
        let is_told = |at: usize, name: &String| {
            told.iter().any(|(step, _)| step.thread == at)
                || waiting
                    .iter()
                    .any(|blocked| blocked.thread == *name && !joins(blocked))
        };
        let lanes: Vec<usize> = counterexample
            .threads
            .iter()
            .enumerate()
            .filter_map(|(at, name)| is_told(at, name).then_some(at))
            .collect();
        let first = told
            .iter()
            .position(|(step, _)| repeats(counterexample, step));
        let steps = told
            .into_iter()
            .enumerate()
            .filter_map(|(at, (step, text))| {
                let mark = if Some(at) == first { "for ever: " } else { "" };
                Some(Told {
                    lane: lanes.iter().position(|at| *at == step.thread)?,
                    text: escape::line(&format!("{mark}{text}")),
                    place: if is_way_out(step) {
                        String::new()
                    } else {
                        place(&step.location)
                    },
                })
            })
            .collect();
        let failure = counterexample
            .property()
            .map_or(counterexample.property.as_str(), |property| {
                property.failure()
            });
        let scenario = titled(&counterexample.scenario, &instance_text(counterexample));
        Self {
            title: format!("{scenario}: {}", escape::line(failure)),
            message: escape::text(counterexample.message.trim_end()),
            about: about(counterexample),
            threads: lanes
                .iter()
                .map(|&at| escape::line(&counterexample.threads[at]))
                .collect(),
            steps,
            waits: waiting
                .iter()
                .map(|blocked| wait(counterexample, blocked))
                .collect(),
            cycle: cycle(&counterexample.blocked).map(|names| escape::line(&names.join(" -> "))),
            passing: counterexample
                .passing
                .as_ref()
                .map(|passing| escape::line(&passing.told())),
        }
    }

    /// All of it.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for line in self.message.lines().chain([self.about.as_str()]) {
            text.push_str(&wrapped("  ", "    ", line, MOST_COLUMNS));
        }
        if !self.steps.is_empty() {
            text.push('\n');
            text.push_str(&self.lanes().unwrap_or_else(|| self.list()));
        }
        if !self.waits.is_empty() || self.cycle.is_some() {
            text.push('\n');
        }
        for wait in &self.waits {
            text.push_str(&wrapped("  ", "    ", wait, MOST_COLUMNS));
        }
        if let Some(cycle) = &self.cycle {
            text.push_str(&wrapped("  wait cycle: ", "    ", cycle, MOST_COLUMNS));
        }
        if let Some(passing) = &self.passing {
            text.push('\n');
            text.push_str(&wrapped("  ", "    ", passing, MOST_COLUMNS));
        }
        text
    }

    /// A column for each thread, a line for each step, the place at its end; none where that is
    /// too wide to read.
    pub(super) fn lanes(&self) -> Option<String> {
        if self.threads.len() > MOST_LANES {
            return None;
        }
        let whole = self.lanes_with(|place| place);
        if fits(&whole) {
            return Some(whole);
        }
        let names = self.lanes_with(|place| place.rsplit('/').next().unwrap_or(place));
        if fits(&names) {
            return Some(names);
        }
        let mut files = self
            .steps
            .iter()
            .filter_map(|step| step.place.rsplit_once(':'));
        let (file, _) = files.next()?;
        let lines = self.lanes_with(|place| place.rsplit(':').next().unwrap_or(place));
        (files.all(|(other, _)| other == file) && fits(&lines))
            .then(|| format!("  at these lines of {file}:\n\n{lines}"))
    }

    fn lanes_with(&self, place: fn(&str) -> &str) -> String {
        let widths: Vec<usize> = self
            .threads
            .iter()
            .enumerate()
            .map(|(lane, name)| {
                let steps = self.steps.iter().filter(|step| step.lane == lane);
                steps
                    .map(|step| width(&step.text))
                    .chain([width(name)])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let line = |cell: &dyn Fn(usize) -> String, end: &str| {
            let mut line = String::from(" ");
            for (lane, width) in widths.iter().enumerate() {
                line.push_str(&format!(" {:width$} |", cell(lane)));
            }
            format!("{} {end}", line).trim_end().to_owned() + "\n"
        };
        let mut text = line(&|lane| self.threads[lane].clone(), "");
        text.push_str(&line(&|lane| "-".repeat(widths[lane]), ""));
        for step in &self.steps {
            let cell = |lane| {
                if lane == step.lane {
                    step.text.clone()
                } else {
                    String::new()
                }
            };
            text.push_str(&line(&cell, place(&step.place)));
        }
        text
    }

    /// One line a step: the thread, what it does, where.
    fn list(&self) -> String {
        let names = self
            .threads
            .iter()
            .map(|name| width(name) + 1)
            .max()
            .unwrap_or(0);
        let steps = self
            .steps
            .iter()
            .map(|step| width(&step.text))
            .max()
            .unwrap_or(0)
            .min(60);
        let mut text = String::new();
        for Told {
            lane,
            text: step,
            place,
        } in &self.steps
        {
            let name = format!("{}:", self.threads[*lane]);
            text.push_str(&format!("  {name:names$} {step:steps$}  {place}\n"));
        }
        text
    }
}

/// The parameters and the switches.
fn instance_text(counterexample: &Counterexample) -> String {
    let values: Vec<String> = counterexample
        .instance
        .iter()
        .chain(&counterexample.switches)
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    if values.is_empty() {
        "-".to_owned()
    } else {
        values.join(" ")
    }
}

fn about(counterexample: &Counterexample) -> String {
    let Counterexample {
        property,
        engine,
        execution,
        sequentially_consistent,
        ..
    } = counterexample;
    let mut about = format!(
        "{}, refuted by {engine} in execution {execution} under {}",
        escape::line(property),
        memory_model(*engine),
    );
    match (engine.memory(), sequentially_consistent) {
        (Memory::SequentiallyConsistent, _) => {}
        (Memory::C11, true) => about.push_str("; a sequentially consistent machine can do it too"),
        (Memory::C11, false) => {
            about.push_str("; the order shown does not explain every value that was read");
        }
    }
    if let Some(location) = &counterexample.location {
        about.push_str(&format!("; at {}", place(location)));
    }
    about
}

/// What a reader calls an engine's memory model.
#[must_use]
pub(super) fn memory_model(engine: EngineId) -> &'static str {
    match engine.memory() {
        Memory::SequentiallyConsistent => "sequential consistency",
        Memory::C11 => "the C11 memory model",
    }
}

/// Whether a step of a counterexample is one of those that repeat for ever.
fn repeats(counterexample: &Counterexample, step: &CounterStep) -> bool {
    counterexample.loop_from.is_some_and(|from| {
        let mut repeated = counterexample.steps[from..].iter();
        repeated.any(|other| std::ptr::eq(other, step))
    })
}

/// The steps to tell. A P or a V that nothing on the same object comes between is one step; who is
/// in which zone is told where that is what fails.
fn told(counterexample: &Counterexample) -> Vec<(&CounterStep, String)> {
    let zones = matches!(
        counterexample.property(),
        Some(Property::MutualExclusion | Property::StageOrder)
    );
    let shown: Vec<&CounterStep> = counterexample
        .shown()
        .filter(|step| zones || step.kind != ZONE)
        .collect();
    // The texts by position, so that the end of a pair can be struck out.
    let mut texts: Vec<Option<String>> = shown.iter().map(|step| Some(step.to_string())).collect();
    let mut ends = vec![false; shown.len()];
    for (begin, step) in shown.iter().enumerate() {
        let ending = match step.operation.as_str() {
            "request" | "try-request" => "granted",
            "release" => "released",
            _ => continue,
        };
        let same = |other: &CounterStep| other.object == step.object && other.kind == step.kind;
        let Some(length) = shown[begin + 1..].iter().position(|other| {
            other.thread == step.thread
                && other.operation == ending
                && other.depth == step.depth
                && same(other)
        }) else {
            continue;
        };
        let end = begin + 1 + length;
        if repeats(counterexample, step) != repeats(counterexample, shown[end]) {
            // Another step of the kind comes before this end when it comes again.
            continue;
        }
        ends[end] = true;
        let between: Vec<&CounterStep> = shown[begin + 1..end]
            .iter()
            .copied()
            .filter(|other| other.thread != step.thread && same(other))
            .collect();
        let only_requests = between.iter().all(|other| other.operation == "request");
        let done = shown[end].value != Some(0);
        match step.operation.as_str() {
            "request" if only_requests => {
                texts[begin] = Some(format!("P({})", step.object));
                texts[end] = None;
            }
            "try-request" if only_requests => {
                let fails = if done { "" } else { " fails" };
                texts[begin] = None;
                texts[end] = Some(format!("try P({}){fails}", step.object));
            }
            // A grant in between is what the V gave: its end says nothing new.
            "release"
                if between.iter().all(|other| {
                    other.operation == "request"
                        || (other.operation == "granted" && other.value != Some(0))
                }) =>
            {
                texts[end] = None;
            }
            _ => {}
        }
    }
    for (at, step) in shown.iter().enumerate() {
        // The inside of another P or V, whose beginning is not shown.
        if matches!(step.operation.as_str(), "granted" | "released") && !ends[at] {
            texts[at] = None;
        }
    }
    shown
        .into_iter()
        .zip(texts)
        .filter_map(|(step, text)| Some((step, text?)))
        .collect()
}

/// What [`CounterStep`] calls a zone.
const ZONE: &str = "zone";

/// Whether the step leaves a zone: that is where a stay is dropped, nowhere in the program.
fn is_way_out(step: &CounterStep) -> bool {
    step.kind == ZONE && step.operation == "leave"
}

/// Who waits: all of them in a deadlock; elsewhere a wait for a thread's end tells nothing.
fn waiting(counterexample: &Counterexample) -> Vec<&BlockedThread> {
    let deadlock = counterexample.property() == Some(Property::DeadlockFreedom);
    counterexample
        .blocked
        .iter()
        .filter(|blocked| deadlock || !joins(blocked))
        .collect()
}

const JOIN: &str = "the end of ";

fn joins(blocked: &BlockedThread) -> bool {
    blocked.waits_for.starts_with(JOIN)
}

fn wait(counterexample: &Counterexample, blocked: &BlockedThread) -> String {
    let BlockedThread {
        thread,
        waits_for,
        held_by,
        holds,
        location,
    } = blocked;
    let mut text = format!("{thread} waits for {waits_for}");
    if !held_by.is_empty() {
        text.push_str(&format!(", held by {}", held_by.join(" and ")));
    }
    if !holds.is_empty() {
        text.push_str(&format!("; holds {}", holds.join(" and ")));
    }
    // A P waits inside of itself; the place to name is the P's. Where a thread waits for an end is
    // no place in the program.
    let last = counterexample.shown().filter(|step| {
        counterexample
            .threads
            .get(step.thread)
            .is_some_and(|name| name == thread)
    });
    let location = match last.last() {
        Some(step) if step.operation == "request" => &step.location,
        _ => location,
    };
    if !joins(blocked) {
        text.push_str(&format!(" ({})", place(location)));
    }
    escape::line(&text)
}

/// The first cycle of waits, with its first thread again at its end.
fn cycle(blocked: &[BlockedThread]) -> Option<Vec<&str>> {
    (0..blocked.len()).find_map(|start| {
        let mut path = vec![start];
        let mut seen = vec![false; blocked.len()];
        back_to(start, start, blocked, &mut path, &mut seen).then(|| {
            path.iter()
                .chain([&start])
                .map(|&at| blocked[at].thread.as_str())
                .collect()
        })
    })
}

/// Whether `start` can be reached from `from`; then `path` leads there.
fn back_to(
    start: usize,
    from: usize,
    blocked: &[BlockedThread],
    path: &mut Vec<usize>,
    seen: &mut [bool],
) -> bool {
    let awaited = |thread: &str| {
        let BlockedThread {
            waits_for, held_by, ..
        } = &blocked[from];
        held_by.iter().any(|holder| holder == thread)
            || waits_for
                .strip_prefix(JOIN)
                .is_some_and(|awaited| awaited == thread)
    };
    for next in 0..blocked.len() {
        if !awaited(&blocked[next].thread) {
            continue;
        }
        if next == start {
            return true;
        }
        if !std::mem::replace(&mut seen[next], true) {
            path.push(next);
            if back_to(start, next, blocked, path, seen) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// `file:line` of `file:line:column`; of an absolute path what lies inside the crate.
#[must_use]
pub(super) fn place(location: &str) -> String {
    let location = location.replace('\\', "/");
    let numbers = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let place = match location.rsplit_once(':') {
        Some((rest, column))
            if numbers(column) && rest.rsplit_once(':').is_some_and(|(_, line)| numbers(line)) =>
        {
            rest
        }
        _ => &location,
    };
    let absolute = place.starts_with('/') || place.get(1..3) == Some(":/");
    let inside = ["/src/", "/tests/", "/examples/", "/benches/"]
        .into_iter()
        .filter_map(|folder| place.rfind(folder))
        .max();
    escape::line(match inside {
        Some(at) if absolute => &place[at + 1..],
        _ => place,
    })
}

fn fits(lanes: &str) -> bool {
    lanes.lines().all(|line| width(line) <= MOST_COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn counterexample(rows: &[crate::engines::Claimed]) -> Counterexample {
        rows[0]
            .row
            .counterexample()
            .expect("the sample is refuted")
            .clone()
    }

    fn step(thread: usize, operation: &str, object: &str, value: Option<u64>) -> CounterStep {
        CounterStep {
            thread,
            operation: operation.to_owned(),
            object: object.to_owned(),
            kind: "semaphore".to_owned(),
            value,
            location: "src/a.rs:1:2".to_owned(),
            depth: 0,
            gated: false,
        }
    }

    fn texts(counterexample: &Counterexample) -> Vec<String> {
        told(counterexample)
            .into_iter()
            .map(|(step, text)| format!("{} {text}", step.thread))
            .collect()
    }

    #[test]
    fn a_deadlock_is_told_in_lanes_with_its_cycle() {
        for engine in [EngineId::Loom, EngineId::ShuttleDfs] {
            let found = counterexample(&samples::unclaimed(samples::OPPOSITE, engine));
            let text = render_with(&found, &samples::context().rerun);
            assert!(
                text.starts_with("locks/opposite lock=facade rounds=1: deadlock\n"),
                "{text}"
            );
            let head = text.lines().find(|line| line.contains('|')).unwrap();
            let columns: Vec<&str> = head.split('|').map(str::trim).collect();
            assert_eq!(columns, ["diner 0", "diner 1", ""], "{text}");
            let left = text
                .lines()
                .find(|line| line.contains("lock left"))
                .unwrap();
            let (lane, _) = left.split_once(" | ").unwrap();
            assert_eq!(
                lane.trim(),
                "lock left",
                "diner 0 locks it, in the first lane: {text}"
            );
            assert!(left.contains("| src/report/samples.rs:"), "{text}");
            assert!(text.contains("diner 0 waits for mutex `right`, held by diner 1; holds mutex `left` (src/report/samples.rs:"), "{text}");
            assert!(
                text.contains("wait cycle: diner 0 -> diner 1 -> diner 0\n"),
                "{text}"
            );
            let token = text
                .lines()
                .last()
                .unwrap()
                .strip_prefix("replay: crosscheck replay ");
            assert!(Counterexample::from_token(token.unwrap()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_p_is_one_step() {
        let found = samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs);
        let text = Story::of(&counterexample(&found)).text();
        let count = |what: &str| text.matches(what).count();
        assert_eq!((count("P(left)"), count("P(right)")), (2, 2), "{text}");
        assert_eq!(
            (count("P(left) ..."), count("P(right) ...")),
            (1, 1),
            "{text}"
        );
        assert_eq!(count("granted"), 0, "{text}");
    }

    #[test]
    fn what_comes_between_keeps_a_p_in_two() {
        let mut story = counterexample(&samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        story.steps = vec![
            step(0, "request", "a", None),
            step(1, "release", "a", None),
            step(0, "granted", "a", Some(1)),
            step(1, "released", "a", Some(1)),
        ];
        assert_eq!(texts(&story), ["0 P(a) ...", "1 V(a)", "0 P(a) granted"]);
        story.steps = vec![
            step(0, "request", "a", None),
            step(1, "request", "a", None),
            step(1, "release", "b", None),
            step(0, "granted", "a", Some(1)),
            step(1, "released", "b", Some(1)),
            step(0, "try-request", "b", None),
            step(0, "granted", "b", Some(0)),
        ];
        assert_eq!(
            texts(&story),
            ["0 P(a)", "1 P(a) ...", "1 V(b)", "0 try P(b) fails"]
        );
    }

    #[test]
    fn who_waits_in_a_p_waits_where_the_p_is() {
        let found = samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs);
        let text = Story::of(&counterexample(&found)).text();
        assert!(
            text.contains("; holds semaphore `left` (src/report/samples.rs:"),
            "{text}"
        );
        assert!(!text.contains("src/primitives"), "{text}");
    }

    #[test]
    fn zones_are_told_where_they_are_what_fails() {
        let mut story = counterexample(&samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        story.steps = vec![
            step(0, "enter", "region", None),
            step(0, "leave", "region", None),
        ];
        for step in &mut story.steps {
            step.kind = ZONE.to_owned();
        }
        assert!(texts(&story).is_empty());
        story.property = Property::MutualExclusion.id().to_owned();
        assert_eq!(texts(&story), ["0 enter region", "0 leave region"]);
        assert_eq!(Story::of(&story).steps[1].place, "");
    }

    #[test]
    fn a_counterexample_from_elsewhere_may_be_wrong() {
        let mut story = counterexample(&samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        story.steps.push(step(99, "release", "a", None));
        story.property = "no such property".to_owned();
        assert!(render(&story).starts_with("semaphores/hungry: no such property\n"));
    }

    #[test]
    fn many_threads_become_a_list() {
        let mut story = counterexample(&samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        story.threads = (0..7).map(|at| format!("thread {at}")).collect();
        story.steps = (0..7).map(|at| step(at, "release", "a", None)).collect();
        let text = render(&story);
        assert!(text.contains("  thread 6: V(a)  src/a.rs:1\n"), "{text}");
        assert!(!text.contains('|'), "{text}");
    }

    #[test]
    fn wide_lanes_drop_the_folders_first() {
        let mut story = counterexample(&samples::unclaimed(samples::HUNGRY, EngineId::ShuttleDfs));
        story.threads = (0..4).map(|at| format!("{at:18}")).collect();
        story.steps = (0..4).map(|at| step(at, "release", "a", None)).collect();
        for step in &mut story.steps {
            step.location = format!("src/{}/file.rs:1:2", "deep".repeat(9));
        }
        let text = render(&story);
        assert!(text.contains("| file.rs:1\n"), "{text}");
        for name in &mut story.threads {
            *name = format!("{name:>23}");
        }
        let text = render(&story);
        assert!(
            text.contains("/file.rs:\n\n") && text.contains("| 1\n"),
            "{text}"
        );
    }

    #[test]
    fn places_are_inside_the_crate() {
        assert_eq!(place("src/a.rs:12:9"), "src/a.rs:12");
        assert_eq!(
            place("/home/u/.cargo/registry/src/index/x-1.0/src/b.rs:1:2"),
            "src/b.rs:1"
        );
        assert_eq!(place("C:\\x\\tests\\c.rs:1:2"), "tests/c.rs:1");
        assert_eq!(place("src\\a.rs:12"), "src/a.rs:12");
        assert_eq!(place("/elsewhere.rs:1:2"), "/elsewhere.rs:1");
        assert_eq!(place("unknown"), "unknown");
    }

    #[test]
    fn the_cycle_leaves_out_who_is_only_behind_it() {
        let blocked = |thread: &str, waits_for: &str, held_by: &[&str]| BlockedThread {
            thread: thread.to_owned(),
            waits_for: waits_for.to_owned(),
            held_by: held_by.iter().map(|&name| name.to_owned()).collect(),
            holds: Vec::new(),
            location: String::new(),
        };
        let behind = [
            blocked("a", "x", &["b"]),
            blocked("b", "y", &["gone", "c"]),
            blocked("c", "the end of b", &[]),
        ];
        assert_eq!(cycle(&behind), Some(vec!["b", "c", "b"]));
        assert_eq!(cycle(&behind[..2]), None);
        assert_eq!(cycle(&[blocked("a", "x", &["a"])]), Some(vec!["a", "a"]));
    }

    #[test]
    fn rows_without_a_counterexample_are_explained_too() {
        let rows = samples::unclaimed(samples::MISSED, EngineId::ShuttleDfs);
        let missed = rows
            .iter()
            .find(|row| row.row.property == Property::Reachability)
            .unwrap();
        let text = render_row(&missed.row, &samples::context().rerun);
        assert!(text.starts_with("marks/missed: not reachable\n  never happens: third comes\n"));
        let rows = samples::unclaimed(samples::CROWD, EngineId::Loom);
        assert!(
            render_row(&rows[0].row, &samples::context().rerun)
                .starts_with("memory/crowd: gave-up\n  more than 5")
        );
    }

    #[test]
    fn messages_cannot_talk_to_the_terminal() {
        let text = render_row(&samples::shouting()[0].row, &samples::context().rerun);
        assert!(
            text.contains("\\u{1b}[31m") && text.contains("\n  second line\n"),
            "{text}"
        );
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text}");
    }
}
