//! Published counts and closed forms of traces: Optimal has exactly as many executions, none cut;
//! Source has as many complete ones.

use crosscheck::engines::exhaustive::explorer::optimal::Optimal;
use crosscheck::engines::exhaustive::explorer::race::Rule;
use crosscheck::engines::exhaustive::explorer::source::Source;
use crosscheck::engines::exhaustive::explorer::states::States;
use crosscheck::engines::exhaustive::explorer::{Counts, Ended, Explorer};
use crosscheck::engines::exhaustive::runner::script::{Position, Script, explore};
use crosscheck::engines::exhaustive::world::World;
use crosscheck::sync::stepping::{Change, Need, Op, Substance};
use crosscheck::sync::{Semantics, SwaitOrder};

fn mutex() -> Substance {
    units(1)
}

fn units(count: u32) -> Substance {
    Substance::Units {
        free: vec![count],
        order: SwaitOrder::Weak,
    }
}

fn take(object: usize) -> Op {
    Op::Take {
        object,
        units: 1,
        shared: false,
    }
}

fn give(object: usize) -> Op {
    Op::Give {
        object,
        units: 1,
        shared: false,
    }
}

/// Threads that do the same whatever they see.
struct Straight {
    objects: Vec<Substance>,
    threads: Vec<Vec<Op>>,
    needs: Vec<Vec<Need>>,
}

impl Script for Straight {
    fn objects(&self) -> Vec<Substance> {
        self.objects.clone()
    }

    fn threads(&self) -> usize {
        self.threads.len()
    }

    fn prepare(&self, world: &mut World) {
        for (number, needs) in self.needs.iter().enumerate() {
            assert_eq!(world.needs(needs), number);
        }
    }

    fn next(&self, thread: usize, position: &mut Position, _: u64) -> Option<Op> {
        let op = self.threads[thread].get(position.at).copied();
        position.at += 1;
        op
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Naive,
    OddEven,
    Ordered,
    Room,
    AndSet,
}

fn philosophers(rule: Table, n: usize, meals: usize) -> Straight {
    let mut objects: Vec<Substance> = (0..n).map(|_| mutex()).collect();
    let mut needs = Vec::new();
    if rule == Table::Room {
        objects.push(units(n as u32 - 1));
    }
    if rule == Table::AndSet {
        objects = vec![Substance::Units {
            free: vec![1; n],
            order: SwaitOrder::Weak,
        }];
        let need = |member: usize| Need {
            member: member as u32,
            test: 1,
            take: 1,
        };
        needs = (0..n).map(|i| vec![need(i), need((i + 1) % n)]).collect();
    }
    let threads = (0..n)
        .map(|i| {
            let (left, right) = (i, (i + 1) % n);
            let (first, second) = match rule {
                Table::OddEven if i % 2 == 0 => (right, left),
                Table::Ordered => (left.min(right), left.max(right)),
                _ => (left, right),
            };
            let mut meal = vec![take(first), take(second), give(first), give(second)];
            if rule == Table::Room {
                meal.insert(0, take(n));
                meal.push(give(n));
            }
            if rule == Table::AndSet {
                meal = vec![
                    Op::TakeAll {
                        object: 0,
                        needs: i,
                    },
                    Op::GiveAll {
                        object: 0,
                        needs: i,
                    },
                ];
            }
            meal.repeat(meals)
        })
        .collect();
    Straight {
        objects,
        threads,
        needs,
    }
}

/// Counts, and how many complete executions ended with somebody blocked.
fn run(script: &dyn Script, explorer: &mut dyn Explorer) -> (Counts, u64) {
    let mut deadlocks = 0;
    let mut world = World::new(&Semantics::DEFAULT);
    explore(script, &mut world, explorer, |world, _, ended| {
        deadlocks += u64::from(ended == Ended::Complete && world.unfinished() > 0);
        true
    })
    .expect("scripts are deterministic");
    (explorer.counts(), deadlocks)
}

fn optimal(script: &dyn Script) -> (u64, u64) {
    let (counts, deadlocks) = run(script, &mut Optimal::default());
    assert_eq!(counts.cut, 0, "Optimal cuts nothing");
    (counts.complete, deadlocks)
}

fn all_agree(script: &dyn Script, expected: u64) {
    assert_eq!(optimal(script).0, expected, "Optimal");
    assert_eq!(
        run(script, &mut Source::new()).0.complete,
        expected,
        "Source"
    );
}

#[test]
fn philosophers_on_plain_chopsticks_have_closed_forms() {
    for n in 2..=7u32 {
        for rule in [Table::OddEven, Table::Ordered, Table::AndSet] {
            all_agree(&philosophers(rule, n as usize, 1), (1 << n) - 2);
        }
    }
    for n in 2..=4u32 {
        let expected = 6u64.pow(n) + 2 - 2 * 4u64.pow(n);
        for rule in [Table::OddEven, Table::Ordered, Table::AndSet] {
            all_agree(&philosophers(rule, n as usize, 2), expected);
        }
    }
}

#[test]
fn naive_philosophers_deadlock_in_exactly_one_trace() {
    for n in 2..=7 {
        let script = philosophers(Table::Naive, n, 1);
        assert_eq!(optimal(&script), ((1 << n) - 1, 1));
        assert_eq!(run(&script, &mut Source::new()).1, 1);
        assert_eq!(run(&script, &mut States::new()).1, 1);
    }
}

#[test]
fn a_room_of_philosophers_has_the_prototypes_counts() {
    all_agree(&philosophers(Table::Room, 3, 1), 66);
}

#[test]
fn threads_on_one_lock_are_permutations() {
    let factorial = |n: u64| (1..=n).product::<u64>();
    for (n, k) in [(2, 1), (3, 1), (4, 1), (2, 2), (2, 3), (3, 2)] {
        let sections = [take(0), give(0)].repeat(k as usize);
        let script = Straight {
            objects: vec![mutex()],
            threads: vec![sections; n as usize],
            needs: Vec::new(),
        };
        let expected = factorial(n * k) / factorial(k).pow(n as u32);
        all_agree(&script, expected);
    }
}

#[test]
fn independent_threads_have_one_trace() {
    let script = Straight {
        objects: (0..8).map(|_| Substance::Word(0)).collect(),
        threads: (0..8)
            .map(|i| vec![Op::Store(i, 1), Op::Load(i), Op::Modify(i, Change::Add(1))])
            .collect(),
        needs: Vec::new(),
    };
    all_agree(&script, 1);
}

#[test]
fn readers_of_one_word_have_two_to_the_n_traces() {
    for n in 1..=10 {
        let mut threads = vec![vec![Op::Store(0, 1)]];
        threads.extend((0..n).map(|_| vec![Op::Load(0)]));
        let script = Straight {
            objects: vec![Substance::Word(0)],
            threads,
            needs: Vec::new(),
        };
        all_agree(&script, 1 << n);
    }
}

/// last-zero(N): thread j in 1..=N does a[j] = a[j - 1] + 1; thread 0 looks for the last zero.
struct LastZero(usize);

impl Script for LastZero {
    fn objects(&self) -> Vec<Substance> {
        vec![Substance::Word(0); self.0 + 1]
    }

    fn threads(&self) -> usize {
        self.0 + 1
    }

    fn next(&self, thread: usize, position: &mut Position, last: u64) -> Option<Op> {
        let at = position.at;
        position.at += 1;
        if thread == 0 {
            let i = self.0.checked_sub(at)?;
            return (at == 0 || last != 0).then_some(Op::Load(i));
        }
        match at {
            0 => Some(Op::Load(thread - 1)),
            1 => Some(Op::Store(thread, last + 1)),
            _ => None,
        }
    }
}

#[test]
fn last_zero_has_the_published_counts() {
    for (n, expected) in [(2, 5), (4, 28), (5, 64), (6, 144), (8, 704), (10, 3328)] {
        assert_eq!(optimal(&LastZero(n)).0, expected, "last-zero({n})");
    }
    assert_eq!(run(&LastZero(6), &mut Source::new()).0.complete, 144);
}

/// file-system(N): Flanagan, Godefroid, POPL 2005.
struct FileSystem(usize);

const INODES: usize = 32;
const BLOCKS: usize = 26;

impl Script for FileSystem {
    fn objects(&self) -> Vec<Substance> {
        // Locks of inodes, inodes, locks of blocks, busy.
        let locks = |count| std::iter::repeat_n(mutex(), count);
        let words = |count| std::iter::repeat_n(Substance::Word(0), count);
        locks(INODES)
            .chain(words(INODES))
            .chain(locks(BLOCKS))
            .chain(words(BLOCKS))
            .collect()
    }

    fn threads(&self) -> usize {
        self.0
    }

    fn next(&self, thread: usize, position: &mut Position, last: u64) -> Option<Op> {
        let i = thread % INODES;
        let (inode, lock, busy) = (INODES, 2 * INODES, 2 * INODES + BLOCKS);
        let b = position.registers[0] as usize;
        let (op, next) = match position.at {
            0 => (take(i), 1),
            1 => (Op::Load(inode + i), 2),
            2 if last != 0 => (give(i), 9),
            2 => {
                position.registers[0] = (2 * i % BLOCKS) as u64;
                (take(lock + 2 * i % BLOCKS), 3)
            }
            3 => (Op::Load(busy + b), 4),
            4 if last != 0 => (give(lock + b), 7),
            4 => (Op::Store(busy + b, 1), 5),
            5 => (Op::Store(inode + i, b as u64 + 1), 6),
            6 => (give(lock + b), 8),
            7 => {
                let b = (b + 1) % BLOCKS;
                position.registers[0] = b as u64;
                (take(lock + b), 3)
            }
            8 => (give(i), 9),
            _ => return None,
        };
        position.at = next;
        Some(op)
    }
}

#[test]
fn the_file_system_has_the_published_counts() {
    for (n, expected) in [(12, 1), (14, 2), (16, 8), (18, 32), (19, 64)] {
        assert_eq!(optimal(&FileSystem(n)).0, expected, "file-system({n})");
    }
}

/// Executions under a rule that looks right and is wrong.
fn under(rule: Rule, script: &dyn Script) -> u64 {
    run(script, &mut Optimal::new(rule)).0.complete
}

#[test]
fn reversing_from_the_prefix_only_misses_traces() {
    // Which traces it misses depends on the order of the search; here there are four.
    let script = philosophers(Table::Ordered, 5, 2);
    assert_eq!(optimal(&script).0, 5_730);
    let wrong = under(Rule::PrefixOnly, &script);
    assert!(wrong < 5_730, "the wrong rule misses nothing: {wrong}");
}

#[test]
fn planning_each_race_once_misses_traces() {
    let script = philosophers(Table::Room, 5, 1);
    assert_eq!(optimal(&script).0, 87_120);
    let wrong = under(Rule::Once, &script);
    assert!(wrong < 87_120, "the wrong rule misses nothing: {wrong}");
}

#[test]
fn dropping_a_single_event_misses_traces_where_several_units_are_wanted() {
    // C wants what A and B have taken: neither alone gives it way.
    let pair = Substance::Units {
        free: vec![1, 1],
        order: SwaitOrder::Weak,
    };
    let one = |member| Need {
        member,
        test: 1,
        take: 1,
    };
    let all = |needs| Op::TakeAll { object: 0, needs };
    let script = Straight {
        objects: vec![pair],
        threads: vec![vec![all(0)], vec![all(1)], vec![all(2)]],
        needs: vec![vec![one(0)], vec![one(1)], vec![one(0), one(1)]],
    };
    let right = optimal(&script).0;
    let wrong = under(Rule::SingleDrop, &script);
    assert!(
        wrong < right,
        "the wrong rule misses nothing: {wrong} of {right}"
    );
}
