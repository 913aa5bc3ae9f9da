//! Single stories.

use crosscheck::programs::pop3::delivery::Format;
use crosscheck::programs::pop3::fetch::Fetched;

use super::liar::{Faults, Listing, Quit};
use super::story::{Run, Story};

const FORMATS: [Format; 2] = [Format::Maildir, Format::Mbox];

/// Of several things in a mailbox.
fn texts(story: &Story) -> Vec<String> {
    let files = story.files();
    let all = files.iter().flat_map(|(octets, times)| {
        let text = String::from_utf8_lossy(octets).into_owned();
        std::iter::repeat_n(text, *times)
    });
    all.collect()
}

fn with(faults: Faults, delete: bool) -> Run {
    Run {
        faults,
        ..Run::truthful(delete)
    }
}

fn done(story: &mut Story, run: &Run) -> Fetched {
    story.runs(run).expect("the session comes to its end")
}

/// Mail that takes the place of other mail in the books of the client.
#[test]
fn a_name_that_comes_again_is_that_of_a_new_message() {
    let no_names = Faults {
        uidl: Listing::Refused,
        ..Faults::default()
    };
    for (format, faults, between) in [
        (FORMATS[0], Faults::default(), false),
        (FORMATS[0], Faults::default(), true),
        (FORMATS[0], no_names.clone(), false),
        (FORMATS[1], no_names, true),
    ] {
        for (first, second, again) in [("x\r\n", "y\r\n", 0), ("x\r\n", "x\r\n", 1)] {
            let mut story = Story::new(format);
            story.comes(b"a", first.as_bytes());
            let fetched = done(&mut story, &with(faults.clone(), true));
            assert_eq!((fetched.delivered, fetched.deleted), (1, 1));
            if between {
                let fetched = done(&mut story, &with(faults.clone(), true));
                assert_eq!(fetched, Fetched::default());
            }
            story.comes(b"a", second.as_bytes());
            let fetched = done(&mut story, &with(faults.clone(), true));
            let counts = (fetched.delivered, fetched.again, fetched.deleted);
            assert_eq!(counts, (1, again, 1), "{first:?} {second:?}");
            assert_eq!(texts(&story), [first, second]);
        }
    }
    // It was kept, somebody else has deleted it, and nothing was there in between.
    for faults in [
        Faults::default(),
        Faults {
            uidl: Listing::Refused,
            ..Faults::default()
        },
    ] {
        let mut story = Story::new(Format::Maildir);
        story.comes(b"a", b"x\r\n");
        done(&mut story, &with(faults.clone(), false));
        story.goes(0);
        done(&mut story, &with(faults.clone(), false));
        story.comes(b"a", b"x\r\n");
        let fetched = done(&mut story, &with(faults, true));
        assert_eq!(
            (fetched.delivered, fetched.again, fetched.deleted),
            (1, 1, 1)
        );
        assert_eq!(texts(&story), ["x\r\n", "x\r\n"]);
    }
}

/// Mail of which the server does not say any more whether it is the old or the new.
#[test]
fn after_a_quit_without_an_answer_only_the_octets_tell() {
    for quit in [Quit::DeletesInSilence, Quit::Denies] {
        let mut story = Story::new(Format::Maildir);
        story.comes(b"a", b"x\r\n");
        let faults = Faults {
            quit,
            ..Faults::default()
        };
        assert!(story.runs(&with(faults, true)).is_err());
        assert_eq!(story.drop, []);
        story.comes(b"a", b"y\r\n");
        let fetched = done(&mut story, &Run::truthful(true));
        assert_eq!((fetched.delivered, fetched.deleted), (1, 1));
        assert_eq!(texts(&story), ["x\r\n", "y\r\n"]);
    }
    // And if it is the old one, it does not come twice.
    for quit in [Quit::Leaves, Quit::Refuses] {
        let mut story = Story::new(Format::Maildir);
        story.comes(b"a", b"x\r\n");
        let faults = Faults {
            quit,
            ..Faults::default()
        };
        assert!(story.runs(&with(faults, true)).is_err());
        let fetched = done(&mut story, &Run::truthful(true));
        assert_eq!(
            (fetched.delivered, fetched.known, fetched.deleted),
            (0, 1, 1)
        );
        assert_eq!(texts(&story), ["x\r\n"]);
    }
}

/// An answer to DELE that was that to something else.
#[test]
fn what_was_to_be_deleted_is_looked_at_again_though_the_server_said_no() {
    let mut story = Story::new(Format::Maildir);
    story.comes(b"a", b"x\r\n");
    done(&mut story, &Run::truthful(false));
    let noise = Faults {
        noise: Some((4, b"-ERR no\r\n".to_vec())),
        ..Faults::default()
    };
    let fetched = done(&mut story, &with(noise, true));
    assert_eq!((fetched.deleted, fetched.left, story.drop.len()), (0, 1, 0));
    story.comes(b"a", b"y\r\n");
    let fetched = done(&mut story, &Run::truthful(true));
    assert_eq!((fetched.delivered, fetched.deleted), (1, 1));
    assert_eq!(texts(&story), ["x\r\n", "y\r\n"]);
}

/// Mail that has the name of other mail beside it.
#[test]
fn two_messages_of_one_name_are_two() {
    for octets in [
        ["x\r\n", "y\r\n"],
        ["x\r\n", "x\r\n"],
        ["x\r\n", "longer\r\n"],
    ] {
        let mut story = Story::new(Format::Maildir);
        for one in octets {
            story.comes(b"a", one.as_bytes());
        }
        for delete in [false, false, true] {
            let fetched = done(&mut story, &Run::truthful(delete));
            assert_eq!(fetched.delivered + fetched.known, 2);
            assert_eq!(fetched.deleted, 2 * usize::from(delete));
            let mut expected = octets.to_vec();
            expected.sort_unstable();
            assert_eq!(texts(&story), expected);
        }
    }
    // The name of one of them is left out, so that the other has it alone.
    let mut story = Story::new(Format::Maildir);
    story.comes(b"a", b"x\r\n");
    done(&mut story, &Run::truthful(false));
    story.comes(b"a", b"y\r\n");
    let left_out = Faults {
        uidl: Listing::LeavesOut(0),
        ..Faults::default()
    };
    let fetched = done(&mut story, &with(left_out, true));
    assert_eq!(fetched.deleted, 2);
    assert!(texts(&story).contains(&"y\r\n".to_owned()));
    // One of them is there when the other comes.
    let mut story = Story::new(Format::Maildir);
    story.comes(b"a", b"x\r\n");
    done(&mut story, &Run::truthful(false));
    story.comes(b"a", b"y\r\n");
    let fetched = done(&mut story, &Run::truthful(true));
    assert_eq!(
        (fetched.delivered, fetched.known, fetched.deleted),
        (1, 1, 2)
    );
    assert_eq!(texts(&story), ["x\r\n", "y\r\n"]);
}

/// An answer that ends too early, so that the rest of it is taken for the next answers.
#[test]
fn a_message_that_brings_the_answers_out_of_step_is_neither_delivered_nor_deleted() {
    let bad = ".\r\n+OK\r\nx\r\n";
    for (slow, first) in [
        (false, ".\r\n"),
        (true, ".\r\nSubject: 1\r\n"),
        (false, bad),
        (true, ".\r\n+OK 1 3\r\n"),
        (true, ".\r\n+OK\r\n+OK\r\n+OK\r\n"),
    ] {
        let mut story = Story::new(Format::Maildir);
        for (uid, octets) in [("a", "x\r\n"), ("b", first), ("c", "y\r\n"), ("d", "z\r\n")] {
            story.comes(uid.as_bytes(), octets.as_bytes());
        }
        let unstuffed = Faults {
            unstuffed: true,
            slow,
            ..Faults::default()
        };
        assert!(story.runs(&with(unstuffed.clone(), true)).is_err());
        assert_eq!(story.drop.len(), 4, "nothing is deleted");
        assert!(!texts(&story).contains(&String::new()), "{first:?}");
        // It does not keep the others away.
        let fetched = done(&mut story, &with(unstuffed.clone(), true));
        assert_eq!((fetched.deleted, fetched.left), (3, 1), "{first:?}");
        assert_eq!(texts(&story), ["x\r\n", "y\r\n", "z\r\n"]);
        // It is asked for when there is nothing else to do, and delivered as soon as it can be.
        assert!(story.runs(&with(unstuffed, true)).is_err());
        assert_eq!(story.drop.len(), 1);
        let fetched = done(&mut story, &Run::truthful(true));
        assert_eq!(
            (fetched.delivered, fetched.deleted, fetched.left),
            (1, 1, 0)
        );
        assert!(texts(&story).contains(&first.to_owned()));
    }
}

/// A message that was cut on its way to the server's answer.
#[test]
fn a_message_of_another_size_than_announced_stays_until_a_second_fetch_gives_the_same() {
    let whole = "Subject: 1\r\n\r\nhello\r\n";
    let short = Faults {
        short: Some((0, 5)),
        ..Faults::default()
    };
    // The same comes again: that is all the server has.
    let mut story = Story::new(Format::Maildir);
    story.comes(b"a", whole.as_bytes());
    let fetched = done(&mut story, &with(short.clone(), true));
    assert_eq!(
        (fetched.delivered, fetched.deleted, fetched.left),
        (1, 0, 1)
    );
    assert_eq!(texts(&story), ["Subject: 1\r\n\r\n"]);
    let fetched = done(&mut story, &with(short.clone(), true));
    assert_eq!(
        (fetched.delivered, fetched.known, fetched.deleted),
        (0, 1, 1)
    );
    assert_eq!(texts(&story), ["Subject: 1\r\n\r\n"]);
    // All of it comes, even where it is kept.
    for delete in [false, true] {
        let mut story = Story::new(Format::Maildir);
        story.comes(b"a", whole.as_bytes());
        done(&mut story, &with(short.clone(), delete));
        let fetched = done(&mut story, &Run::truthful(delete));
        assert_eq!(
            (fetched.delivered, fetched.deleted),
            (1, usize::from(delete))
        );
        assert_eq!(texts(&story), ["Subject: 1\r\n\r\n", whole]);
        let fetched = done(&mut story, &Run::truthful(delete));
        assert_eq!(fetched.delivered, 0);
    }
    // More than announced is no less than all.
    let mut story = Story::new(Format::Maildir);
    story.comes(b"a", whole.as_bytes());
    let fewer = Faults {
        size: Some((0, -3)),
        ..Faults::default()
    };
    let fetched = done(&mut story, &with(fewer, true));
    assert_eq!(
        (fetched.delivered, fetched.deleted, fetched.left),
        (1, 1, 0)
    );
}

/// Names that are none by RFC 1939, and names of which a part is another name.
#[test]
fn a_name_is_the_whole_of_it_and_a_strange_one_is_that_of_one_message() {
    let long = [b'x'; 200];
    let names: [&[u8]; 8] = [
        b"a b",
        b"a c",
        b"a",
        b"",
        b"\xe9",
        b"\xe8",
        &long,
        &long[..199],
    ];
    let mut story = Story::new(Format::Maildir);
    for (at, uid) in names.iter().enumerate() {
        story.comes(uid, format!("{at}\r\n").as_bytes());
    }
    let fetched = done(&mut story, &Run::truthful(false));
    assert_eq!((fetched.delivered, fetched.left), (8, 0));
    let fetched = done(&mut story, &Run::truthful(false));
    assert_eq!((fetched.delivered, fetched.known), (0, 8));
    story.comes(b"a d", b"8\r\n");
    let fetched = done(&mut story, &Run::truthful(true));
    assert_eq!(
        (fetched.delivered, fetched.known, fetched.deleted),
        (1, 8, 9)
    );
    assert_eq!(texts(&story).len(), 9);
}

/// Mail that the server counts and does not list.
#[test]
fn what_a_listing_leaves_out_is_told_and_delivered_all_the_same() {
    let left_out = Listing::LeavesOut(1);
    for faults in [
        Faults {
            uidl: left_out,
            ..Faults::default()
        },
        Faults {
            list: left_out,
            ..Faults::default()
        },
    ] {
        let mut story = Story::new(Format::Maildir);
        for (uid, octets) in [("a", "x\r\n"), ("b", "y\r\n"), ("c", "z\r\n")] {
            story.comes(uid.as_bytes(), octets.as_bytes());
        }
        let fetched = done(&mut story, &with(faults, false));
        assert_eq!((fetched.delivered, fetched.left), (3, 1));
        let fetched = done(&mut story, &Run::truthful(true));
        assert_eq!(
            (fetched.delivered, fetched.known, fetched.deleted),
            (0, 3, 3)
        );
        assert_eq!(texts(&story), ["x\r\n", "y\r\n", "z\r\n"]);
    }
}

/// A link that is cut again and again, before QUIT each time.
#[test]
fn sessions_that_are_cut_bring_something_each_time_and_everything_in_the_end() {
    let mut story = Story::new(Format::Maildir);
    for at in 0..100 {
        let text = format!("Subject: {at}\r\n\r\n{}\r\n", "x".repeat(70));
        story.comes(format!("name-{at}").as_bytes(), text.as_bytes());
    }
    let mut before = 0;
    for _ in 0..20 {
        let cut = Faults {
            cut: Some((6_000, true)),
            ..Faults::default()
        };
        if story.runs(&with(cut, true)).is_ok() {
            break;
        }
        let now = texts(&story).len();
        assert!(now >= (before + 10).min(100), "{now} after {before}");
        before = now;
    }
    assert_eq!(before, 100);
    let fetched = done(&mut story, &Run::truthful(true));
    assert_eq!(fetched.delivered, 0);
    assert_eq!((story.drop.len(), texts(&story).len()), (0, 100));
}
