#!/usr/bin/env bash
# loom 0.7.3: a thread that yields first never goes first.
#
# One would guess: `loom::thread::yield_now()` is a point at which others may go on, and loom explores
#   both what happens when they do and what happens when they do not. An operating system need not run
#   anybody else at a yield.
# What happens: a thread that has yielded is not chosen as long as another can go on. Of the two orders in
#   which two threads take one lock, the one in which the thread that yields comes first is never
#   explored, so an assertion that fails in it passes the model. Without the yield the same assertion fails.
# Why it matters: "loom found nothing" is read as "it cannot happen". A yield in a back-off loop, or one
#   that was put in to shorten the search, removes executions that are possible.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "yields"
version = "0.0.0"
edition = "2021"

[dependencies]
loom = "=0.7.3"

[workspace]
TOML
cat > src/main.rs <<'RUST'
use loom::sync::{Arc, Mutex};
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Whether some explored execution sees the other thread's write, and how many there were.
fn explored(yields: bool) -> (bool, usize) {
    static EXECUTIONS: AtomicUsize = AtomicUsize::new(0);
    EXECUTIONS.store(0, Ordering::SeqCst);
    let failed = catch_unwind(|| {
        loom::model(move || {
            EXECUTIONS.fetch_add(1, Ordering::SeqCst);
            let value = Arc::new(Mutex::new(0));
            let other = Arc::clone(&value);
            let thread = loom::thread::spawn(move || {
                if yields {
                    loom::thread::yield_now();
                }
                *other.lock().unwrap() = 1;
            });
            assert_eq!(*value.lock().unwrap(), 0, "the other thread came first");
            thread.join().unwrap();
        });
    })
    .is_err();
    (failed, EXECUTIONS.load(Ordering::SeqCst))
}

fn main() {
    std::panic::set_hook(Box::new(|_| {}));
    for yields in [false, true] {
        let (failed, executions) = explored(yields);
        let word = if failed { "fails" } else { "holds" };
        println!("yields: {yields}, the assertion {word}, after {executions} executions");
    }
}
RUST
unset CARGO_TARGET_DIR
cargo run --quiet --release > seen.txt
cat seen.txt
grep -q '^yields: false, the assertion fails' seen.txt
grep -q '^yields: true, the assertion holds' seen.txt
echo "as described: loom 0.7.3 does not explore the execution in which the thread that yields comes first"
