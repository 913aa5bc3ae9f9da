//! The fast semaphore on OS threads, on random scripts, against what it promises: never more units out
//! than there are, none lost, and at rest the value is what was left.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use crosscheck::primitives::FastSemaphore;
use crosscheck::sync::Os;
use proptest::collection::vec;
use proptest::prelude::*;

/// A wait that is longer is a lost wake-up.
const HANG: Duration = Duration::from_secs(60);

/// What a thread does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// P, and then V after so many yields.
    Hold(u8),
    /// P without waiting, and V if that went well.
    Try(u8),
    /// P twice, and V twice: two units are out at once.
    HoldTwo(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_u8).prop_map(Step::Hold),
        2 => (0..3_u8).prop_map(Step::Try),
        1 => (0..3_u8).prop_map(Step::HoldTwo),
    ]
}

fn looks() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(FastSemaphore::<Os>::LOOKS)]
}

/// Runs every script on a thread of its own, all at once, so many times over; whether all came to
/// their ends.
fn run<S: Send + 'static>(
    scripts: Vec<S>,
    run: impl Fn(&S) + Send + Sync + 'static,
) -> Result<(), TestCaseError> {
    let (done, ended) = mpsc::channel();
    let start = Arc::new(Barrier::new(scripts.len()));
    let (run, count) = (Arc::new(run), scripts.len());
    for script in scripts {
        let (done, start, run) = (done.clone(), Arc::clone(&start), Arc::clone(&run));
        thread::spawn(move || {
            start.wait();
            run(&script);
            // The test may have given up.
            let _ = done.send(());
        });
    }
    // A thread that panics hangs up too, when the others are done.
    drop(done);
    for _ in 0..count {
        let ended = ended.recv_timeout(HANG);
        prop_assert!(
            ended.is_ok(),
            "a thread has panicked, or waits for ever: {ended:?}"
        );
    }
    Ok(())
}

/// Units that are out, counted beside the semaphore.
#[derive(Default)]
struct Out(AtomicUsize);

impl Out {
    fn take(&self, units: usize) {
        // Relaxed: one variable is enough to see too many at once, and every thread adds before it
        // subtracts.
        let before = self.0.fetch_add(1, Relaxed);
        assert!(before < units, "{} units of {units} are out", before + 1);
    }

    fn give(&self) {
        // Relaxed: as above. Before the V: behind it the unit may be somebody else's.
        self.0.fetch_sub(1, Relaxed);
    }
}

fn work(yields: u8) {
    for _ in 0..yields {
        thread::yield_now();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn never_more_units_are_out_than_there_are(
        scripts in vec(vec(step(), 1..24), 2..6),
        more in 0..3_usize,
        looks in looks(),
    ) {
        // Whoever waits for a second unit has to get it although all others hold one and wait.
        let pairs = scripts.iter().flatten().any(|step| matches!(step, Step::HoldTwo(_)));
        let units = 1 + more + if pairs { scripts.len() } else { 0 };
        let semaphore = Arc::new(FastSemaphore::<Os>::with_looks("units", units, looks));
        let out = Arc::new(Out::default());
        let (shared, counted) = (Arc::clone(&semaphore), Arc::clone(&out));
        run(scripts, move |script| {
            let (semaphore, out) = (&*shared, &*counted);
            for step in script {
                let (times, yields) = match *step {
                    Step::Hold(yields) => {
                        semaphore.p();
                        (1, yields)
                    }
                    Step::Try(yields) if semaphore.try_p() => (1, yields),
                    Step::Try(yields) => {
                        work(yields);
                        continue;
                    }
                    Step::HoldTwo(yields) => {
                        semaphore.p();
                        semaphore.p();
                        (2, yields)
                    }
                };
                (0..times).for_each(|_| out.take(units));
                work(yields);
                (0..times).for_each(|_| out.give());
                (0..times).for_each(|_| semaphore.v());
            }
        })?;
        prop_assert_eq!(out.0.load(Relaxed), 0);
        prop_assert_eq!(semaphore.value(), isize::try_from(units).unwrap());
    }

    /// Threads that only give against threads that only take: every V serves one P, and what nobody
    /// took is there at the end.
    #[test]
    fn no_unit_is_lost_or_made(
        takers in vec(1..60_usize, 1..4),
        givers in vec(0..3_u8, 1..4),
        units in 0..4_usize,
        left in 0..4_usize,
        looks in looks(),
    ) {
        let taken: usize = takers.iter().sum();
        // Together they give what is taken and what is left, as far as it is not there already.
        let given = (taken + left).saturating_sub(units);
        let rest = (units + given) - taken;
        let share = given.div_ceil(givers.len());
        let mut left = given;
        let mut scripts: Vec<(bool, usize, u8)> = takers.iter().map(|&n| (true, n, 0)).collect();
        for yields in givers {
            let part = share.min(left);
            left -= part;
            scripts.push((false, part, yields));
        }
        let semaphore = Arc::new(FastSemaphore::<Os>::with_looks("units", units, looks));
        let shared = Arc::clone(&semaphore);
        run(scripts, move |&(takes, times, yields)| {
            for _ in 0..times {
                match takes {
                    true => shared.p(),
                    false => {
                        work(yields);
                        shared.v();
                    }
                }
            }
        })?;
        prop_assert_eq!(semaphore.value(), isize::try_from(rest).unwrap());
        for _ in 0..rest {
            prop_assert!(semaphore.try_p());
        }
        prop_assert!(!semaphore.try_p());
    }
}
