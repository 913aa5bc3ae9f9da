//! Laws of the parts that the programs are built of, on OS threads and under engine `exhaustive`:
//! the accept gate, the pipe and the pipeline, the maildrop lock.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use crosscheck::engines::{EngineId, Job, Limits, Word, check};
use crosscheck::primitives::{
    AcceptGate, Closed, InUse, MaildropLocks, Pipe, PipeError, Pipeline, Refused, Shut, Unfinished,
};
use crosscheck::scenario::{Instance, Program, Property, Scenario, Zone, require};
use crosscheck::sync::{Backend, Os, Semantics, scope};
use proptest::prelude::*;

/// Every execution of a scenario is right.
fn proved(scenario: impl Scenario) -> Result<(), TestCaseError> {
    let program: Program = Arc::new(scenario);
    let rows = check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &Limits::PROOF,
    });
    for row in rows {
        prop_assert!(
            row.verdict.word() == Word::Proved,
            "{}: {:?}",
            row.property,
            row.verdict
        );
    }
    Ok(())
}

/// What somebody does at a gate.
#[derive(Clone, Copy, Debug)]
enum AtGate {
    Admit,
    TryAdmit,
    /// Ends the session that was admitted first, if there is one.
    End,
    Shutdown,
    Abandon,
    /// Ends all of one's sessions and waits for those of the others.
    Drain,
}

fn at_gate() -> impl Strategy<Value = AtGate> {
    prop_oneof![
        3 => Just(AtGate::Admit),
        3 => Just(AtGate::TryAdmit),
        3 => Just(AtGate::End),
        1 => Just(AtGate::Shutdown),
        1 => Just(AtGate::Abandon),
        1 => Just(AtGate::Drain),
    ]
}

/// Threads that follow a script each; the main thread shuts the gate.
struct Scripts {
    limit: usize,
    scripts: Vec<Vec<AtGate>>,
}

impl Scenario for Scripts {
    fn name(&self) -> &'static str {
        "random/gate"
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let gate = AcceptGate::<B>::new("gate", self.limit);
        let inside = Zone::<B>::admitting("sessions", self.limit);
        let follow = |script: &[AtGate]| {
            // A session's stay ends before its permit comes back.
            let mut sessions = Vec::new();
            for step in script {
                match step {
                    AtGate::Admit => {
                        sessions.extend(gate.admit().ok().map(|s| (inside.enter(), s)));
                    }
                    AtGate::TryAdmit => {
                        sessions.extend(gate.try_admit().ok().map(|s| (inside.enter(), s)));
                    }
                    AtGate::End if sessions.is_empty() => {}
                    AtGate::End => drop(sessions.remove(0)),
                    AtGate::Shutdown => gate.shutdown(),
                    AtGate::Abandon => gate.abandon(),
                    AtGate::Drain => {
                        sessions.clear();
                        let drained = gate.drain();
                        let abandoned = self.scripts.iter().flatten();
                        let abandoned = abandoned
                            .filter(|step| matches!(step, AtGate::Abandon))
                            .count();
                        require::<B>(
                            Property::Invariant,
                            drained.is_ok() || abandoned > 0,
                            || format!("nobody abandons the gate, yet: {drained:?}"),
                        );
                    }
                }
            }
        };
        scope::<B, _>(|scope| {
            for (i, script) in self.scripts.iter().enumerate() {
                scope.spawn(("thread", i), move || follow(script));
            }
            gate.shutdown();
        });
        require::<B>(Property::Invariant, gate.sessions() == 0, || {
            "a session was forgotten".to_owned()
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever several threads do at a gate, nobody is left waiting once it is shut, and never are
    /// more inside than it admits.
    #[test]
    fn a_gate_that_is_shut_leaves_nobody_waiting(
        limit in 1usize..3,
        scripts in prop::collection::vec(prop::collection::vec(at_gate(), 0..4), 1..3),
    ) {
        proved(Scripts { limit, scripts })?;
    }

    /// A gate that nobody waits at is a counter and a flag.
    #[test]
    fn an_uncontended_gate_is_a_counter_and_a_flag(
        limit in 1usize..4,
        steps in prop::collection::vec(at_gate(), 0..32),
    ) {
        let gate = AcceptGate::<Os>::new("gate", limit);
        let (mut sessions, mut shut, mut abandoned) = (Vec::new(), false, false);
        for step in steps {
            let full = sessions.len() == limit;
            match step {
                // It would wait.
                AtGate::Admit if full && !shut => {}
                AtGate::Admit => match gate.admit() {
                    Ok(session) => {
                        prop_assert!(!shut);
                        sessions.push(session);
                    }
                    Err(Shut) => prop_assert!(shut),
                },
                AtGate::TryAdmit => match gate.try_admit() {
                    Ok(session) => {
                        prop_assert!(!shut && !full);
                        sessions.push(session);
                    }
                    Err(Refused::Shut) => prop_assert!(shut),
                    Err(Refused::Full { limit: told }) => {
                        prop_assert!(full && !shut && told == limit);
                    }
                },
                AtGate::End if sessions.is_empty() => {}
                AtGate::End => drop(sessions.remove(0)),
                AtGate::Shutdown => {
                    gate.shutdown();
                    shut = true;
                }
                AtGate::Abandon => {
                    gate.abandon();
                    (shut, abandoned) = (true, true);
                }
                AtGate::Drain if abandoned || (shut && sessions.is_empty()) => {
                    let expected = match sessions.len() {
                        0 => Ok(()),
                        sessions => Err(Unfinished { sessions }),
                    };
                    prop_assert_eq!(gate.drain(), expected);
                }
                // It would wait.
                AtGate::Drain => {}
            }
            prop_assert_eq!((gate.sessions(), gate.is_shut()), (sessions.len(), shut));
        }
    }
}

#[test]
fn a_session_that_panics_gives_its_permit_back() {
    let gate = Arc::new(AcceptGate::<Os>::new("gate", 1));
    let session = gate.admit_owned().expect("the gate is open");
    let panicked = thread::spawn(move || {
        let _session = session;
        // Past the panic hook, which would print it.
        std::panic::resume_unwind(Box::new("a session fails"));
    })
    .join();
    assert!(panicked.is_err());
    drop(gate.admit().expect("the permit came back"));
    gate.shutdown();
    assert_eq!(gate.drain(), Ok(()));
}

#[test]
fn a_shutdown_wakes_every_acceptor_and_a_deadline_every_drain() {
    let gate = AcceptGate::<Os>::new("gate", 1);
    let session = gate.admit().expect("the gate is open");
    thread::scope(|scope| {
        let acceptors = [0, 1].map(|_| scope.spawn(|| gate.admit().map(drop)));
        let drains = [0, 1].map(|_| scope.spawn(|| gate.drain()));
        gate.shutdown();
        for acceptor in acceptors {
            assert_eq!(acceptor.join().expect("it does not panic"), Err(Shut));
        }
        gate.abandon();
        for drain in drains {
            let told = drain.join().expect("it does not panic");
            assert_eq!(told, Err(Unfinished { sessions: 1 }));
        }
    });
    drop(session);
    assert_eq!(gate.drain(), Ok(()));
}

/// How a sender ends, after its last block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Finishes,
    Fails,
    IsDropped,
}

/// One sender of so many blocks, one receiver that takes so many and leaves, or stays to the end.
#[derive(Clone, Copy, Debug)]
struct Talk {
    capacity: usize,
    blocks: usize,
    ending: Ending,
    leaves_after: Option<usize>,
}

fn talks(most: usize) -> impl Strategy<Value = Talk> {
    let ending = prop_oneof![
        Just(Ending::Finishes),
        Just(Ending::Fails),
        Just(Ending::IsDropped)
    ];
    (1..4usize, 0..most, ending, prop::option::of(0..most)).prop_map(
        |(capacity, blocks, ending, leaves_after)| Talk {
            capacity,
            blocks,
            ending,
            leaves_after,
        },
    )
}

impl Talk {
    /// Both sides, over a pipe that has been used before.
    fn hold<B: Backend>(&self, pipe: &mut Pipe<B, usize, ()>) {
        let (mut sender, mut receiver) = pipe.ends();
        // The receiver is gone at the end of its thread's part, before the sender is waited for.
        scope::<B, _>(move |scope| {
            scope.spawn("sender", move || {
                for number in 0..self.blocks {
                    let mut block = number;
                    if let Err(Closed) = sender.put(&mut block) {
                        let left = self.leaves_after.is_some_and(|taken| taken <= number);
                        require::<B>(Property::Invariant, left && block == number, || {
                            format!("block {number} is refused, nobody has left")
                        });
                        return;
                    }
                }
                match self.ending {
                    Ending::Finishes => sender.finish(),
                    Ending::Fails => sender.fail(()),
                    Ending::IsDropped => drop(sender),
                }
            });
            let (mut taken, mut block) = (0, usize::MAX);
            while self.leaves_after != Some(taken) {
                let told = receiver.take(&mut block);
                let expected = match self.ending {
                    _ if taken < self.blocks => Ok(true),
                    Ending::Finishes => Ok(false),
                    Ending::Fails => Err(PipeError::Failed(())),
                    Ending::IsDropped => Err(PipeError::Gone),
                };
                require::<B>(Property::Conservation, told == expected, || {
                    format!("after {taken} blocks: {told:?} where {expected:?} is right")
                });
                if told != Ok(true) {
                    // And ever after, the error itself only once.
                    let again = match told {
                        Ok(_) => Ok(false),
                        Err(_) => Err(PipeError::Gone),
                    };
                    assert_eq!(receiver.take(&mut block), again);
                    return;
                }
                require::<B>(Property::FifoOrder, block == taken, || {
                    format!("block {block} comes where {taken} is next")
                });
                taken += 1;
            }
        });
    }
}

impl Scenario for Talk {
    fn name(&self) -> &'static str {
        "random/talk"
    }

    fn properties(&self) -> Vec<Property> {
        vec![
            Property::DeadlockFreedom,
            Property::DataRaceFreedom,
            Property::Conservation,
            Property::FifoOrder,
            Property::Invariant,
        ]
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let mut pipe = Pipe::<B, usize, ()>::new("pipe", self.capacity, || usize::MAX);
        // What the first leaves in the slots is not in the second.
        self.hold(&mut pipe);
        self.hold(&mut pipe);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nobody_waits_at_a_pipe_for_someone_who_is_gone(talk in talks(4)) {
        proved(talk)?;
    }

    #[test]
    fn a_pipe_on_os_threads_loses_nothing_and_repeats_nothing(talk in talks(100)) {
        let mut pipe = Pipe::<Os, usize, ()>::new("pipe", talk.capacity, || usize::MAX);
        for _ in 0..3 {
            talk.hold(&mut pipe);
        }
    }

    /// Bytes of any number and kind come out as they went in, whatever the sizes of the blocks, or
    /// as the prefix before the block on which a stage failed; no block is allocated in a run.
    #[test]
    fn a_pipeline_copies_byte_for_byte_or_tells_one_error(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        size in 1usize..64,
        slots in (1usize..4, 1usize..4),
        faults in prop::array::uniform3(prop::option::of(0usize..20)),
    ) {
        let mut made = 0;
        let mut pipeline = Pipeline::<Os, Vec<u8>, usize>::new("copy", slots, || {
            made += 1;
            Vec::with_capacity(size)
        });
        let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
        let (at_source, at_transform, at_sink) = (faults[0], faults[1], faults[2]);
        // A stage fails with its own number; of two on a block the first.
        let first = [
            at_source.filter(|&at| at <= chunks.len()).map(|at| (at, 0)),
            at_transform.filter(|&at| at < chunks.len()).map(|at| (at, 1)),
            at_sink.filter(|&at| at < chunks.len()).map(|at| (at, 2)),
        ];
        let first = first.into_iter().flatten().min();
        for _ in 0..2 {
            let (mut read, mut changed, mut written) = (0, 0, 0);
            let mut copy = Vec::new();
            let result = pipeline.run(
                |block| {
                    if at_source == Some(read) {
                        return Err(0);
                    }
                    let Some(chunk) = chunks.get(read) else { return Ok(false) };
                    read += 1;
                    block.clear();
                    block.extend_from_slice(chunk);
                    Ok(true)
                },
                |block| {
                    if at_transform == Some(changed) {
                        return Err(1);
                    }
                    changed += 1;
                    block.iter_mut().for_each(|byte| *byte = !*byte);
                    Ok(())
                },
                |block| {
                    if at_sink == Some(written) {
                        return Err(2);
                    }
                    written += 1;
                    assert_eq!(block.capacity(), size);
                    copy.extend(block.iter().map(|byte| !byte));
                    Ok(())
                },
            );
            let expected = first.map_or(Ok(()), |(_, stage)| Err(PipeError::Failed(stage)));
            prop_assert_eq!(result, expected);
            let before = first.map_or(bytes.len(), |(at, _)| bytes.len().min(at * size));
            prop_assert_eq!(copy, &bytes[..before]);
        }
        drop(pipeline);
        prop_assert_eq!(made, slots.0 + slots.1 + 3);
    }
}

#[test]
fn a_stage_that_panics_stops_the_others() {
    for guilty in 0..3 {
        let mut pipeline = Pipeline::<Os, usize, ()>::new("pipeline", (1, 1), || 0);
        let act = |stage| {
            if stage == guilty {
                // Past the panic hook, which would print it.
                std::panic::resume_unwind(Box::new(stage));
            }
        };
        let run = || {
            pipeline.run(
                |_| {
                    act(0);
                    Ok(true)
                },
                |_| {
                    act(1);
                    Ok(())
                },
                |_| {
                    act(2);
                    Ok(())
                },
            )
        };
        let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("the panic comes out");
        assert_eq!(payload.downcast_ref(), Some(&guilty));
    }
}

/// What a session does with one of its maildrops.
#[derive(Clone, Copy, Debug)]
enum AtMaildrop {
    Open,
    Mark(usize),
    Reset,
    Quit,
    Drop,
}

proptest! {
    /// The lock equals a map from the names of open maildrops to their marks.
    #[test]
    fn a_maildrop_is_open_once_and_its_marks_count_when_it_quits(
        steps in prop::collection::vec(
            (
                0usize..3,
                prop_oneof![
                    3 => Just(AtMaildrop::Open),
                    3 => (0usize..4).prop_map(AtMaildrop::Mark),
                    1 => Just(AtMaildrop::Reset),
                    1 => Just(AtMaildrop::Quit),
                    1 => Just(AtMaildrop::Drop),
                ],
            ),
            0..48,
        ),
    ) {
        let locks = MaildropLocks::<Os, String>::new("maildrops");
        let (mut sessions, mut model) = (BTreeMap::new(), BTreeMap::new());
        for (name, step) in steps {
            let opened = || locks.try_open(format!("user {name}"));
            match (step, sessions.get_mut(&name)) {
                (AtMaildrop::Open, Some(_)) => prop_assert_eq!(opened().err(), Some(InUse)),
                (AtMaildrop::Open, None) => {
                    sessions.insert(name, opened().expect("nobody has it"));
                    model.insert(name, BTreeSet::new());
                }
                (_, None) => {}
                (AtMaildrop::Mark(message), Some(maildrop)) => {
                    let fresh = model.entry(name).or_default().insert(message);
                    prop_assert_eq!(maildrop.mark(message), fresh);
                    prop_assert!(maildrop.is_marked(message));
                }
                (AtMaildrop::Reset, Some(maildrop)) => {
                    maildrop.unmark_all();
                    model.entry(name).or_default().clear();
                }
                (AtMaildrop::Quit, Some(_)) => {
                    let maildrop = sessions.remove(&name).expect("it is open");
                    let marks = maildrop.commit(|marks| {
                        // Not before this is over.
                        assert_eq!(opened().err(), Some(InUse));
                        marks.clone()
                    });
                    prop_assert_eq!(Some(marks), model.remove(&name));
                }
                (AtMaildrop::Drop, Some(_)) => {
                    sessions.remove(&name);
                    model.remove(&name);
                }
            }
            prop_assert_eq!(locks.open(), model.len());
        }
    }
}
