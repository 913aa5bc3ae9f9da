//! Programs that decide by memory that the model does not have: never proved, in no mode; and
//! programs that only use such memory, which the audit lets pass.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::channel;
use std::sync::{Arc, LazyLock, Mutex as StdMutex, OnceLock, RwLock as StdRwLock};
use std::time::{Instant, SystemTime};

use crosscheck::engines::limits::SearchMode;
use crosscheck::engines::{EngineId, GaveUp, Job, Limits, Row, Verdict, Word, check};
use crosscheck::scenario::{Instance, Program, Property, Scenario, require};
use crosscheck::sync::{Backend, Mutex, Semantics, Shared, scope};

/// Two locks, one for each of two threads; with a third one that both take.
struct Locks<B: Backend> {
    own: [Mutex<B, usize>; 2],
    both: Mutex<B, usize>,
}

impl<B: Backend> Locks<B> {
    fn new() -> Self {
        Self {
            own: [0, 1].map(|me| Mutex::new(("own", me), 0)),
            both: Mutex::new("both", 0),
        }
    }

    /// A step that concerns nobody else.
    fn step(&self, me: usize) {
        *self.own[me].lock() += 1;
    }

    /// A step on one lock or on the other.
    fn decide(&self, me: usize, bit: bool) {
        if bit {
            *self.both.lock() += 1;
        } else {
            self.step(me);
        }
    }

    /// A thread beside the main one; both run `session`, which is told who it is.
    fn two(&self, session: impl Fn(usize) + Sync) {
        scope::<B, _>(|scope| {
            scope.spawn("other", || session(1));
            session(0);
        });
    }
}

/// A program of its own for each way to decide by what is outside of the model.
#[expect(
    clippy::enum_variant_names,
    reason = "they are read without the name of the type"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decides {
    ByStrongCount,
    ByStrongCountAfterDrop,
    ByWeakCount,
    ByTryUnwrap,
    ByIntoInner,
    ByGetMut,
    ByMakeMut,
    ByUpgrade,
    ByLastOut,
    ByFirstIn,
    ByExchange,
    ByFlag,
    ByMaximum,
    ByTicket,
    ByToggle,
    ByPointer,
    ByAddition,
    ByOrderInList,
    ByTaking,
    ByPresence,
    ByOnceLock,
    ByLazyLock,
    ByChannel,
    ByReadersWriters,
    ByMap,
    ByRetained,
    ByTotalAtTheEnd,
    ByLastWriter,
    ByRequire,
    ByData,
    ByStaticParity,
    ByStaticFirstTime,
    ByStaticLog,
    ByThreadLocal,
    ByAddressParity,
    ByAddressOrder,
    ByBufferAddress,
    ByClock,
    ByElapsed,
    ByRandomHash,
}

use Decides::*;

const DECIDES: [Decides; 40] = [
    ByStrongCount,
    ByStrongCountAfterDrop,
    ByWeakCount,
    ByTryUnwrap,
    ByIntoInner,
    ByGetMut,
    ByMakeMut,
    ByUpgrade,
    ByLastOut,
    ByFirstIn,
    ByExchange,
    ByFlag,
    ByMaximum,
    ByTicket,
    ByToggle,
    ByPointer,
    ByAddition,
    ByOrderInList,
    ByTaking,
    ByPresence,
    ByOnceLock,
    ByLazyLock,
    ByChannel,
    ByReadersWriters,
    ByMap,
    ByRetained,
    ByTotalAtTheEnd,
    ByLastWriter,
    ByRequire,
    ByData,
    ByStaticParity,
    ByStaticFirstTime,
    ByStaticLog,
    ByThreadLocal,
    ByAddressParity,
    ByAddressOrder,
    ByBufferAddress,
    ByClock,
    ByElapsed,
    ByRandomHash,
];

static PARITY: AtomicUsize = AtomicUsize::new(0);
static FIRST_TIME: AtomicBool = AtomicBool::new(true);
static LOG: StdMutex<Vec<usize>> = StdMutex::new(Vec::new());

thread_local! {
    static CALLS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Scenario for Decides {
    fn name(&self) -> &'static str {
        "outside/decides"
    }

    #[expect(clippy::too_many_lines, reason = "a line or two for each program")]
    fn run<B: Backend>(&self, _: &Instance) {
        let locks = Locks::<B>::new();
        let shared = StdMutex::new(Some(Arc::new(7)));
        let handles = [0, 1].map(|_| StdMutex::new(shared.lock().unwrap().clone()));
        if !matches!(self, ByStrongCount) {
            shared.lock().unwrap().take();
        }
        let takes = |me: usize| handles[me].lock().unwrap().take().expect("once");
        let number = AtomicUsize::new(0);
        let flag = AtomicBool::new(false);
        match self {
            ByStrongCount => locks.two(|me| {
                locks.step(me);
                drop(takes(me));
                let count = shared.lock().unwrap().as_ref().map(Arc::strong_count);
                locks.decide(me, count == Some(1));
            }),
            ByStrongCountAfterDrop => locks.two(|me| {
                locks.step(me);
                let mine = takes(me);
                locks.decide(me, Arc::strong_count(&mine) == 1);
                drop(mine);
            }),
            ByWeakCount => {
                let weak = StdMutex::new(Vec::new());
                locks.two(|me| {
                    let mine = takes(me);
                    locks.step(me);
                    weak.lock().unwrap().push(Arc::downgrade(&mine));
                    locks.decide(me, Arc::weak_count(&mine) == 1);
                });
            }
            ByTryUnwrap => locks.two(|me| {
                locks.step(me);
                locks.decide(me, Arc::try_unwrap(takes(me)).is_ok());
            }),
            ByIntoInner => locks.two(|me| {
                locks.step(me);
                locks.decide(me, Arc::into_inner(takes(me)).is_some());
            }),
            ByGetMut => locks.two(|me| {
                locks.step(me);
                let mut mine = takes(me);
                let alone = Arc::get_mut(&mut mine).is_some();
                drop(mine);
                locks.decide(me, alone);
            }),
            ByMakeMut => locks.two(|me| {
                locks.step(me);
                let mut mine = takes(me);
                let before = Arc::as_ptr(&mine);
                Arc::make_mut(&mut mine);
                let copied = before != Arc::as_ptr(&mine);
                drop(mine);
                locks.decide(me, copied);
            }),
            ByUpgrade => {
                let weak = Arc::downgrade(handles[1].lock().unwrap().as_ref().expect("there"));
                drop(takes(0));
                locks.two(|me| {
                    locks.step(me);
                    match me {
                        0 => locks.decide(0, weak.upgrade().is_some()),
                        _ => drop(takes(1)),
                    }
                    locks.step(me);
                });
            }
            ByLastOut => locks.two(|me| {
                locks.step(me);
                locks.decide(me, number.fetch_add(1, SeqCst) == 1);
            }),
            ByFirstIn => locks.two(|me| {
                locks.step(me);
                locks.decide(me, !flag.swap(true, SeqCst));
            }),
            ByExchange => locks.two(|me| {
                locks.step(me);
                let won = number.compare_exchange(0, me + 1, SeqCst, SeqCst);
                locks.decide(me, won.is_ok());
            }),
            ByFlag => locks.two(|me| {
                locks.step(me);
                match me {
                    0 => locks.decide(0, flag.load(SeqCst)),
                    _ => flag.store(true, SeqCst),
                }
                locks.step(me);
            }),
            ByMaximum => locks.two(|me| {
                locks.step(me);
                locks.decide(me, number.fetch_max(me + 1, SeqCst) > me);
            }),
            ByTicket => locks.two(|me| {
                locks.step(me);
                for _ in 0..number.fetch_add(1, SeqCst) {
                    locks.step(me);
                }
            }),
            ByToggle => locks.two(|me| {
                locks.step(me);
                locks.decide(me, flag.fetch_xor(true, SeqCst));
            }),
            ByPointer => {
                let pointer = AtomicPtr::new(std::ptr::null_mut::<usize>());
                let mut cells = [0, 0];
                let ends = cells.each_mut().map(|cell| AtomicPtr::new(cell));
                locks.two(|me| {
                    locks.step(me);
                    let before = pointer.swap(ends[me].load(SeqCst), SeqCst);
                    locks.decide(me, before.is_null());
                });
            }
            ByAddition => locks.two(|me| {
                locks.step(me);
                let before = number.fetch_add(me + 1, SeqCst);
                locks.step(me);
                *locks.both.lock() += before;
                require::<B>(Property::Invariant, before == 0 || me == 0, || {
                    "second".into()
                });
            }),
            ByOrderInList => {
                let list = StdMutex::new(Vec::new());
                locks.two(|me| {
                    locks.step(me);
                    list.lock().unwrap().push(me);
                    locks.step(me);
                });
                locks.decide(0, list.lock().unwrap()[0] == 1);
            }
            ByTaking => {
                let one = StdMutex::new(Some(1));
                locks.two(|me| {
                    locks.step(me);
                    let took = one.lock().unwrap().take().is_some();
                    locks.decide(me, took);
                });
            }
            ByPresence => {
                let present = StdMutex::new([false; 2]);
                locks.two(|me| {
                    locks.step(me);
                    let other = {
                        let mut present = present.lock().unwrap();
                        present[me] = true;
                        present[1 - me]
                    };
                    locks.decide(me, other);
                });
            }
            ByOnceLock => {
                let first = OnceLock::new();
                locks.two(|me| {
                    locks.step(me);
                    locks.decide(me, *first.get_or_init(|| me) == me);
                });
            }
            ByLazyLock => {
                let who = AtomicUsize::new(9);
                let lazy = LazyLock::new(|| who.load(SeqCst));
                locks.two(|me| {
                    locks.step(me);
                    who.store(me, SeqCst);
                    locks.decide(me, *lazy == me);
                });
            }
            ByChannel => {
                let (sender, receiver) = channel();
                let receiver = StdMutex::new(receiver);
                locks.two(|me| {
                    locks.step(me);
                    match me {
                        0 => {
                            let came = receiver.lock().unwrap().try_recv().is_ok();
                            locks.decide(0, came);
                        }
                        _ => sender.send(1).expect("the receiver is there"),
                    }
                    locks.step(me);
                });
            }
            ByReadersWriters => {
                let value = StdRwLock::new(0);
                locks.two(|me| {
                    locks.step(me);
                    let seen = *value.read().unwrap();
                    *value.write().unwrap() += 1;
                    locks.decide(me, seen == 0);
                });
            }
            ByMap => {
                let map = StdMutex::new(HashMap::new());
                locks.two(|me| {
                    locks.step(me);
                    let before = map.lock().unwrap().insert("last", me);
                    locks.decide(me, before.is_some());
                });
            }
            ByRetained => {
                let list = StdMutex::new(vec![0, 1, 2]);
                locks.two(|me| {
                    locks.step(me);
                    let popped = list.lock().unwrap().pop();
                    locks.decide(me, popped == Some(2));
                });
            }
            ByTotalAtTheEnd => {
                locks.two(|me| {
                    locks.step(me);
                    let before = number.load(SeqCst);
                    number.store(before * 2 + me + 1, SeqCst);
                    locks.step(me);
                });
                locks.decide(0, number.load(SeqCst) == 4);
            }
            ByLastWriter => {
                locks.two(|me| {
                    locks.step(me);
                    number.store(me, SeqCst);
                    locks.step(me);
                });
                require::<B>(
                    Property::Invariant,
                    number.load(SeqCst) == 1 || *locks.both.lock() == 0,
                    || "cannot be".into(),
                );
                locks.decide(0, number.load(SeqCst) == 0);
            }
            ByRequire => {
                let open = AtomicUsize::new(2);
                locks.two(|me| {
                    locks.step(me);
                    let last = open.fetch_sub(1, SeqCst) == 1;
                    require::<B>(Property::Invariant, !last || me == 1, || {
                        "0 is the last".into()
                    });
                    require::<B>(Property::Invariant, !last || me == 0, || {
                        "1 is the last".into()
                    });
                    locks.step(me);
                });
            }
            ByData => {
                let data = [0, 1].map(|me| Shared::<B, usize>::new(("data", me), 0));
                locks.two(|me| {
                    locks.step(me);
                    data[me].set(number.fetch_add(1, SeqCst));
                    locks.step(me);
                });
                locks.decide(0, data[0].get() == 0);
            }
            ByStaticParity => locks.two(|me| {
                let count = PARITY.fetch_add(1, SeqCst);
                locks.decide(me, count.is_multiple_of(3));
            }),
            ByStaticFirstTime => locks.two(|me| {
                locks.decide(me, FIRST_TIME.swap(false, SeqCst));
            }),
            ByStaticLog => locks.two(|me| {
                let length = {
                    let mut log = LOG.lock().unwrap();
                    log.push(me);
                    log.len()
                };
                locks.decide(me, length < 4);
            }),
            ByThreadLocal => locks.two(|me| {
                let calls = CALLS.replace(CALLS.get() + 1);
                locks.decide(me, calls.is_multiple_of(2));
            }),
            ByAddressParity => {
                let mut blocks = Vec::new();
                for size in 1..14 {
                    let block = Vec::<u8>::with_capacity(16 * size);
                    locks.decide(0, (block.as_ptr() as usize >> 4) & 1 == 0);
                    blocks.push(block);
                }
            }
            ByAddressOrder => {
                for _ in 0..8 {
                    let blocks = [Box::new([0_u8; 40]), Box::new([0_u8; 40])];
                    locks.decide(0, blocks[0].as_ptr() < blocks[1].as_ptr());
                }
            }
            ByBufferAddress => {
                let mut buffers = Vec::new();
                for length in 1..12 {
                    let buffer = vec![0_u64; length];
                    locks.decide(0, (buffer.as_ptr() as usize >> 5) & 1 == 0);
                    buffers.push(buffer);
                }
            }
            ByClock => {
                for _ in 0..16 {
                    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                    let nanos = now.map_or(0, |now| now.subsec_nanos());
                    locks.decide(0, (nanos / 7).is_multiple_of(2));
                }
            }
            ByElapsed => {
                let started = Instant::now();
                for _ in 0..16 {
                    let nanos = started.elapsed().as_nanos();
                    locks.decide(0, (nanos / 7).is_multiple_of(2));
                }
            }
            ByRandomHash => {
                let random = RandomState::new();
                for bit in 0..16_u32 {
                    locks.decide(0, random.hash_one(bit).is_multiple_of(2));
                }
            }
        }
    }
}

fn rows(program: impl Scenario, mode: SearchMode, limits: &Limits) -> Vec<Row> {
    // As at the start of the process: what was left there would be found, whatever is checked.
    FIRST_TIME.store(true, SeqCst);
    LOG.lock().unwrap().clear();
    let program: Program = Arc::new(program);
    let limits = Limits {
        mode,
        ..limits.clone()
    };
    check(&Job {
        program: &program,
        instance: &Instance::default(),
        semantics: Semantics::DEFAULT,
        targets: program.properties().into_iter().collect(),
        engine: EngineId::Exhaustive,
        limits: &limits,
    })
}

fn is_caught(row: &Row) -> bool {
    matches!(
        row.verdict,
        Verdict::GaveUp(GaveUp::Outside { .. } | GaveUp::Nondeterministic { .. })
    )
}

/// Kind: a verdict about all executions of a program of which the model sees only a part.
#[test]
fn a_program_that_decides_by_memory_outside_of_the_model_is_never_proved() {
    for mode in [SearchMode::Auto, SearchMode::Source, SearchMode::States] {
        let missed: Vec<Decides> = DECIDES
            .into_iter()
            .filter(|&program| {
                // An assertion that fails as the search runs it is an execution of its own.
                !rows(program, mode, &Limits::QUICK)
                    .iter()
                    .all(|row| is_caught(row) || row.verdict.word() == Word::Refuted)
            })
            .collect();
        assert_eq!(missed, [], "not caught in mode {mode}");
    }
}

/// Without the audit most of them are proved: the test above tests the audit.
#[test]
fn without_the_audit_programs_that_look_outside_are_proved() {
    let limits = Limits {
        audit: false,
        ..Limits::QUICK
    };
    let proved = DECIDES.into_iter().filter(|&program| {
        let rows = rows(program, SearchMode::Traces, &limits);
        rows.iter().all(|row| row.verdict.word() == Word::Proved)
    });
    assert!(proved.count() >= 28);
}

#[test]
fn what_differs_is_named_with_its_place_and_both_orders() {
    let rows = rows(ByLastOut, SearchMode::Traces, &Limits::QUICK);
    let reason = rows[0].verdict.reason();
    for part in [
        "`other` comes to lock `both` at tests/audit.rs:",
        "as the search ran it, and to lock `own 1` at tests/audit.rs:",
        "when of concurrent parts those of threads that started later run first",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
}

/// Memory outside of the model that decides nothing.
#[derive(Clone, Copy, Debug)]
enum Uses {
    Sharing,
    DropCounter,
    Metrics,
    SortedLog,
    FlagReadAfterwards,
    StaticStatistics,
    ScratchAllocations,
    Names,
}

const USES: [Uses; 8] = [
    Uses::Sharing,
    Uses::DropCounter,
    Uses::Metrics,
    Uses::SortedLog,
    Uses::FlagReadAfterwards,
    Uses::StaticStatistics,
    Uses::ScratchAllocations,
    Uses::Names,
];

static STATISTICS: AtomicUsize = AtomicUsize::new(0);

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

impl Scenario for Uses {
    fn name(&self) -> &'static str {
        "outside/uses"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let locks = Arc::new(Locks::<B>::new());
        let count = AtomicUsize::new(0);
        let log = StdMutex::new(Vec::new());
        locks.two(|me| {
            let mine = Arc::clone(&locks);
            mine.step(me);
            match self {
                Self::Sharing => mine.decide(me, true),
                Self::DropCounter => drop(Counted(&count)),
                Self::Metrics | Self::FlagReadAfterwards => {
                    count.fetch_add(1, SeqCst);
                }
                Self::SortedLog => log.lock().unwrap().push(me),
                Self::StaticStatistics => {
                    STATISTICS.fetch_add(1, SeqCst);
                }
                Self::ScratchAllocations => {
                    let scratch: Vec<String> = (0..9).map(|n| n.to_string()).collect();
                    mine.decide(me, scratch.len() == 9);
                }
                Self::Names => mine.decide(me, format!("{me}") == "0"),
            }
            mine.step(me);
            *mine.both.lock() += 1;
        });
        let mut log = log.into_inner().unwrap();
        log.sort_unstable();
        match self {
            Self::SortedLog => assert_eq!(log, [0, 1]),
            Self::DropCounter | Self::Metrics | Self::FlagReadAfterwards => {
                assert_eq!(count.load(SeqCst), 2);
            }
            _ => {}
        }
    }
}

#[test]
fn memory_outside_of_the_model_that_decides_nothing_is_no_reason_to_refuse() {
    for program in USES {
        for mode in [SearchMode::Traces, SearchMode::Source, SearchMode::States] {
            for row in rows(program, mode, &Limits::PROOF) {
                assert_eq!(row.verdict.word(), Word::Proved, "{program:?}: {row:?}");
                assert!(
                    row.semantics.iter().any(|word| word == "audited"),
                    "{row:?}"
                );
            }
        }
    }
}
