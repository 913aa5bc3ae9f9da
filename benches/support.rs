//! What the benchmarks of the network programs share: servers of ours.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A child that is ended with the benchmark.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server of ours, `crosscheck PROGRAM serve`, and its address.
pub(crate) fn serve(program: &str, arguments: &[&str]) -> (Running, SocketAddr) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crosscheck"))
        .args([program, "serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .env("CROSSCHECK_LOG", "error")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it has an output"))
        .read_line(&mut line)
        .expect("its output can be read");
    let address = line.trim_start_matches("listening on ").trim();
    let address = address.parse().expect("a real address");
    (Running(child), address)
}
