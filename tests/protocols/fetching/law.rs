//! A message is deleted only if exactly its octets were delivered, under its identity, into this
//! mailbox; what is delivered twice is told; what a truthful server offers is delivered.
//!
//! A thousand sessions, or as many as `CROSSCHECK_FETCH_SESSIONS` says.
//!
//! No client can see through all lies. These stories have none in which a message takes the name and
//! the size of one that went unseen between two sessions, or is handed out in place of another with
//! every answer in its place.

use std::cell::RefCell;
use std::fmt;

use crosscheck::programs::pop3::delivery::Format;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use super::liar::{Faults, Listing, Message, Quit};
use super::story::{Count, Run, Story, Woes};

/// Few, so that they come again; some are no identifiers by RFC 1939.
const UIDS: [&[u8]; 7] = [b"a", b"b", b"c", b"a b", b"a c", b"\xe9", b""];

/// Few, and some of one size. Those that begin with a dot are taken for something else where servers
/// do not stuff it; some pretend to be the answers behind them.
const OCTETS: [&[u8]; 12] = [
    b"",
    b"x\r\n",
    b"y\r\n",
    b"Subject: 1\r\n\r\nhello\r\n",
    b"Subject: 2\r\n\r\nhello\r\n",
    b"From me\r\n\r\n.\r\n..\r\n",
    b".\r\n",
    b".\r\nSubject: 3\r\n",
    b".\r\n+OK\r\nx\r\n",
    b".\r\n+OK\r\n",
    b".\r\n+OK 1 3\r\n",
    b".\r\n+OK\r\n+OK\r\n+OK 2 20\r\n",
];

/// What may come where an answer is due.
const NOISE: [&[u8]; 5] = [
    b"+OK\r\n",
    b"-ERR\r\n",
    b"what\r\n",
    b".\r\n",
    b"+OK\r\nx\r\n.\r\n",
];

/// Octets that are shown as text.
#[derive(Clone, Copy)]
struct Shown(&'static [u8]);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[derive(Clone, Debug)]
enum Chapter {
    Comes(Shown, Shown),
    Goes(usize),
    Runs(Box<Run>),
}

fn listing() -> impl Strategy<Value = Listing> {
    prop_oneof![
        12 => Just(Listing::Right),
        1 => Just(Listing::Refused),
        1 => (0..4usize).prop_map(Listing::LeavesOut),
    ]
}

fn rarely<T: std::fmt::Debug>(value: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    option::weighted(0.12, value)
}

fn faults() -> impl Strategy<Value = Faults> {
    let quit = prop_oneof![
        8 => Just(Quit::Right),
        1 => Just(Quit::Denies),
        1 => Just(Quit::Refuses),
        1 => Just(Quit::DeletesInSilence),
        1 => Just(Quit::Leaves),
        1 => Just(Quit::Forgets),
    ];
    let lists = (
        listing(),
        listing(),
        rarely(1..3usize),
        rarely((0..4usize, -9..9i64)),
    );
    let messages = (
        any::<bool>(),
        rarely((0..4usize, 1..30usize)),
        rarely(0..4usize),
        prop::bool::weighted(0.06),
    );
    let answers = (
        rarely(0..25usize),
        rarely((0..25usize, select(NOISE.to_vec()).prop_map(<[u8]>::to_vec))),
        rarely((0..900usize, any::<bool>())),
        rarely(0..4usize),
    );
    (any::<bool>(), lists, messages, answers, quit).prop_map(
        |(slow, lists, messages, answers, quit)| Faults {
            slow,
            uidl: lists.0,
            list: lists.1,
            phantoms: lists.2.unwrap_or(0),
            size: lists.3,
            unstuffed: messages.0,
            short: messages.1,
            withheld: messages.2,
            mute: messages.3,
            twice: answers.0,
            noise: answers.1,
            cut: answers.2,
            kept: answers.3,
            quit,
        },
    )
}

fn woes() -> impl Strategy<Value = Woes> {
    (
        rarely((0..40usize, any::<u8>())),
        rarely(0..60usize),
        rarely(0..40usize),
    )
        .prop_map(|(killed_at_step, killed_at_event, refused_step)| Woes {
            killed_at_step,
            killed_at_event,
            refused_step,
        })
}

fn run() -> impl Strategy<Value = Run> {
    (
        any::<bool>(),
        faults(),
        woes(),
        select(vec![1, 7, usize::MAX]),
    )
        .prop_map(|(delete, faults, woes, chunk)| Run {
            delete,
            faults,
            woes,
            chunk,
        })
}

fn chapter() -> impl Strategy<Value = Chapter> {
    prop_oneof![
        4 => (select(UIDS.to_vec()), select(OCTETS.to_vec()))
            .prop_map(|(uid, octets)| Chapter::Comes(Shown(uid), Shown(octets))),
        1 => (0..4usize).prop_map(Chapter::Goes),
        3 => run().prop_map(|run| Chapter::Runs(Box::new(run))),
        1 => any::<bool>().prop_map(|delete| Chapter::Runs(Box::new(Run::truthful(delete)))),
    ]
}

/// What has happened in all stories together: a law of nothing is none.
#[derive(Debug, Default)]
struct Totals {
    sessions: usize,
    complete: usize,
    expunged: usize,
    delivered: usize,
    told: usize,
    killed: usize,
    suspects: usize,
}

fn sum(count: &Count) -> usize {
    count.values().sum()
}

/// All that is in the drop is in the mailbox, as often.
fn all_is_delivered(story: &Story, before: &Count) {
    let files = story.files();
    for (octets, times) in before {
        let there = files.get(octets).copied().unwrap_or(0);
        assert!(
            there >= *times,
            "{octets:?} is there {there} times, not {times}"
        );
    }
}

fn present(story: &Story) -> Count {
    let mut count = Count::new();
    let whole = |message: &&Message| !story.has_come_short_twice(message);
    for message in story.drop.iter().filter(whole) {
        *count.entry(message.octets.clone()).or_default() += 1;
    }
    count
}

fn holds(format: Format, chapters: &[Chapter], totals: &mut Totals) {
    let mut story = Story::new(format);
    for chapter in chapters {
        match chapter {
            Chapter::Comes(uid, octets) => story.comes(uid.0, octets.0),
            Chapter::Goes(index) => story.goes(*index),
            Chapter::Runs(run) => {
                totals.sessions += 1;
                let done = story.runs(run);
                totals.complete += usize::from(done.is_ok());
            }
        }
    }
    // In the end nobody lies; what was out of step before is asked for when all else is done.
    let before = present(&story);
    let mut rest = usize::MAX;
    for _ in 0..3 {
        totals.sessions += 1;
        let done = story.runs(&Run::truthful(true));
        rest = done.expect("nothing goes wrong").left;
        if rest == 0 {
            break;
        }
    }
    assert_eq!(rest, 0, "something stays undone");
    all_is_delivered(&story, &before);
    assert_eq!(story.drop, [], "what was delivered is deleted");
    // Every message has its own file, but where the server has deleted without a word, and one with
    // the same octets came later.
    let files = story.files();
    for (octets, times) in &story.expunged {
        let there = files.get(octets).copied().unwrap_or(0);
        let in_silence = story.in_silence.get(octets).copied().unwrap_or(0);
        assert!(
            there + in_silence >= *times,
            "{octets:?}: {there} of {times}"
        );
    }
    let twice: usize = files
        .iter()
        .map(|(octets, times)| times.saturating_sub(story.offered(octets).max(1)))
        .sum();
    assert!(
        twice <= story.told,
        "{twice} came twice, {} were told",
        story.told
    );
    totals.expunged += sum(&story.expunged);
    totals.delivered += sum(&files);
    totals.told += story.told;
    totals.killed += story.killed;
    totals.suspects += story.suspects;
}

#[test]
fn nothing_undelivered_is_deleted_and_what_a_truthful_server_offers_is_delivered() {
    let sessions = std::env::var("CROSSCHECK_FETCH_SESSIONS");
    let sessions = sessions.map_or(1_000, |text| text.parse().expect("a number"));
    let totals = RefCell::new(Totals::default());
    let stories = (
        select(vec![Format::Maildir, Format::Mbox]),
        vec(chapter(), 1..25),
    );
    // Half a dozen sessions a story.
    let mut runner = TestRunner::new(Config {
        cases: u32::try_from(sessions / 6 + 1).expect("not that many"),
        ..crate::config()
    });
    while totals.borrow().sessions < sessions {
        let told = runner.run(&stories, |(format, chapters)| {
            holds(format, &chapters, &mut totals.borrow_mut());
            Ok(())
        });
        told.unwrap_or_else(|error| panic!("{error}"));
    }
    let totals = totals.into_inner();
    println!("{totals:?}");
    let all = [
        totals.complete,
        totals.expunged,
        totals.delivered,
        totals.told,
        totals.killed,
        totals.suspects,
    ];
    assert!(all.iter().all(|times| *times > 0), "{totals:?}");
}
