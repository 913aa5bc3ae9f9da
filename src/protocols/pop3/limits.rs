//! What bounds a session, in octets, counts and time.

use std::time::Duration;

use super::command::COMMAND_LINE;

/// What bounds a session of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Octets of a command line, CRLF included. 255 (RFC 2449).
    pub command_line: usize,
    /// Octets of a client's line within AUTH, CRLF included. 16 384: names and passwords of 12 kB.
    pub sasl_line: usize,
    /// Octets of a line that is too long before the session is closed. 65 536.
    pub dropped: u64,
    /// So many bad commands one after the other close the session. 20.
    pub bad_commands: u32,
    /// So many refused logins close the session. 10.
    pub refused_logins: u32,
    /// With so many octets of replies waiting no further command is read. 4 096.
    pub output: usize,
    /// Octets of a message that are held at a time. 65 536.
    pub block: usize,
    /// From the connection to the login, absolute. 3 minutes.
    pub login: Duration,
    /// Between commands after the login. 10 minutes, the least that RFC 1939 allows.
    pub idle: Duration,
    /// Without an octet of waiting output being taken. 1 minute.
    pub write_stall: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            command_line: COMMAND_LINE,
            sasl_line: 16_384,
            dropped: 65_536,
            bad_commands: 20,
            refused_logins: 10,
            output: 4_096,
            block: 65_536,
            login: Duration::from_secs(3 * 60),
            idle: Duration::from_secs(10 * 60),
            write_stall: Duration::from_secs(60),
        }
    }
}

/// What bounds a session of the client.
#[derive(Clone, Copy, Debug)]
pub struct ClientLimits {
    /// Octets of a reply line or line of a listing, CRLF included. 2 048, though RFC 2449 says 512:
    /// servers say more.
    pub line: usize,
    /// Octets of a message. 1 GiB.
    pub message: u64,
    /// Messages of a mail drop. 1 000 000.
    pub messages: u32,
    /// Capabilities of a server. 100.
    pub capabilities: usize,
    /// Challenges of one AUTH. 4.
    pub challenges: u32,
    /// Octets of a message that wait for the outside. 65 536.
    pub body: usize,
    /// Commands without a reply at a time, where the server takes more than one. 64.
    pub pipeline: usize,
    /// Between two signs of life from the server while one is due. 1 minute.
    pub reply: Duration,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            line: 2_048,
            message: 1 << 30,
            messages: 1_000_000,
            capabilities: 100,
            challenges: 4,
            body: 65_536,
            pipeline: 64,
            reply: Duration::from_secs(60),
        }
    }
}
