//! `crosscheck pop3`: the mail drop server and its clients.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use super::programs::{ServerTlsFiles, Serving, print};
use crate::programs::net::{Address, ClientTls, Failure, Listener, exit, log};
use crate::programs::pop3::delivery::Format;
use crate::programs::pop3::dialogue::dialogue;
use crate::programs::pop3::fetch::{Terms, Wish, fetch};
use crate::programs::pop3::maildrop::Store;
use crate::programs::pop3::serve::{Mail, serve};
use crate::programs::pop3::session::Account;
use crate::programs::pop3::url::{PORT, Pop3Url, TLS_PORT};
use crate::programs::pop3::users::{self, Users};
use crate::protocols::pop3::client::{TlsPolicy, Way};
use crate::protocols::pop3::{ClientLimits, Secret, ServerLimits, Text};

/// Where the server listens unless it is told otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:1110";

/// The environment variable with the password of a client.
const PASSWORD: &str = "CROSSCHECK_POP3_PASSWORD";

/// No password is longer.
const MAX_PASSWORD: u64 = 16 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Pop3 {
    /// Serve Maildirs to mail programs
    Serve(Serve),
    /// Fetch a mail drop into a Maildir or an mbox, every message once
    Fetch(Fetch),
    /// Show a session line by line: USER PASS STAT LIST RETR DELE QUIT
    Dialogue(Dialogue),
    /// Hash a password from standard input for the file of users
    Hash,
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The directory with a Maildir for each user, named like them
    #[arg(value_name = "MAILDIR-ROOT")]
    root: PathBuf,
    /// The users: a line NAME:SECRET for each, the secret an Argon2 hash (crosscheck pop3 hash) or
    /// {plain}PASSWORD
    #[arg(long, value_name = "FILE")]
    users: PathBuf,
    /// Where to listen for connections that begin without TLS; may be repeated; the port is 110
    /// unless given [default: 127.0.0.1:1110]
    #[arg(long, value_name = "HOST[:PORT]")]
    listen: Vec<String>,
    /// Where to listen for connections that begin with TLS; may be repeated; the port is 995 unless
    /// given
    #[arg(long, value_name = "HOST[:PORT]", requires = "tls_cert")]
    listen_tls: Vec<String>,
    #[command(flatten)]
    tls: ServerTlsFiles,
    /// Take passwords without TLS from other machines too, though TLS is offered
    #[arg(long)]
    plaintext: bool,
    #[command(flatten)]
    serving: Serving,
}

/// How a client gets in.
#[derive(Args, Debug)]
pub(super) struct Access {
    /// A file whose first line is the password; - is standard input [default: the variable
    /// CROSSCHECK_POP3_PASSWORD, else asked for on the terminal]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Begin TLS by STLS before anything else, or give up
    #[arg(long)]
    stls: bool,
    /// How to log in [default: the best way that the server takes]
    #[arg(long, value_name = "apop|plain|user", value_parser = way)]
    auth: Option<Way>,
    /// Trust the certificate authorities of this PEM file instead of those of this machine
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct Fetch {
    /// The mail drop
    #[arg(value_name = "pop3[s]://USER@HOST[:PORT]/")]
    url: String,
    /// The Maildir or mbox; it is made where there is none. - is standard output: everything that the
    /// mail drop has, as an mbox
    #[arg(short, long, value_name = "MAILDIR|FILE", default_value = "Maildir")]
    output: PathBuf,
    /// Which of them it is [default: mbox where it is a file or is to be named so (x.mbox), else
    /// maildir]
    #[arg(long, value_name = "maildir|mbox", value_parser = format)]
    format: Option<Format>,
    /// Leave messages on the server (the default)
    #[arg(long, conflicts_with = "delete")]
    keep: bool,
    /// Delete messages on the server when they are delivered
    #[arg(long)]
    delete: bool,
    /// Delete messages too that are longer or shorter than the server had said, which are otherwise
    /// fetched a second time first
    #[arg(long, requires = "delete")]
    ignore_sizes: bool,
    /// The largest message; larger ones are left on the server (number and K, M or G)
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = size)]
    max_size: u64,
    /// Keep CRLF at the ends of lines, as they come
    #[arg(long)]
    crlf: bool,
    /// Say nothing unless something fails
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    access: Access,
}

#[derive(Args, Debug)]
pub(super) struct Dialogue {
    /// The mail drop, by its URL or by its host
    #[arg(value_name = "HOST[:PORT]|URL")]
    server: String,
    /// The user, where the server is given by its host
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Delete the first message, instead of taking the mark back before QUIT
    #[arg(long)]
    delete: bool,
    #[command(flatten)]
    access: Access,
}

/// Runs the command; its exit code.
pub(super) fn run(pop3: &Pop3) -> u8 {
    log::start();
    exit::report(match pop3 {
        Pop3::Serve(serve) => run_server(serve),
        Pop3::Fetch(fetch) => run_fetch(fetch),
        Pop3::Dialogue(dialogue) => run_dialogue(dialogue),
        Pop3::Hash => run_hash(),
    })
}

fn run_server(arguments: &Serve) -> Result<(), Failure> {
    let users = Users::from_file(&arguments.users)?;
    let store = Store::open(&arguments.root)?;
    let tls = arguments.tls.read()?;
    let mut addresses = Vec::new();
    for address in &arguments.listen {
        addresses.push(Address::parse(address, PORT)?);
    }
    if arguments.listen.is_empty() && arguments.listen_tls.is_empty() {
        addresses.push(Address::parse(DEFAULT_LISTEN, PORT)?);
    }
    let implicit_from = addresses.len();
    for address in &arguments.listen_tls {
        addresses.push(Address::parse(address, TLS_PORT)?);
    }
    let listener = Listener::bind(&addresses)?;
    let local = listener
        .addresses()
        .take(implicit_from)
        .all(|address| address.ip().is_loopback());
    if tls.is_none() && !local {
        tracing::warn!("without --tls-cert passwords and mail cross the network in clear text");
    }
    let shutdown = Serving::shutdown()?;
    let mail = Mail {
        store,
        users,
        implicit_from,
        plaintext: tls.is_none() || local || arguments.plaintext,
        tls,
        limits: ServerLimits::default(),
    };
    listener.announce();
    serve(&listener, &arguments.serving.service(&shutdown), &mail)
}

fn run_fetch(arguments: &Fetch) -> Result<(), Failure> {
    let url = Pop3Url::parse(&arguments.url)?;
    let mut account = arguments.access.account(url)?;
    account.limits.message = arguments.max_size;
    let progress = if arguments.quiet {
        ProgressBar::hidden()
    } else {
        // On standard error, and only where that is a terminal.
        ProgressBar::no_length().with_style(
            ProgressStyle::with_template("{bar:40} {pos}/{len} messages {eta}")
                .expect("the template is right"),
        )
    };
    let passed_on = match arguments.output == Path::new("-") {
        true => Some(PassedOn::new(arguments)?),
        false => None,
    };
    let mailbox = passed_on
        .as_ref()
        .map_or(&arguments.output, |one| &one.mbox);
    let wish = Wish {
        mailbox,
        format: match &passed_on {
            Some(_) => Format::Mbox,
            None => arguments.format.unwrap_or_else(|| Format::of(mailbox)),
        },
        crlf: arguments.crlf,
        terms: Terms {
            delete: arguments.delete,
            ignore_sizes: arguments.ignore_sizes,
            largest: arguments.max_size,
        },
    };
    let fetched = fetch(&account, &wish, &Serving::shutdown()?, &progress);
    progress.finish_and_clear();
    // What has come before an error is passed on, too.
    let said = passed_on.as_ref().map_or(Ok(()), PassedOn::print);
    let fetched = fetched?;
    said?;
    if !arguments.quiet && passed_on.is_none() {
        let mut line = format!(
            "{} messages delivered, {} delivered before",
            fetched.delivered, fetched.known
        );
        if arguments.delete {
            line += &format!(", {} deleted on the server", fetched.deleted);
        }
        print(&format!("{line}\n"))?;
    }
    if fetched.left > 0 {
        return Err(Failure::partial(format_args!(
            "{}: not everything was done, {} times, as said above; run it again for the rest",
            account.url.address, fetched.left
        )));
    }
    Ok(())
}

/// An mbox that goes to standard output and is forgotten.
struct PassedOn {
    /// Where it is until then.
    _folder: tempfile::TempDir,
    mbox: PathBuf,
}

impl PassedOn {
    fn new(arguments: &Fetch) -> Result<Self, Failure> {
        if arguments.delete {
            return Err(Failure::usage(
                "nobody knows what becomes of standard output, so nothing is deleted for it; leave \
                 --delete out, or name a mailbox (-o)",
            ));
        }
        if arguments.format == Some(Format::Maildir) {
            return Err(Failure::usage(
                "standard output is one stream and no Maildir; leave --format out",
            ));
        }
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::usage(format_args!("cannot make a temporary directory: {error}"))
        })?;
        let mbox = folder.path().join("mbox");
        Ok(Self {
            _folder: folder,
            mbox,
        })
    }

    fn print(&self) -> Result<(), Failure> {
        let copy = || {
            let mut mbox = match std::fs::File::open(&self.mbox) {
                // Nothing was begun.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                opened => opened?,
            };
            let mut output = io::stdout().lock();
            io::copy(&mut mbox, &mut output)?;
            output.flush()
        };
        copy()
            .map_err(|error| Failure::usage(format_args!("cannot write standard output: {error}")))
    }
}

/// A number of octets: `10`, `64K`, `25M`, `1G`.
fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        Some((at, 'g' | 'G')) => (&text[..at], 1 << 30),
        _ => (text, 1),
    };
    let number: Option<u64> = digits.parse().ok();
    number
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "a number of octets, as 65536, 64K, 25M or 1G".to_owned())
}

fn way(text: &str) -> Result<Way, String> {
    match text {
        "apop" => Ok(Way::Apop),
        "plain" => Ok(Way::Plain),
        "user" => Ok(Way::User),
        _ => Err("apop, plain or user".to_owned()),
    }
}

fn format(text: &str) -> Result<Format, String> {
    match text {
        "maildir" => Ok(Format::Maildir),
        "mbox" => Ok(Format::Mbox),
        _ => Err("maildir or mbox".to_owned()),
    }
}

fn run_dialogue(arguments: &Dialogue) -> Result<(), Failure> {
    let url = match (&arguments.user, arguments.server.contains("://")) {
        (None, true) => Pop3Url::parse(&arguments.server)?,
        (Some(user), false) => Pop3Url {
            user: Text::new(user)
                .map_err(|error| Failure::usage(format_args!("the user's name: {error}")))?,
            address: Address::parse(&arguments.server, PORT)?,
            tls: false,
        },
        _ => {
            return Err(Failure::usage(
                "name the user, either by pop3://USER@HOST or by HOST --user USER",
            ));
        }
    };
    let account = arguments.access.account(url)?;
    let shutdown = Serving::shutdown()?;
    dialogue(
        &account,
        arguments.delete,
        &shutdown,
        &mut io::stdout().lock(),
    )
}

fn run_hash() -> Result<(), Failure> {
    let password = if io::stdin().is_terminal() {
        ask("Password: ")?
    } else {
        first_line(io::stdin().lock(), Path::new("standard input"))?
    };
    let hash = users::hash(password.as_bytes())
        .map_err(|error| Failure::usage(format_args!("cannot hash: {error}")))?;
    print(&format!("{hash}\n"))
}

impl Access {
    fn account(&self, url: Pop3Url) -> Result<Account, Failure> {
        let password = Secret::new(self.password(&url)?.as_bytes())
            .map_err(|error| Failure::usage(format_args!("the password: {error}")))?;
        let tls = match url.tls || self.stls {
            true => Some(ClientTls::new(self.tls_ca.as_deref())?),
            false => None,
        };
        Ok(Account {
            url,
            password,
            stls: match self.stls {
                true => TlsPolicy::Required,
                false => TlsPolicy::Never,
            },
            way: self.auth,
            tls,
            limits: ClientLimits::default(),
        })
    }

    fn password(&self, url: &Pop3Url) -> Result<Zeroizing<String>, Failure> {
        if let Some(file) = &self.password_file {
            if file == Path::new("-") {
                return first_line(io::stdin().lock(), file);
            }
            let open = std::fs::File::open(file).map_err(|error| unread(file, &error))?;
            return first_line(io::BufReader::new(open), file);
        }
        if let Ok(password) = std::env::var(PASSWORD) {
            return Ok(Zeroizing::new(password));
        }
        if io::stdin().is_terminal() {
            return ask(&format!("Password of {url}: "));
        }
        Err(Failure::usage(format_args!(
            "there is no password; name a file with it (--password-file) or set {PASSWORD}"
        )))
    }
}

fn unread(file: &Path, error: &io::Error) -> Failure {
    Failure::usage(format_args!(
        "cannot read the password from {}: {error}",
        file.display()
    ))
}

fn first_line(input: impl io::BufRead, file: &Path) -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    input
        .take(MAX_PASSWORD)
        .read_line(&mut line)
        .map_err(|error| unread(file, &error))?;
    Ok(Zeroizing::new(
        line.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

/// Asks on the terminal, which does not show the answer.
fn ask(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let terminal = io::stdin();
    let fail = |error: io::Error| unread(Path::new("the terminal"), &error);
    let shown = tcgetattr(terminal.as_fd()).map_err(|error| fail(error.into()))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    hidden.local_modes.insert(LocalModes::ECHONL);
    let _ = write!(io::stderr(), "{prompt}").and_then(|()| io::stderr().flush());
    tcsetattr(terminal.as_fd(), OptionalActions::Flush, &hidden)
        .map_err(|error| fail(error.into()))?;
    let answer = first_line(terminal.lock(), Path::new("the terminal"));
    tcsetattr(terminal.as_fd(), OptionalActions::Flush, &shown)
        .map_err(|error| fail(error.into()))?;
    answer
}
