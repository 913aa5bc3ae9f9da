//! `crosscheck file`: the file server and its clients.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use super::args::time;
use super::programs::Serving;
use crate::programs::file::beneath::{self, Root};
use crate::programs::file::client::{Connecting, Connection, TransferError, Transferred};
use crate::programs::file::driver::Threads;
use crate::programs::file::serve::{Share, serve};
use crate::programs::file::source::Source;
use crate::programs::file::target::Target;
use crate::programs::file::{BLOCK, PORT, raw, tree};
use crate::programs::net::{Address, Failure, Listener, ServerTls, Shutdown, exit, log};
use crate::protocols::transfer::{Entry, EntryKind, Limits, RelativePath};

#[derive(Debug, Subcommand)]
pub(super) enum File {
    /// Serve a directory, or one file to clients that know no protocol
    Serve(Serve),
    /// Get a file or, with -r, a directory: whole and verified, or not at all
    Get(Get),
    /// Put a file, standard input or, with -r, a directory
    Put(Put),
    /// List a directory
    List(List),
}

#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The directory; nothing outside it is ever opened, also not by symbolic links
    #[arg(value_name = "DIR", required_unless_present = "raw")]
    directory: Option<PathBuf>,
    /// Where to listen; may be repeated; port 0 takes any that is free
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:5000")]
    listen: Vec<String>,
    #[command(flatten)]
    serving: Serving,
    /// Clients may put files
    #[arg(long)]
    writable: bool,
    /// The server's certificate chain (PEM): connections are TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Send this file to every client, bytes and nothing else, then close; read it with nc
    #[arg(long, value_name = "FILE", conflicts_with_all = ["directory", "writable", "tls_cert"])]
    raw: Option<PathBuf>,
    /// The algorithm that controls congestion, as in cubic or bbr [default: the system's]
    #[arg(long, value_name = "NAME")]
    congestion: Option<String>,
    /// Threads by which a file leaves: one, or three, which read, digest and send
    #[arg(long, value_name = "1|3", value_parser = threads)]
    threads: Option<Threads>,
    /// How long a client may take to say what it speaks
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    handshake: Duration,
    /// How long a client may wait between two commands
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = time)]
    idle: Duration,
    /// How long a client may take to send or read 4096 bytes of a file
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    stall: Duration,
}

/// How to connect.
#[derive(Args, Debug)]
pub(super) struct Via {
    /// The connection is TLS; the server has to prove that it is HOST
    #[arg(long)]
    tls: bool,
    /// Trust this certificate authority (PEM) instead of those of this machine; implies --tls
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// The algorithm that controls congestion, as in cubic or bbr [default: the system's]
    #[arg(long, value_name = "NAME")]
    congestion: Option<String>,
    /// Threads by which a file leaves: one, or three, which read, digest and send
    #[arg(long, value_name = "1|3", value_parser = threads)]
    threads: Option<Threads>,
    /// How long to wait for the connection
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    timeout: Duration,
    /// How long the server may take to send or read 4096 bytes of a file
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    stall: Duration,
}

/// How to transfer.
#[derive(Args, Debug)]
pub(super) struct How {
    /// Go on with what an interrupted transfer has left, if it is a part of the same file
    #[arg(long)]
    resume: bool,
    /// Replace files that are there
    #[arg(long)]
    overwrite: bool,
    /// A directory, with everything beneath it
    #[arg(short, long)]
    recursive: bool,
    /// A line of JSON on standard output for every file
    #[arg(long)]
    json: bool,
    /// No progress, nothing but errors
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Args, Debug)]
pub(super) struct Get {
    /// The server and the file; the port is 5000 unless given
    #[arg(value_name = "HOST[:PORT]/PATH")]
    from: String,
    /// Where to store it; - is standard output, which gets it before it is verified [default: the
    /// last part of PATH, here]
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    via: Via,
}

#[derive(Args, Debug)]
pub(super) struct Put {
    /// The file; - is standard input
    #[arg(value_name = "FILE|-")]
    from: PathBuf,
    /// The server and the file's name there; behind a slash at the end the file's own
    #[arg(value_name = "HOST[:PORT]/PATH")]
    to: String,
    #[command(flatten)]
    how: How,
    #[command(flatten)]
    via: Via,
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// The server and the directory; the port is 5000 unless given
    #[arg(value_name = "HOST[:PORT][/DIR]")]
    from: String,
    /// A line of JSON for every entry
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    via: Via,
}

/// Runs the command; its exit code.
pub(super) fn run(file: &File) -> u8 {
    log::start();
    exit::report(match file {
        File::Serve(serve) => run_server(serve),
        File::Get(get) => run_get(get),
        File::Put(put) => run_put(put),
        File::List(list) => run_list(list),
    })
}

fn threads(text: &str) -> Result<Threads, String> {
    match text {
        "1" => Ok(Threads::One),
        "3" => Ok(Threads::Three),
        _ => Err("1 or 3".to_owned()),
    }
}

fn limits() -> Limits {
    Limits {
        block: BLOCK,
        ..Limits::default()
    }
}

fn run_server(arguments: &Serve) -> Result<(), Failure> {
    let addresses = arguments
        .listen
        .iter()
        .map(|address| Address::parse(address, PORT))
        .collect::<Result<Vec<_>, _>>()?;
    let tls = match (&arguments.tls_cert, &arguments.tls_key) {
        (Some(certificate), Some(key)) => Some(ServerTls::from_files(certificate, key)?),
        _ => None,
    };
    let shutdown = Serving::shutdown()?;
    let service = arguments.serving.service(&shutdown);
    if let Some(file) = &arguments.raw {
        raw::check(file)?;
        let listener = Listener::bind(&addresses)?;
        listener.announce();
        return raw::serve(&listener, &service, file);
    }
    let directory = arguments.directory.as_deref().unwrap_or(Path::new("."));
    let root = Root::open(directory).map_err(|error| {
        Failure::usage(format_args!(
            "cannot serve {}: {error}; name a directory",
            directory.display()
        ))
    })?;
    let share = Share {
        root,
        writable: arguments.writable,
        tls,
        congestion: arguments.congestion.clone(),
        threads: arguments.threads.unwrap_or(Threads::One),
        limits: Limits {
            handshake: arguments.handshake,
            idle: arguments.idle,
            stall: arguments.stall,
            ..limits()
        },
    };
    let listener = Listener::bind(&addresses)?;
    listener.announce();
    serve(&listener, &service, &share)
}

/// `HOST[:PORT][/PATH]`: the server, and the path, empty where there is none.
fn remote(text: &str) -> Result<(Address, &str), Failure> {
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    Ok((Address::parse(host, PORT)?, path))
}

fn path(text: &str) -> Result<RelativePath, Failure> {
    RelativePath::new(text)
        .map_err(|error| Failure::usage(format_args!("`{}`: {error}", text.escape_debug())))
}

/// A directory of the server; nothing is its root.
fn directory(text: &str) -> Result<Option<RelativePath>, Failure> {
    match text.trim_end_matches('/') {
        "" => Ok(None),
        text => path(text).map(Some),
    }
}

impl Via {
    fn connect<'a>(
        &self,
        address: &Address,
        shutdown: &'a Shutdown,
    ) -> Result<Connection<'a>, Failure> {
        let how = Connecting {
            tls: self.tls || self.tls_ca.is_some(),
            authority: self.tls_ca.clone(),
            congestion: self.congestion.clone(),
            timeout: self.timeout,
            threads: self.threads.unwrap_or(Threads::One),
            limits: Limits {
                // A server that has as many clients as it may have takes the next one later.
                handshake: self.stall,
                stall: self.stall,
                ..limits()
            },
        };
        Ok(Connection::open(address, &how, shutdown)?)
    }
}

fn run_get(arguments: &Get) -> Result<(), Failure> {
    let how = &arguments.how;
    let (address, text) = remote(&arguments.from)?;
    let pipe = arguments.output.as_deref() == Some(Path::new("-"));
    if pipe && (how.json || how.resume || how.recursive) {
        return Err(Failure::usage(
            "standard output takes one file: leave --json, --resume and -r away",
        ));
    }
    let shutdown = Serving::shutdown()?;
    let told = Told::new(how);
    if how.recursive {
        let from = directory(text)?;
        let name = from.as_ref().map_or(".", RelativePath::name);
        let to = arguments.output.as_deref().unwrap_or(Path::new(name));
        let mut connection = arguments.via.connect(&address, &shutdown)?;
        let from = from.as_ref();
        tree::get(
            &mut connection,
            from,
            to,
            how.options(),
            &mut |event| told.event(&event),
            &mut |done, total| told.moved(done, total),
        )?;
        connection.finish();
        return Ok(());
    }
    let from = path(text)?;
    let to = arguments.output.as_deref();
    let to = to.unwrap_or(Path::new(from.name()));
    // Before anything is asked for: a name that is taken, or an earlier part to digest.
    let target = match pipe {
        true => Target::standard_output(),
        false => tree::target_at(to, how.resume, how.overwrite)?,
    };
    let mut connection = arguments.via.connect(&address, &shutdown)?;
    let mut moved = |done, total| told.moved(done, total);
    let done = connection.get(&from, target, how.resume, &mut moved)?;
    told.done(&from, done);
    connection.finish();
    Ok(())
}

fn run_put(arguments: &Put) -> Result<(), Failure> {
    let how = &arguments.how;
    let (address, text) = remote(&arguments.to)?;
    let shutdown = Serving::shutdown()?;
    let told = Told::new(how);
    if how.recursive {
        let to = directory(text)?;
        let mut connection = arguments.via.connect(&address, &shutdown)?;
        tree::put(
            &mut connection,
            &arguments.from,
            to.as_ref(),
            how.options(),
            &mut |event| told.event(&event),
            &mut |done, total| told.moved(done, total),
        )?;
        connection.finish();
        return Ok(());
    }
    let pipe = arguments.from == Path::new("-");
    let own = arguments.from.file_name().and_then(|name| name.to_str());
    let to = match (text, own) {
        (text, Some(own)) if !pipe && (text.is_empty() || text.ends_with('/')) => {
            path(&format!("{text}{own}"))?
        }
        (text, _) => path(text)?,
    };
    let source = match pipe {
        true => Source::standard_input(shutdown.clone()),
        false => {
            let (file, stat) = beneath::open_named(&arguments.from)
                .map_err(|refusal| TransferError::local(arguments.from.display(), refusal))?;
            Source::file(file, stat)
        }
    };
    let mut connection = arguments.via.connect(&address, &shutdown)?;
    let mut moved = |done, total| told.moved(done, total);
    let done = connection.put(&to, source, how.resume, how.overwrite, &mut moved)?;
    told.done(&to, done);
    connection.finish();
    Ok(())
}

fn run_list(arguments: &List) -> Result<(), Failure> {
    let (address, text) = remote(&arguments.from)?;
    let from = directory(text)?;
    let shutdown = Serving::shutdown()?;
    let mut connection = arguments.via.connect(&address, &shutdown)?;
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut failed = None;
    let listed = connection.list(from.as_ref(), &mut |entry| {
        if failed.is_none() {
            let line = shown(&entry, arguments.json);
            failed = output.write_all(line.as_bytes()).err();
        }
    })?;
    if listed.hidden > 0 {
        tracing::warn!("{} more have names that are not UTF-8", listed.hidden);
    }
    connection.finish();
    let flushed = match failed {
        Some(error) => Err(error),
        None => output.flush(),
    };
    flushed.or_else(|error| match error.kind() {
        // A reader that has gone away is no error.
        io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(Failure::usage(format_args!(
            "cannot write standard output: {error}"
        ))),
    })
}

/// A line about an entry.
fn shown(entry: &Entry, json: bool) -> String {
    /// As it is printed.
    #[derive(Serialize)]
    struct Line<'a> {
        name: &'a str,
        kind: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        length: Option<u64>,
        mode: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        modified: Option<i64>,
    }
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::Directory => "directory",
        EntryKind::Link => "link",
        EntryKind::Other => "other",
    };
    if json {
        let line = Line {
            name: entry.name.as_str(),
            kind,
            length: entry.metadata.length,
            mode: format!("{:04o}", entry.metadata.mode.bits()),
            modified: entry.metadata.modified.map(|time| time.seconds()),
        };
        let line = serde_json::to_string(&line).expect("text and numbers can be written");
        return line + "\n";
    }
    let length = match entry.metadata.length {
        Some(length) => length.to_string(),
        None => "-".to_owned(),
    };
    let slash = match entry.kind {
        EntryKind::Directory => "/",
        _ => "",
    };
    let mode = entry.metadata.mode.bits();
    format!("{kind:9} {mode:04o} {length:>14} {}{slash}\n", entry.name)
}

impl How {
    fn options(&self) -> tree::Options {
        tree::Options {
            resume: self.resume,
            overwrite: self.overwrite,
        }
    }
}

/// What a user sees: a bar on a terminal, a line for every file.
struct Told {
    bar: Option<ProgressBar>,
    json: bool,
    quiet: bool,
}

impl Told {
    fn new(how: &How) -> Self {
        let visible = !how.quiet && io::stderr().is_terminal();
        Self {
            bar: visible.then(|| {
                let bar = ProgressBar::no_length();
                let style = ProgressStyle::with_template(
                    "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, about {eta} to go",
                );
                bar.set_style(style.expect("the template is well formed"));
                bar
            }),
            json: how.json,
            quiet: how.quiet,
        }
    }

    fn moved(&self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
        }
    }

    fn event(&self, event: &tree::Event<'_>) {
        match event {
            tree::Event::Done(path, done) => self.done(path, *done),
            tree::Event::Skipped(path, why) => {
                tracing::warn!("{} is left out: {why}", path.escape_debug());
            }
        }
    }

    fn done(&self, path: &RelativePath, done: Transferred) {
        /// As it is printed.
        #[derive(Serialize)]
        struct Line<'a> {
            path: &'a str,
            length: u64,
            resumed: u64,
            blake3: String,
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            bar.reset();
        }
        if self.json {
            let line = Line {
                path: path.as_str(),
                length: done.length,
                resumed: done.resumed,
                blake3: done.digest.to_string(),
            };
            let line = serde_json::to_string(&line).expect("text and numbers can be written");
            // A reader that has gone away is no error: the file is there.
            let _ = writeln!(io::stdout(), "{line}");
        } else if !self.quiet {
            let _ = writeln!(
                io::stderr(),
                "{path}: {} bytes, verified, blake3 {}",
                done.length,
                done.digest
            );
        }
    }
}
