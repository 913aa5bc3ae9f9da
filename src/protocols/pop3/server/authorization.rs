//! Commands in AUTHORIZATION: who is it, and is the line encrypted (RFC 1939, 2595, 5034).

use super::maildrop::Maildrop;
use super::request::{Claim, Credentials, Entry, Failure, Proof, Request};
use super::settings::Tls;
use super::transaction::Transaction;
use super::{Awaiting, End, Phase, Server};
use crate::protocols::pop3::argument::Text;
use crate::protocols::pop3::capability::Capability;
use crate::protocols::pop3::command::{Command, Mechanism};
use crate::protocols::pop3::reply::{ResponseCode, Status};
use crate::protocols::pop3::sasl;
use zeroize::Zeroizing;

/// What a session in AUTHORIZATION has learnt.
#[derive(Debug, Default)]
pub(super) struct Authorization {
    /// By USER.
    name: Option<Text>,
    /// AUTH PLAIN waits for its response.
    pub(super) exchange: bool,
}

impl Server {
    pub(super) fn in_authorization(&mut self, command: Command) {
        let passwords = self.takes_passwords();
        let Phase::Authorization(authorization) = &mut self.phase else {
            return;
        };
        match command {
            Command::Quit => {
                self.ok("bye");
                self.conclude(End::Quit);
            }
            Command::Capa => self.capabilities(),
            Command::Stls => self.start_tls(),
            Command::Apop { name, digest } => match self.settings.apop.clone() {
                Some(timestamp) => {
                    let proof = Proof::Apop { timestamp, digest };
                    self.authenticate(name.as_bytes().to_vec(), proof, true);
                }
                None => self.bad("APOP is not offered"),
            },
            Command::User(_) | Command::Pass(_) | Command::Auth { .. } if !passwords => {
                let instead = match self.settings.tls {
                    Tls::Offered => "no passwords in clear text: use STLS first",
                    Tls::Unavailable | Tls::Implicit => "no passwords in clear text",
                };
                self.err(None, instead);
            }
            // Whether there is such a user is nobody's business.
            Command::User(name) => {
                authorization.name = Some(name);
                self.ok("send PASS");
            }
            Command::Pass(password) => match authorization.name.take() {
                Some(name) => {
                    let password = Zeroizing::new(password.as_bytes().to_vec());
                    self.authenticate(name.as_bytes().to_vec(), Proof::Password(password), true);
                }
                None => self.bad("USER comes first"),
            },
            Command::Auth {
                mechanism: Mechanism::Plain,
                initial,
            } => {
                authorization.name = None;
                match initial {
                    Some(initial) => self.plain_response(initial.as_bytes()),
                    None => {
                        authorization.exchange = true;
                        self.output.text(format_args!("+ "));
                        self.reader.set_limit(self.settings.limits.sasl_line);
                    }
                }
            }
            Command::Auth { .. } => self.bad("PLAIN is the only mechanism"),
            Command::Stat
            | Command::List(_)
            | Command::Retr(_)
            | Command::Dele(_)
            | Command::Noop
            | Command::Rset
            | Command::Top { .. }
            | Command::Uidl(_) => self.bad("log in first"),
        }
    }

    /// The exchange of AUTH is over: lines are commands again.
    pub(super) fn end_exchange(&mut self) -> bool {
        let Phase::Authorization(authorization) = &mut self.phase else {
            return false;
        };
        self.reader.set_limit(self.settings.limits.command_line);
        std::mem::take(&mut authorization.exchange)
    }

    /// The response to PLAIN, as it stands on its line.
    pub(super) fn plain_response(&mut self, line: &[u8]) {
        if line == b"*" {
            return self.bad("cancelled");
        }
        match sasl::read_plain(line) {
            Ok(plain) => {
                // Acting for somebody else is refused after the password was looked at: same
                // answer, same time.
                let oneself = plain.authorization.is_empty() || plain.authorization == plain.name;
                self.authenticate(plain.name, Proof::Password(plain.password), oneself);
            }
            Err(error) => self.bad(error),
        }
    }

    fn authenticate(&mut self, name: Vec<u8>, proof: Proof, oneself: bool) {
        self.bad = 0;
        let credentials = Credentials {
            name: Claim::new(name),
            proof,
        };
        self.ask(
            Request::Authenticate(credentials),
            Awaiting::Authentication { oneself },
        );
    }

    pub(super) fn authenticated(&mut self, oneself: bool) {
        if oneself {
            self.ask(Request::OpenMaildrop, Awaiting::Maildrop);
        } else {
            self.rejected();
        }
    }

    pub(super) fn rejected(&mut self) {
        self.refused += 1;
        self.err(Some(ResponseCode::Auth), "wrong user name or password");
        if self.refused >= self.settings.limits.refused_logins {
            self.conclude(End::RefusedLogins);
        }
    }

    pub(super) fn opened(&mut self, entries: Vec<Entry>) {
        let maildrop = Maildrop::new(entries);
        let (count, octets) = (maildrop.count(), maildrop.octets());
        self.phase = Phase::Transaction(Transaction::new(maildrop));
        self.ok(format_args!("{count} messages ({octets} octets)"));
    }

    pub(super) fn not_opened(&mut self, failure: Option<Failure>) {
        match failure {
            None => self.err(
                Some(ResponseCode::InUse),
                "another session has the mail drop",
            ),
            Some(failure) => self.fail(failure, "the mail drop cannot be opened"),
        }
    }

    fn start_tls(&mut self) {
        match self.settings.tls {
            Tls::Offered if !self.encrypted => {
                self.ok("begin TLS");
                self.ask(Request::StartTls, Awaiting::Tls);
            }
            Tls::Offered | Tls::Implicit => self.bad("TLS is active already"),
            Tls::Unavailable => self.bad("TLS is not offered"),
        }
    }

    /// Everything learnt in clear text is forgotten.
    pub(super) fn tls_started(&mut self) {
        self.encrypted = true;
        self.reader.clear();
        self.phase = Phase::Authorization(Authorization::default());
    }

    const fn takes_passwords(&self) -> bool {
        self.encrypted || self.settings.plaintext
    }

    /// The answer to CAPA, in both states.
    pub(super) fn capabilities(&mut self) {
        self.bad = 0;
        self.output
            .status(Status::Ok, None, "what this server can do");
        let login = matches!(self.phase, Phase::Authorization(_));
        let passwords = self.takes_passwords();
        let offers_tls = login && self.settings.tls == Tls::Offered && !self.encrypted;
        let lines = [
            Some(Capability::Top),
            Some(Capability::Uidl),
            Some(Capability::RespCodes),
            Some(Capability::AuthRespCode),
            Some(Capability::Pipelining),
            passwords.then_some(Capability::User),
            passwords.then(|| Capability::Sasl(vec![Mechanism::Plain])),
            offers_tls.then_some(Capability::Stls),
            self.settings.expire.map(Capability::Expire),
            self.settings
                .implementation
                .clone()
                .map(Capability::Implementation),
        ];
        for capability in lines.into_iter().flatten() {
            self.output.line(|line| capability.encode(line));
        }
        self.output.end();
    }
}
