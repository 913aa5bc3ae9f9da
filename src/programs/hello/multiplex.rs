//! The greeting server in one thread: sockets that never block and one wait for all of them.
//!
//! Nothing is tried before the wait says that it is worth trying, so nothing spins; what would have
//! blocked all the same (`EWOULDBLOCK`) waits again.

use std::io;
use std::net::Shutdown as Direction;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use super::GREETING;
use super::serve::PATIENCE;
use crate::primitives::{Permit, Semaphore};
use crate::programs::net::listener::{Accepted, PAUSE};
use crate::programs::net::ready::{self, Interest, earlier};
use crate::programs::net::{Failure, Listener, Service, Stream};
use crate::sync::Os;

/// After so long without an event the server says so in its log, at level debug.
const QUIET: Duration = Duration::from_secs(60);

/// Greets every client until the program is to end. Blocks.
///
/// # Errors
/// When the sockets do not listen any more.
pub fn serve(listener: &Listener, service: &Service<'_>) -> Result<(), Failure> {
    let permits = Semaphore::new("clients", service.limit.get());
    Room {
        listener,
        service,
        permits: &permits,
        clients: Vec::new(),
        greeted: 0,
        resume: None,
    }
    .run()
    .map_err(|error| Failure::usage(format_args!("cannot accept clients: {error}")))
}

struct Room<'a> {
    listener: &'a Listener,
    service: &'a Service<'a>,
    permits: &'a Semaphore<Os>,
    clients: Vec<Client<'a>>,
    greeted: u64,
    /// When clients are accepted again, after the machine had run out of something.
    resume: Option<Instant>,
}

/// A client from its first byte to its last.
struct Client<'a> {
    stream: Stream,
    /// What it has not been sent.
    unsent: &'static [u8],
    /// When it is given up.
    until: Instant,
    _permit: Permit<'a, Os>,
}

impl Room<'_> {
    fn run(mut self) -> io::Result<()> {
        let mut end: Option<Instant> = None;
        while end.is_none() || !self.clients.is_empty() {
            let now = Instant::now();
            if end.is_some_and(|end| end <= now) {
                break;
            }
            self.resume = self.resume.filter(|resume| *resume > now);
            self.wait(&mut end)?;
            let now = Instant::now();
            self.clients.retain(|client| client.until > now);
        }
        tracing::info!("greeted {} clients", self.greeted);
        Ok(())
    }

    /// One wait for everything, and what it has made possible. `end` is when the grace is over,
    /// once the program is to end.
    fn wait(&mut self, end: &mut Option<Instant>) -> io::Result<()> {
        let mut wanted: Vec<_> = self
            .clients
            .iter()
            .map(|client| (client.stream.socket().as_fd(), client.interest()))
            .collect();
        let shutdown = wanted.len();
        if end.is_none() {
            wanted.push((self.service.shutdown.as_fd(), Interest::READ));
        }
        // Without a free permit nobody is accepted: clients wait in the listen queue.
        let (free, _) = self.permits.free_and_waiting();
        let open = end.is_none() && self.resume.is_none() && free > 0;
        let doors = wanted.len();
        if open {
            wanted.extend(self.listener.doors().map(|door| (door, Interest::READ)));
        }
        let patience = self.clients.iter().map(|client| client.until).min();
        let quiet = Instant::now() + QUIET;
        let deadline = earlier(earlier(patience, self.resume), end.or(Some(quiet)));
        let ready = ready::ready_of(&wanted, deadline)?;
        drop(wanted);

        if !ready.contains(&true) && Instant::now() >= quiet {
            tracing::debug!("nobody came for {} s", QUIET.as_secs());
        }
        if end.is_none() && ready[shutdown] {
            *end = Some(Instant::now() + self.service.grace);
        }
        let mut is_ready = ready[..shutdown].iter();
        self.clients
            .retain_mut(|client| !is_ready.next().is_some_and(|ready| *ready) || client.go_on());
        for (door, ready) in ready[doors..].iter().enumerate() {
            if *ready {
                self.accept(door)?;
            }
        }
        Ok(())
    }

    /// Everybody who waits at a door, as far as there are permits.
    fn accept(&mut self, door: usize) -> io::Result<()> {
        while let Some(permit) = self.permits.try_acquire() {
            match self.listener.try_accept(door)? {
                Accepted::Client(stream) => {
                    tracing::info!("received a connection from {}", stream.peer().ip());
                    self.greeted += 1;
                    let mut client = Client {
                        stream,
                        unsent: GREETING,
                        until: Instant::now() + PATIENCE,
                        _permit: permit,
                    };
                    // The socket's buffer is empty: no wait for what is nearly sure.
                    if client.go_on() {
                        self.clients.push(client);
                    }
                }
                Accepted::Nobody => return Ok(()),
                Accepted::Exhausted => {
                    self.resume = Some(Instant::now() + PAUSE);
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Client<'_> {
    fn interest(&self) -> Interest {
        if self.unsent.is_empty() {
            Interest::READ
        } else {
            Interest::WRITE
        }
    }

    /// Sends what fits, then forgets what comes; false when the client is done with.
    fn go_on(&mut self) -> bool {
        if !self.unsent.is_empty() {
            match self.stream.try_write(self.unsent) {
                Ok(written) => self.unsent = &self.unsent[written..],
                Err(error) => {
                    tracing::debug!("{} was not greeted: {error}", self.stream.peer());
                    return false;
                }
            }
            if !self.unsent.is_empty() {
                return true;
            }
            if self.stream.socket().shutdown(Direction::Write).is_err() {
                return false;
            }
        }
        let mut scratch = [0; 4096];
        // One read a wait: a client that never stops sending does not hold up the others.
        matches!(self.stream.try_read(&mut scratch), Ok(None | Some(1..)))
    }
}
