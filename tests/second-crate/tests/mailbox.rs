//! The crate's own test: the report is pinned in `snapshots/` beside this file.

use crosscheck::scenario::{Instance, Property, Scenario, require};
use crosscheck::sync::{Backend, scope};
use second_crate::Mailbox;

struct TwoLetters;

impl Scenario for TwoLetters {
    fn name(&self) -> &'static str {
        "mailbox/two-letters"
    }

    fn run<B: Backend>(&self, _: &Instance) {
        let mailbox = Mailbox::<B>::default();
        scope::<B, _>(|scope| {
            scope.spawn("sender", || {
                mailbox.put(1);
                mailbox.put(2);
            });
            let letters = (mailbox.take(), mailbox.take());
            require::<B>(Property::Invariant, letters == (1, 2), || {
                format!("got {letters:?}")
            });
        });
    }
}

#[test]
fn two_letters_arrive_in_order() {
    crosscheck::assert_verdicts!(TwoLetters).assert_holds();
}
