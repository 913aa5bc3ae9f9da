//! Mail drops on disk, a server over them, and a client that says any bytes.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;

use crate::support::{Server, connect, crosscheck, run_with};

/// What [`Mailroom::serve_with_tls`] starts; it serves as long as `server` lives.
pub(crate) struct SecureServer {
    pub(crate) server: Server,
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    /// The file of its certificate.
    pub(crate) cert: String,
}

/// A directory with mail drops, users and certificates.
pub(crate) struct Mailroom {
    directory: TempDir,
}

impl Mailroom {
    /// Alice and Bob, with passwords in clear text that hold a space.
    pub(crate) fn new() -> Self {
        let room = Self {
            directory: directory(),
        };
        room.users("alice:{plain}open sesame\nbob:{plain}open sesame\n");
        fs::create_dir(room.path("mail")).expect("a directory");
        room
    }

    pub(crate) fn users(&self, text: &str) {
        fs::write(self.path("users"), text).expect("a file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The same as text, for arguments.
    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name)
            .to_str()
            .expect("the path is text")
            .to_owned()
    }

    /// Puts messages into a user's new mail, in this order.
    pub(crate) fn deliver(&self, user: &str, messages: &[&[u8]]) {
        let new = self.path("mail").join(user).join("new");
        fs::create_dir_all(&new).expect("a directory");
        let before = fs::read_dir(&new).expect("a directory").count();
        for (at, message) in messages.iter().enumerate() {
            fs::write(new.join(format!("{}.test", 1_000 + before + at)), message).expect("a file");
        }
    }

    /// The files of a user's new mail, by name.
    pub(crate) fn mail(&self, user: &str) -> Vec<(String, Vec<u8>)> {
        files(&self.path("mail").join(user).join("new"))
    }

    pub(crate) fn serve(&self, options: &[&str]) -> Server {
        let (root, users) = (self.arg("mail"), self.arg("users"));
        let mut arguments = vec!["pop3", "serve", &root, "--users", &users];
        if !options.contains(&"--listen") && !options.contains(&"--listen-tls") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        Server::start(&[&arguments, options].concat())
    }

    /// A server with a certificate: STLS at one address, TLS from the first byte at another.
    pub(crate) fn serve_with_tls(&self) -> SecureServer {
        let [cert, key] = self.certify();
        let addresses = ["--listen", "127.0.0.1:0", "--listen-tls", "127.0.0.1:0"];
        let files = ["--tls-cert", &cert, "--tls-key", &key];
        let server = self.serve(&[addresses, files].concat());
        let [plain, tls] = *server.addresses() else {
            panic!("two addresses");
        };
        SecureServer {
            server,
            plain,
            tls,
            cert,
        }
    }

    /// Runs `fetch` for Alice into `inbox`.
    pub(crate) fn fetch(&self, address: SocketAddr, options: &[&str]) -> Output {
        let (url, inbox) = (format!("pop3://alice@{address}/"), self.arg("inbox"));
        let mut command = crosscheck(&[&["pop3", "fetch", &url, "-o", &inbox], options].concat());
        command.env("CROSSCHECK_POP3_PASSWORD", "open sesame");
        run_with(command, b"")
    }

    /// The contents of what was fetched, in the order of names.
    pub(crate) fn fetched(&self) -> Vec<Vec<u8>> {
        let files = files(&self.path("inbox").join("new"));
        files.into_iter().map(|(_, contents)| contents).collect()
    }

    /// The names of everything in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.path()).expect("a directory");
        entries
            .map(|entry| entry.expect("an entry").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// A certificate for localhost and 127.0.0.1, `cert.pem` and `key.pem`; its own authority.
    pub(crate) fn certify(&self) -> [String; 2] {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certified = rcgen::generate_simple_self_signed(names).expect("a certificate");
        fs::write(self.path("cert.pem"), certified.cert.pem()).expect("a file");
        fs::write(self.path("key.pem"), certified.signing_key.serialize_pem()).expect("a file");
        [self.arg("cert.pem"), self.arg("key.pem")]
    }
}

/// In memory where that is possible: what a killed process leaves does not depend on the disk, and
/// flushing ten thousand files to a busy one takes minutes.
fn directory() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .expect("a directory")
}

/// The files of a directory and their contents, by name.
pub(crate) fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// A client that says what it likes.
pub(crate) struct Talk {
    reader: BufReader<TcpStream>,
}

impl Talk {
    /// Connects and reads the greeting.
    pub(crate) fn new(address: SocketAddr) -> Self {
        let mut talk = Self {
            reader: BufReader::new(connect(address)),
        };
        let greeting = talk.line();
        assert!(greeting.starts_with("+OK"), "{greeting}");
        talk
    }

    /// Connects and logs in.
    pub(crate) fn log_in(address: SocketAddr, user: &str) -> Self {
        let mut talk = Self::new(address);
        let answer = talk.logs_in(user);
        assert!(answer.starts_with("+OK"), "{answer}");
        talk
    }

    /// The answer to USER and PASS.
    pub(crate) fn logs_in(&mut self, user: &str) -> String {
        self.say(format!("USER {user}\r\n").as_bytes());
        let answer = self.line();
        assert!(answer.starts_with("+OK"), "{answer}");
        self.ask("PASS open sesame")
    }

    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.reader.get_mut().write_all(bytes).expect("it is sent");
    }

    /// The next line, without its end; empty at the end of the stream.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).expect("a line");
        assert!(line.is_empty() || line.ends_with(b"\r\n"), "{line:?}");
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// Says a command; the first line of the answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.say(format!("{command}\r\n").as_bytes());
        self.line()
    }

    /// Says a command; all lines of an answer of several, without the final one, with their ends and
    /// without stuffing.
    pub(crate) fn ask_long(&mut self, command: &str) -> (String, Vec<u8>) {
        let first = self.ask(command);
        assert!(first.starts_with("+OK"), "{command}: {first}");
        let mut body = Vec::new();
        loop {
            let mut line = Vec::new();
            self.reader.read_until(b'\n', &mut line).expect("a line");
            assert!(line.ends_with(b"\r\n"), "{command} was cut: {line:?}");
            if line == b".\r\n" {
                return (first, body);
            }
            body.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    /// Throws so many octets away; how many there were.
    pub(crate) fn skip(&mut self, octets: u64) -> u64 {
        let mut skipped = std::io::Read::take(&mut self.reader, octets);
        std::io::copy(&mut skipped, &mut std::io::sink()).expect("octets")
    }

    /// Everything up to the end of the stream.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        std::io::Read::read_to_end(&mut self.reader, &mut rest).expect("it ends in order");
        rest
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.reader.into_inner()
    }
}
