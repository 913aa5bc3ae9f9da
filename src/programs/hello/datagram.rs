//! The greeting without connections: one datagram is the question, one the answer (RFC 768).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use super::GREETING;
use crate::programs::net::ready::{self, Interest};
use crate::programs::net::{Address, BindError, Failure, Shutdown};

/// The largest payload of a datagram: 65 535 less the headers of UDP and IPv4.
pub const MAX: usize = 65_507;

/// A datagram may get lost: the question is asked again after this time.
const AGAIN: Duration = Duration::from_secs(1);

/// A socket that answers datagrams.
#[derive(Debug)]
pub struct Server {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Server {
    /// Takes the first address of the name that can be bound; port 0 takes any that is free.
    ///
    /// # Errors
    /// When none can be bound.
    pub fn bind(address: &Address) -> Result<Self, BindError> {
        let mut failed = None;
        for address in address.resolve()? {
            match Self::open(address) {
                Ok(server) => return Ok(server),
                Err(source) => failed = failed.or(Some(BindError::Bind { address, source })),
            }
        }
        Err(failed.expect("a name that is resolved has an address"))
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        // Without SO_REUSEADDR, by which a second server could take the datagrams of the first.
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            address: socket.local_addr()?,
            socket,
        })
    }

    /// The real address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers every datagram, of 0 to 65 507 bytes, with the greeting until the program is to end.
    /// Blocks.
    ///
    /// # Errors
    /// When the socket does not work any more.
    pub fn serve(&self, shutdown: &Shutdown) -> Result<(), Failure> {
        self.answer(shutdown)
            .map_err(|error| Failure::usage(format_args!("cannot receive datagrams: {error}")))
    }

    fn answer(&self, shutdown: &Shutdown) -> io::Result<()> {
        let mut question = vec![0; MAX];
        let mut answered: u64 = 0;
        loop {
            let wanted = [
                (shutdown.as_fd(), Interest::READ),
                (self.socket.as_fd(), Interest::READ),
            ];
            if let [true, _] = ready::ready(wanted, None)? {
                tracing::info!("answered {answered} datagrams");
                return Ok(());
            }
            let (length, peer) = match self.socket.recv_from(&mut question) {
                Ok(received) => received,
                Err(error) if is_passing(&error) => continue,
                Err(error) => return Err(error),
            };
            tracing::info!("received a datagram of {length} bytes from {}", peer.ip());
            match self.socket.send_to(GREETING, peer) {
                Ok(_) => answered += 1,
                // As if it had been lost on the way, which it may be at any time.
                Err(error) => tracing::debug!("{peer} was not answered: {error}"),
            }
        }
    }
}

/// Errors of an earlier datagram, which come out of the next receive, and wake-ups for nothing.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}

/// Sends `question` and waits for an answer; asks again every second, at every address of the name.
/// Blocks for `time` at most.
///
/// A connected socket hears that nobody listens (ICMP port unreachable) and takes datagrams from its
/// peer only; an unconnected one hears nothing, and others' datagrams are dropped here.
///
/// # Errors
/// When nobody answers, or the question is longer than a datagram.
pub fn get(
    address: &Address,
    question: &[u8],
    connected: bool,
    time: Duration,
) -> Result<Vec<u8>, Failure> {
    if question.len() > MAX {
        return Err(too_long(question.len()));
    }
    let addresses = address.resolve()?;
    let share = time / u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let mut failed = Vec::new();
    for peer in addresses {
        match ask(peer, question, connected, Instant::now() + share) {
            Ok(answer) => return Ok(answer),
            Err(error) => failed.push(match error.kind() {
                io::ErrorKind::ConnectionRefused => format!("{peer}: nobody listens there"),
                io::ErrorKind::TimedOut => format!("{peer}: no answer in {} ms", share.as_millis()),
                _ => format!("{peer}: {error}"),
            }),
        }
    }
    Err(Failure::peer(format_args!(
        "no greeting from {address}: {}; is a server running there?",
        failed.join(", ")
    )))
}

/// The error of a question that fits into no datagram.
#[must_use]
pub fn too_long(bytes: usize) -> Failure {
    Failure::usage(format_args!(
        "{bytes} bytes do not fit into a datagram; send {MAX} at most"
    ))
}

fn ask(
    peer: SocketAddr,
    question: &[u8],
    connected: bool,
    deadline: Instant,
) -> io::Result<Vec<u8>> {
    let any: SocketAddr = match peer {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_nonblocking(true)?;
    if connected {
        socket.connect(peer)?;
    }
    let mut answer = vec![0; MAX];
    while Instant::now() < deadline {
        if connected {
            socket.send(question)?;
        } else {
            socket.send_to(question, peer)?;
        }
        let again = deadline.min(Instant::now() + AGAIN);
        while let [true] = ready::ready([(socket.as_fd(), Interest::READ)], Some(again))? {
            match socket.recv_from(&mut answer) {
                Ok((length, from)) if from == peer => {
                    answer.truncate(length);
                    return Ok(answer);
                }
                Ok((_, stranger)) => tracing::debug!("dropped a datagram from {stranger}"),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                    ) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}
