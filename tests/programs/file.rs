//! The file server and its clients over loopback.
//!
//! 1. `whole`: trees byte for byte, modes and times, pipes, many clients.
//! 2. `broken`: interrupted at any byte, by kills, signals and connections that end.
//! 3. `peers`: peers that break the protocol, names that lead out, clients that do nothing.
//! 4. `swapped`: links and files that are put in the way while a file is written.
//! 5. `old`: systems without the calls that make it simple.
//! 6. `secure`: TLS.

mod broken;
mod old;
mod peers;
mod secure;
mod swapped;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crosscheck::protocols::framing::frame::{HEADER, Header};
use crosscheck::protocols::transfer::limits::MAX_CONTROL;
use crosscheck::protocols::transfer::message::Message;

use crate::support::{Server, crosscheck, run};

/// A server of a new folder, and a new folder for its clients.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: Server,
}

impl House {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self::changed(arguments, |_| ())
    }

    /// With a change to the server's command.
    pub(crate) fn changed(arguments: &[&str], change: impl FnOnce(&mut Command)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["there", "here"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let mut command = server(&folder.path().join("there"), arguments);
        change(&mut command);
        let server = Server::spawn(command);
        Self { folder, server }
    }

    /// A path at the server.
    pub(crate) fn there(&self, path: &str) -> PathBuf {
        self.folder.path().join("there").join(path)
    }

    /// A path at the client.
    pub(crate) fn here(&self, path: &str) -> PathBuf {
        self.folder.path().join("here").join(path)
    }

    /// How a client names something at the server.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.server.address())
    }

    pub(crate) fn get(&self, path: &str, to: &str, more: &[&str]) -> Output {
        let (url, to) = (self.url(path), text(&self.here(to)));
        run(&[&["file", "get", &url, "-o", &to], more].concat())
    }

    pub(crate) fn put(&self, from: &str, path: &str, more: &[&str]) -> Output {
        let (url, from) = (self.url(path), text(&self.here(from)));
        run(&[&["file", "put", &from, &url], more].concat())
    }
}

/// Starts a server of a folder.
pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Server {
    Server::spawn(server(folder, arguments))
}

/// The command that serves a folder.
pub(crate) fn server(folder: &Path, arguments: &[&str]) -> Command {
    let folder = text(folder);
    let fixed = ["file", "serve", &folder, "--listen", "127.0.0.1:0"];
    crosscheck(&[&fixed, arguments].concat())
}

pub(crate) fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// Content without any period that a block could hide.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Everything beneath a folder: contents of files, `None` for folders.
pub(crate) fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("UTF-8");
        if entry.file_type().expect("a type").is_dir() {
            for (inner, content) in tree(&entry.path()) {
                found.insert(format!("{name}/{inner}"), content);
            }
            found.insert(name, None);
        } else {
            found.insert(name, Some(fs::read(entry.path()).expect("a file")));
        }
    }
    found
}

/// Says some messages over a plain connection.
pub(crate) fn say(stream: &mut TcpStream, messages: &[Message]) {
    let mut bytes = Vec::new();
    for message in messages {
        message.encode(&mut bytes);
    }
    stream.write_all(&bytes).expect("the server reads");
}

/// The next frame: a message, or content.
pub(crate) fn hear(stream: &mut TcpStream) -> Result<Message, Vec<u8>> {
    let mut header = [0; HEADER];
    stream.read_exact(&mut header).expect("a frame comes");
    let header = Header::decode(header, 1 << 20).expect("a header");
    let mut payload = vec![0; header.length as usize];
    stream
        .read_exact(&mut payload)
        .expect("a whole frame comes");
    Message::decode(header, &payload).map_err(|_| payload)
}

/// Hello and its answer.
pub(crate) fn greet(stream: &mut TcpStream) {
    let hello = Message::Hello {
        oldest: 1,
        newest: 1,
        most: MAX_CONTROL,
    };
    say(stream, &[hello]);
    assert!(matches!(hear(stream), Ok(Message::Welcome { .. })));
}
