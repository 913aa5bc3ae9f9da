//! What a server offers.

use crate::protocols::pop3::{ApopTimestamp, Expire, ServerLimits, Text};

/// What a session offers; the same for every session but for the timestamp of APOP.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the session is bounded by.
    pub limits: ServerLimits,
    /// Whether the connection is or may become encrypted.
    pub tls: Tls,
    /// Whether USER, PASS and AUTH PLAIN are taken without TLS.
    pub plaintext: bool,
    /// With it APOP is offered. It has to be new for every session.
    pub apop: Option<ApopTimestamp>,
    /// The name of the server in CAPA, if it is to be told.
    pub implementation: Option<Text>,
    /// How long messages are kept, in CAPA.
    pub expire: Option<Expire>,
}

/// Whether a connection is or may become encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It never is.
    Unavailable,
    /// STLS is offered.
    Offered,
    /// It was before the first octet (port 995).
    Implicit,
}

/// No TLS, and so no login in clear text either, unless it is allowed.
impl Default for Settings {
    fn default() -> Self {
        Self {
            limits: ServerLimits::default(),
            tls: Tls::Unavailable,
            plaintext: false,
            apop: None,
            implementation: Text::new(concat!("crosscheck-", env!("CARGO_PKG_VERSION"))).ok(),
            expire: Some(Expire::Never),
        }
    }
}
