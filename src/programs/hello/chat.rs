//! Standard input and a connection at once: one wait for both, with a timeout.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use crate::escape::Stream as Escaped;
use crate::programs::net::ready::{self, Interest};
use crate::programs::net::stream::StreamError;
use crate::programs::net::{Address, Failure, Shutdown, Stream};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);

/// Bytes that are read at once.
const BLOCK: usize = 16 * 1024;

/// Sends standard input to the server and prints what the server sends, until the server closes.
/// At the end of standard input our direction is closed and the rest is read. Blocks.
///
/// What the server sends is printed byte for byte, on a terminal with everything spelt out that a
/// terminal would obey.
///
/// # Errors
/// When there is no connection, it fails, or neither side says anything for as long as `silence`.
pub fn chat(address: &Address, silence: Duration, shutdown: &Shutdown) -> Result<(), Failure> {
    let stream = address.connect(CONNECT)?;
    let mut chat = Chat {
        stream,
        unsent: Vec::new(),
        listening: true,
        terminal: io::stdout().is_terminal(),
        escaped: Escaped::default(),
    };
    chat.run(silence, shutdown).map_err(|end| match end {
        End::Input(error) => Failure::usage(format_args!("cannot read standard input: {error}")),
        End::Output(error) => Failure::usage(format_args!("cannot write standard output: {error}")),
        End::Peer(error) => Failure::peer(format_args!("{address}: {error}")),
        End::Silence => Failure::peer(format_args!(
            "{address}: nobody said anything for {} s; wait longer with --timeout",
            silence.as_secs()
        )),
        End::Interrupted => Failure::interrupted(),
    })
}

struct Chat {
    stream: Stream,
    /// What was read from standard input and not yet sent; more is read when it has gone.
    unsent: Vec<u8>,
    /// Whether standard input goes on.
    listening: bool,
    terminal: bool,
    escaped: Escaped,
}

/// Why a chat ends before the server has closed.
enum End {
    Input(io::Error),
    Output(io::Error),
    Peer(StreamError),
    Silence,
    Interrupted,
}

impl From<StreamError> for End {
    fn from(error: StreamError) -> Self {
        Self::Peer(error)
    }
}

impl Chat {
    fn run(&mut self, silence: Duration, shutdown: &Shutdown) -> Result<(), End> {
        let input = io::stdin();
        loop {
            let wants_input = self.listening && self.unsent.is_empty();
            let socket = Interest {
                read: true,
                write: !self.unsent.is_empty(),
            };
            let mut wanted = vec![
                (shutdown.as_fd(), Interest::READ),
                (self.stream.socket().as_fd(), socket),
            ];
            if wants_input {
                wanted.push((input.as_fd(), Interest::READ));
            }
            let ready = ready::ready_of(&wanted, Instant::now().checked_add(silence))
                .map_err(|error| End::Peer(error.into()))?;
            if ready[0] {
                return Err(End::Interrupted);
            }
            if !ready.contains(&true) {
                return Err(End::Silence);
            }
            if ready[1] {
                self.send()?;
                if !self.receive()? {
                    return Ok(());
                }
            }
            if wants_input && ready[2] {
                self.listen(&input)?;
            }
        }
    }

    /// Reads what is there of standard input, and sends what fits of it.
    fn listen(&mut self, input: &io::Stdin) -> Result<(), End> {
        let mut block = [0; BLOCK];
        // Past the buffer of std, whose contents no wait would see.
        match rustix::io::read(input.as_fd(), &mut block) {
            Ok(0) => {
                self.listening = false;
                self.stream.close_write(Instant::now())?;
            }
            Ok(read) => {
                self.unsent.extend_from_slice(&block[..read]);
                self.send()?;
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(End::Input(error.into())),
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), End> {
        if !self.unsent.is_empty() {
            let written = self.stream.try_write(&self.unsent)?;
            self.unsent.drain(..written);
        }
        Ok(())
    }

    /// Prints what has come; false at the end.
    fn receive(&mut self) -> Result<bool, End> {
        let mut block = [0; BLOCK];
        let Some(read) = self.stream.try_read(&mut block)? else {
            return Ok(true);
        };
        let mut output = io::stdout().lock();
        let shown = if self.terminal {
            match read {
                0 => output.write_all(self.escaped.finish().as_bytes()),
                _ => output.write_all(self.escaped.push(&block[..read]).as_bytes()),
            }
        } else {
            output.write_all(&block[..read])
        };
        match shown.and_then(|()| output.flush()) {
            Ok(()) => Ok(read > 0),
            // Whoever read our output has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => Err(End::Output(error)),
        }
    }
}
