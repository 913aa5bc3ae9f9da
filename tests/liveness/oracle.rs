//! Random programs, and an interpreter, a graph and answers of its own: no components, no model.

use std::collections::HashMap;

use crosscheck::engines::exhaustive::explorer::graph::{Gap, Graph, members};
use crosscheck::engines::exhaustive::liveness::bypass::{Bypass, Overtaking};
use crosscheck::engines::exhaustive::liveness::{Lasso, check};
use crosscheck::sync::SwaitOrder;
use crosscheck::sync::stepping::{Change, Condition, Need, Op, Substance};

use super::known::{survey, verify};
use super::machine::{Code, Instr, Program};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Announced,
    Queued,
    Granted,
    Ended,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Thread {
    /// Behind the announced operation.
    at: usize,
    phase: Phase,
    waits: bool,
    waits_next: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Thing {
    Units {
        free: Vec<u32>,
        queue: Vec<usize>,
        order: SwaitOrder,
    },
    Word(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    threads: Vec<Thread>,
    things: Vec<Thing>,
}

/// A step: who, which alternative, where to, who was served.
type Step = (usize, u32, usize, Vec<bool>);

struct Oracle<'a> {
    program: &'a Program,
}

impl Oracle<'_> {
    fn first(&self) -> State {
        let things = self.program.objects.iter().map(|object| match object {
            Substance::Units { free, order } => Thing::Units {
                free: free.clone(),
                queue: Vec::new(),
                order: *order,
            },
            Substance::Word(value) => Thing::Word(*value),
            other => panic!("no {other:?} here"),
        });
        let thread = Thread {
            at: 0,
            phase: Phase::Announced,
            waits: false,
            waits_next: false,
        };
        let mut state = State {
            threads: vec![thread; self.program.threads.len()],
            things: things.collect(),
        };
        let mut served = vec![false; state.threads.len()];
        for thread in 0..state.threads.len() {
            self.silent(&mut state, thread, 0, &mut served);
        }
        state
    }

    fn op(&self, state: &State, thread: usize) -> Op {
        match self.program.threads[thread].0[state.threads[thread].at - 1] {
            Instr::Do(op) => op,
            other => panic!("{other:?} is no operation"),
        }
    }

    fn wants(&self, op: Op) -> Vec<Need> {
        match op {
            Op::Take { units, .. } | Op::TryTake { units, .. } | Op::Give { units, .. } => {
                vec![Need {
                    member: 0,
                    test: units,
                    take: units,
                }]
            }
            Op::TakeAll { needs, .. } | Op::GiveAll { needs, .. } => {
                self.program.needs[needs].clone()
            }
            _ => Vec::new(),
        }
    }

    fn silent(&self, state: &mut State, thread: usize, last: u64, served: &mut [bool]) {
        loop {
            let instr = self.program.threads[thread].0[state.threads[thread].at];
            let me = &mut state.threads[thread];
            me.at += 1;
            me.phase = Phase::Announced;
            match instr {
                Instr::Do(op) => {
                    let may_wait = match op {
                        Op::Take { object, .. } | Op::TakeAll { object, .. } => matches!(
                            state.things[object],
                            Thing::Units {
                                order: SwaitOrder::Weak,
                                ..
                            }
                        ),
                        Op::Await(..) => true,
                        _ => false,
                    };
                    let me = &mut state.threads[thread];
                    if me.waits_next && may_wait {
                        me.waits = true;
                        me.waits_next = false;
                    }
                    return;
                }
                Instr::Request => me.waits_next = !me.waits,
                Instr::Served => {
                    me.waits = false;
                    me.waits_next = false;
                    served[thread] = true;
                }
                Instr::Jump(to) => me.at = to,
                Instr::If(value, to) => {
                    if last == value {
                        me.at = to;
                    }
                }
                Instr::Unless(value, to) => {
                    if last != value {
                        me.at = to;
                    }
                }
                Instr::End => {
                    me.phase = Phase::Ended;
                    me.waits = false;
                    me.waits_next = false;
                    return;
                }
            }
        }
    }

    /// In how many ways a thread can move.
    fn ways(&self, state: &State, thread: usize) -> u32 {
        match state.threads[thread].phase {
            Phase::Queued | Phase::Ended => return 0,
            Phase::Granted => return 1,
            Phase::Announced => {}
        }
        let op = self.op(state, thread);
        match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => match &state.things[object] {
                Thing::Units {
                    free,
                    order: SwaitOrder::Weak,
                    ..
                } => u32::from(
                    self.wants(op)
                        .iter()
                        .all(|need| free[need.member as usize] >= need.test),
                ),
                _ => 1,
            },
            Op::Await(object, Condition::Is(value)) => {
                u32::from(state.things[object] == Thing::Word(value))
            }
            Op::Choose(n) => n,
            _ => 1,
        }
    }

    fn step(&self, state: &mut State, thread: usize, alternative: u32) -> Vec<bool> {
        let mut served = vec![false; state.threads.len()];
        if state.threads[thread].phase == Phase::Granted {
            self.silent(state, thread, 0, &mut served);
            return served;
        }
        let op = self.op(state, thread);
        let me = &mut state.threads[thread];
        if me.waits_next {
            me.waits_next = false;
            me.waits = true;
        }
        let wants = self.wants(op);
        let mut result = 0;
        match op {
            Op::Take { object, .. } | Op::TakeAll { object, .. } => {
                let Thing::Units { free, queue, order } = &mut state.things[object] else {
                    panic!("no units");
                };
                if *order == SwaitOrder::Weak {
                    for need in &wants {
                        free[need.member as usize] -= need.take;
                    }
                } else {
                    queue.push(thread);
                    state.threads[thread].phase = Phase::Queued;
                    self.serve(state, object, &mut served);
                    return served;
                }
            }
            Op::TryTake { object, units } => {
                if let Thing::Units { free, queue, .. } = &mut state.things[object]
                    && queue.is_empty()
                    && free[0] >= units
                {
                    free[0] -= units;
                    result = 1;
                }
            }
            Op::Give { object, .. } | Op::GiveAll { object, .. } => {
                if let Thing::Units { free, .. } = &mut state.things[object] {
                    for need in &wants {
                        free[need.member as usize] += need.take;
                    }
                }
                self.silent(state, thread, 0, &mut served);
                self.serve(state, object, &mut served);
                return served;
            }
            Op::Load(object) | Op::Await(object, _) => {
                if let Thing::Word(value) = state.things[object] {
                    result = value;
                }
            }
            Op::Store(object, value) => state.things[object] = Thing::Word(value),
            Op::Modify(object, Change::Swap(value)) => {
                if let Thing::Word(before) = state.things[object] {
                    result = before;
                }
                state.things[object] = Thing::Word(value);
            }
            Op::Choose(_) => result = u64::from(alternative),
            Op::Yield => {}
            other => panic!("no {other:?} here"),
        }
        self.silent(state, thread, result, &mut served);
        served
    }

    fn serve(&self, state: &mut State, object: usize, served: &mut [bool]) {
        loop {
            let Thing::Units { free, queue, order } = &state.things[object] else {
                return;
            };
            let fits = |&&thread: &&usize| {
                let mut wants = self.wants(self.op(state, thread)).into_iter();
                wants.all(|need| free[need.member as usize] >= need.test)
            };
            let next = match order {
                SwaitOrder::Strict => queue.iter().take(1).find(fits),
                _ => queue.iter().find(fits),
            };
            let Some(&next) = next else {
                return;
            };
            let in_two_steps = *order == SwaitOrder::Strict && free.len() == 1;
            let wants = self.wants(self.op(state, next));
            if let Thing::Units { free, queue, .. } = &mut state.things[object] {
                queue.retain(|&thread| thread != next);
                for need in wants {
                    free[need.member as usize] -= need.take;
                }
            }
            if in_two_steps {
                state.threads[next].phase = Phase::Granted;
            } else {
                self.silent(state, next, 0, served);
            }
        }
    }

    fn graph(&self, limit: usize) -> Option<Plain> {
        let first = self.first();
        let mut numbers = HashMap::from([(first.clone(), 0)]);
        let mut states = vec![first];
        let mut steps = Vec::new();
        let mut at = 0;
        while at < states.len() {
            let mut here = Vec::new();
            for thread in 0..self.program.threads.len() {
                for alternative in 0..self.ways(&states[at], thread) {
                    let mut next = states[at].clone();
                    let served = self.step(&mut next, thread, alternative);
                    let fresh = states.len();
                    let number = *numbers.entry(next.clone()).or_insert(fresh);
                    if number == fresh {
                        states.push(next);
                    }
                    here.push((thread, alternative, number, served));
                }
            }
            steps.push(here);
            at += 1;
            if states.len() > limit {
                return None;
            }
        }
        let can = states
            .iter()
            .map(|state| {
                let threads = 0..self.program.threads.len();
                threads.map(|t| self.ways(state, t) > 0).collect()
            })
            .collect();
        Some(Plain { states, steps, can })
    }
}

struct Plain {
    states: Vec<State>,
    steps: Vec<Vec<Step>>,
    /// Who can move in each state.
    can: Vec<Vec<bool>>,
}

impl Plain {
    fn threads(&self) -> usize {
        self.can[0].len()
    }

    fn blocked(&self, state: usize, thread: usize) -> bool {
        !self.can[state][thread] && self.states[state].threads[thread].phase != Phase::Ended
    }

    fn waits(&self, state: usize, thread: usize) -> bool {
        self.states[state].threads[thread].waits
    }

    /// Whether some walk from a state back to it, of such steps only, passes for every thread a
    /// step of it or a state in which it cannot move.
    fn fair_from(&self, start: usize, has: &dyn Fn(usize, &Step) -> bool) -> bool {
        let all = (1 << self.threads()) - 1;
        let idle = |state: usize| -> usize {
            let threads = 0..self.threads();
            threads
                .filter(|&t| !self.can[state][t])
                .map(|t| 1 << t)
                .sum()
        };
        let mut seen = vec![false; self.states.len() << self.threads()];
        let mut todo = vec![(start, 0)];
        while let Some((state, excused)) = todo.pop() {
            for step in self.steps[state].iter().filter(|step| has(state, step)) {
                let excused = excused | idle(step.2) | 1 << step.0;
                if step.2 == start && excused == all {
                    return true;
                }
                let slot = step.2 << self.threads() | excused;
                if !std::mem::replace(&mut seen[slot], true) {
                    todo.push((step.2, excused));
                }
            }
        }
        false
    }

    fn fair(&self, has: &dyn Fn(usize, &Step) -> bool) -> bool {
        (0..self.states.len()).any(|state| self.fair_from(state, has))
    }

    fn deadlock(&self) -> bool {
        (0..self.states.len()).any(|state| {
            self.steps[state].is_empty() && (0..self.threads()).any(|t| self.blocked(state, t))
        })
    }

    fn stuck(&self, thread: usize) -> bool {
        let for_ever = |from: usize| {
            let mut seen = vec![false; self.states.len()];
            let mut todo = vec![from];
            while let Some(state) = todo.pop() {
                if !self.blocked(state, thread) {
                    return false;
                }
                if !std::mem::replace(&mut seen[state], true) {
                    todo.extend(self.steps[state].iter().map(|step| step.2));
                }
            }
            true
        };
        (0..self.states.len()).any(|state| for_ever(state) && self.fair_from(state, &|_, _| true))
    }

    fn livelock(&self) -> bool {
        self.fair(&|_, step| !step.3.contains(&true))
    }

    fn still_waits(&self, thread: usize, from: usize, step: &Step) -> bool {
        self.waits(from, thread) && self.waits(step.2, thread) && !step.3[thread]
    }

    fn starves(&self, thread: usize) -> bool {
        self.fair(&|from, step| self.still_waits(thread, from, step))
    }

    /// Whether a walk from a state back to it, all of it while a thread waits, serves somebody,
    /// and has a step of the thread or a state in which it cannot move.
    fn passed_though_fast(&self, thread: usize, start: usize) -> bool {
        let mut seen = vec![false; self.states.len() * 4];
        let mut todo = vec![(start, false, false)];
        while let Some((state, service, excused)) = todo.pop() {
            for step in &self.steps[state] {
                if !self.still_waits(thread, state, step) {
                    continue;
                }
                let service = service || step.3.contains(&true);
                let excused = excused || step.0 == thread || !self.can[step.2][thread];
                if step.2 == start && service && excused {
                    return true;
                }
                let slot = step.2 * 4 + usize::from(service) * 2 + usize::from(excused);
                if !std::mem::replace(&mut seen[slot], true) {
                    todo.push((step.2, service, excused));
                }
            }
        }
        false
    }

    /// By walks of ever more steps.
    fn bypass(&self, thread: usize) -> Option<Bypass> {
        let count = self.states.len();
        (0..count).find(|&state| self.waits(state, thread))?;
        let mut most = vec![0; count];
        let mut after_count = 0;
        for round in 0..=2 * count {
            let sum: u64 = most.iter().sum();
            if round == count {
                after_count = sum;
            }
            if round == 2 * count && sum > after_count {
                let fast = (0..count).any(|state| self.passed_though_fast(thread, state));
                return Some(if fast {
                    Bypass::Unbounded
                } else {
                    Bypass::IfSlow
                });
            }
            let longer = |state: usize| {
                self.steps[state]
                    .iter()
                    .filter(|step| self.still_waits(thread, state, step))
                    .map(|step| {
                        let services = step.3.iter().filter(|served| **served).count() as u64;
                        most[step.2] + services
                    })
                    .max()
                    .unwrap_or(0)
            };
            most = (0..count).map(longer).collect();
        }
        most.into_iter().max().map(Bypass::Max)
    }

    /// The two graphs are the same, but for names.
    fn is(&self, graph: &Graph) {
        assert_eq!(graph.len(), self.states.len());
        let mut names = vec![usize::MAX; graph.len()];
        names[0] = 0;
        for state in graph.states() {
            // Found by a step from an earlier one.
            let name = names[state as usize];
            let set = |has: &dyn Fn(usize) -> bool| -> u64 {
                let threads = (0..self.threads()).filter(|&t| has(t));
                threads.map(|t| 2 << t).sum()
            };
            assert_eq!(graph.enabled(state), set(&|t| self.can[name][t]));
            assert_eq!(graph.blocked(state), set(&|t| self.blocked(name, t)));
            assert_eq!(graph.waiting(state), set(&|t| self.waits(name, t)));
            assert_eq!(graph.edges(state).len(), self.steps[name].len());
            for edge in graph.edges(state) {
                let (.., target, served) = self.steps[name]
                    .iter()
                    .find(|(thread, alternative, ..)| {
                        *thread + 1 == edge.choice.thread && *alternative == edge.choice.alternative
                    })
                    .expect("the step is there");
                assert_eq!(edge.served, set(&|t| served[t]));
                let known = &mut names[edge.target as usize];
                assert!(*known == usize::MAX || *known == *target);
                *known = *target;
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), graph.len());
    }
}

/// Numbers that nobody chose; the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) % n
    }

    fn order(&mut self) -> SwaitOrder {
        [SwaitOrder::Weak, SwaitOrder::Strict, SwaitOrder::Scan][self.below(3) as usize]
    }
}

const SEMAPHORES: u64 = 2;
const SET: usize = 2;
const WORD: usize = 3;

fn random_program(random: &mut Random) -> Program {
    let mut program = Program::default();
    for _ in 0..SEMAPHORES {
        let count = 1 + random.below(4) / 3;
        let order = [SwaitOrder::Weak, SwaitOrder::Strict][random.below(2) as usize];
        program.semaphore(count as u32, order);
    }
    let order = random.order();
    program.set(&[1 + random.below(2) as u32, 1], order);
    program.word(0);
    while program.needs.len() < 2 {
        let need = |member: u32, take: u64| Need {
            member,
            test: 1,
            take: take as u32,
        };
        let needs = vec![need(0, random.below(2)), need(1, random.below(2))];
        // The same needs have the same number.
        if !program.needs.contains(&needs) {
            program.needs.push(needs);
        }
    }
    for _ in 0..2 + random.below(2) {
        let mut code = Code::default();
        if random.below(3) > 0 {
            code.request();
        }
        random_item(random, &mut code, 0);
        for _ in 0..random.below(2) {
            random_item(random, &mut code, 0);
        }
        if random.below(6) == 0 {
            code.0.push(Instr::End);
        } else {
            code = code.for_ever();
        }
        program.threads.push(code);
    }
    program
}

/// Something that takes a step at least, whatever happens.
fn random_item(random: &mut Random, code: &mut Code, depth: u32) {
    let inner = |random: &mut Random, code: &mut Code| {
        if depth < 2 && random.below(2) == 0 {
            random_item(random, code, depth + 1);
        }
        if random.below(2) == 0 {
            code.served();
        }
    };
    match random.below(10) {
        0..=3 => {
            let object = random.below(SEMAPHORES) as usize;
            code.take(object);
            inner(random, code);
            if random.below(8) > 0 {
                code.give(object);
            }
        }
        4 => {
            let object = random.below(SEMAPHORES) as usize;
            code.act(Op::TryTake { object, units: 1 });
            let failed = code.skip_unless(1);
            inner(random, code);
            code.give(object).here(failed);
        }
        5 | 6 => {
            let needs = random.below(2) as usize;
            code.act(Op::TakeAll { object: SET, needs });
            inner(random, code);
            code.act(Op::GiveAll { object: SET, needs });
        }
        7 => {
            let value = random.below(2);
            code.act(Op::Modify(WORD, Change::Swap(value)));
            let same = code.skip_if(value);
            inner(random, code);
            code.here(same);
        }
        8 => {
            let value = random.below(2);
            code.act(Op::Await(WORD, Condition::Is(value)));
            code.act(Op::Store(WORD, 1 - value));
            inner(random, code);
        }
        _ => {
            code.act(Op::Choose(2));
            let other = code.skip_if(0);
            inner(random, code);
            code.here(other);
        }
    }
    if random.below(4) == 0 {
        code.served();
    }
    if random.below(4) == 0 {
        code.request();
    }
}

#[test]
fn random_programs_have_the_answers_of_a_naive_search() {
    let mut random = Random(7);
    let mut compared = 0;
    let mut seen = [0_u32; 8];
    while compared < 1500 {
        let program = random_program(&mut random);
        let oracle = Oracle { program: &program };
        let Some(plain) = oracle.graph(100) else {
            continue;
        };
        if plain.states.len() < 3 {
            continue;
        }
        compared += 1;
        let graph = survey(&program, 1000);
        plain.is(&graph);
        let findings = check(&graph);
        assert_eq!(findings.gap, None);
        verify(&graph, &findings);
        let threads = |list: &[(usize, Lasso)]| -> Vec<usize> {
            list.iter().map(|(thread, _)| thread - 1).collect()
        };
        let those = |has: &dyn Fn(usize) -> bool| -> Vec<usize> {
            (0..plain.threads()).filter(|&t| has(t)).collect()
        };
        assert_eq!(findings.deadlock.is_some(), plain.deadlock());
        assert_eq!(findings.livelock.is_some(), plain.livelock());
        assert_eq!(threads(&findings.stuck), those(&|t| plain.stuck(t)));
        assert_eq!(threads(&findings.starved), those(&|t| plain.starves(t)));
        let numbers = |list: &[(usize, Overtaking)]| -> Vec<(usize, Bypass)> {
            let number = |(thread, overtaking): &(usize, Overtaking)| (*thread, overtaking.bypass);
            list.iter().map(number).collect()
        };
        let naive: Vec<(usize, Bypass)> = (0..plain.threads())
            .filter_map(|t| Some((t + 1, plain.bypass(t)?)))
            .collect();
        assert_eq!(numbers(&findings.overtaken), naive);
        let positive = |(_, overtaking): &(usize, Overtaking)| matches!(overtaking.bypass, Bypass::Max(max) if max > 0);
        let has = |bypass: Bypass| naive.iter().any(|(_, other)| *other == bypass);
        let facts = [
            findings.deadlock.is_some(),
            findings.livelock.is_some(),
            !findings.stuck.is_empty(),
            !findings.starved.is_empty(),
            findings.starved.is_empty() && !findings.overtaken.is_empty(),
            findings.overtaken.iter().any(positive),
            has(Bypass::IfSlow),
            has(Bypass::Unbounded),
        ];
        for (count, fact) in seen.iter_mut().zip(facts) {
            *count += u32::from(fact);
        }
    }
    println!("{seen:?} of {compared}");
    // Every answer has been given often.
    assert!(seen.iter().all(|&count| count > 30), "{seen:?}");
}

#[test]
fn a_limit_is_said_and_what_is_found_below_it_holds() {
    let mut random = Random(8);
    for _ in 0..100 {
        let program = random_program(&mut random);
        let oracle = Oracle { program: &program };
        let Some(plain) = oracle.graph(100) else {
            continue;
        };
        let limit = 1 + plain.states.len() / 2;
        let graph = survey(&program, limit);
        let whole = graph.len() == plain.states.len();
        assert_eq!(graph.gap(), (!whole).then_some(Gap::States(limit)));
        let findings = check(&graph);
        verify(&graph, &findings);
        assert!(findings.livelock.is_none() || plain.livelock());
        for (thread, _) in &findings.starved {
            assert!(plain.starves(thread - 1));
        }
        for (thread, overtaking) in &findings.overtaken {
            if let Bypass::AtLeast(least) = overtaking.bypass
                && let Some(Bypass::Max(max)) = plain.bypass(thread - 1)
            {
                assert!(least <= max);
            }
        }
        assert!(members(graph.everybody()).count() <= 4);
    }
}
