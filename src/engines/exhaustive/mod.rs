//! The exhaustive engine: one execution a Mazurkiewicz trace, over real code, no thread limit.
//!
//! # What is covered
//!
//! *Memory model.* Sequential consistency only. An outcome that only a weaker order of atomics
//! allows is not visited; loom is the engine for those. Data races are looked for under the
//! happens-before of C11 in the modes `traces` and `source`, so a race through a relaxed flag is
//! found; in mode `states` two accesses race when some reachable state has both going on, and a
//! program with weakly ordered atomics and plain memory that no lock protects is `bounded` there.
//!
//! *Steps.* Every operation on a mutex, condition variable, semaphore, set, readers-writers lock,
//! barrier, atomic or token, and every choice, is a step; everything between two steps of a thread
//! is one silent step. Starting and joining threads are no steps. Semaphores and their like are
//! single steps of the model; what ships is built on mutexes and condition variables. That the
//! built one refines the step is checked where it is a program of its own (`semaphore/queued`). A
//! failure that is found on the steps is shown on the built one where the same schedule ends alike
//! there, and else in the steps in which it was found: it is a refutation in both cases.
//!
//! *Accesses.* An access to plain memory within which its thread takes steps counts where it begins and
//! where it ends; who comes between the two is found by the memory itself. From then on no execution is
//! played.
//!
//! *Traces.* Two executions are the same Mazurkiewicz trace when they have the same steps and order
//! dependent ones alike. Dependence is static ([`world::footprint`]): it does not look at counts, so
//! two takes of a semaphore are dependent even when units abound. Every trace is run exactly once;
//! all properties but those of infinite executions are functions of the trace, because a zone or a
//! race is decided on the order of the trace and not on the interleaving that was run.
//!
//! *States.* A state is a 128-bit digest of what each thread has seen and announced and of what each
//! object holds. Two different states with one digest would hide each other; plain data enters it
//! by digests of 64 bits, so among a million different contents that happens with a probability of
//! about 10⁻⁸, if digests behave like random functions.
//! Code between steps must be a function of what the thread has seen; what is announced on the same
//! schedule is compared, and a difference ends the search as not deterministic, with both places.
//! `checkpoint` is a promise of the program: what it leaves out of a digest must not matter. A
//! busy-wait that promises what it remembers of its rounds is not capped, unless it holds a mutex there
//! or goes round without a step. Where a thread only gives units, which nobody can prevent nor see too
//! early, it goes on at once, and the state before is neither kept nor counted.
//!
//! *What is outside of the model* decides nothing in a program that keeps the rule; a program that
//! breaks it is looked for by an audit. The first 64 executions whose code has run, and one in 48 of
//! the others, are run again: the same steps of the same trace in another linearisation, with silent
//! steps of which neither comes before the other the other way round, threads started before their
//! starter goes on and after, and allocations on other addresses. The first one is run once more at the end. What
//! threads announce, make and leave behind, and how the execution ends, has to be the same. So every
//! pair of concurrent silent steps is seen both ways round in some trace, unless a third thread holds
//! one of them up in all; a decision that no sampled run makes otherwise is not found. A search over
//! states that is refuted stays so: a race explains a difference. Searches that decide on moments, and those of infinite
//! executions, are not audited, and their rows do not say so.
//!
//! *Played executions.* A scenario that says that it is `CLOSED` looks at nothing but its own variables
//! and what the model has, unless it says so (`looks_outside`). What its code does after what the
//! thread has seen is known once it has run, so an execution of which all is known is played on the
//! model alone; it counts as any other, since the same code would do the same. Code is run where it
//! has not been or looks outside, in the first 64 executions and in every 64th one (of each worker),
//! and compared with what is known: a difference between two schedules or runs ends the search as not
//! deterministic. A search over traces plays them, too, unless plain memory is not protected by locks
//! (then happens-before has to be kept) or an observer asks for moments; what a thread has seen is a
//! digest of 128 bits there as well, and no checkpoint shortens it. Of other scenarios every execution
//! runs all code, and so do mode `source` and the runner inside shuttle of all; over traces they look
//! for the same with clocks.
//!
//! *Protected by locks.* As long as all accesses to a location, and all stays in a zone, that have been
//! seen lie within holdings of one lock, which nobody gives but its holder, or only read, or are one
//! thread's, there is nothing to be looked for. When the first does not, a search over states begins
//! anew; one over traces looks from that execution on, since the executions before it had nothing.
//!
//! *Which of the two.* Mode `auto`, the default, searches traces within half of the time (or within
//! the whole of the limit on executions), and then states; states at once when a busy-wait uses up its
//! rounds, since traces prove nothing then, and traces once more, from their beginning, where states
//! decide nothing. A row's reason names the search that ended, and `bounded` stands for neither. What
//! a verdict rests on is one complete search, never halves of two.
//!
//! *Several workers.* A search over states may be made by several threads, which share the table of
//! states and hand each other what is still to be visited. Which of them comes upon a state first is
//! chance, so the number of executions is no property of the program then, and no claim is compared
//! with it. Whether a property can fail, and how many states there are, does not depend on it; which
//! failure is found first does, where there are several.
//!
//! *Searches that are kept.* A file holds what a search has still to visit and what it has visited,
//! so a search that was cut goes on and ends with the count of one that was not. It is refused by
//! another build of the program and by another row.
//!
//! *Estimates.* What progress shows is Knuth's estimate on the path of the search, with everything
//! that is not known yet left out: a lower bound of the part that is done, and no promise of time.
//!
//! *The nearest passing execution* is the first that a depth-first search finds when it goes back
//! from the end of the counterexample, so no other has a longer common beginning, except where a
//! failure depends on more than the state (a data race), or where a thousand executions did not
//! suffice and none is shown.
//!
//! *Infinite executions.* Livelock, starvation and bypass are decided on the graph of all states,
//! without any reduction, under weak fairness, for up to 64 threads.
//!
//! *Not covered*: programs with more than 64 threads in `states` are searched without sleep sets for
//! the others; spurious wake-ups at most one a thread, of waits and parks together; timeouts are
//! choices of the program.
//!
//! *Spurious wake-ups.* Nobody may count on one. So a state in which only such are left is a deadlock,
//! wherever they are switched on, and no scheduler has to be so fair as to let one happen.
//!
//! # What is where
//!
//! 1. [`world`]: the model that applies announced operations.
//! 2. [`explorer`]: what to run next.
//! 3. [`runner`]: what runs code to its next announcement.
//! 4. `execution`: the machine under the stepping backend; `observer`, `segments` and `locksets`:
//!    races and zones beside the model; `driver`: who decides the next step.
//!    `audit`: a sample of the executions, run again.
//! 5. `learned`: what code has been seen to do; `playing`: executions without code; `watch`: who looks
//!    for races and zones in those.
//! 6. [`engine`]: all of it together, as an engine; `checkpoint`: a search in a file; `parallel`: a
//!    search over states by several threads.
//! 7. [`turns`]: executions without a search, to be measured.
//! 8. [`liveness`]: what infinite executions do; `endless`: the verdicts on them; `rounds`: one of
//!    them, run again; `tale`: an execution as it is shown; `as_found`: counterexamples in the steps
//!    in which they were found.

mod as_found;
mod audit;
mod checkpoint;
mod driver;
mod endless;
pub mod engine;
mod execution;
pub mod explorer;
mod learned;
pub mod liveness;
mod locksets;
mod observer;
mod parallel;
mod playing;
mod rounds;
pub mod runner;
mod segments;
mod tale;
pub mod turns;
mod watch;
pub mod world;

pub(in crate::engines) use as_found::{Again, again};
pub(in crate::engines) use endless::verdicts;
pub(in crate::engines) use rounds::{Gone, go_round};
