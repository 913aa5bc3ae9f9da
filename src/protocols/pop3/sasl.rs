//! What goes into AUTH and comes out of it: PLAIN (RFC 4616), XOAUTH2, OAUTHBEARER (RFC 7628), in
//! base64 as RFC 5034 wants it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

use super::argument::{Secret, Text};

/// Why a client's response within AUTH is refused. Its text is fit for a `-ERR` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ResponseError {
    /// No base64.
    #[error("the response is not base64")]
    NotBase64,
    /// Not three parts with a NUL between each two.
    #[error("the response to PLAIN has to be three parts with NUL between them")]
    NotPlain,
}

/// The parts of a response to PLAIN. They are any octets: no part of a path, no line.
#[derive(Debug)]
pub(super) struct Plain {
    /// As whom to act; empty: as who logs in.
    pub(super) authorization: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) password: Zeroizing<Vec<u8>>,
}

/// What stands on the line for octets that are not there: `=` for none (RFC 5034, section 4).
const EMPTY: &[u8] = b"=";

/// The parts of a response to PLAIN as it stands on the line.
pub(super) fn read_plain(line: &[u8]) -> Result<Plain, ResponseError> {
    let line = if line == EMPTY { b"" } else { line };
    let octets = STANDARD
        .decode(line)
        .map(Zeroizing::new)
        .map_err(|_| ResponseError::NotBase64)?;
    let mut parts = octets.split(|octet| *octet == 0);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(authorization), Some(name), Some(password), None) => Ok(Plain {
            authorization: authorization.to_vec(),
            name: name.to_vec(),
            password: Zeroizing::new(password.to_vec()),
        }),
        _ => Err(ResponseError::NotPlain),
    }
}

/// A response to PLAIN.
pub(super) fn write_plain(name: &Text, password: &Secret) -> Secret {
    encode(&[b"\0", name.as_bytes(), b"\0", password.as_bytes()])
}

/// A response to XOAUTH2.
pub(super) fn write_xoauth2(name: &Text, token: &Secret) -> Secret {
    encode(&[
        b"user=",
        name.as_bytes(),
        b"\x01auth=Bearer ",
        token.as_bytes(),
        b"\x01\x01",
    ])
}

/// A response to OAUTHBEARER.
pub(super) fn write_oauth_bearer(name: &Text, token: &Secret, host: &Text, port: u16) -> Secret {
    let mut escaped = Vec::new();
    for octet in name.as_bytes() {
        match octet {
            b',' => escaped.extend_from_slice(b"=2C"),
            b'=' => escaped.extend_from_slice(b"=3D"),
            other => escaped.push(*other),
        }
    }
    encode(&[
        b"n,a=",
        &escaped,
        b",\x01host=",
        host.as_bytes(),
        b"\x01port=",
        port.to_string().as_bytes(),
        b"\x01auth=Bearer ",
        token.as_bytes(),
        b"\x01\x01",
    ])
}

/// What a client says when a token was refused, so that the server may say `-ERR`: a single
/// octet 1 (RFC 7628, section 3.2.3).
pub(super) fn write_oauth_refused() -> Secret {
    encode(&[b"\x01"])
}

fn encode(parts: &[&[u8]]) -> Secret {
    let octets = Zeroizing::new(parts.concat());
    Secret::from_safe(STANDARD.encode(&*octets).into_bytes())
}
