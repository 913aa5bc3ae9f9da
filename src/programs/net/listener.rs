//! The accept loop: one thread a client, as many clients at once as the suite's own accept gate has
//! permits, and an end that loses neither a session nor a permit.
//!
//! A permit is taken *before* a client is accepted, so that clients beyond the limit wait in the
//! listen queue and cost nothing but their place there.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write as _};
use std::net::{Shutdown as Direction, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::exit::{EndsProgram, Exit};
use super::ready::{self, Interest};
use super::resolve::{Address, ConnectError};
use super::shutdown::Shutdown;
use super::stream::Stream;
use crate::primitives::AcceptGate;
use crate::sync::{Mutex, Os};

/// Clients that may wait in the listen queue. Large, for the gate sets the limit: with a queue
/// of 10, one client in eight of 200 that came at once was greeted within 8 s; with 1024 all were.
const BACKLOG: i32 = 1024;

/// How long nobody is accepted when the process or the machine has run out of something. A queue
/// that is not emptied stays ready, so that without a pause the loop would spin.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Sockets that listen, all bound or none.
#[derive(Debug)]
pub struct Listener {
    doors: Vec<Door>,
}

#[derive(Debug)]
struct Door {
    socket: TcpListener,
    address: SocketAddr,
}

/// How a server serves.
#[derive(Clone, Copy, Debug)]
pub struct Service<'a> {
    /// The most clients at once.
    pub limit: NonZeroUsize,
    /// How long sessions may go on when the program is to end; then their connections are cut.
    pub grace: Duration,
    /// The wish that ends the server.
    pub shutdown: &'a Shutdown,
}

/// One client that has come in.
#[derive(Debug)]
pub struct Visit<'a> {
    /// The connection.
    pub stream: Stream,
    /// Which of the listener's addresses it came to, counted from 0.
    pub door: usize,
    /// A number that no other client of this server has, counted from 1.
    pub number: u64,
    /// The wish to end, for sessions that wait for their client's next word.
    pub shutdown: &'a Shutdown,
}

/// What a server has done, when it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Clients that were accepted.
    pub clients: u64,
    /// Sessions that had not ended when the grace was over, and were cut.
    pub cut: usize,
}

/// What was at a door.
#[derive(Debug)]
pub enum Accepted {
    /// A client.
    Client(Stream),
    /// Nobody, or somebody who has gone.
    Nobody,
    /// Perhaps a client, but this machine can take none at the moment: wait [`PAUSE`] before the next try.
    Exhausted,
}

impl Listener {
    /// Listens at every address; of a name with several, at the first that can be bound. Port 0
    /// takes any that is free. An address that was in use by a server just now can be taken again
    /// at once (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// When one of them cannot be bound.
    pub fn bind(addresses: &[Address]) -> Result<Self, BindError> {
        let doors = addresses.iter().map(Door::bind).collect::<Result<_, _>>()?;
        Ok(Self { doors })
    }

    /// The real addresses, in the order of those asked for.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.doors.iter().map(|door| door.address)
    }

    /// Prints one line to standard output: `listening on 127.0.0.1:40123`, further addresses behind
    /// the first.
    pub fn announce(&self) {
        let addresses: Vec<String> = self
            .addresses()
            .map(|address| address.to_string())
            .collect();
        announce(&addresses.join(" "));
    }

    /// Accepts clients and runs `session` for each on a thread of its own, until the program is to
    /// end; returns when the last session has ended. Blocks.
    ///
    /// A session that panics ends itself only. When the process can have no more descriptors or
    /// threads, clients wait in the queue until it can.
    ///
    /// # Errors
    /// When a socket does not listen any more; the wish to end is then raised here.
    pub fn serve(
        &self,
        service: &Service<'_>,
        session: impl Fn(Visit<'_>) + Sync,
    ) -> io::Result<Served> {
        let house = House {
            gate: AcceptGate::new("clients", service.limit.get()),
            guests: Mutex::new("guests", BTreeMap::new()),
            service,
        };
        let ended = Shutdown::new()?;
        thread::scope(|scope| {
            let usher = thread::Builder::new()
                .name("usher".to_owned())
                .spawn_scoped(scope, || house.close(&ended))?;
            let mut served = Served::default();
            let result = loop {
                let Ok(permit) = house.gate.admit() else {
                    break Ok(());
                };
                let (door, stream) = match self.next_client(service.shutdown) {
                    Ok(Some(client)) => client,
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                };
                served.clients += 1;
                let visit = Visit {
                    stream,
                    door,
                    number: served.clients,
                    shutdown: service.shutdown,
                };
                let (house, session) = (&house, &session);
                let started = thread::Builder::new()
                    .name(format!("client {}", visit.number))
                    .spawn_scoped(scope, move || {
                        let _permit = permit;
                        house.receive(visit, session);
                    });
                if let Err(error) = started {
                    tracing::error!("no thread for a client, it is turned away: {error}");
                    if let Err(error) = service.shutdown.wait(Some(PAUSE)) {
                        break Err(error);
                    }
                }
            };
            service.shutdown.raise();
            house.gate.shutdown();
            // Nobody abandons the gate: who is cut ends, too.
            let _ = house.gate.drain();
            ended.raise();
            served.cut = usher.join().unwrap_or_default();
            result.map(|()| served)
        })
    }

    /// The sockets, which are ready to read when a client waits.
    pub fn doors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.doors.iter().map(|door| door.socket.as_fd())
    }

    /// Takes a client from a door, counted from 0, if one waits there. Never blocks.
    ///
    /// # Errors
    /// When the socket does not listen any more.
    ///
    /// # Panics
    /// When there is no such door.
    pub fn try_accept(&self, door: usize) -> io::Result<Accepted> {
        let gone = |error| {
            tracing::debug!("a client has gone already: {error}");
            Accepted::Nobody
        };
        Ok(match self.doors[door].socket.accept() {
            Ok((socket, peer)) => match Stream::new(socket, peer) {
                Ok(stream) => Accepted::Client(stream),
                Err(error) => gone(error),
            },
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Accepted::Nobody,
            Err(error) => match Refusal::of(&error) {
                Refusal::Client => gone(error),
                Refusal::Machine => {
                    tracing::warn!("clients have to wait: {error}");
                    Accepted::Exhausted
                }
                Refusal::Door => return Err(error),
            },
        })
    }

    /// The next client, or `None` when the program is to end. Blocks.
    fn next_client(&self, shutdown: &Shutdown) -> io::Result<Option<(usize, Stream)>> {
        loop {
            let mut wanted = vec![(shutdown.as_fd(), Interest::READ)];
            wanted.extend(self.doors().map(|door| (door, Interest::READ)));
            let ready = ready::ready_of(&wanted, None)?;
            if ready[0] {
                return Ok(None);
            }
            for at in 0..self.doors.len() {
                if !ready[at + 1] {
                    continue;
                }
                match self.try_accept(at)? {
                    Accepted::Client(stream) => return Ok(Some((at, stream))),
                    Accepted::Nobody => {}
                    Accepted::Exhausted => {
                        shutdown.wait(Some(PAUSE))?;
                    }
                }
            }
        }
    }
}

impl Door {
    fn bind(address: &Address) -> Result<Self, BindError> {
        let mut failed = None;
        for address in address.resolve()? {
            match Self::listen(address) {
                Ok(door) => return Ok(door),
                Err(source) => failed = failed.or(Some(BindError::Bind { address, source })),
            }
        }
        Err(failed.expect("a name that is resolved has an address"))
    }

    fn listen(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        // A client that has gone between poll and accept must not leave us waiting in accept.
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from(socket);
        Ok(Self {
            address: socket.local_addr()?,
            socket,
        })
    }
}

/// What the threads of a server share.
struct House<'a> {
    gate: AcceptGate<Os>,
    /// The connections of those inside, by number, to cut them when the grace is over.
    guests: Mutex<Os, BTreeMap<u64, Arc<TcpStream>>>,
    service: &'a Service<'a>,
}

impl House<'_> {
    /// One session from beginning to end, whatever it does.
    fn receive(&self, visit: Visit<'_>, session: impl Fn(Visit<'_>)) {
        let (number, peer) = (visit.number, visit.stream.peer());
        let socket = Arc::clone(visit.stream.socket());
        self.guests.lock().insert(number, socket);
        let result = catch_unwind(AssertUnwindSafe(|| session(visit)));
        self.guests.lock().remove(&number);
        if result.is_err() {
            tracing::error!("the session with {peer} panicked; this is a bug of crosscheck");
        }
    }

    /// The usher: waits for the wish to end, shuts the gate, and after the grace cuts the connections
    /// that are left. How many those were.
    fn close(&self, ended: &Shutdown) -> usize {
        if self.service.shutdown.wait(None).is_err() {
            // Without poll there is no wish to wait for: end now.
            self.service.shutdown.raise();
        }
        self.gate.shutdown();
        if ended.wait(Some(self.service.grace)).unwrap_or(false) {
            return 0;
        }
        let guests = self.guests.lock();
        for socket in guests.values() {
            // It may have gone by itself.
            let _ = socket.shutdown(Direction::Both);
        }
        guests.len()
    }
}

/// Whose fault it is that a client was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// The client's or the network's: the next one may be fine.
    Client,
    /// This machine lacks descriptors, memory or the like at the moment.
    Machine,
    /// The socket's.
    Door,
}

impl Refusal {
    /// As accept(2) of Linux has it: errors of the network that wait at the new connection come out
    /// of accept too.
    fn of(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(
                Errno::AGAIN
                | Errno::INTR
                | Errno::CONNABORTED
                | Errno::CONNRESET
                | Errno::PROTO
                | Errno::PERM
                | Errno::NETDOWN
                | Errno::NETUNREACH
                | Errno::HOSTDOWN
                | Errno::HOSTUNREACH
                | Errno::NOPROTOOPT
                | Errno::OPNOTSUPP
                | Errno::TIMEDOUT,
            ) => Self::Client,
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Self::Machine,
            _ => Self::Door,
        }
    }
}

/// Prints where a server can be reached, one line to standard output; a reader that has gone away
/// is no error.
pub fn announce(addresses: &impl fmt::Display) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "listening on {addresses}").and_then(|()| output.flush());
}

/// Why nobody can be received.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The name has no address.
    #[error(transparent)]
    Resolve(#[from] ConnectError),
    /// The address cannot be taken.
    #[error("cannot listen on {address}: {source}; {}", advice(source))]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl EndsProgram for BindError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "end the program that has it, or choose another port (--listen)"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 are for root; choose a larger one",
        io::ErrorKind::AddrNotAvailable => "choose an address of this machine (--listen)",
        _ => "choose another address (--listen)",
    }
}
