//! From the greeting to the mail drop, without giving anything away.

use thiserror::Error;

use super::error::{LoginError, SendError};
use crate::protocols::pop3::{
    ApopDigest, ApopTimestamp, Capability, Command, Mechanism, Reply, Secret, Text, sasl,
};

/// Who logs in, and under which conditions.
#[derive(Clone, Debug)]
pub struct Login {
    /// The user's name.
    pub name: Text,
    /// What shows that it is them.
    pub credential: Credential,
    /// What has to be encrypted before they are sent.
    pub tls: TlsPolicy,
    /// The way to log in with a password; `None`: whichever the server takes, the best first.
    pub way: Option<Way>,
}

/// A way to log in with a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// A digest of the password and the greeting's timestamp.
    Apop,
    /// AUTH PLAIN.
    Plain,
    /// USER and PASS.
    User,
}

/// What shows who somebody is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A password: APOP on a line without TLS, AUTH PLAIN, USER and PASS, in this order, as far as the
    /// server offers them. Where one is refused, and not the password, the next is tried.
    Password(Secret),
    /// A bearer token: OAUTHBEARER or XOAUTH2.
    Token(Token),
}

/// A bearer token and the server that it is for.
#[derive(Clone, Debug)]
pub struct Token {
    token: Secret,
    host: Text,
    port: u16,
}

/// The token holds what no token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a bearer token is made of printable ASCII characters without spaces: take the token alone, without quotes or a line end"
)]
pub struct BadToken;

impl Token {
    /// A token for the server at this host and port.
    ///
    /// # Errors
    /// When the token is empty or holds anything but printable ASCII characters.
    pub fn new(token: &str, host: Text, port: u16) -> Result<Self, BadToken> {
        if token.is_empty() || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(BadToken);
        }
        let token = Secret::new(token).map_err(|_| BadToken)?;
        Ok(Self { token, host, port })
    }
}

/// What has to be encrypted before a name or password is sent. A line that is encrypted already
/// satisfies all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsPolicy {
    /// STLS, or nothing is sent.
    Required,
    /// STLS where it is offered. Whoever is in between can take the offer away.
    IfOffered,
    /// No STLS.
    Never,
}

/// A login in progress.
#[derive(Debug)]
pub(super) struct Plan {
    login: Login,
    step: Step,
    /// Ways that are left, the next one last.
    ways: Vec<Way>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// What can it do?
    Capabilities,
    Tls,
    /// The last step is under way.
    Proof,
    /// PASS comes after USER.
    Name,
}

/// What a plan sees of the session.
pub(super) struct View<'a> {
    pub(super) encrypted: bool,
    /// Nothing: the server does not know CAPA.
    pub(super) capabilities: Option<&'a [Capability]>,
    pub(super) timestamp: Option<&'a ApopTimestamp>,
}

/// What a plan wants.
pub(super) enum Next {
    Send(Command),
    /// AUTH with this response.
    Authenticate(Mechanism, Secret),
    /// TLS is about to begin.
    AwaitTls,
    Done,
    Fail(LoginError),
}

impl View<'_> {
    fn has(&self, capability: &Capability) -> bool {
        self.capabilities
            .is_some_and(|all| all.contains(capability))
    }

    fn takes(&self, mechanism: &Mechanism) -> bool {
        self.capabilities.is_some_and(|all| {
            all.iter().any(|capability| match capability {
                Capability::Sasl(mechanisms) => mechanisms.contains(mechanism),
                _ => false,
            })
        })
    }
}

impl Plan {
    pub(super) const fn new(login: Login) -> Self {
        Self {
            login,
            step: Step::Capabilities,
            ways: Vec::new(),
        }
    }

    /// The first thing to do, and again once TLS has begun: what was learnt in clear text does
    /// not count.
    pub(super) fn begin(&mut self) -> Next {
        self.step = Step::Capabilities;
        Next::Send(Command::Capa)
    }

    /// The command is done, or was refused with this.
    pub(super) fn answered(&mut self, outcome: Result<(), &Reply>, view: &View<'_>) -> Next {
        match (self.step, outcome) {
            // A server without CAPA says -ERR, which says enough.
            (Step::Capabilities, _) => self.with_capabilities(view),
            (Step::Tls, Ok(())) => Next::AwaitTls,
            (Step::Tls, Err(reply)) => Next::Fail(LoginError::TlsRefused(reply.clone())),
            (Step::Name, Ok(())) => {
                self.step = Step::Proof;
                match &self.login.credential {
                    Credential::Password(password) => Next::Send(Command::Pass(password.clone())),
                    Credential::Token(_) => Next::Fail(LoginError::NoMechanism),
                }
            }
            (Step::Proof, Ok(())) => Next::Done,
            (Step::Name | Step::Proof, Err(reply)) => {
                // A code says that it is not the way that is refused.
                let next = match reply.code {
                    None => self.next_way(view),
                    Some(_) => None,
                };
                next.unwrap_or_else(|| Next::Fail(LoginError::Refused(reply.clone())))
            }
        }
    }

    /// The ways that the server offers, the best last. USER and PASS are tried though they are not
    /// offered, but not where TLS is, and would be wanted first.
    fn ways(&self, view: &View<'_>) -> Vec<Way> {
        let user = view.capabilities.is_none()
            || view.has(&Capability::User)
            || view.encrypted
            || !view.has(&Capability::Stls);
        let fits = !self.login.name.as_bytes().contains(&b' ');
        let apop = view.timestamp.is_some() && !view.encrypted;
        let offered = [
            (Way::User, user),
            (Way::Plain, view.takes(&Mechanism::Plain)),
            (Way::Apop, apop && fits),
        ];
        match self.login.way {
            // What is asked for is tried, whatever is offered.
            Some(way) => vec![way],
            None => offered
                .into_iter()
                .filter_map(|(way, offered)| offered.then_some(way))
                .collect(),
        }
    }

    /// The next way to log in with the password, if there is one.
    fn next_way(&mut self, view: &View<'_>) -> Option<Next> {
        let Credential::Password(password) = &self.login.credential else {
            return None;
        };
        let name = &self.login.name;
        self.step = Step::Proof;
        Some(match self.ways.pop()? {
            Way::Apop => match view.timestamp {
                Some(_) if name.as_bytes().contains(&b' ') => {
                    Next::Fail(LoginError::DoesNotFit(SendError::SpaceInName))
                }
                Some(timestamp) => Next::Send(Command::Apop {
                    name: name.clone(),
                    digest: ApopDigest::new(timestamp, password),
                }),
                None => Next::Fail(LoginError::NoMechanism),
            },
            Way::Plain => Next::Authenticate(Mechanism::Plain, sasl::write_plain(name, password)),
            Way::User => {
                self.step = Step::Name;
                Next::Send(Command::User(name.clone()))
            }
        })
    }

    fn with_capabilities(&mut self, view: &View<'_>) -> Next {
        if !view.encrypted {
            match (self.login.tls, view.has(&Capability::Stls)) {
                (TlsPolicy::Required | TlsPolicy::IfOffered, true) => {
                    self.step = Step::Tls;
                    return Next::Send(Command::Stls);
                }
                (TlsPolicy::Required, false) => return Next::Fail(LoginError::TlsNotOffered),
                (TlsPolicy::IfOffered, false) | (TlsPolicy::Never, _) => {}
            }
        }
        self.step = Step::Proof;
        let name = &self.login.name;
        match &self.login.credential {
            Credential::Password(_) => {
                self.ways = self.ways(view);
                self.next_way(view)
                    .unwrap_or(Next::Fail(LoginError::NoMechanism))
            }
            Credential::Token(Token { token, host, port }) => {
                // Both take a 1 for the end of a field.
                let fits = !name.as_bytes().contains(&1) && !host.as_bytes().contains(&1);
                if fits && view.takes(&Mechanism::OauthBearer) {
                    let response = sasl::write_oauth_bearer(name, token, host, *port);
                    Next::Authenticate(Mechanism::OauthBearer, response)
                } else if fits && view.takes(&Mechanism::XOauth2) {
                    let response = sasl::write_xoauth2(name, token);
                    Next::Authenticate(Mechanism::XOauth2, response)
                } else {
                    Next::Fail(LoginError::NoMechanism)
                }
            }
        }
    }
}
