//! The greeting client: closes its own direction at once and reads to the end.

use std::time::{Duration, Instant};

use crate::escape;
use crate::programs::net::{Address, Failure};

/// No greeting is longer.
const MAX: usize = 64 * 1024;

/// Connects and reads what the server says, until it closes. Blocks for `time` to connect and as
/// long again to read.
///
/// # Errors
/// When there is no connection, it fails, or the server says nothing, or more than 64 KiB.
pub fn get(address: &Address, time: Duration) -> Result<Vec<u8>, Failure> {
    let mut stream = address.connect(time)?;
    let deadline = Instant::now() + time;
    let fail = |error: &dyn std::fmt::Display| Failure::peer(format_args!("{address}: {error}"));
    // We have nothing to say: the server sees our end at once.
    stream.close_write(deadline).map_err(|error| fail(&error))?;
    let mut said = vec![0; MAX + 1];
    let mut length = 0;
    loop {
        match stream.read(&mut said[length..], deadline) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) => return Err(fail(&error)),
        }
        if length > MAX {
            return Err(fail(&"said more than 64 KiB; this is no greeting server"));
        }
    }
    said.truncate(length);
    if said.is_empty() {
        return Err(fail(&"closed without a word; this is no greeting server"));
    }
    Ok(said)
}

/// What was received, as it is shown: a line `Received: …` for each that the server sent.
#[must_use]
pub fn shown(said: &[u8]) -> String {
    let said = said.strip_suffix(b"\n").unwrap_or(said);
    said.split(|byte| *byte == b'\n')
        .map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            format!("Received: {}\n", escape::bytes(line))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_received_is_shown_line_by_line_and_does_no_harm() {
        assert_eq!(shown(b""), "Received: \n");
        assert_eq!(
            shown(crate::programs::hello::GREETING),
            "Received: Hello, you are connected!\n"
        );
        assert_eq!(
            shown(b"a\r\n\x1b[2J\xff"),
            "Received: a\nReceived: \\u{1b}[2J\\xff\n"
        );
    }
}
