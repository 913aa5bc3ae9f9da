//! One connection, plain or TLS: nothing waits without a deadline, and what a peer sends or does not
//! read holds nobody up for longer.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown as Direction, SocketAddr, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::Connection;

use super::exit::{EndsProgram, Exit};
use super::ready::{self, Interest};
use super::shutdown::Shutdown;
use super::tls::{ClientTls, ServerTls};

/// A connection to one peer.
///
/// The `try_` methods never block. The others wait, each until its deadline; none is interrupted by
/// a signal. A stream that is dropped closes its socket and says no farewell: see [`Stream::close`].
#[derive(Debug)]
pub struct Stream {
    /// Shared with whoever may cut the connection, see [`Stream::socket`]. Never blocks.
    socket: Arc<TcpStream>,
    peer: SocketAddr,
    /// TLS from its first message on.
    tls: Option<Box<Connection>>,
}

/// What a wait for a stream has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// A read or write, as asked for, is worth trying.
    Ready,
    /// The program is to end.
    Shutdown,
    /// The deadline is over.
    TimedOut,
}

impl Stream {
    /// A stream over a connected socket, which becomes non-blocking and sends small writes at once
    /// (no Nagle delay).
    ///
    /// # Errors
    /// When the socket is not connected any more.
    pub fn new(socket: TcpStream, peer: SocketAddr) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket: Arc::new(socket),
            peer,
            tls: None,
        })
    }

    /// The address of the peer.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The socket, for its options and for cutting the connection from another thread.
    #[must_use]
    pub const fn socket(&self) -> &Arc<TcpStream> {
        &self.socket
    }

    /// Whether the connection is encrypted.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Becomes TLS, as the server. Blocks until the handshake is done.
    ///
    /// # Errors
    /// When the handshake fails or is not done by the deadline.
    pub fn accept_tls(&mut self, tls: &ServerTls, deadline: Instant) -> Result<(), StreamError> {
        self.tls = Some(Box::new(tls.connection()?.into()));
        self.shake_hands(deadline)
    }

    /// Becomes TLS, as the client of a server that proves that it is `host`. Blocks until the
    /// handshake is done.
    ///
    /// # Errors
    /// When the handshake fails, the server's certificate included, or is not done by the deadline.
    pub fn connect_tls(
        &mut self,
        tls: &ClientTls,
        host: &str,
        deadline: Instant,
    ) -> Result<(), StreamError> {
        self.tls = Some(Box::new(tls.connection(host)?.into()));
        self.shake_hands(deadline)
    }

    fn shake_hands(&mut self, deadline: Instant) -> Result<(), StreamError> {
        while let Some(tls) = &mut self.tls {
            if !tls.is_handshaking() {
                break;
            }
            if tls.wants_write() {
                if !self.try_flush()? {
                    self.wait_until(Interest::WRITE, deadline)?;
                }
            } else if !self.read_tls()? {
                self.wait_until(Interest::READ, deadline)?;
            }
        }
        // The last message may still have to go out.
        self.flush(deadline)
    }

    /// Reads what is there: `Some(0)` at the end of the stream, `None` when there is nothing yet.
    /// Never blocks.
    ///
    /// # Errors
    /// When the connection has failed. [`StreamError::Truncated`] is the end of a TLS stream whose
    /// peer has not said that it is the end.
    pub fn try_read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, StreamError> {
        loop {
            let Some(tls) = &mut self.tls else {
                return match (&*self.socket).read(buffer) {
                    Ok(read) => Ok(Some(read)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error.into()),
                };
            };
            match tls.reader().read(buffer) {
                Ok(read) => return Ok(Some(read)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(StreamError::Truncated);
                }
                Err(error) => return Err(error.into()),
            }
            if !self.read_tls()? {
                return Ok(None);
            }
        }
    }

    /// Takes some TLS from the socket; false when there is none.
    fn read_tls(&mut self) -> Result<bool, StreamError> {
        let Some(tls) = &mut self.tls else {
            return Ok(false);
        };
        let read = loop {
            match tls.read_tls(&mut &*self.socket) {
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        };
        if let Err(error) = tls.process_new_packets() {
            // The alert tells the peer why; whether it arrives changes nothing.
            let _ = self.try_flush();
            return Err(error.into());
        }
        if read == 0 && tls.is_handshaking() {
            return Err(StreamError::Truncated);
        }
        // Answers of TLS itself; what does not go out now goes out with the next write. A peer that
        // does not listen any more may still have said something.
        let _ = self.try_flush();
        Ok(true)
    }

    /// Writes what fits, which may be nothing. Never blocks.
    ///
    /// On TLS what is taken may not have gone out yet: see [`Stream::try_flush`].
    ///
    /// # Errors
    /// When the connection has failed.
    pub fn try_write(&mut self, bytes: &[u8]) -> Result<usize, StreamError> {
        match &mut self.tls {
            None => loop {
                match (&*self.socket).write(bytes) {
                    Ok(written) => return Ok(written),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                }
            },
            Some(tls) => {
                let written = tls.writer().write(bytes)?;
                self.try_flush()?;
                Ok(written)
            }
        }
    }

    /// Sends what TLS has taken; true when nothing is left. Never blocks.
    ///
    /// # Errors
    /// When the connection has failed.
    pub fn try_flush(&mut self) -> Result<bool, StreamError> {
        let Some(tls) = &mut self.tls else {
            return Ok(true);
        };
        while tls.wants_write() {
            match tls.write_tls(&mut &*self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Whether TLS holds bytes that have not gone out.
    #[must_use]
    pub fn wants_flush(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Waits until reading or writing is worth trying, the program is to end, or the deadline is
    /// over. Blocks.
    ///
    /// # Errors
    /// Those of poll(2).
    pub fn wait(
        &self,
        interest: Interest,
        shutdown: Option<&Shutdown>,
        deadline: Option<Instant>,
    ) -> Result<Waited, StreamError> {
        let mut wanted = Vec::with_capacity(2);
        if let Some(shutdown) = shutdown {
            wanted.push((shutdown.as_fd(), Interest::READ));
        }
        // A socket that has failed is ready whatever is asked of it.
        if interest != Interest::NONE {
            wanted.push((self.socket.as_fd(), interest));
        }
        let mut ready = ready::ready_of(&wanted, deadline)?.into_iter();
        let shut = shutdown.is_some() && ready.next().unwrap_or_default();
        let ready = ready.next().unwrap_or_default();
        Ok(match (ready, shut) {
            (_, true) => Waited::Shutdown,
            (true, false) => Waited::Ready,
            (false, false) => Waited::TimedOut,
        })
    }

    fn wait_until(&self, interest: Interest, deadline: Instant) -> Result<(), StreamError> {
        match self.wait(interest, None, Some(deadline))? {
            Waited::TimedOut => Err(StreamError::TimedOut),
            Waited::Ready | Waited::Shutdown => Ok(()),
        }
    }

    /// Reads something, or 0 at the end of the stream. Blocks until then.
    ///
    /// # Errors
    /// When the connection has failed or the deadline is over.
    pub fn read(&mut self, buffer: &mut [u8], deadline: Instant) -> Result<usize, StreamError> {
        loop {
            if let Some(read) = self.try_read(buffer)? {
                return Ok(read);
            }
            self.wait_until(Interest::READ, deadline)?;
        }
    }

    /// Writes everything. Blocks until then.
    ///
    /// # Errors
    /// When the connection has failed, or the peer has read nothing for as long as `stall`.
    pub fn write_all(&mut self, mut bytes: &[u8], stall: Duration) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            let written = self.try_write(bytes)?;
            bytes = &bytes[written..];
            if written == 0 {
                self.wait_until(Interest::WRITE, Instant::now() + stall)?;
            }
        }
        self.flush(Instant::now() + stall)
    }

    /// Sends what TLS has taken. Blocks until then.
    ///
    /// # Errors
    /// When the connection has failed or the deadline is over.
    pub fn flush(&mut self, deadline: Instant) -> Result<(), StreamError> {
        while !self.try_flush()? {
            self.wait_until(Interest::WRITE, deadline)?;
        }
        Ok(())
    }

    /// Says that nothing more will be written; reading goes on (the half-close of TCP, after the
    /// farewell of TLS). Blocks until TLS has sent what it holds.
    ///
    /// # Errors
    /// When the connection has failed or the deadline is over.
    pub fn close_write(&mut self, deadline: Instant) -> Result<(), StreamError> {
        if let Some(tls) = &mut self.tls {
            tls.send_close_notify();
            self.flush(deadline)?;
        }
        self.socket.shutdown(Direction::Write)?;
        Ok(())
    }

    /// Ends the connection so that the peer gets all that was written: closes our direction, then
    /// reads and forgets until the peer has closed its own. Blocks for `linger` at most.
    ///
    /// A socket that is closed while bytes are unread resets the connection, and a reset may take
    /// from the peer what it has not read yet.
    pub fn close(mut self, linger: Duration) {
        let deadline = Instant::now() + linger;
        if self.close_write(deadline).is_err() {
            return;
        }
        // Below TLS: nobody looks at these bytes.
        self.tls = None;
        let mut scratch = [0; 4096];
        // A peer that never stops sending is cut when the time is over.
        while Instant::now() < deadline {
            match self.read(&mut scratch, deadline) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

/// Why a connection does not go on.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer did nothing for too long.
    #[error("the peer took too long; try again, or look whether it still runs")]
    TimedOut,
    /// The peer did not read what was sent to it for too long.
    #[error("the peer does not read what is sent to it")]
    Stalled,
    /// The peer sent something where TLS had to begin.
    #[error(
        "the peer sent data before TLS began, as if somebody had put it there; do not trust this network"
    )]
    Injected,
    /// The connection ended without TLS having said that it ends: something may be missing.
    #[error("the connection was cut before its end")]
    Truncated,
    /// The socket has failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// TLS has failed.
    #[error("TLS failed: {0}{next}", next = advice(.0))]
    Tls(#[from] rustls::Error),
}

impl StreamError {
    /// Whether the peer has gone away, with or without a word.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Truncated => true,
            Self::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::NotConnected
            ),
            Self::TimedOut | Self::Stalled | Self::Injected | Self::Tls(_) => false,
        }
    }
}

impl EndsProgram for StreamError {
    fn exit(&self) -> Exit {
        Exit::Peer
    }
}

/// What to do about an error of TLS.
fn advice(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            "; if the server is yours, name its authority with --tls-ca FILE"
        }
        rustls::Error::InvalidMessage(_) => "; does the server speak TLS on this port?",
        _ => "",
    }
}
