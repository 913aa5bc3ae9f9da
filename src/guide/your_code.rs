//! What your code may use.
//!
//! A verdict is about every execution of a program only if the checker sees everything that decides
//! what the program does. It sees operations of [`crate::sync`]. Everything else runs as it is, in one
//! order of the many that there are. So the rule is: **what threads share, and what decides, goes
//! through the facade; what decides nothing may be anything.** Engine `exhaustive` audits a sample of
//! its executions for that: it runs the same trace again with concurrent code in other orders, on
//! other addresses, and a row whose program comes out otherwise is `gave-up: the program depends on
//! something outside of the model`, with the thread, the two places and the two orders. A row that
//! was audited says `audited` in its semantics. An audit of a sample can miss what it did not run; it
//! never turns a correct program that keeps the rule into a failure.
//!
//! | what | may it be used? |
//! |---|---|
//! | `std::sync::Arc`, `Rc` for sharing | yes. Its counts are not modelled: whether `try_unwrap`, `get_mut`, `strong_count`, `upgrade` succeed depends on an order that no engine explores. A program that decides by them is refused by the audit; count with an atomic of the facade instead. |
//! | atomics, `Cell`, `OnceLock`, `LazyLock` of std | for statistics and for what is read when all threads are joined and does not depend on their order. Where threads decide by them: the facade's. |
//! | locks of std (`Mutex`, `RwLock`, parking_lot) | within one step, for a log or a counter: yes. Held over an operation of the facade they block the only OS thread on which all threads of the model run: the row ends after about three seconds with `gave-up: … blocks outside of the model`, the thread and the place of its last step. |
//! | channels, `Condvar`, `Barrier`, `park`, `join`, `sleep` of std | no: they wait outside of the model, and end like a lock that is held. |
//! | threads of std, `rayon`, an async runtime | no: start threads by [`scope`](crate::sync::scope) or [`run_threads`](crate::sync::run_threads). A call of the facade from any other OS thread is an error that says so. |
//! | statics | constants: yes. A static that changes outlives an execution, so that the next one begins elsewhere: it is told as not deterministic, or refused by the audit. Make what changes inside `run`. |
//! | `thread_local!` of std | no: all threads of the model run on one OS thread and share it, under loom, shuttle and engine `exhaustive` alike. Pass a value to each thread instead. |
//! | time, `Instant`, `SystemTime` | for printing only. Whether a wait times out is a choice of the program: [`choose`](crate::sync::choose). |
//! | random numbers | no: [`choose`](crate::sync::choose) explores every value. |
//! | `HashMap`, `HashSet` with std's hasher | to look things up: yes. Their order of iteration differs from run to run; where it decides, the program is told as not deterministic, and no other engine's row stands. `BTreeMap`, or a hasher with a fixed seed. |
//! | addresses | not to decide by: the order of locks by address is another one in each run. Number the objects. |
//! | `Drop` that uses the facade | yes, while an execution goes well. When it is given up, because a property has failed in it, values are dropped while stacks unwind: a destructor then asks [`tearing_down`](crate::sync::Backend::tearing_down) first and does nothing. |
//! | panics | a panic that leaves a thread is the failure of the property `invariant`. One that is caught within the thread is no failure; if a guard was alive, the lock is not given back, and engines say so instead of calling it a deadlock. |
//! | files, sockets, standard output | nothing that decides. What is printed is kept from the report. |
//! | recursion, large arrays on the stack | as on a thread of std: 2 MiB, more with `RUST_MIN_STACK`. |
//! | unbounded memory | a row may take what `--bound memory` (megabytes) allows; its process is limited to that. |
//!
//! Loops that wait by looking again and again are to go through [`Spin`](crate::sync::Spin), which
//! says how often they went round; a plain loop ends with `gave-up` at the limit on steps.
