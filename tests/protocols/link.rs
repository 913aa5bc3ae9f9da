//! A link between a core and a peer whose connection fails.

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crosscheck::programs::net::{Core, Link, Stream};
use rustix::event::{PollFd, PollFlags, poll};

/// Asks once, and hears everything.
struct Asks {
    asked: bool,
    heard: Vec<u8>,
}

impl Core for Asks {
    const ANSWERS: bool = false;

    fn handle_input(&mut self, _: Instant, input: &[u8]) -> usize {
        self.heard.extend_from_slice(input);
        input.len()
    }

    fn handle_eof(&mut self, _: Instant) {}

    fn handle_timeout(&mut self, _: Instant) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_output(&mut self, _: Instant, output: &mut [u8]) -> usize {
        if self.asked {
            return 0;
        }
        self.asked = true;
        output[..4].copy_from_slice(b"ask\n");
        4
    }
}

/// Data that is there is thrown away because something else has failed before it is looked at.
#[test]
fn what_came_before_a_connection_failed_is_heard() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound");
    let mut ours = TcpStream::connect(address).expect("a connection");
    let (mut theirs, _) = listener.accept().expect("a connection");
    let said: Vec<u8> = (0..50_000_u32).map(|n| n.to_be_bytes()[3]).collect();
    theirs.write_all(&said).expect("it fits the buffers");
    // Who closes with something unread resets the connection.
    ours.write_all(b"unread").expect("it is sent");
    theirs.peek(&mut [0]).expect("it has come");
    drop(theirs);
    let mut gone = [PollFd::new(&ours, PollFlags::empty())];
    poll(&mut gone, None).expect("the reset comes");
    let stream = Stream::new(ours, address).expect("a socket");
    let mut link = Link::new(stream, 1 << 10, Duration::from_secs(60), None);
    let mut core = Asks {
        asked: false,
        heard: Vec::new(),
    };
    // The first thing that is tried is to write, and fails.
    while link.turn(&mut core).is_ok() {
        assert!(core.heard.len() <= said.len());
        if core.heard.len() == said.len() {
            break;
        }
    }
    assert!(core.asked);
    assert_eq!(core.heard, said);
    let ended = (0..10).find_map(|_| link.turn(&mut core).err());
    assert!(ended.is_some(), "then it has failed");
}
