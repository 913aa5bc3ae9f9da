//! A server that serves at most N clients at once, and its shutdown.
//!
//! The acceptor asks the gate for a session, takes the next client and starts a thread for it, until
//! it has taken every client or is turned away. A session serves its client and ends, well or by
//! an error. An operator shuts the gate at any moment and waits until it is drained, or the server
//! itself does when it has served all. The time that a shutdown may take is an event that comes or
//! does not: a timer that abandons the drain.
//!
//! The invariant: never more than N sessions, the shutdown ends, and when it says that all sessions
//! have ended they have, each of an accepted client and none cut off. In the wrong variant a session
//! that fails keeps its permit, so that a client waits for ever, or the shutdown does.

use std::sync::Arc;

use super::{Problem, Variant};
use crate::primitives::{AcceptGate, Session};
use crate::scenario::{
    Instance, Memory, Parameter, Property, Scenario, Truth, Zone, reached, require,
};
use crate::sync::{Backend, Shared, choose, scope};

/// The problem and its variants.
#[must_use]
pub fn problem() -> Problem {
    Problem {
        id: "connection-limit",
        summary: "a server serves at most N clients at once, and its shutdown ends",
        variants: vec![
            Variant {
                program: Arc::new(Server {
                    name: "connection-limit/gate",
                    rule: Rule::Gate,
                }),
                summary: "a session's permit comes back on every path",
                truth: Truth {
                    failures: &[(
                        Property::Reachability,
                        Memory::SequentiallyConsistent,
                        // Nobody is turned away by a shutdown that comes last; too few to fill it.
                        |i, _| {
                            i.word("shutdown") == AT_THE_END
                                || i.number("clients") < i.number("limit")
                        },
                    )],
                },
            },
            Variant {
                program: Arc::new(Server {
                    name: "connection-limit/permit-lost",
                    rule: Rule::PermitLost,
                }),
                summary: "a session that fails keeps its permit",
                truth: Truth {
                    failures: &[(
                        Property::DeadlockFreedom,
                        Memory::SequentiallyConsistent,
                        // The acceptor waits for a permit, or else the shutdown for the session.
                        |_, _| true,
                    )],
                },
            },
        ],
    }
}

const ANY_TIME: &str = "any-time";
const AT_THE_END: &str = "at-the-end";

/// Every permit is in use.
const FULL: &str = "as many sessions as the gate admits";
/// Permits come back, so that nobody is left over.
const ALL_SERVED: &str = "every client is served";
/// The shutdown leaves a client unserved.
const TURNED_AWAY: &str = "the acceptor is turned away";

/// An acceptor, its sessions, and who shuts it down.
struct Server {
    name: &'static str,
    rule: Rule,
}

/// What becomes of the permit of a session that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Gate,
    PermitLost,
}

impl Scenario for Server {
    fn name(&self) -> &'static str {
        self.name
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut parameters = vec![
            Parameter::number("limit", "sessions at once, N", 1, (1, 64)),
            Parameter::number("clients", "clients", 2, (1, 64)),
        ];
        let help = "when the server is shut down";
        match self.rule {
            Rule::Gate => parameters.extend([
                Parameter::words("shutdown", help, &[ANY_TIME, AT_THE_END]),
                Parameter::words(
                    "deadline",
                    "whether the shutdown may be abandoned",
                    &["off", "on"],
                ),
            ]),
            Rule::PermitLost => {
                parameters.push(Parameter::words("shutdown", help, &[AT_THE_END, ANY_TIME]));
            }
        }
        parameters
    }

    fn properties(&self) -> Vec<Property> {
        let mut properties = vec![
            Property::DeadlockFreedom,
            Property::MutualExclusion,
            Property::Invariant,
            Property::DataRaceFreedom,
        ];
        if self.rule == Rule::Gate {
            properties.push(Property::Reachability);
        }
        properties
    }

    fn marks(&self) -> Vec<&'static str> {
        match self.rule {
            Rule::Gate => vec![FULL, ALL_SERVED, TURNED_AWAY],
            Rule::PermitLost => Vec::new(),
        }
    }

    fn run<B: Backend>(&self, instance: &Instance) {
        let clients = instance.number("clients");
        let deadline = self.rule == Rule::Gate && instance.word("deadline") == "on";
        let hall = Hall::<B>::new(self.rule, instance.number("limit"), clients);
        let at_any_time = instance.word("shutdown") == ANY_TIME;
        let accepted = scope::<B, _>(|scope| {
            if at_any_time {
                scope.spawn("operator", || hall.shut_down(deadline));
            }
            if deadline {
                scope.spawn("timer", || {
                    if choose::<B>("the deadline passes", 2) == 1 {
                        hall.gate.abandon();
                    }
                });
            }
            let accepted = hall.accept(clients, |client, session| {
                let hall = &hall;
                scope.spawn(("session", client), move || hall.serve(client, session));
            });
            if !at_any_time {
                hall.shut_down(deadline);
            }
            accepted
        });
        hall.check_at_rest(accepted);
    }
}

/// How far a client has been served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Progress {
    Waits,
    Begun,
    Ended,
}

/// The server's state.
struct Hall<B: Backend> {
    rule: Rule,
    gate: AcceptGate<B>,
    inside: Zone<B>,
    /// Plain memory of each session: who reads it after a drain that succeeded must not race.
    clients: Vec<Shared<B, Progress>>,
}

impl<B: Backend> Hall<B> {
    fn new(rule: Rule, limit: usize, clients: usize) -> Self {
        Self {
            rule,
            gate: AcceptGate::new("gate", limit),
            inside: Zone::admitting("sessions", limit),
            clients: (0..clients)
                .map(|client| Shared::new(("client", client), Progress::Waits))
                .collect(),
        }
    }

    /// The acceptor; how many clients it has taken.
    fn accept<'a>(
        &'a self,
        clients: usize,
        mut start: impl FnMut(usize, Session<B, &'a AcceptGate<B>>),
    ) -> usize {
        for client in 0..clients {
            let Ok(session) = self.gate.admit() else {
                reached::<B>(TURNED_AWAY);
                return client;
            };
            start(client, session);
        }
        reached::<B>(ALL_SERVED);
        clients
    }

    fn serve(&self, client: usize, session: Session<B, &AcceptGate<B>>) {
        let stay = self.inside.enter();
        self.clients[client].set(Progress::Begun);
        if self.gate.sessions() == self.gate.limit() {
            reached::<B>(FULL);
        }
        let ends_well = choose::<B>(("session ends well", client), 2) == 1;
        self.clients[client].set(Progress::Ended);
        drop(stay);
        if !ends_well && self.rule == Rule::PermitLost {
            // An early return from a server that gives its permits back by hand.
            std::mem::forget(session);
        }
    }

    fn shut_down(&self, deadline: bool) {
        self.gate.shutdown();
        match self.gate.drain() {
            Ok(()) => {
                for (client, progress) in self.clients.iter().enumerate() {
                    require::<B>(
                        Property::Invariant,
                        progress.get() != Progress::Begun,
                        || format!("the session of client {client} is cut off by the shutdown"),
                    );
                }
            }
            Err(unfinished) => {
                let possible = 1..=self.gate.limit();
                require::<B>(
                    Property::Invariant,
                    deadline && possible.contains(&unfinished.sessions),
                    || format!("the shutdown gives up: {unfinished}"),
                );
            }
        }
    }

    /// When every thread has ended.
    fn check_at_rest(&self, accepted: usize) {
        for (client, progress) in self.clients.iter().enumerate() {
            let expected = if client < accepted {
                Progress::Ended
            } else {
                Progress::Waits
            };
            let progress = progress.get();
            require::<B>(Property::Invariant, progress == expected, || {
                format!("{accepted} clients were accepted, and of client {client}: {progress:?}")
            });
        }
        let sessions = self.gate.sessions();
        let turned_away = self.gate.admit().is_err();
        require::<B>(Property::Invariant, sessions == 0 && turned_away, || {
            format!("at the end the gate counts {sessions} sessions, turned away: {turned_away}")
        });
    }
}
