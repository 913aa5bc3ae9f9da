//! The systems whose answers are known, one atomic step a semaphore operation.

use crosscheck::sync::SwaitOrder;
use crosscheck::sync::stepping::{Need, Op};

use super::machine::{Code, Program};

fn forks(n: usize, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    for _ in 0..n {
        program.semaphore(1, order);
    }
    program
}

/// Takes two forks one after the other, in an order.
fn dining(
    n: usize,
    order: SwaitOrder,
    forks_of: impl Fn(usize, usize, usize) -> (usize, usize),
) -> Program {
    let mut program = forks(n, order);
    for i in 0..n {
        let (first, second) = forks_of(i, i, (i + 1) % n);
        let mut code = Code::default();
        code.request().take(first).take(second).served();
        program
            .threads
            .push(code.give(first).give(second).for_ever());
    }
    program
}

pub(super) fn naive(n: usize, order: SwaitOrder) -> Program {
    dining(n, order, |_, left, right| (left, right))
}

pub(super) fn odd_even(n: usize, order: SwaitOrder) -> Program {
    dining(n, order, |i, left, right| {
        if i % 2 == 0 {
            (right, left)
        } else {
            (left, right)
        }
    })
}

pub(super) fn ordered(n: usize, order: SwaitOrder) -> Program {
    dining(n, order, |_, left, right| {
        (left.min(right), left.max(right))
    })
}

/// At most n - 1 in the room.
pub(super) fn room(n: usize, order: SwaitOrder) -> Program {
    let mut program = forks(n, order);
    let room = program.semaphore(n as u32 - 1, order);
    for i in 0..n {
        let (left, right) = (i, (i + 1) % n);
        let mut code = Code::default();
        code.request().take(room).take(left).take(right).served();
        code.give(left).give(right).give(room);
        program.threads.push(code.for_ever());
    }
    program
}

/// One at a time takes forks.
pub(super) fn guarded(n: usize, order: SwaitOrder) -> Program {
    let mut program = forks(n, order);
    let guard = program.semaphore(1, order);
    for i in 0..n {
        let (left, right) = (i, (i + 1) % n);
        let mut code = Code::default();
        code.request().take(guard).take(left).take(right).served();
        code.give(guard).give(left).give(right);
        program.threads.push(code.for_ever());
    }
    program
}

/// Gives the left fork back where the right one is not free, and tries again.
pub(super) fn retry(n: usize, order: SwaitOrder) -> Program {
    let mut program = forks(n, order);
    for i in 0..n {
        let (left, right) = (i, (i + 1) % n);
        let mut code = Code::default();
        code.request().take(left).act(Op::TryTake {
            object: right,
            units: 1,
        });
        let failed = code.skip_unless(1);
        code.served().give(right).here(failed).give(left);
        program.threads.push(code.for_ever());
    }
    program
}

fn need(member: usize, test: u32, take: u32) -> Need {
    Need {
        member: member as u32,
        test,
        take,
    }
}

/// Both forks in one step.
pub(super) fn and_set(n: usize, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    let object = program.set(&vec![1; n], order);
    for i in 0..n {
        program
            .needs
            .push(vec![need(i, 1, 1), need((i + 1) % n, 1, 1)]);
        let mut code = Code::default();
        code.request().act(Op::TakeAll { object, needs: i });
        code.served().act(Op::GiveAll { object, needs: i });
        program.threads.push(code.for_ever());
    }
    program
}

/// Dijkstra's: a state word each under one mutex, and a private semaphore each.
pub(super) fn monitor(n: usize, order: SwaitOrder) -> Program {
    const THINKING: u64 = 0;
    const HUNGRY: u64 = 1;
    const EATING: u64 = 2;
    let mut program = Program::default();
    let mutex = program.semaphore(1, order);
    let state: Vec<usize> = (0..n).map(|_| program.word(THINKING)).collect();
    let private: Vec<usize> = (0..n).map(|_| program.semaphore(0, order)).collect();
    let left = |i: usize| (i + n - 1) % n;
    let right = |i: usize| (i + 1) % n;
    let test = |code: &mut Code, i: usize| {
        let a = {
            code.act(Op::Load(state[i]));
            code.skip_unless(HUNGRY)
        };
        let b = {
            code.act(Op::Load(state[left(i)]));
            code.skip_if(EATING)
        };
        let c = {
            code.act(Op::Load(state[right(i)]));
            code.skip_if(EATING)
        };
        code.act(Op::Store(state[i], EATING)).give(private[i]);
        code.here(a).here(b).here(c);
    };
    for i in 0..n {
        let mut code = Code::default();
        code.take(mutex).request().act(Op::Store(state[i], HUNGRY));
        test(&mut code, i);
        code.give(mutex).take(private[i]).served();
        code.take(mutex).act(Op::Store(state[i], THINKING));
        test(&mut code, left(i));
        test(&mut code, right(i));
        code.give(mutex);
        program.threads.push(code.for_ever());
    }
    program
}

/// The first reader takes `whole` and the last gives it back, under a mutex.
fn enter(code: &mut Code, mutex: usize, count: usize, whole: usize) {
    code.take(mutex).add(count, 1);
    let others = code.skip_unless(0);
    code.take(whole).here(others).give(mutex);
}

fn leave(code: &mut Code, mutex: usize, count: usize, whole: usize) {
    code.take(mutex).add(count, -1);
    let others = code.skip_unless(1);
    code.give(whole).here(others).give(mutex);
}

/// Readers first, then writers. Readers pass writers that wait.
pub(super) fn reader_preference(readers: usize, writers: usize, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    let mutex = program.semaphore(1, order);
    let whole = program.semaphore(1, order);
    let count = program.word(0);
    for _ in 0..readers {
        let mut code = Code::default();
        code.request();
        enter(&mut code, mutex, count, whole);
        code.served();
        leave(&mut code, mutex, count, whole);
        program.threads.push(code.for_ever());
    }
    for _ in 0..writers {
        let mut code = Code::default();
        code.request().take(whole).served().give(whole);
        program.threads.push(code.for_ever());
    }
    program
}

/// Everybody passes a turnstile first.
pub(super) fn turnstile(readers: usize, writers: usize, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    let mutex = program.semaphore(1, order);
    let whole = program.semaphore(1, order);
    let turnstile = program.semaphore(1, order);
    let count = program.word(0);
    for _ in 0..readers {
        let mut code = Code::default();
        code.request().take(turnstile).give(turnstile);
        enter(&mut code, mutex, count, whole);
        code.served();
        leave(&mut code, mutex, count, whole);
        program.threads.push(code.for_ever());
    }
    for _ in 0..writers {
        let mut code = Code::default();
        code.request().take(turnstile).take(whole).served();
        code.give(turnstile).give(whole);
        program.threads.push(code.for_ever());
    }
    program
}

/// At most `limit` readers, by a general set: members L and W.
pub(super) fn bounded_readers(readers: usize, limit: u32, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    let object = program.set(&[limit, 1], order);
    program.needs = vec![
        vec![need(0, 1, 1), need(1, 1, 0)],
        vec![need(1, 1, 1), need(0, limit, 0)],
    ];
    for thread in 0..=readers {
        let needs = usize::from(thread == readers);
        let mut code = Code::default();
        code.request().act(Op::TakeAll { object, needs });
        code.served().act(Op::GiveAll { object, needs });
        program.threads.push(code.for_ever());
    }
    program
}

/// Courtois, Heymans, Parnas, CACM 14(10), 1971, second problem.
pub(super) fn writer_preference(readers: usize, writers: usize, order: SwaitOrder) -> Program {
    let mut program = Program::default();
    let [mutex1, mutex2, mutex3, w, r] = std::array::from_fn(|_| program.semaphore(1, order));
    let reading = program.word(0);
    let writing = program.word(0);
    for _ in 0..readers {
        let mut code = Code::default();
        code.request().take(mutex3).take(r);
        enter(&mut code, mutex1, reading, w);
        code.give(r).give(mutex3).served();
        leave(&mut code, mutex1, reading, w);
        program.threads.push(code.for_ever());
    }
    for _ in 0..writers {
        let mut code = Code::default();
        code.request();
        enter(&mut code, mutex2, writing, r);
        code.take(w).served().give(w);
        leave(&mut code, mutex2, writing, r);
        program.threads.push(code.for_ever());
    }
    program
}
