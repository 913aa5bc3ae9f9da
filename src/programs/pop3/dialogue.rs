//! A session shown line by line: USER, PASS, STAT, LIST, RETR, DELE, QUIT, as the textbooks have it.

use std::io::{self, Write};

use super::session::{Account, Fault, Session, SessionError, Speaker};
use crate::escape;
use crate::programs::net::{Failure, Shutdown};
use crate::protocols::pop3::client::{Asked, Event, TlsPolicy};
use crate::protocols::pop3::reply::{Reply, Status};
use crate::protocols::pop3::{Command, Number};

/// Holds a session with the server and writes both sides of it, `S: ` before what the server says and
/// `C: ` before what we say; the password as stars. Blocks.
///
/// The first message is read and marked as deleted. Unless `delete` is set, RSET takes the mark back
/// before QUIT.
///
/// # Errors
/// When the session fails, or the server refuses the login; what was said by then is written.
pub fn dialogue(
    account: &Account,
    delete: bool,
    shutdown: &Shutdown,
    output: &mut impl Write,
) -> Result<(), Failure> {
    let mut shown = Shown {
        output,
        server: Vec::new(),
        client: Vec::new(),
        error: None,
    };
    let mut session = Session::connect(account, shutdown)?;
    session.listen(|speaker, octets| shown.hear(speaker, octets));
    let held = hold(&mut session, account, delete);
    drop(session);
    match shown.error {
        // Whoever read it has seen enough.
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::usage(
            format_args!("cannot write standard output: {error}"),
        )),
        _ => Ok(held?),
    }
}

fn hold(session: &mut Session<'_>, account: &Account, delete: bool) -> Result<(), SessionError> {
    session.greeting()?;
    if account.stls == TlsPolicy::Required && !account.url.tls {
        must(session, &Command::Stls)?;
    }
    must(session, &Command::User(account.url.user.clone()))?;
    must(session, &Command::Pass(account.password.clone()))?;
    let messages = must(session, &Command::Stat)?;
    must(session, &Command::List(None))?;
    if messages > 0 {
        must(session, &Command::Retr(Number::FIRST))?;
        must(session, &Command::Dele(Number::FIRST))?;
        if !delete {
            must(session, &Command::Rset)?;
        }
    }
    must(session, &Command::Quit)?;
    Ok(())
}

/// Says a command and hears its answer to the end; how many messages it counts, if it does.
fn must(session: &mut Session<'_>, command: &Command) -> Result<u32, SessionError> {
    session.send(command)?;
    let mut count = 0;
    loop {
        match session.event()? {
            Event::Reply { to, reply } => {
                if reply.status == Status::Err {
                    return Err(refused(session, to, reply));
                }
                if !has_more(to) {
                    return Ok(count);
                }
            }
            Event::Totals { messages, .. } => return Ok(messages),
            Event::Size { .. } => count += 1,
            Event::Body => {
                let octets = session.client().body().len();
                session.client().consume_body(octets);
            }
            Event::End { .. } => return Ok(count),
            _ => {}
        }
    }
}

/// Whether something follows the first line of the answer.
fn has_more(asked: Asked) -> bool {
    matches!(asked, Asked::Stat | Asked::List(None) | Asked::Retr(_))
}

fn refused(session: &mut Session<'_>, command: Asked, reply: Reply) -> SessionError {
    if command != Asked::Quit {
        // In order, though there is nothing left to be said.
        let _ = session.quit();
    }
    session.fault(Fault::Refused {
        command: command.to_string(),
        reply,
    })
}

/// Both sides of a conversation, as lines.
struct Shown<'a, W> {
    output: &'a mut W,
    /// The beginning of a line of the server.
    server: Vec<u8>,
    /// The beginning of a line of ours.
    client: Vec<u8>,
    /// Writing has failed: nothing is shown any more.
    error: Option<io::Error>,
}

/// A line of a peer that has no end is shown in pieces.
const LONGEST: usize = 8192;

impl<W: Write> Shown<'_, W> {
    fn hear(&mut self, speaker: Speaker, octets: &[u8]) {
        for piece in octets.split_inclusive(|octet| *octet == b'\n') {
            let (begun, name) = match speaker {
                Speaker::Server => (&mut self.server, 'S'),
                Speaker::Client => (&mut self.client, 'C'),
            };
            begun.extend_from_slice(piece);
            if !begun.ends_with(b"\n") && begun.len() < LONGEST {
                continue;
            }
            let line = std::mem::take(begun);
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let secret = name == 'C' && line.len() >= 5 && line[..5].eq_ignore_ascii_case(b"PASS ");
            let text = match secret {
                true => "PASS ********".to_owned(),
                false => escape::bytes(line),
            };
            if self.error.is_none() {
                let written = writeln!(self.output, "{name}: {text}");
                self.error = written.and_then(|()| self.output.flush()).err();
            }
        }
    }
}
