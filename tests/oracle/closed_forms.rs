//! The oracle against numbers that are known by other means.

use crosscheck::sync::SwaitOrder;

use super::brute::{Truth, truth};
use super::operation::{Op, Substance};
use super::program::{Item, Program, Switches};

const CAP: usize = 1_000_000;

fn units(free: u32) -> Substance {
    Substance::Units {
        free: vec![free],
        order: SwaitOrder::Weak,
    }
}

fn take(object: usize) -> Item {
    Item::Do(Op::Take {
        object,
        units: 1,
        shared: false,
    })
}

fn give(object: usize) -> Item {
    Item::Do(Op::Give {
        object,
        units: 1,
        shared: false,
    })
}

fn measure(objects: Vec<Substance>, threads: Vec<Vec<Item>>) -> Truth {
    let program = Program {
        objects,
        needs: Vec::new(),
        threads,
    };
    truth(&program, &Switches::DEFAULT, CAP).expect("few prefixes")
}

/// Philosophers who take what `order` says of their left and right chopstick; with a room for so
/// many where `room` says so.
fn philosophers(
    n: usize,
    meals: usize,
    room: Option<u32>,
    order: impl Fn(usize, [usize; 2]) -> [usize; 2],
) -> Truth {
    let mut objects = vec![units(1); n];
    objects.extend(room.map(units));
    let thread = |i: usize| {
        let [first, second] = order(i, [i, (i + 1) % n]);
        let mut meal = vec![take(first), take(second), give(first), give(second)];
        if room.is_some() {
            meal.insert(0, take(n));
            meal.push(give(n));
        }
        meal.repeat(meals)
    };
    measure(objects, (0..n).map(thread).collect())
}

fn odd_even(i: usize, [left, right]: [usize; 2]) -> [usize; 2] {
    if i.is_multiple_of(2) {
        [right, left]
    } else {
        [left, right]
    }
}

fn ordered(_: usize, mut both: [usize; 2]) -> [usize; 2] {
    both.sort_unstable();
    both
}

fn naive(_: usize, both: [usize; 2]) -> [usize; 2] {
    both
}

#[test]
fn polite_philosophers_have_a_trace_for_each_order_without_a_circle() {
    for n in 2..=5 {
        for truth in [
            philosophers(n, 1, None, odd_even),
            philosophers(n, 1, None, ordered),
        ] {
            assert_eq!(truth.traces.len(), 2usize.pow(n as u32) - 2, "{n}");
            assert_eq!(truth.deadlocks, 0, "{n}");
        }
    }
}

#[test]
fn two_meals() {
    for n in 2..=3 {
        let power = |base: usize| base.pow(n as u32);
        for truth in [
            philosophers(n, 2, None, odd_even),
            philosophers(n, 2, None, ordered),
        ] {
            assert_eq!(truth.traces.len(), power(6) - 2 * power(4) + 2, "{n}");
            assert_eq!(truth.deadlocks, 0, "{n}");
        }
    }
}

#[test]
fn naive_philosophers_have_one_deadlock() {
    for n in 2..=5 {
        let truth = philosophers(n, 1, None, naive);
        assert_eq!(truth.traces.len(), 2usize.pow(n as u32) - 1, "{n}");
        assert_eq!(truth.deadlocks, 1, "{n}");
        let stuck = truth.terminal.iter().filter(|end| end.is_deadlock());
        let stuck: Vec<_> = stuck.map(|end| end.stuck.clone()).collect();
        assert_eq!(stuck, vec![vec![Some(1); n]], "{n}");
    }
}

#[test]
fn a_room_keeps_the_naive_rule_safe() {
    let truth = philosophers(3, 1, Some(2), naive);
    assert_eq!(truth.traces.len(), 66);
    assert_eq!(truth.deadlocks, 0);
}

#[test]
fn critical_sections_come_in_any_order() {
    let factorial = |n: usize| (1..=n).product::<usize>();
    for (n, k) in [(1, 3), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2), (4, 1)] {
        let thread = [take(0), give(0)].repeat(k);
        let truth = measure(vec![units(1)], vec![thread; n]);
        let orders = factorial(n * k) / factorial(k).pow(n as u32);
        assert_eq!(truth.traces.len(), orders, "{n} threads, {k} times");
        assert_eq!(truth.terminal.len(), 1);
        assert_eq!(truth.deadlocks, 0);
    }
}

#[test]
fn independent_threads_have_one_trace() {
    for n in 1..=4 {
        let threads = (0..n).map(|i| vec![take(i), give(i)]).collect();
        let truth = measure(vec![units(1); n], threads);
        assert_eq!(truth.traces.len(), 1);
        assert_eq!(truth.prefixes, 3usize.pow(n as u32));
        assert_eq!(truth.states, 3u64.pow(n as u32));
    }
}

#[test]
fn arrivals_in_any_order_and_one_opens() {
    let arrive = vec![Item::Do(Op::Arrive(0))];
    let truth = measure(vec![Substance::Barrier(3)], vec![arrive; 3]);
    assert_eq!(truth.traces.len(), 6);
    assert_eq!(truth.terminal.len(), 3);
}

#[test]
fn a_queue_hands_over_in_order_of_arrival() {
    let strong = |order| Substance::Units {
        free: vec![0],
        order,
    };
    for order in [SwaitOrder::Strict, SwaitOrder::Scan] {
        let threads = vec![vec![take(0)], vec![take(0)], vec![give(0)]];
        let truth = measure(vec![strong(order)], threads);
        // Who waits is who came last, unless both came before the unit did.
        assert_eq!(truth.terminal.len(), 2);
        assert_eq!(truth.deadlocks as usize, truth.traces.len());
        // Requests before, between and after the unit differ where the queue is one location.
        let orders = if order == SwaitOrder::Strict { 2 } else { 6 };
        assert_eq!(truth.traces.len(), orders, "{order:?}");
    }
}
